"""A browser without a screen, as the tests of the desk have one."""

from tests.api.desk.conftest import browser

__all__ = ["browser"]
