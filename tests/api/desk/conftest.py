"""A browser of the desk without a screen, and a buyer who uses it."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from tests.api.desk.steps import TWO, Browser, Desk, DeskWith, desk_of
from tests.api.sync.factories import Client
from tests.oidc_provider import provider


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
def issuer() -> Iterator[str]:
    """The issuer of a provider at which people sign in."""
    with provider() as issuer:
        yield issuer
