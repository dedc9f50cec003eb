"""The form of a meeting: its fields, the form filled in from a meeting or a template, and the meeting that it makes.

Field names end with the position of a participant already invited, and with the row, from 1, of agenda and follow-ups.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, get_args
from uuid import UUID

import msgspec

from api.desk.frame import form as forms
from api.desk.frame.form import Field, FieldKind, Mistake, Rows, Unreadable, WrongForm
from api.desk.frame.layout import SAID
from api.desk.frame.visit import id_in
from api.desk.need.territory_field import territories_of_name
from api.web.html_pages import Fields
from domain.meetings.meeting import (
    TEMPLATES,
    Format,
    Meeting,
    MeetingRequest,
    Participant,
    Role,
)
from domain.needs.status import NO_NEED
from domain.shortlists.version import FrozenShortlist
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import PARIS
from matching.reference import Reference

FORMAT_CODES: tuple[Format, ...] = get_args(Format)
BLANK_ROWS, MOST_OTHERS = 2, 6
YES = "oui"
_WITH_CODE = re.compile(r"\((\w{5})\)$")


def _read_hour(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise Unreadable(SAID["no_hour"]) from None


def _read_minutes(text: str) -> int:
    if not re.fullmatch("[0-9]{0,4}", text):
        raise Unreadable(SAID["no_minutes"])
    return int(text or 0)


HOUR = FieldKind(_read_hour, lambda moment: f"{moment.astimezone(PARIS):%H:%M}")
AGENDA = Rows("{name}-{row}", "agenda", 50, "partie")
FOLLOW_UPS = Rows("{name}-{row}", "follow_ups", 200, "suite")
"""As many as a meeting may have."""


class AgendaPartForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of one part of the agenda."""

    title: Annotated[str, Field("partie", "title", forms.WORDS)] = ""
    minutes: Annotated[str, Field("minutes", "minutes", FieldKind(_read_minutes, str))] = ""


class FollowUpForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of one thing to do after the meeting."""

    what: Annotated[str, Field("suite", "what", forms.WORDS)] = ""
    who: Annotated[str, Field("qui", "who", forms.WORDS)] = ""
    due: Annotated[str, Field("pour", "due_on", forms.DAY)] = ""
    done: Annotated[str, Field("fait", "done", forms.TICKED)] = ""


class OtherParticipantForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a new participant who is no supplier."""

    name: Annotated[str, Field("autre", "name", forms.WORDS)] = ""
    organisation: Annotated[str, Field("structure", "organisation", forms.WORDS)] = ""
    role: Annotated[str, Field("role")] = ""


class InvitedForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a participant already invited: whether they stay invited, and came."""

    stays: Annotated[str, Field("invite")] = ""
    came: Annotated[str, Field("venu", "attended", forms.YES_OR_NO)] = ""
    name: Annotated[str, Field("nom", "name", forms.WORDS)] = ""


class MeetingForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form fields of a meeting, without the participants already invited.

    `place`: a name, such as that of a room; `commune`: a name to be looked up. `needs`: further needs that it is about;
    `suppliers`: to be invited, beside all candidates of the lots `candidates_by_lot`. `territory`, `segments`: codes,
    of a meeting without any need.
    """

    version: Annotated[str, Field("version")] = ""
    format: Annotated[str, Field("forme", "format", forms.AS_TYPED)] = ""
    title: Annotated[str, Field("titre", "title", forms.AS_TYPED)] = ""
    day: Annotated[str, Field("jour", "day", forms.required(forms.DAY, SAID["no_day"]))] = ""
    start: Annotated[str, Field("debut", "starts_at", HOUR)] = ""
    end: Annotated[str, Field("fin", "ends_at", HOUR)] = ""
    place: Annotated[str, Field("lieu", "place")] = ""
    commune: Annotated[str, Field("commune")] = ""
    url: Annotated[str, Field("adresse", "url", forms.WORDS)] = ""
    minutes: Annotated[str, Field("compte-rendu", "minutes", forms.WORDS)] = ""
    territory: Annotated[tuple[str, ...], Field("territoire")] = ()
    segments: Annotated[tuple[str, ...], Field("metier")] = ()
    needs: Annotated[tuple[str, ...], Field("besoin", "need_ids", at="besoins")] = ()
    suppliers: Annotated[tuple[str, ...], Field("fournisseur", "participants", at="invites")] = ()
    candidates_by_lot: Annotated[tuple[str, ...], Field("lot-entier")] = ()
    agenda: Annotated[tuple[AgendaPartForm, ...], AGENDA] = ()
    follow_ups: Annotated[tuple[FollowUpForm, ...], FOLLOW_UPS] = ()
    others: Annotated[tuple[OtherParticipantForm, ...], Rows("{name}-{row}", "others", MOST_OTHERS, "autre")] = ()


