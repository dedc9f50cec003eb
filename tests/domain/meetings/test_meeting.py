"""Meetings: what is wrong in one, which moves it allows, what calendars hear of."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.errors import Conflict
from domain.meetings.meeting import MeetingPlace, MeetingRequest, Participant, meeting_problems, require_move

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
MEETING = MeetingRequest((UUID(int=1),), "half_day", "Déchets", START, START + timedelta(hours=3))


def changed(**fields: Any) -> MeetingRequest:
    return msgspec.structs.replace(MEETING, **fields)


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"ends_at": START}, "/ends_at", "invalid_period"),
        ({"starts_at": datetime(1, 1, 1, tzinfo=EAST)}, "/starts_at", "out_of_range"),
        ({"ends_at": datetime(2100, 1, 1, tzinfo=UTC)}, "/ends_at", "out_of_range"),
        (
            {"participants": (Participant("buyer", name="Anne", invited_at=datetime(9999, 12, 31, 23, tzinfo=WEST)),)},
            "/participants/0/invited_at",
            "out_of_range",
        ),
        ({"place": MeetingPlace(lat=48.0)}, "/place", "incomplete_point"),
        ({"need_ids": ()}, "/need_ids", "missing_field"),
        ({"participants": (Participant("network"),)}, "/participants/0", "nobody"),
        (
            {"participants": (Participant("buyer", UUID(int=2), "Anne"),)},
            "/participants/0/supplier_id",
            "not_a_supplier",
        ),
    ],
)
def test_what_is_wrong_is_located(fields: dict[str, Any], pointer: str, code: str) -> None:
    (problem,) = meeting_problems(changed(**fields))
    assert (problem.pointer, problem.code) == (pointer, code)


def test_what_was_held_or_cancelled_stays_so() -> None:
    require_move("planned", "held")
    require_move("planned", "cancelled")
    require_move("held", "held")
    for before in ("held", "cancelled"):
        with pytest.raises(Conflict, match="possible: —"):
            require_move(before, "planned")
