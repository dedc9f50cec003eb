"""A browser of the desk without a screen, and the windows of a real one."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from tests.api.desk.steps import TWO, Browser, Desk, DeskWith, desk_of
from tests.api.desk.window import Windows
from tests.api.sync.factories import Client
from tests.browser import installed, on_a_socket


@pytest.fixture
async def browser(served: Client) -> AsyncIterator[Browser]:
    """A browser that is not signed in."""
    async with Browser(served.app) as browser:
        yield browser


@pytest.fixture
async def own(browser: Browser) -> Browser:
    """The same browser, signed in with the administrator's key."""
    await browser.sign_in()
    return browser


@pytest.fixture
def desk_with(served: Client, browser: Browser, source: str) -> DeskWith:
    """A function that signs in a buyer whose need finds suppliers of these names."""
    return partial(desk_of, served, browser, source)


@pytest.fixture
async def desk(desk_with: DeskWith) -> Desk:
    """A buyer whose need finds two suppliers, signed in with that browser."""
    return await desk_with(*TWO)


@pytest.fixture(scope="session")
async def address(served: Client) -> AsyncIterator[str]:
    """The address at which the application is served to real browsers."""
    async with on_a_socket(served.app) as address:
        yield address


@pytest.fixture(scope="session")
def windows(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """Windows of a real browser; tests that need one are skipped where none is installed."""
    installed()
    windows = Windows(tmp_path_factory.mktemp("browsers"))
    yield windows
    windows.close()
