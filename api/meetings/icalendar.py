"""Meetings as iCalendar (RFC 5545, RFC 5546), in the time of Paris. No person is named: calendars are passed on."""

from collections.abc import Sequence
from datetime import date

import icalendar

from domain.meetings.meeting import Meeting
from domain.reference.territory import Territories
from domain.text.typography import PARIS, is_one_line, on_one_line

CALENDAR = "text/calendar"
STATUS = {"planned": "CONFIRMED", "held": "CONFIRMED", "cancelled": "CANCELLED"}


def calendar_of(meetings: Sequence[Meeting], territories: Territories, method: str = "PUBLISH") -> bytes:
    """The meetings as a feed; the same bytes for the same meetings. Cancelled ones stay in it, marked so.

    `method`: CANCEL takes a cancelled meeting out of a calendar.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Vivier//Réunions//FR")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add("x-wr-calname", "Rencontres fournisseurs")
    for meeting in meetings:
        calendar.add_component(_event(meeting, territories))
    if meetings:
        first, last = min(each.starts_at for each in meetings), max(each.ends_at for each in meetings)
        calendar.add_missing_timezones(first_date=date(first.year, 1, 1), last_date=date(last.year + 2, 1, 1))
    return bytes(calendar.to_ical())


def calendar_of_one(meeting: Meeting, territories: Territories) -> bytes:
    """One meeting as a file; a cancelled one is taken out of calendars."""
    return calendar_of([meeting], territories, "CANCEL" if meeting.status == "cancelled" else "PUBLISH")


def _event(meeting: Meeting, territories: Territories) -> icalendar.Event:
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
    return event
