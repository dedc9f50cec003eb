"""How long things are kept: to the day, and not a day less."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.privacy.retention import RetentionPeriods, bounds_of, years_before

moments = st.integers(0, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.mark.parametrize(
    ("now", "years", "then"),
    [
        ("2026-11-25", 5, "2021-11-25"),
        ("2024-02-29", 4, "2020-02-29"),
        ("2024-02-29", 5, "2019-02-28"),
        ("2025-03-01", 1, "2024-03-01"),
    ],
)
def test_years_are_those_of_the_calendar(now: str, years: int, then: str) -> None:
    parse = datetime.fromisoformat
    assert years_before(parse(now), years) == parse(then)


@given(moments, st.integers(1, 30))
def test_no_year_is_shorter_than_it_is(now: datetime, years: int) -> None:
    assert now - years_before(now, years) >= timedelta(days=365 * years)


@given(moments, moments)
def test_a_later_purge_removes_what_an_earlier_one_would(one: datetime, other: datetime) -> None:
    earlier, later = (bounds_of(RetentionPeriods(), now, timedelta(1), timedelta(30)) for now in sorted((one, other)))
    assert all(getattr(earlier, kind) <= getattr(later, kind) for kind in earlier.__struct_fields__)
