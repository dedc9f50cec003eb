"""What tests of refusals in exchanges share."""

import pytest

from tests.api.exchanges.steps import Opened, create_exchange
from tests.api.sync.factories import Client


@pytest.fixture(scope="module")
async def unanswered(served: Client) -> Opened:
    """An exchange in which nothing that tests send is taken."""
    return await create_exchange(served, "unanswered", 1)
