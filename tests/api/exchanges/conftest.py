"""Exchanges that tests of them begin with."""

import pytest

from tests.api.exchanges.steps import Opened, create_exchange
from tests.api.sync.factories import Client


@pytest.fixture
async def exchange(served: Client, source: str) -> Opened:
    """An exchange with two suppliers of its own, about a need of its own."""
    return await create_exchange(served, source)


@pytest.fixture
async def alone(served: Client, source: str) -> Opened:
    """An exchange with one supplier."""
    return await create_exchange(served, source, 1)


@pytest.fixture(scope="module")
async def unanswered(served: Client) -> Opened:
    """An exchange in which nothing that tests send is taken."""
    return await create_exchange(served, "unanswered", 1)
