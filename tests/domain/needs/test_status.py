"""The life of a need: every move is either allowed, or refused with those that are."""

from itertools import product
from typing import get_args

import pytest

from domain.errors import Conflict
from domain.needs.status import MOVES, OPEN, Status, require_move, require_open

STATUSES: tuple[Status, ...] = get_args(Status)


@pytest.mark.parametrize(("before", "after"), list(product(STATUSES, STATUSES)))
def test_moves(before: Status, after: Status) -> None:
    if after == before or after in MOVES[before]:
        require_move(before, after)
        return
    with pytest.raises(Conflict) as refused:
        require_move(before, after)
    assert refused.value.code == "illegal_move"
    assert all(allowed in refused.value.detail.fr for allowed in MOVES[before])


def test_what_has_ended_stays_so_and_all_else_can_be_abandoned() -> None:
    assert {status for status in STATUSES if "abandoned" in MOVES[status]} == {"draft", "sourcing", "published"}
    assert [status for status in STATUSES if not MOVES[status]] == ["closed", "abandoned"]


@pytest.mark.parametrize("status", STATUSES)
def test_talking_ends_with_publication(status: Status) -> None:
    if status in OPEN:
        require_open(status)
        return
    with pytest.raises(Conflict) as refused:
        require_open(status)
    assert refused.value.code == "after-publication"
