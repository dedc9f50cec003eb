"""What the matching tests share."""

import pytest

from matching.engine import Reference
from tests import factories


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference data that comes with the product."""
    return factories.reference()
