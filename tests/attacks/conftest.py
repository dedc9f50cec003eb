"""The application that the tests of the API share."""

from tests.api.conftest import buyer, reference, served

__all__ = ["buyer", "reference", "served"]
