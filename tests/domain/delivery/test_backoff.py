"""Pauses between attempts, and their end."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.delivery.backoff import Outcome, Schedule, result_of

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SCHEDULE = Schedule(
    first=timedelta(seconds=10), factor=3, longest=timedelta(hours=1), attempts=8, age=timedelta(hours=3)
)


def outcome_of(outcome: Outcome, attempts: int = 1, schedule: Schedule = SCHEDULE) -> tuple[str, datetime | None]:
    result = result_of(outcome, schedule, attempts, NOW, (NOW, NOW), 0.0)
    return result.status, result.due_at


def test_pauses_grow_up_to_the_longest() -> None:
    pauses = [SCHEDULE.pause(attempts).total_seconds() for attempts in range(1, 9)]
    assert pauses == [10, 30, 90, 270, 810, 2430, 3600, 3600]


def test_it_is_given_up_after_the_last_attempt() -> None:
    assert SCHEDULE.due_again(7, NOW, NOW) == NOW + timedelta(hours=1)
    assert SCHEDULE.due_again(8, NOW, NOW) is None


def test_it_is_given_up_once_it_is_old() -> None:
    assert SCHEDULE.due_again(1, NOW - timedelta(hours=3, seconds=-10), NOW) == NOW + timedelta(seconds=10)
    assert SCHEDULE.due_again(1, NOW - timedelta(hours=3, seconds=-9), NOW) is None


def test_the_receiver_may_ask_for_more_time_within_bounds() -> None:
    assert SCHEDULE.due_again(1, NOW, NOW, requested=timedelta(minutes=5)) == NOW + timedelta(minutes=5)
    assert SCHEDULE.due_again(1, NOW, NOW, requested=timedelta(seconds=5)) == NOW + timedelta(seconds=10)
    assert SCHEDULE.due_again(1, NOW, NOW, requested=timedelta(days=5)) == NOW + timedelta(hours=1)


def test_what_becomes_of_a_delivery() -> None:
    assert outcome_of(Outcome()) == ("delivered", None)
    assert outcome_of(Outcome(failure="http_status", code=503)) == ("waiting", NOW + timedelta(seconds=10))
    assert outcome_of(Outcome(failure="http_status", code=410, final=True)) == ("given_up", None)
    assert outcome_of(Outcome(failure="timeout"), attempts=8) == ("given_up", None)


@given(attempts=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_a_pause_is_within_its_bounds_however_many_attempts(attempts: int, jitter: float) -> None:
    pause = SCHEDULE.pause(attempts, jitter)
    assert SCHEDULE.first <= pause <= SCHEDULE.longest * 2
    assert pause <= SCHEDULE.pause(attempts + 1, jitter)
