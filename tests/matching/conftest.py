"""What the matching tests share."""

import pytest

from matching.reference import Reference
from tests import factories


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference data that comes with the product."""
    return factories.reference()
