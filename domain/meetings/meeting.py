"""Meetings between buyers and suppliers before a contract is published."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.errors import Conflict, Problem, control_character_problem, pointer
from domain.needs.need import Code, Codes, Latitude, Longitude, ShortText, TerritoryRequest
from domain.text.bilingual import Text, WebAddress, is_one_line, said_by

_SAID = said_by(__name__)

Format = Literal["half_day", "day", "one_to_one", "site_visit", "online"]
Role = Literal["buyer", "supplier", "network"]
MeetingStatus = Literal["planned", "held", "cancelled"]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Bounds of all times: calendars list the clock changes of every year, so a mistyped year would fill them."""

MOVES: dict[MeetingStatus, tuple[MeetingStatus, ...]] = {"planned": ("held", "cancelled"), "held": (), "cancelled": ()}
CALENDAR_FIELDS = frozenset(("title", "starts_at", "ends_at", "place", "url", "agenda", "status"))
"""The fields of whose changes calendars must be told (RFC 5546 §2.1.4, SEQUENCE)."""


class MeetingPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place of a meeting; at least one of these fields is given."""

    name: ShortText | None = None
    """Such as a building and a room"""
    commune: Code | None = None
    """INSEE code"""
    lat: Latitude | None = None
    """Degrees north (WGS 84), with `lon`"""
    lon: Longitude | None = None
    """Degrees east (WGS 84), with `lat`"""


class AgendaItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the meeting."""

    title: ShortText
    """The subject"""
    minutes: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    """Its length in minutes"""


class Participant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Someone who is invited."""

    role: Role
    """For whom they come"""
    supplier_id: UUID | None = None
    """A supplier of the directory; null for others"""
    name: Name | None = None
    """A person's; null: not said"""
    organisation: ShortText | None = None
    """Null for a supplier of the directory: its name there"""
    invited_at: Instant | None = None
    """The moment of the invitation; null: not known"""
    attended: bool | None = None
    """Whether they came; null: not known"""


class FollowUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that was agreed to be done."""

    what: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    """The action, in words"""
    who: Name | None = None
    """A person's name; null: nobody named"""
    due_on: date | None = None
    """The day by which it is due; null: none"""
    done: bool = False
    """Whether it was done"""


class MeetingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A meeting about one or several needs, or about a territory before there is any."""

    need_ids: Annotated[tuple[UUID, ...], msgspec.Meta(max_length=50)]
    """Needs of the organisation; empty where it is about a territory"""
    format: Format
    """`one_to_one`: with one supplier at a time"""
    title: ShortText
    """One line, shown in calendars"""
    starts_at: Instant
    """With an offset from UTC"""
    ends_at: Instant
    """After `starts_at`"""
    place: MeetingPlace | None = None
    """Null: none, or online"""
    url: WebAddress | None = None
    """The address to join online; null: none"""
    agenda: Annotated[tuple[AgendaItem, ...], msgspec.Meta(max_length=50)] | None = None
    """Null: that of its format, where there is one (`GET /meetings/templates`)"""
    participants: Annotated[tuple[Participant, ...], msgspec.Meta(max_length=500)] = ()
    """Each supplier once"""
    minutes: Annotated[str, msgspec.Meta(max_length=100_000)] | None = None
    """Notes of what was said, for the buyer; null: none yet"""
    follow_ups: Annotated[tuple[FollowUp, ...], msgspec.Meta(max_length=200)] = ()
    """Things that were agreed to be done"""
    status: MeetingStatus = "planned"
    """Whether it is planned, was held or was cancelled"""
    territory: TerritoryRequest | None = None
    """The territory whose suppliers and buyers meet; null: that of its needs"""
    segments: Codes = ()
    """Segments or families that it is about; empty: all"""


class Meeting(MeetingRequest, frozen=True, kw_only=True):
    """A stored meeting."""

    id: UUID
    """UUID, given when it was stored"""
    version: int
    """Counts its changes, from 1"""
    sequence: int
    """Counts the changes that calendars must be told of"""
    created_at: datetime
    """The moment it was stored"""
    updated_at: datetime
    """The moment of its last change"""


class MeetingTemplate(msgspec.Struct, frozen=True):
    """The usual length and agenda of a meeting format."""

    format: Format
    """The format that it is for"""
    title: str
    """A sentence in the language of the request"""
    minutes: int
    """The usual length of such a meeting in minutes"""
    agenda: tuple[AgendaItem, ...]
    """Its usual parts"""


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


def meeting_problems(meeting: MeetingRequest) -> Iterator[Problem]:
    """Every problem of the meeting alone; whether its needs, suppliers and commune exist is checked elsewhere."""
    moments = (
        (pointer("starts_at"), meeting.starts_at),
        (pointer("ends_at"), meeting.ends_at),
        *((pointer("participants", at, "invited_at"), each.invited_at) for at, each in enumerate(meeting.participants)),
    )
    out_of_range = Text("De 1970 à 2099", "From 1970 to 2099")
    yield from (
        Problem(path, "out_of_range", out_of_range)
        for path, moment in moments
        if moment is not None and not EARLIEST <= moment < LATEST
    )
    lines_of_calendars = (
        (pointer("title"), meeting.title),
        (pointer("url"), meeting.url),  # the `$` of its pattern also stands before a last line feed
        (pointer("place", "name"), meeting.place and meeting.place.name),
        *((pointer("agenda", at, "title"), item.title) for at, item in enumerate(meeting.agenda or ())),
    )
    yield from (control_character_problem(path) for path, line in lines_of_calendars if not is_one_line(line or ""))
    if not meeting.need_ids and meeting.territory is None:
        yield Problem(pointer("need_ids"), "missing_field", _SAID["about_nothing"])
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
            yield Problem(pointer("participants", position), "nobody", _SAID["nobody"])


def require_move(before: MeetingStatus, after: MeetingStatus) -> None:
    """Raises Conflict (`illegal_move`), naming allowed moves, where a meeting cannot go from `before` to `after`."""
    if after != before and after not in MOVES[before]:
        allowed = ", ".join(MOVES[before]) or "—"
        detail = _SAID["no_such_move"].filled(before=before, after=after, allowed=allowed)
        raise Conflict("illegal_move", detail)


def changed_fields(before: MeetingRequest, after: MeetingRequest) -> list[str]:
    """The names of the fields of a `MeetingRequest` in which two meetings differ."""
    return [name for name in MeetingRequest.__struct_fields__ if getattr(before, name) != getattr(after, name)]
