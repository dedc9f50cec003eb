"""The application that the tests of the API share."""

from tests.api.conftest import reference, served

__all__ = ["reference", "served"]
