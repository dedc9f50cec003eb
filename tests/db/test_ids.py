"""Identifiers."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest

from db.ids import new_ids, uuid7


def test_the_example_of_the_rfc() -> None:
    """RFC 9562, appendix A.6."""
    moment = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    random = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10)

    assert str(uuid7(moment, random)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_it_says_which_version_it_is() -> None:
    made = uuid7(datetime(2026, 11, 24, tzinfo=UTC), bytes([255] * 10))

    assert (made.version, made.variant) == (7, RFC_4122)


def test_later_ones_sort_after_earlier_ones() -> None:
    moment = datetime(2026, 11, 24, tzinfo=UTC)

    assert uuid7(moment, bytes([255] * 10)) < uuid7(moment + timedelta(milliseconds=1), bytes(10))


def test_too_little_randomness_is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(datetime(2026, 11, 24, tzinfo=UTC), b"few")


def test_many_are_as_different_as_one_by_one() -> None:
    made = new_ids(datetime(2026, 11, 24, tzinfo=UTC), 1_000)

    assert len(set(made)) == 1_000
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
