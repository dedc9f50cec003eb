"""When a failed delivery is attempted again; addresses of webhooks."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks import Outcome, Schedule, is_public, result_of

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SCHEDULE = Schedule(
    first=timedelta(seconds=10), factor=3, longest=timedelta(hours=1), attempts=8, age=timedelta(hours=3)
)


def paused(attempts: int, schedule: Schedule = SCHEDULE, **given: Any) -> timedelta | None:
    due = schedule.next_attempt_at(attempts, NOW, NOW, **given)
    return None if due is None else due - NOW


def test_pauses_grow_up_to_the_longest_until_the_last_attempt_or_its_age() -> None:
    """The receiver may ask for more time, within bounds."""
    pauses = [paused(attempts) for attempts in range(1, 9)]
    assert [each and each.total_seconds() for each in pauses] == [10, 30, 90, 270, 810, 2430, 3600, None]
    assert SCHEDULE.next_attempt_at(1, NOW - timedelta(hours=3, seconds=-10), NOW) == NOW + timedelta(seconds=10)
    assert SCHEDULE.next_attempt_at(1, NOW - timedelta(hours=3, seconds=-9), NOW) is None
    asked = [timedelta(minutes=5), timedelta(seconds=5), timedelta(days=5)]
    granted = [timedelta(minutes=5), timedelta(seconds=10), timedelta(hours=1)]
    assert [paused(1, requested=each) for each in asked] == granted


@pytest.mark.parametrize(
    ("outcome", "attempts", "expected"),
    [
        (Outcome(), 1, ("delivered", None)),
        (Outcome(failure="http_status", code=503), 1, ("waiting", NOW + timedelta(seconds=10))),
        (Outcome(failure="http_status", code=410, final=True), 1, ("given_up", None)),
        (Outcome(failure="timeout"), 8, ("given_up", None)),
    ],
)
def test_what_becomes_of_a_delivery(outcome: Outcome, attempts: int, expected: tuple[str, datetime | None]) -> None:
    result = result_of(outcome, SCHEDULE, attempts, NOW, (NOW, NOW), 0.0)
    assert (result.status, result.due_at) == expected


@given(attempts=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_a_pause_is_within_its_bounds_however_many_attempts(attempts: int, jitter: float) -> None:
    endless = msgspec.structs.replace(SCHEDULE, attempts=20_000)
    pause, later = (paused(each, endless, jitter=jitter) for each in (attempts, attempts + 1))
    assert pause is not None
    assert later is not None
    assert SCHEDULE.first <= pause <= min(later, SCHEDULE.longest * 2)


PUBLIC = "8.8.8.8 2001:4860:4860::8888 64:ff9b::808:808 ::ffff:8.8.8.8"
PRIVATE = """
    127.0.0.1 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255
    192.0.0.192 192.0.0.9 192.88.99.1 198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.1 168.63.129.16 100.100.100.200
    240.0.0.1 ::1 :: fe80::1 fd00::1 ff02::1 ::ffff:127.0.0.1 64:ff9b::a00:1 2002:7f00:1:: fec0::1 ::127.0.0.1
    ::10.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b:1::7f00:1 64:ff9b:1:a00:1:: 2001:0:7f00:1::f5ff:fffe
    2001:db8::1 3fff::1 5f00::1 100::1 4000::1
"""


@pytest.mark.parametrize("address", (PUBLIC + PRIVATE).split())
def test_addresses_of_this_machine_or_a_private_network_are_known(address: str) -> None:
    assert is_public(ip_address(address)) == (address in PUBLIC.split())
