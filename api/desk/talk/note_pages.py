"""The page on which an organisation notes what a supplier does: from its answer, from a meeting, from the directory.

The trades that its words may mean are proposed as ticks. The note is the organisation's own; with a key that may write
a source of the directory, what the supplier said of itself may be declared there instead, for everybody.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.desk.frame import form as forms
from api.desk.frame.form import Mistake
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, id_in
from api.directory.notes import remove_note, store_note
from api.exchanges.own_exchange import NO_EXCHANGE, own_exchange
from api.meetings.routes import NO_MEETING, own_meeting
from api.needs.freeze_shortlist import own_need
from api.runtime.actor import actor_of
from api.runtime.auth import require_scope, require_source
from api.sync.records import store_record
from db.core.engine import Connection, transaction
from db.needs.shortlists import select_shortlist
from db.suppliers.notes import get_note
from db.suppliers.read import living_suppliers
from db.suppliers.records import get_record
from domain.errors import InvalidContent, NotFound, require_found
from domain.exchanges.rules import NO_RECIPIENT
from domain.needs.status import NO_NEED, StoredNeed
from domain.suppliers.note import NoteBody, SupplierNote
from domain.suppliers.supplier import NO_RECORD, NO_SUPPLIER, Offer, ServiceArea, Supplier, SupplierRecord
from domain.text.bilingual import PARIS, Text
from domain.text.labels import CHANNELS
from matching.reference import Reference

BY_LINK = Text("par sa réponse en ligne", "by its online answer")
MOST_FOUND, MOST_TYPED, MOST_PARTS = 10, 5, 40
LIKELY, SURE = 0.3, 0.7
"""The confidences from which a trade that words mean is proposed, and ticked beforehand."""
_PART = re.compile(r"[,;:.!?\n]")
_DENIED = re.compile(r"\b(?:non|pas|ni|sans|sauf|aucune?|jamais)\b", re.IGNORECASE)


class NotePlace(NamedTuple):
    """The supplier to note something of, and the place that led here.

    `back`: the path to return to, `about` its title; `words`: what the supplier said there, `told_on` and `how`;
    `asked`: the trades that the need asks for, by segment.
    """

    supplier: Supplier
    note: SupplierNote | None
    back: str
    about: str
    need: StoredNeed | None = None
    words: str = ""
    told_on: date | None = None
    how: str = ""
    asked: Mapping[str, str] = {}


async def note_in_exchange(visit: Visit, id: str, exchange_id: str, supplier_id: str) -> Response[bytes]:
    """The form of a note on a recipient of an exchange; sent, the note is stored. `message`: the answer it is of."""
    need_id, supplier = id_in(id, NO_NEED), id_in(supplier_id, NO_RECIPIENT)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, visit.organisation_id, need_id)
        exchange = await own_exchange(connection, visit.organisation_id, id_in(exchange_id, NO_EXCHANGE))
        if exchange.need_id != need_id or all(each.supplier_id != supplier for each in exchange.recipients):
            raise NotFound(NO_RECIPIENT)
        said = [each for each in exchange.messages if (each.author, each.supplier_id) == ("supplier", supplier)]
        named = [each for each in said if str(each.id) == visit.text("message")] or said
        place = await _place(connection, visit, supplier, f"besoins/{need_id}/echanges/{exchange.id}", exchange.subject)
        place = place._replace(need=need, asked=await _trades_asked(connection, visit, need_id))
    if named:
        channel = (BY_LINK if named[-1].channel == "portal" else CHANNELS[named[-1].channel]).to(visit.language)
        words, told_on = "\n".join(each.body for each in named), _day(named[-1].created_at)
        place = place._replace(words=words, told_on=told_on, how=channel)
    return await _answer(visit, place)


async def note_in_meeting(visit: Visit, id: str, meeting_id: str, supplier_id: str) -> Response[bytes]:
    """The form of a note on a supplier that takes part in a meeting; sent, the note is stored."""
    need_id, supplier = id_in(id, NO_NEED), id_in(supplier_id, NO_SUPPLIER)
    async with transaction(visit.services.database) as connection:
        need = await own_need(connection, visit.organisation_id, need_id)
        meeting = await own_meeting(connection, visit.organisation_id, id_in(meeting_id, NO_MEETING))
        if need_id not in meeting.need_ids or all(each.supplier_id != supplier for each in meeting.participants):
            raise NotFound(NO_MEETING)
        place = await _place(connection, visit, supplier, f"besoins/{need_id}/rencontres/{meeting.id}", meeting.title)
        place = place._replace(need=need, asked=await _trades_asked(connection, visit, need_id))
    told_on = min(_day(meeting.starts_at), visit.services.today())
    return await _answer(visit, place._replace(words=meeting.minutes or "", told_on=told_on, how=meeting.title))


async def note_in_directory(visit: Visit, supplier_id: str) -> Response[bytes]:
    """The form of a note on a supplier of the directory; sent, the note is stored."""
    wanted = id_in(supplier_id, NO_SUPPLIER)
    async with transaction(visit.services.database) as connection:
        place = await _place(connection, visit, wanted, f"annuaire/{wanted}", "")
    return await _answer(visit, place)


IN_EXCHANGE = "/besoins/{id}/echanges/{exchange_id}/offres/{supplier_id}"
IN_MEETING = "/besoins/{id}/rencontres/{meeting_id}/offres/{supplier_id}"
IN_DIRECTORY = "/annuaire/{supplier_id}/note"
show_note_in_exchange = page("GET", IN_EXCHANGE, scope="needs")(note_in_exchange)
write_note_in_exchange = page("POST", IN_EXCHANGE, scope="needs")(note_in_exchange)
show_note_in_meeting = page("GET", IN_MEETING, scope="needs")(note_in_meeting)
write_note_in_meeting = page("POST", IN_MEETING, scope="needs")(note_in_meeting)
show_note_in_directory = page("GET", IN_DIRECTORY, scope="needs")(note_in_directory)
write_note_in_directory = page("POST", IN_DIRECTORY, scope="needs")(note_in_directory)


async def _place(connection: Connection, visit: Visit, supplier_id: UUID, back: str, about: str) -> NotePlace:
    """The place of a note on a supplier, or on the one it was merged into. Raises NotFound."""
    supplier = require_found((await living_suppliers(connection, [supplier_id])).get(supplier_id), NO_SUPPLIER)
    return NotePlace(supplier, await get_note(connection, visit.organisation_id, supplier.id), back, about)


async def _trades_asked(connection: Connection, visit: Visit, need_id: UUID) -> dict[str, str]:
    """The labels of the trades that the latest shortlist of a need asks for, by segment."""
    version = await select_shortlist(connection, visit.organisation_id, need_id, None)
    lots = version.shortlist.lots if version else ()
    return {each.segment: each.label for lot in lots for each in lot.requested}


def _day(moment: datetime) -> date:
    """The day of a moment in France."""
    return moment.astimezone(PARIS).date()


async def _answer(visit: Visit, place: NotePlace) -> Response[bytes]:
    """The form of a note; where it was sent, the note is stored or deleted, and the visitor led back."""
    act = visit.text("faire") if visit.call.method == "POST" else "chercher"
    if act == "chercher":
        return _form_page(visit, place)
    back = f"/{place.back}?note={{}}#{'note' if place.need is None else 'destinataires'}"
    if act == "effacer":
        await remove_note(visit.services, actor_of(visit.call.bearer), place.supplier.id)
        return visit.redirect(back.format("effacee"))
    segments = tuple(each for each in visit.fields.get("metier", []) if each)
    radius = visit.text("rayon").replace(",", ".").removesuffix("km").strip()
    mistakes = [] if segments else [Mistake("metier", SAID["no_offered_trade"])]
    if radius and not radius.replace(".", "", 1).isdecimal():
        mistakes.append(Mistake("rayon", SAID["no_number"]))
    if mistakes:
        return _form_page(visit, place, mistakes)
    offer = Offer(segments, service_area=ServiceArea(radius_km=float(radius)) if radius else None)
    try:
        if source := visit.text("source"):
            await _declare_offer(visit, place.supplier, source, offer)
        else:
            parts = {"offers": [offer], "told_on": visit.text("dit") or None, "how": visit.text("comment") or None}
            note = forms.checked_request(parts, NoteBody)
            await store_note(visit.services, actor_of(visit.call.bearer), place.supplier.id, note)
    except InvalidContent as invalid:
        fields = {"told_on": "dit", "how": "comment", "service_area": "rayon"}
        at = [
            (next((fields[name] for name in fields if name in one.pointer), "metier"), one) for one in invalid.problems
        ]
        return _form_page(visit, place, [Mistake(field, one.detail) for field, one in at])
    return visit.redirect(back.format(place.supplier.id))


async def _declare_offer(visit: Visit, supplier: Supplier, source: str, offer: Offer) -> None:
    """Add an offer to the supplier's record in a source of the key. Raises InvalidContent, Refusal (403).

    The same offer again changes nothing.
    """
    client, siret = visit.call.bearer, supplier.siret
    require_scope(client, "sync")
    require_source(client, source)
    if siret is None:  # of whom the form names no source
        raise NotFound(NO_RECORD)
    async with transaction(visit.services.database) as connection:
        stored = await get_record(connection, source, siret)
    record = stored.record if stored else SupplierRecord(supplier.name, siret=siret)
    kept = tuple(each for each in record.offers if each.segments != offer.segments)
    # its bounds are checked as those of a record that is sent
    checked = forms.checked_request(msgspec.structs.replace(record, offers=(*kept, offer)), SupplierRecord)
    await store_record(visit.services, actor_of(client), source, siret, checked)


def trades_of_words(words: str, reference: Reference) -> dict[str, bool]:
    """The segments that sentences may mean, each with whether one surely says so; the sure ones first."""
    found: dict[str, bool] = {}
    for part in [part for part in _PART.split(words) if part.strip()][:MOST_PARTS]:
        explained, is_denied = reference.interpreter.titles.explain(part), _DENIED.search(part) is not None
        sure = {each.segment for each in explained.readings if each.confidence >= SURE and not is_denied}
        likely = [each.segment for each in explained.readings if each.confidence >= LIKELY]
        for segment in (*likely, *(code for _, named in explained.phrases for code in named)):
            found[segment] = found.get(segment, False) or segment in sure
    return dict(sorted(found.items(), key=lambda each: not each[1])[:MOST_FOUND])


def _form_page(visit: Visit, place: NotePlace, mistakes: Sequence[Mistake] = ()) -> Response[bytes]:
    """The form of a note: trades noted before, else those of the words; those asked for; those looked up by words."""
    reference, client, note = visit.reference, visit.call.bearer, place.note
    is_sent = visit.call.method == "POST"
    proposed, typed = trades_of_words(place.words, reference), visit.text("ajout")
    looked_up = [each.segment for each in reference.interpreter.search(typed, MOST_TYPED)] if typed else []
    noted = [segment for offer in note.offers for segment in offer.segments] if note else []
    ticked = visit.fields.get("metier", []) if is_sent else noted or [each for each, sure in proposed.items() if sure]
    known = filter(reference.taxonomy.known, (*ticked, *proposed, *place.asked, *looked_up))
    radii = [offer.service_area.radius_km for offer in note.offers if offer.service_area] if note else []
    return visit.page(
        "talk/note.html",
        place=place,
        action=visit.call.scope["path"].lstrip("/"),
        trades=[(each, reference.taxonomy.label(each)) for each in dict.fromkeys(known)],
        ticked=set(ticked),
        radius=visit.text("rayon") if is_sent else forms.plain_number(next(filter(None, radii), None)),
        told_on=visit.text("dit") if is_sent else (note and note.told_on) or place.told_on or "",
        how=visit.text("comment") if is_sent else (note and note.how) or place.how,
        sources=client.sources if client.may("sync") and place.supplier.siret else (),
        mistakes=mistakes,
    )