def fields_of_new_meeting(format_: str) -> dict[str, list[str]]:
    """The form fields of a new meeting, from the template of its format (`half_day` where the format is unknown)."""
    chosen: Format = next((each for each in FORMAT_CODES if each == format_), "half_day")
    template = TEMPLATES.get(chosen)
    title, minutes, agenda = (template.title, template.minutes, template.agenda) if template else ("", 60, ())
    end = datetime.combine(date.min, time(9)) + timedelta(minutes=minutes)
    parts = tuple(forms.form_of_request(AgendaPartForm, each) for each in agenda)
    return forms.texts_of(MeetingForm(format=chosen, title=title, start="09:00", end=f"{end:%H:%M}", agenda=parts))


def fields_of_meeting(meeting: Meeting, reference: Reference) -> dict[str, list[str]]:
    """The form fields, filled in from a meeting."""
    place = meeting.place
    commune = place.commune if place else None
    form = forms.form_of_request(
        MeetingForm,
        meeting,
        version=str(meeting.version),
        day=f"{meeting.starts_at.astimezone(PARIS):%Y-%m-%d}",
        place=(place.name if place else None) or "",
        commune=f"{reference.territories.commune_name(commune)} ({commune})" if commune else "",
        needs=tuple(map(str, meeting.need_ids)),
        territory=(meeting.territory.codes if meeting.territory else None) or (),
        segments=meeting.segments,
    )
    fields = forms.texts_of(form)
    for position, each in enumerate(meeting.participants):
        fields |= forms.texts_of(forms.form_of_request(InvitedForm, each, stays=YES), f"{forms.NAME}-{position}")
    return fields


def with_template(fields: Fields) -> dict[str, list[str]]:
    """The fields with agenda, end and title of the format's template; a title that the buyer wrote stays."""
    usual = fields_of_new_meeting(fields.get("forme", [""])[-1])
    kept = {name: texts for name, texts in fields.items() if not name.startswith(("partie-", "minutes-"))}
    titles = {"", *(each.title for each in TEMPLATES.values())}
    own_title = fields.get("titre", [""])[-1] not in titles
    return {**usual, **kept, "fin": usual["fin"], **({} if own_title else {"titre": usual["titre"]})}


def candidates_by_lot(version: FrozenShortlist) -> dict[str, list[str]]:
    """The ids of each lot's candidates that are not set aside; lots without any are left out."""
    aside = {(each.lot_id, each.supplier_id) for each in version.decisions if each.decision == "set_aside"}
    lots = {
        lot.id: [str(each.supplier.id) for each in lot.candidates if (lot.id, each.supplier.id) not in aside]
        for lot in version.shown_lots
    }
    return {lot_id: suppliers for lot_id, suppliers in lots.items() if suppliers}


def with_candidates_of_lots(fields: Fields, version: FrozenShortlist | None) -> Fields:
    """The fields with the candidates of every lot that is ticked as a whole added to the ticked suppliers."""
    wanted = [each for each in fields.get("lot-entier", []) if each]
    if version is None or not wanted:
        return fields
    candidates = candidates_by_lot(version)
    listed = (each for lot_id in wanted for each in candidates.get(lot_id, ()))
    return {**fields, "fournisseur": list(dict.fromkeys((*fields.get("fournisseur", []), *listed)))}


