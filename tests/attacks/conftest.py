"""The application that the tests of the API share."""

from tests.api.conftest import limits, reference, served

__all__ = ["limits", "reference", "served"]
