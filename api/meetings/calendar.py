"""Meetings as iCalendar (RFC 5545, RFC 5546), and the address of an organisation's calendar that opens without a key.

Times are those of Paris, and no person is named: calendars are passed on, and send no header. Whoever knows the address
sees what `GET /meetings.ics` shows, and nothing else. The answer that tells it is stored for a request sent twice, so
it holds a seed in the place of the token, which is made of the seed and the caller's key.
"""

import hmac
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from secrets import token_hex
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.actor import Acting, acting_of, follow_link
from api.runtime.auth import NOT_STORED
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, conditional_get
from api.runtime.idempotency import answer_once, created_answer, creation, with_secret_body
from api.runtime.rate_limits import READINGS
from api.runtime.services import Services
from db.core.engine import Connection
from db.idempotency import Answer
from db.journal.entries import write_entry
from db.meetings import CalendarFeed, MeetingFilters, revoke_feed, select_feed, select_meetings, store_feed
from domain.decoding.stored import read_stored
from domain.errors import Conflict, NotFound
from domain.meetings.meeting import Meeting
from domain.reference.territory import Territories
from domain.text.bilingual import PARIS, is_one_line, on_one_line, said_by

_SAID = said_by(__name__)

CALENDAR = "text/calendar"
STATUS = {"planned": "CONFIRMED", "held": "CONFIRMED", "cancelled": "CANCELLED"}


def calendar_of(meetings: Sequence[Meeting], territories: Territories, method: str = "PUBLISH") -> bytes:
    """Meetings, also cancelled ones, as an iCalendar feed; with `method` CANCEL, calendars drop the cancelled ones.

    The same meetings give the same bytes.
    """
    import icalendar  # noqa: PLC0415 - 0.07 s, a fifteenth of the time that a server takes to load the API

    feed = icalendar.Calendar()
    feed.add("prodid", "-//Vivier//Réunions//FR")
    feed.add("version", "2.0")
    feed.add("method", method)
    feed.add("x-wr-calname", "Rencontres fournisseurs")
    for meeting in meetings:
        event = icalendar.Event()
        event.add("uid", f"{meeting.id}@vivier")
        event.add("dtstamp", meeting.updated_at)
        event.add("last-modified", meeting.updated_at)
        event.add("created", meeting.created_at)
        event.add("sequence", meeting.sequence)
        event.add("status", STATUS[meeting.status])
        # stored before such texts were refused: a line break would end the property, or fail the whole calendar
        event.add("summary", on_one_line(meeting.title))
        event.add("dtstart", meeting.starts_at.astimezone(PARIS))
        event.add("dtend", meeting.ends_at.astimezone(PARIS))
        if meeting.agenda:
            lines = (f"{each.title} ({each.minutes} min)" if each.minutes else each.title for each in meeting.agenda)
            event.add("description", "\n".join(map(on_one_line, lines)))
        if meeting.url is not None and is_one_line(meeting.url):
            event.add("url", meeting.url)
        if (place := meeting.place) is not None:
            if location := ", ".join(filter(None, (place.name, territories.commune_name(place.commune)))):
                event.add("location", on_one_line(location))
            if place.lat is not None:
                event.add("geo", (place.lat, place.lon))
        feed.add_component(event)
    if meetings:
        first, last = min(each.starts_at for each in meetings), max(each.ends_at for each in meetings)
        feed.add_missing_timezones(first_date=date(first.year, 1, 1), last_date=date(last.year + 2, 1, 1))
    return bytes(feed.to_ical())


def calendar_of_one(meeting: Meeting, territories: Territories) -> bytes:
    """One meeting as an iCalendar file; a calendar that opens the file drops the meeting where it is cancelled."""
    return calendar_of([meeting], territories, "CANCEL" if meeting.status == "cancelled" else "PUBLISH")


TAG = "Meetings"
SEED_BYTES = 32
IN_A_FEED = 2_000
SHOWN_SINCE = timedelta(days=730)
PRIVATE = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex"}
"""Headers that keep an address with a token from going on to others."""


class CalendarAddress(msgspec.Struct, frozen=True):
    """The address at which the calendar opens without a key. Whoever has it reads it: it is to be kept as a key is."""

    url: str
    """For calendars, which send no key; shown this once"""

    def __repr__(self) -> str:
        return "CalendarAddress()"


