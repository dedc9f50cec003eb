"""Texts to begin a message to suppliers with, to be changed before it is sent: those of `letters.toml`.

Greeting, buyer, the law and the way to answer are added to every message (`domain.exchanges.letter`). What the buyer
has to fill in stands in square brackets, which `domain.exchanges.rules` finds.
"""

import tomllib
from pathlib import Path

import msgspec

from domain.exchanges.letter import lot_name, purchase_name
from domain.meetings.meeting import HALF_DAY, Meeting
from domain.needs.need import PlannedNeed
from domain.text.bilingual import Language, Text
from domain.text.typography import day, time_of_day


class LetterTemplate(msgspec.Struct, frozen=True):
    """A text to begin with. `{title}`, `{lots}`, `{day}`, `{hours}`, `{place}`, `{agenda}` are filled in."""

    name: Text
    subject: Text
    body: Text


TEMPLATES = msgspec.convert(
    tomllib.loads(Path(__file__).with_name("letters.toml").read_text("utf-8")), dict[str, LetterTemplate]
)
_DAY, _HOURS, _PLACE = Text("[date]", "[day]"), Text("[heures]", "[hours]"), Text("[lieu]", "[place]")
_AT, _FROM = Text("à {place}", "at {place}"), Text("de {start} à {end}", "from {start} to {end}")
_LOT = Text("lot {id}", "lot {id}")


def filled_in(
    name: str, need: PlannedNeed, language: Language, meeting: Meeting | None = None, place: str = ""
) -> tuple[str, str]:
    """Subject and text of a template, about a need and the meeting that it invites to, held at that `place`."""
    template = TEMPLATES[name]
    lot = _LOT.to(language)
    lots = [f"- {lot_name(each) or lot.format(id=each.id)}" for each in need.lots]
    title = purchase_name(need) or TEMPLATES["contact"].subject
    values = {"title": title.to(language), "lots": "\n".join(lots)}
    values |= _of_meeting(meeting, place, language)
    return template.subject.to(language).format(**values), template.body.to(language).format(**values)


def _of_meeting(meeting: Meeting | None, place: str, language: Language) -> dict[str, str]:
    agenda = (meeting.agenda or ()) if meeting else HALF_DAY.agenda
    said = {"agenda": "\n".join(f"- {each.title}" for each in agenda)}
    if meeting is None:
        return said | {name: text.to(language) for name, text in (("day", _DAY), ("hours", _HOURS), ("place", _PLACE))}
    start, end = time_of_day(meeting.starts_at, language), time_of_day(meeting.ends_at, language)
    said |= {"day": day(meeting.starts_at, language), "hours": _FROM.to(language).format(start=start, end=end)}
    place = place or meeting.url or ""
    return said | {"place": _AT.to(language).format(place=place) if place else _PLACE.to(language)}
