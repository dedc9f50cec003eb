"""The engine answers with the same bytes whatever it has answered before, while the data change."""

from random import Random

import pytest

from tests.conftest import examples
from tests.matching.changing_directory import Changing


@pytest.mark.parametrize(
    ("suppliers", "changed", "needs", "at_once"), [(3, 1, 1_200, 1), (60, 8, 800, 20), (300, 15, 320, 20)]
)
def test_the_same_bytes(suppliers: int, changed: int, needs: int, at_once: int) -> None:
    """Needs new and asked before, on several days, with past awards; more are compared by `changing_directory`."""
    directory = Changing(Random(suppliers), suppliers)
    for _ in range(examples(needs) // at_once):
        assert directory.differences(at_once) == []
        directory.change(changed)
