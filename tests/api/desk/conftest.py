"""A browser of the desk."""

from collections.abc import AsyncIterator

import pytest

from tests.api.desk.steps import Browser
from tests.api.sync.factories import Client


@pytest.fixture
async def browser(served: Client) -> AsyncIterator[Browser]:
    """A browser that is not signed in."""
    async with Browser(served.app) as browser:
        yield browser
