"""What all tests of needs begin with."""

import pytest

from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    """An organisation that no other test knows."""
    return await new_buyer(served)
