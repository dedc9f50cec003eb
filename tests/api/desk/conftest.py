"""A browser of the desk without a screen, and a buyer who uses it."""

from collections.abc import AsyncIterator

import pytest

from tests.api.desk.steps import TWO, Browser, Desk, desk_of
from tests.api.sync.factories import Client


@pytest.fixture
async def browser(served: Client) -> AsyncIterator[Browser]:
    """A browser that is not signed in."""
    async with Browser(served.app) as browser:
        yield browser


@pytest.fixture
async def desk(served: Client, browser: Browser, source: str) -> Desk:
    """A buyer whose need finds two suppliers, signed in with that browser."""
    return await desk_of(served, browser, source, *TWO)
