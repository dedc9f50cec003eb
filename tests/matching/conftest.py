"""What the matching tests share."""

import pytest

from matching.reference import Reference
from tests import factories
from tests.matching.oracle.run import Bench


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference data that comes with the product."""
    return factories.reference()


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The engine and the oracle, side by side."""
    return Bench()
