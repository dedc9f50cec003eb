"""The form of a meeting, as it is filled in, and the meeting that it says.

Participants that the meeting has already are named by their position, agenda and follow-ups by rows that count from 1.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgspec

from api.desk.frame.mistakes import Mistake
from api.desk.frame.written_once import id_in
from api.desk.need.territory_field import NO_SUCH_PLACE, found_by_name
from api.web.forms import Fields
from domain.decoding.explain import explain
from domain.errors import InvalidContent
from domain.meetings.meeting import (
    TEMPLATES,
    AgendaItem,
    FollowUp,
    Format,
    Meeting,
    MeetingPlace,
    MeetingRequest,
    Participant,
)
from domain.needs.status import NO_NEED
from domain.shortlists.frozen import FrozenShortlist
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Text
from domain.text.typography import PARIS
from matching.reference import Reference

FORMAT_CODES: tuple[Format, ...] = get_args(Format)
BLANK_ROWS, MOST_OTHERS = 2, 3
MOST_ROWS = {"partie": 50, "suite": 200}
"""As many as a meeting may have."""
YES, NO = "oui", "non"
_WITH_CODE = re.compile(r"\((\w{5})\)$")
_POINTERS = {
    "format": "forme",
    "title": "titre",
    "starts_at": "debut",
    "ends_at": "fin",
    "place": "lieu",
    "url": "adresse",
    "minutes": "compte-rendu",
    "agenda": "partie-1",
    "follow_ups": "suite-1",
    "participants": "invites",
    "need_ids": "besoins",
}


class WrongForm(Exception):
    """A form with something to be corrected."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__(mistakes[0].detail.en)
        self.mistakes = mistakes


class Part(NamedTuple):
    """A part of the agenda with the hours at which it is held."""

    starts_at: datetime
    ends_at: datetime
    title: str


def fields_of_new(kind: str) -> dict[str, list[str]]:
    """The fields of a meeting to be planned, as meetings of that format usually are."""
    chosen: Format = next((each for each in FORMAT_CODES if each == kind), "half_day")
    template = TEMPLATES.get(chosen)
    title, minutes, agenda = (template.title, template.minutes, template.agenda) if template else ("", 60, ())
    end = datetime.combine(date.min, time(9)) + timedelta(minutes=minutes)
    fields = {"forme": chosen, "titre": title, "debut": "09:00", "fin": f"{end:%H:%M}"}
    return {name: [text] for name, text in fields.items()} | _agenda_fields(agenda)


def fields_of(meeting: Meeting, reference: Reference) -> dict[str, list[str]]:
    """The fields of the form that say what a meeting says."""
    start, end = meeting.starts_at.astimezone(PARIS), meeting.ends_at.astimezone(PARIS)
    place = meeting.place
    commune = place.commune if place else None
    said: dict[str, str] = {
        "version": str(meeting.version),
        "forme": meeting.format,
        "titre": meeting.title,
        "jour": f"{start:%Y-%m-%d}",
        "debut": f"{start:%H:%M}",
        "fin": f"{end:%H:%M}",
        "lieu": (place.name if place else None) or "",
        "commune": f"{reference.territories.commune_name(commune)} ({commune})" if commune else "",
        "adresse": meeting.url or "",
        "compte-rendu": meeting.minutes or "",
    }
    about = {"besoin": [str(each) for each in meeting.need_ids]}
    for position, each in enumerate(meeting.participants):
        said[f"invite-{position}"] = YES
        said[f"venu-{position}"] = "" if each.attended is None else YES if each.attended else NO
        said[f"nom-{position}"] = each.name or ""
    for row, one in enumerate(meeting.follow_ups, 1):
        said |= {f"suite-{row}": one.what, f"qui-{row}": one.who or "", f"fait-{row}": YES if one.done else ""}
        said[f"pour-{row}"] = one.due_on.isoformat() if one.due_on else ""
    return {name: [text] for name, text in said.items()} | about | _agenda_fields(meeting.agenda or ())


def with_template(fields: Fields) -> dict[str, list[str]]:
    """The fields with the usual agenda of their format, and its length and title where nothing else was written."""
    usual = fields_of_new(_text(fields, "forme"))
    kept = {name: texts for name, texts in fields.items() if not name.startswith(("partie-", "minutes-"))}
    titles = {"", *(each.title for each in TEMPLATES.values())}
    own_title = _text(fields, "titre") not in titles
    return {**usual, **kept, "fin": usual["fin"], **({} if own_title else {"titre": usual["titre"]})}


