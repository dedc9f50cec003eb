"""The engine answers with the same bytes as one that looks at every supplier for each lot, while the data changes."""

from random import Random

import pytest

from tests.conftest import examples
from tests.matching.whole_scan_run import Changing


@pytest.mark.parametrize(("suppliers", "changed"), [(3, 2), (60, 8), (600, 20)])
def test_the_same_bytes(suppliers: int, changed: int) -> None:
    """Needs new and asked before, on several days, with past awards; more are compared by `whole_scan_run`."""
    directory = Changing(Random(suppliers), suppliers)
    for _ in range(examples(100)):
        assert directory.differences(6) == []
        directory.change(changed)
