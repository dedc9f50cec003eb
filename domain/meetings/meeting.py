"""Meetings between buyers and suppliers before a contract is published."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.errors import Conflict, Problem, control_character_problem, pointer
from domain.needs.need import Code, Latitude, Longitude, ShortText
from domain.text.bilingual import Text
from domain.text.one_line import WebAddress, is_one_line

Format = Literal["half_day", "day", "one_to_one", "site_visit", "online"]
Role = Literal["buyer", "supplier", "network"]
MeetingStatus = Literal["planned", "held", "cancelled"]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

NOBODY = Text(
    "Un participant a un supplier_id, un nom ou une organisation",
    "A participant has a supplier_id, a name or an organisation",
)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Bounds of all times: calendars list the clock changes of every year, so a mistyped year would fill them."""

MOVES: dict[MeetingStatus, tuple[MeetingStatus, ...]] = {"planned": ("held", "cancelled"), "held": (), "cancelled": ()}
CALENDAR_FIELDS = frozenset(("title", "starts_at", "ends_at", "place", "url", "agenda", "status"))
"""The fields of whose changes calendars must be told (RFC 5546 §2.1.4, SEQUENCE)."""


class MeetingPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place of a meeting: a name, the INSEE code of a commune, a point, or several of these."""

    name: ShortText | None = None
    commune: Code | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None


class AgendaItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the meeting, and how many minutes it takes."""

    title: ShortText
    minutes: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class Participant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Someone who is invited, and whether they came (null: not known).

    `name` is a person's. `organisation`: for a supplier of the directory, its name where none is given.
    """

    role: Role
    supplier_id: UUID | None = None
    name: Name | None = None
    organisation: ShortText | None = None
    invited_at: Instant | None = None
    attended: bool | None = None


class FollowUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was agreed to be done; `who` is a person's name."""

    what: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    who: Name | None = None
    due_on: date | None = None
    done: bool = False


class MeetingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meeting about one or several needs. `agenda` null: that of its format, where there is one (`template`)."""

    need_ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=50)]
    format: Format
    title: ShortText
    starts_at: Instant
    ends_at: Instant
    place: MeetingPlace | None = None
    url: WebAddress | None = None
    agenda: Annotated[tuple[AgendaItem, ...], msgspec.Meta(max_length=50)] | None = None
    participants: Annotated[tuple[Participant, ...], msgspec.Meta(max_length=500)] = ()
    minutes: Annotated[str, msgspec.Meta(max_length=100_000)] | None = None
    follow_ups: Annotated[tuple[FollowUp, ...], msgspec.Meta(max_length=200)] = ()
    status: MeetingStatus = "planned"


class Meeting(MeetingRequest, frozen=True, kw_only=True):
    """A stored meeting. `version` counts its changes; `sequence` those that calendars must be told of."""

    id: UUID
    version: int
    sequence: int
    created_at: datetime
    updated_at: datetime


class MeetingTemplate(msgspec.Struct, frozen=True):
    """The usual length and agenda of a meeting format."""

    format: Format
    title: str
    minutes: int
    agenda: tuple[AgendaItem, ...]


HALF_DAY = MeetingTemplate(
    "half_day",
    "Demi-journée acheteurs et structures de l'ESS",
    180,
    (
        AgendaItem("Présentation de la commande publique, difficultés rencontrées et leviers", 75),
        AgendaItem("Pause", 15),
        AgendaItem("Rencontres entre acheteurs et structures de l'ESS : besoins à venir et pré-sourcing", 90),
    ),
)
"""As networks of Bretagne and the Loire hold it: a talk on public procurement, then buyers meet suppliers."""
TEMPLATES: dict[Format, MeetingTemplate] = {"half_day": HALF_DAY}


def with_agenda(meeting: MeetingRequest) -> MeetingRequest:
    """The meeting, with the agenda of its format where it has none."""
    if meeting.agenda is not None:
        return meeting
    template = TEMPLATES.get(meeting.format)
    return msgspec.structs.replace(meeting, agenda=template.agenda if template else ())


def problems(meeting: MeetingRequest) -> Iterator[Problem]:
    """Everything wrong in the meeting itself; whether its needs, suppliers and commune exist is checked elsewhere."""
    yield from _far_off(meeting)
    yield from (control_character_problem(where) for where, text in _lines(meeting) if not is_one_line(text))
    if meeting.ends_at <= meeting.starts_at:
        detail = Text("La fin vient après le début", "A meeting ends after it begins")
        yield Problem(pointer("ends_at"), "invalid_period", detail)
    if meeting.place is not None and (meeting.place.lat is None) != (meeting.place.lon is None):
        detail = Text("Un point a lat et lon", "A point has both lat and lon")
        yield Problem(pointer("place"), "incomplete_point", detail)
    for position, participant in enumerate(meeting.participants):
        if participant.supplier_id is not None and participant.role != "supplier":
            detail = Text("Seul un fournisseur a un supplier_id", "Only a supplier has a supplier_id")
            yield Problem(pointer("participants", position, "supplier_id"), "not_a_supplier", detail)
        if participant.supplier_id is None and participant.name is None and participant.organisation is None:
            yield Problem(pointer("participants", position), "nobody", NOBODY)


def _lines(meeting: MeetingRequest) -> Iterator[tuple[str, str]]:
    """The texts of the meeting that are lines of a calendar, with their places."""
    yield pointer("title"), meeting.title
    yield pointer("url"), meeting.url or ""  # the `$` of its pattern also stands before a last line feed
    if meeting.place is not None and meeting.place.name is not None:
        yield pointer("place", "name"), meeting.place.name
    for position, item in enumerate(meeting.agenda or ()):
        yield pointer("agenda", position, "title"), item.title


def _far_off(meeting: MeetingRequest) -> Iterator[Problem]:
    moments = {pointer("starts_at"): meeting.starts_at, pointer("ends_at"): meeting.ends_at} | {
        pointer("participants", position, "invited_at"): each.invited_at
        for position, each in enumerate(meeting.participants)
        if each.invited_at is not None
    }
    detail = Text("De 1970 à 2099", "From 1970 to 2099")
    return (Problem(where, "out_of_range", detail) for where, at in moments.items() if not EARLIEST <= at < LATEST)


def require_move(before: MeetingStatus, after: MeetingStatus) -> None:
    """Raises Conflict (`illegal_move`), naming the moves that are allowed, where `after` cannot follow `before`."""
    if after != before and after not in MOVES[before]:
        allowed = ", ".join(MOVES[before]) or "—"
        raise Conflict(
            "illegal_move",
            Text(
                f"Une réunion « {before} » ne peut pas devenir « {after} » ; possibles : {allowed}",
                f"A meeting that is “{before}” cannot become “{after}”; possible: {allowed}",
            ),
        )


def changed_fields(before: MeetingRequest, after: MeetingRequest) -> list[str]:
    """The names of the fields in which two meetings differ, besides those that Vivier sets itself."""
    return [name for name in MeetingRequest.__struct_fields__ if getattr(before, name) != getattr(after, name)]