def row_numbers(fields: Fields, name: str) -> range:
    """The numbers of the rows to show, whose field names begin with `name`: those filled in, and some blank ones."""
    filled_in = (re.fullmatch(rf"{name}-([0-9]{{1,3}})", each) for each, texts in fields.items() if any(texts))
    last = max((int(found[1]) for found in filled_in if found), default=0)
    most = next(each.most for each in (AGENDA, FOLLOW_UPS) if each.otherwise == name)
    return range(1, min(most, last + BLANK_ROWS) + 1)


def timed_agenda(meeting: Meeting) -> Iterator[tuple[datetime, datetime, str]]:
    """The start, end and title of each part of a meeting's agenda, one after the other."""
    at = meeting.starts_at
    for each in meeting.agenda or ():
        end = at + timedelta(minutes=each.minutes)
        yield at, end, each.title
        at = end


def meeting_request(
    fields: Fields, need_id: UUID | None, before: Meeting | None, reference: Reference, now: datetime
) -> MeetingRequest:
    """The meeting that the submitted form makes; without `need_id`, it is about a territory alone.

    `before`: the stored meeting, if any. Raises WrongForm.
    """
    form, mistakes = forms.read_form(MeetingForm, fields), list[Mistake]()
    said = forms.request_parts(form, mistakes)
    day = said.pop("day")
    if day is None:
        # its hours are of no day yet
        mistakes = [each for each in mistakes if each.field == "jour"]
    for name in ("starts_at", "ends_at"):
        said[name] = datetime.combine(day, said[name], PARIS) if day and said[name] else None
    # the needs that it is about: that of the page, and those that are ticked beside it
    ticked = [id_in(each, NO_NEED) for each in form.needs]
    kept = [each for each in (before.need_ids if before else ()) if each in {need_id, *ticked}]
    written = {"name": form.place} if form.place else {}
    if form.commune:
        code = _WITH_CODE.search(form.commune)
        found = territories_of_name(code[1] if code else form.commune, reference, "commune")
        if len(found) == 1:
            written["commune"] = found[0].code
        else:
            mistakes.append(Mistake("commune", SAID["several_communes" if found else "no_such_place"]))
    stored = before.place if before else None
    is_unchanged = written == {name: text for name in ("name", "commune") if (text := getattr(stored, name, None))}
    said |= {
        "need_ids": tuple(dict.fromkeys((*kept, *filter(None, (need_id,)), *ticked))),
        "territory": {"codes": form.territory} if form.territory else before and before.territory,
        "segments": tuple(filter(None, form.segments)) if need_id is None else before.segments if before else (),
        # with its point, where name and commune are those stored
        "place": stored if stored and is_unchanged else written or None,
        "agenda": forms.request_list(AGENDA, form.agenda, mistakes, SAID["no_agenda_part"]),
        "participants": tuple(_read_participants(fields, form, before, now)),
        "follow_ups": forms.request_list(FOLLOW_UPS, form.follow_ups, mistakes, SAID["no_action"]),
        "status": before.status if before else "planned",
    }
    if not form.title:
        mistakes.append(Mistake("titre", SAID["no_meeting_title"]))
    if mistakes:
        raise WrongForm(mistakes)
    return forms.checked_request(said, MeetingRequest)


def _read_participants(
    fields: Fields, form: MeetingForm, before: Meeting | None, now: datetime
) -> Iterator[Participant]:
    """Participants from the form: the invited who stay, and whether they came; suppliers newly ticked; other people."""
    already = set()
    for position, each in enumerate(before.participants if before else ()):
        invited = forms.read_form(InvitedForm, fields, f"{forms.NAME}-{position}")
        if invited.stays:
            already.add(each.supplier_id)
            yield msgspec.structs.replace(each, **forms.request_parts(invited, []))
    for ticked in form.suppliers:
        supplier_id = id_in(ticked, NO_SUPPLIER)
        if supplier_id not in already:
            yield Participant("supplier", supplier_id=supplier_id, invited_at=now)
    for other in form.others:
        if other.name or other.organisation:
            role: Role = "network" if other.role == "network" else "buyer"
            yield Participant(role, **forms.request_parts(other, []), invited_at=now)