def whole_lots(version: FrozenShortlist) -> dict[str, list[str]]:
    """The ids of the candidates of each lot that has some, without those who are set aside for it."""
    aside = {(each.lot_id, each.supplier_id) for each in version.decisions if each.decision == "set_aside"}
    lots = {
        lot.id: [str(each.supplier.id) for each in lot.candidates if (lot.id, each.supplier.id) not in aside]
        for lot in version.shown_lots
    }
    return {lot_id: suppliers for lot_id, suppliers in lots.items() if suppliers}


def with_whole_lots(fields: Fields, version: FrozenShortlist | None) -> Fields:
    """The fields with all candidates of the lots that are ticked as a whole."""
    wanted = [each for each in fields.get("lot-entier", []) if each]
    if version is None or not wanted:
        return fields
    candidates = whole_lots(version)
    listed = (each for lot_id in wanted for each in candidates.get(lot_id, ()))
    return {**fields, "fournisseur": list(dict.fromkeys((*fields.get("fournisseur", []), *listed)))}


def rows(fields: Fields, name: str) -> range:
    """The numbers of the rows to show of fields that are counted, some of them blank."""
    filled_in = (re.fullmatch(rf"{name}-([0-9]{{1,3}})", each) for each, texts in fields.items() if any(texts))
    last = max((int(found[1]) for found in filled_in if found), default=0)
    return range(1, min(MOST_ROWS[name], last + BLANK_ROWS) + 1)


def parts_of(meeting: Meeting) -> list[Part]:
    """The agenda of a meeting with its hours, one part after the other."""
    at, parts = meeting.starts_at, []
    for each in meeting.agenda or ():
        end = at + timedelta(minutes=each.minutes)
        parts.append(Part(at, end, each.title))
        at = end
    return parts


def request_in(
    fields: Fields, need_id: UUID, before: Meeting | None, reference: Reference, now: datetime
) -> MeetingRequest:
    """The meeting that the form says. `before`: as it was, where it is stored. Raises WrongForm."""
    mistakes: list[Mistake] = []
    start, end = _moments(fields, mistakes)
    place = _with_position(_place(fields, reference, mistakes), before)
    said: dict[str, Any] = {
        "need_ids": tuple(_need_ids(fields, need_id, before)),
        "format": _text(fields, "forme"),
        "title": _text(fields, "titre"),
        "starts_at": start,
        "ends_at": end,
        "place": place,
        "url": _text(fields, "adresse") or None,
        "agenda": tuple(_agenda(fields, mistakes)),
        "participants": _participants(fields, before, now),
        "minutes": _text(fields, "compte-rendu") or None,
        "follow_ups": tuple(_follow_ups(fields, mistakes)),
        "status": before.status if before else "planned",
    }
    if not said["title"]:
        mistakes.append(Mistake("titre", NO_TITLE))
    if mistakes:
        raise WrongForm(mistakes)
    try:
        # as JSON has them: what is an instance already would be taken as it is, its bounds unchecked
        return msgspec.convert(msgspec.to_builtins(said), MeetingRequest)
    except msgspec.ValidationError as error:
        raise WrongForm(list(mistakes_in(InvalidContent((explain(error, MeetingRequest),))))) from None


def mistakes_in(invalid: InvalidContent) -> Iterator[Mistake]:
    """The problems of a meeting at the fields of its form."""
    for each in invalid.problems:
        step = each.pointer.partition("/")[2].partition("/")[0]
        yield Mistake(_POINTERS.get(step, "titre"), each.detail)


def _need_ids(fields: Fields, need_id: UUID, before: Meeting | None) -> Iterator[UUID]:
    """The needs that the meeting is about: that of the page, and those that are ticked beside it."""
    ticked = [id_in(each, NO_NEED) for each in fields.get("besoin", []) if each]
    wanted = {need_id, *ticked}
    yield from dict.fromkeys(
        (*(each for each in (before.need_ids if before else ()) if each in wanted), need_id, *ticked)
    )


