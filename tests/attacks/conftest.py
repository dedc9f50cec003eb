"""The application that the tests of the API share."""

from tests.api.conftest import buyer, limits, reference, served

__all__ = ["buyer", "limits", "reference", "served"]