@creation(
    "/meetings/feed", tag=TAG, scope="needs", answers=CalendarAddress, problems=("conflict",), example="calendar-feed"
)
async def create_calendar_feed(call: Call, connection: Connection) -> Response[bytes]:
    """Make the address at which a calendar subscribes to the organisation's meetings, without a key.

    It is the key's own and shown this once; another one takes its place, which then no longer opens. It ends with the
    key, or by `DELETE`.
    """
    acting = acting_of(call)

    async def store_address() -> Answer:
        return created_answer(CalendarAddress(await make_address(connection, acting, call.bearer.id)))

    async def reveal_url_in(answer: Answer) -> Answer:
        seed = read_stored(answer.body, CalendarAddress).url
        url = await address_of_seed(connection, acting, seed)
        if url is None:
            raise Conflict("shown_once", _SAID["replaced"])
        return with_secret_body(answer, msgspec.json.encode(CalendarAddress(url)))

    return await answer_once(call, connection, b"", store_address, completed=reveal_url_in)


@endpoint("DELETE", "/meetings/feed", tag=TAG, scope="needs", answers=None, status=204, problems=("not-found",))
async def delete_calendar_feed(call: Call, connection: Connection) -> None:
    """Revoke the calendar address of the key, so that it opens no longer. 404 where the key has none."""
    await revoke_address(connection, acting_of(call), call.bearer.id)


@endpoint(
    "GET",
    "/meetings/feed/{token}.ics",
    tag=TAG,
    scope=None,
    answers={CALENDAR: str},
    status=(200, 304),
    headers=IF_NONE_MATCH,
    problems=("too-many-requests", "database-away"),
)
async def get_calendar_by_address(call: Call, token: str) -> Response[bytes]:
    """The organisation's meetings, at an address that opens without a key.

    It shows what `GET /meetings.ics` does. 404 where the address is unknown, was replaced or revoked, or its key is no
    longer in force.
    """
    services = call.services
    find = partial(_find_feed, services, token=token)
    async with follow_link(call, token, find, _SAID["no_feed"]) as (connection, feed):
        services.limits.take(READINGS, feed.key_id)
        shown = await organisation_calendar(services, connection, feed.organisation_id)
    answer = conditional_get(call, shown, CALENDAR)
    answer.headers.update(PRIVATE)
    return answer


async def make_address(connection: Connection, acting: Acting, key_id: UUID) -> str:
    """Store a new calendar address for a key; returns the seed of its token. Its earlier address stops working."""
    seed, now = token_hex(SEED_BYTES), acting.now()
    # an address made with the administrator's key ends once the setting is another
    admin_key = acting.services.settings.admin_key if key_id == NOT_STORED else None
    digest = _digest_of_token(acting.token_of(f"calendar:{seed}"), admin_key)
    await store_feed(connection, CalendarFeed(acting.organisation_id, key_id), digest, now)
    await write_entry(connection, acting.actor, "calendar_feed.created", f"{_owner_kind(acting)}:{key_id}", now)
    return seed


async def address_of_seed(connection: Connection, acting: Acting, seed: str) -> str | None:
    """The URL of the address made with this seed; None where it no longer works, or is another caller's."""
    token = acting.token_of(f"calendar:{seed}")
    if await _find_feed(acting.services, connection, token) is None:
        return None
    return f"{acting.base_url}/meetings/feed/{token}.ics"


async def revoke_address(connection: Connection, acting: Acting, key_id: UUID) -> None:
    """Revoke the calendar address of a key. Raises NotFound where the key has none."""
    if not await revoke_feed(connection, key_id):
        raise NotFound(_SAID["no_address"])
    await write_entry(
        connection, acting.actor, "calendar_feed.revoked", f"{_owner_kind(acting)}:{key_id}", acting.now()
    )


async def organisation_calendar(services: Services, connection: Connection, organisation_id: UUID) -> bytes:
    """The organisation's meetings of the last two years, and all to come, as iCalendar."""
    filters = MeetingFilters(after=services.now() - SHOWN_SINCE)
    found = await select_meetings(connection, organisation_id, filters, None, IN_A_FEED)
    return calendar_of(found, services.reference.territories)


async def _find_feed(services: Services, connection: Connection, token: str) -> CalendarFeed | None:
    """The calendar feed that a token opens, while its key is in force; else None."""
    digests = [_digest_of_token(token, None)]
    if admin_key := services.settings.admin_key:
        digests.append(_digest_of_token(token, admin_key))
    return await select_feed(connection, digests, services.now(), NOT_STORED)


def _owner_kind(acting: Acting) -> str:
    """The kind of object, in the journal, that owns an address: a key, or a person signed in without one."""
    return "person" if acting.actor.means == "person" else "key"


def _digest_of_token(token: str, admin_key: str | None) -> bytes:
    """The stored form of a token. A plain hash is enough for 32 bytes that nobody can guess."""
    text = token.encode(errors="replace")
    return sha256(text).digest() if admin_key is None else hmac.digest(admin_key.encode(), text, "sha256")