def _text(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[-1]


def _agenda_fields(agenda: tuple[AgendaItem, ...]) -> dict[str, list[str]]:
    named = {f"partie-{row}": [each.title] for row, each in enumerate(agenda, 1)}
    return named | {f"minutes-{row}": [str(each.minutes)] for row, each in enumerate(agenda, 1)}


def _moments(fields: Fields, mistakes: list[Mistake]) -> tuple[datetime | None, datetime | None]:
    """Beginning and end, in the time of Paris."""
    try:
        day = date.fromisoformat(_text(fields, "jour"))
    except ValueError:
        mistakes.append(Mistake("jour", NO_DAY))
        return None, None
    moments = []
    for name in ("debut", "fin"):
        try:
            moments.append(datetime.combine(day, time.fromisoformat(_text(fields, name)), PARIS))
        except ValueError:
            mistakes.append(Mistake(name, NO_HOUR))
    return (moments[0], moments[1]) if len(moments) == 2 else (None, None)


def _place(fields: Fields, reference: Reference, mistakes: list[Mistake]) -> dict[str, str] | None:
    name, commune = _text(fields, "lieu"), _text(fields, "commune")
    place = {"name": name} if name else {}
    if commune:
        code = _WITH_CODE.search(commune)
        found = found_by_name(code[1] if code else commune, reference, "commune")
        if len(found) == 1:
            place["commune"] = found[0].code
        else:
            mistakes.append(Mistake("commune", SEVERAL_COMMUNES if found else NO_SUCH_PLACE))
    return place or None


def _with_position(place: dict[str, str] | None, before: Meeting | None) -> dict[str, str] | MeetingPlace | None:
    """The place as it is stored, with its latitude and longitude, where the form says the same; else what it says."""
    stored = before.place if before else None
    said = {name: text for name in ("name", "commune") if (text := getattr(stored, name, None))}
    return stored if stored and said == (place or {}) else place


def _agenda(fields: Fields, mistakes: list[Mistake]) -> Iterator[AgendaItem]:
    for row in range(1, MOST_ROWS["partie"] + 1):
        title, minutes = _text(fields, f"partie-{row}"), _text(fields, f"minutes-{row}")
        if not title and minutes:
            mistakes.append(Mistake(f"partie-{row}", NO_PART))
        elif title and re.fullmatch("[0-9]{0,4}", minutes):
            yield AgendaItem(title, int(minutes or 0))
        elif title:
            mistakes.append(Mistake(f"minutes-{row}", NO_MINUTES))


def _participants(fields: Fields, before: Meeting | None, now: datetime) -> tuple[Participant, ...]:
    """Those who stay, then those who are invited now; nobody twice."""
    stay = tuple(_still_invited(fields, before))
    already = {each.supplier_id for each in stay if each.supplier_id}
    return (*stay, *(each for each in _newly_invited(fields, now) if each.supplier_id not in already))


def _still_invited(fields: Fields, before: Meeting | None) -> Iterator[Participant]:
    """The participants that stay, each with whether it came."""
    came = {YES: True, NO: False}
    for position, each in enumerate(before.participants if before else ()):
        if _text(fields, f"invite-{position}"):
            name = _text(fields, f"nom-{position}") or None
            yield msgspec.structs.replace(each, name=name, attended=came.get(_text(fields, f"venu-{position}")))


def _newly_invited(fields: Fields, now: datetime) -> Iterator[Participant]:
    """Suppliers that were ticked, and the people in the rows for others."""
    for each in dict.fromkeys(filter(None, fields.get("fournisseur", []))):
        yield Participant("supplier", supplier_id=id_in(each, NO_SUPPLIER), invited_at=now)
    for row in range(1, MOST_OTHERS + 1):
        name, organisation = _text(fields, f"autre-{row}"), _text(fields, f"structure-{row}")
        if name or organisation:
            role = _text(fields, f"role-{row}")
            yield Participant(
                "network" if role == "network" else "buyer",
                name=name or None,
                organisation=organisation or None,
                invited_at=now,
            )


def _follow_ups(fields: Fields, mistakes: list[Mistake]) -> Iterator[FollowUp]:
    for row in range(1, MOST_ROWS["suite"] + 1):
        what, who, due = (_text(fields, f"{name}-{row}") for name in ("suite", "qui", "pour"))
        if not what:
            if who or due:
                mistakes.append(Mistake(f"suite-{row}", NO_ACTION))
            continue
        try:
            due_on = date.fromisoformat(due) if due else None
        except ValueError:
            mistakes.append(Mistake(f"pour-{row}", NO_DAY))
            continue
        yield FollowUp(what, who or None, due_on, bool(_text(fields, f"fait-{row}")))


NO_TITLE = Text("Donnez un titre, que les agendas montrent", "Give a title, which calendars show")
NO_DAY = Text("Une date est attendue : AAAA-MM-JJ", "A date is expected: YYYY-MM-DD")
NO_HOUR = Text("Une heure est attendue, telle que 09:00", "An hour is expected, such as 09:00")
NO_PART = Text("Nommez cette partie, ou videz aussi ses minutes", "Name this part, or empty its minutes too")
NO_ACTION = Text("Dites ce qui est à faire, ou videz toute la ligne", "Say what is to be done, or empty the whole row")
NO_MINUTES = Text("Un nombre de minutes est attendu", "A number of minutes is expected")
SEVERAL_COMMUNES = Text(
    "Plusieurs communes portent ce nom : donnez le code INSEE de la vôtre",
    "Several communes have this name: give the INSEE code of yours",
)
