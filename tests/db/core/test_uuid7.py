"""Identifiers."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest

from db.core.uuid7 import increasing_ids, lowest_id, new_id, uuid7

MOMENT = datetime(2026, 11, 24, tzinfo=UTC)


def test_it_is_as_the_rfc_says_and_later_ones_sort_after_earlier_ones() -> None:
    """RFC 9562, appendix A.6."""
    random = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10)
    made = uuid7(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC), random)
    assert str(made) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert (made.version, made.variant) == (7, RFC_4122)
    next_one = MOMENT + timedelta(milliseconds=1)
    assert lowest_id(MOMENT) < new_id(MOMENT) < lowest_id(next_one)
    assert uuid7(MOMENT, bytes([255] * 10)) < uuid7(next_one, bytes(10))
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(MOMENT, b"few")


def test_those_in_order_are_of_their_own_and_sort_by_their_places() -> None:
    """Those of one place, as rows of one line may be, still differ."""
    places = [1, 2, 2, 3, 4_095, 16_383, 16_384, 1_000_000, (1 << 26) - 1]
    made = increasing_ids(MOMENT, places)

    assert len({*made, *increasing_ids(MOMENT, places)}) == 2 * len(places)
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    by_place = sorted(zip(made, places, strict=True))
    assert [place for _, place in by_place] == places
    assert made[-1] < uuid7(MOMENT + timedelta(milliseconds=1), bytes(10))
