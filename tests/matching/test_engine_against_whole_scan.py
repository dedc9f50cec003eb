"""The engine answers with the same bytes as one that looks at every supplier for each lot, while the data changes."""

from random import Random

import pytest

from tests.conftest import examples
from tests.matching.whole_scan_run import Changing


@pytest.mark.parametrize(("suppliers", "changed", "needs"), [(3, 2, 2_000), (60, 8, 1_600), (300, 15, 320)])
def test_the_same_bytes(suppliers: int, changed: int, needs: int) -> None:
    """Needs new and asked before, on several days, with past awards; more are compared by `whole_scan_run`."""
    directory = Changing(Random(suppliers), suppliers)
    for _ in range(examples(needs) // 20):
        assert directory.differences(20) == []
        directory.change(changed)
