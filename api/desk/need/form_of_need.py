"""The form that says what a need says: of the example, a notice, a proposal of lots, a need that was stored.

The terms that the words of a lot say are offered beside its fields: duration, renewals, amount, reservation.
"""

from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from api.desk.frame.field_kinds import plain_number
from api.desk.frame.form import form_saying
from api.desk.need.need_form import LotForm, NeedForm, words_read
from domain.needs.lot_words import Term, terms_in
from domain.needs.need import Lot, Need, Place, TerritoryRequest
from domain.text.bilingual import Text
from domain.text.labels import RESERVED


def form_of_need(need: Need, *, keep_ids: bool = True) -> NeedForm:
    """The form of a need. Without `keep_ids` its lots are numbered: nothing knows them yet."""
    return form_saying(
        NeedForm,
        need,
        **_place(need.territory),
        lots=tuple(_lot(lot, need, keep_ids=keep_ids) for lot in need.lots),
    )


def _lot(lot: Lot, need: Need, *, keep_ids: bool) -> LotForm:
    site = lot.site or Place()
    form = form_saying(
        LotForm,
        lot,
        **_place(lot.territory),
        id=lot.id if keep_ids else "",
        # the need says its terms: those of its words are offered, but not taken as said
        heard=heard(lot.title or ""),
        offered=lot.segments,
        chosen=lot.segments,
        site=_point(site),
        site_code=site.commune or "",
    )
    # named segments are those that stay ticked; without any, all that is read is
    reading = words_read((form.title, need.title or ""), form.cpv, form.keywords) if lot.segments else ""
    return msgspec.structs.replace(form, reading=reading)


def _place(territory: TerritoryRequest | None) -> dict[str, Any]:
    if territory is None:
        return {}
    near = territory.near or Place()
    return {
        "territories": territory.codes or ((f"commune:{near.commune}",) if near.commune else ()),
        "radius": plain_number(territory.radius_km),
        "centre": _point(near),
        "drawn": msgspec.json.encode(territory.geometry).decode() if territory.geometry else "",
    }


def _point(place: Place) -> str:
    return f"{place.lat},{place.lon}" if place.lat is not None and place.lon is not None else ""


FIELDS = {"months": "months", "renewal": "renewal", "value": "value", "covers": "covers"}
"""The attributes of a lot's form, by the kind of term that fills them in."""


class SaidTerm(NamedTuple):
    """A term to tick: its name in the form, what it is and the words that say it. `is_asked`: they only ask for it."""

    name: str
    label: Text
    words: str
    is_asked: bool
    ticked: bool


def heard(title: str) -> str:
    """A mark by which a form knows that the terms of these words were shown; empty where they say none."""
    return f"{crc32(title.encode()):x}" if terms_in(title) else ""


def terms_said(lot: LotForm) -> tuple[SaidTerm, ...]:
    """The terms that the words of a lot say and its fields do not; ticked as they were, or where said, if new."""
    terms = [term for term in terms_in(lot.title) if not _is_filled_in(lot, term)]
    was_shown = lot.heard == heard(lot.title)
    return tuple(
        SaidTerm(
            _name(term),
            _label(term),
            term.words,
            term.is_asked,
            _name(term) in lot.terms if was_shown else not term.is_asked,
        )
        for term in terms
    )


def with_terms(lot: LotForm) -> LotForm:
    """The form of a lot with its ticked terms in their fields."""
    ticked = {term.name for term in terms_said(lot) if term.ticked}
    for term in terms_in(lot.title):
        if _name(term) not in ticked:
            continue
        if term.kind == "reserved":
            lot = msgspec.structs.replace(lot, reserved=(*lot.reserved, term.value))
        else:
            lot = msgspec.structs.replace(lot, **{FIELDS[term.kind]: _text(term)})
    return msgspec.structs.replace(lot, heard=heard(lot.title), terms=())


def _is_filled_in(lot: LotForm, term: Term) -> bool:
    if term.kind == "reserved":
        return term.value in lot.reserved
    return bool(getattr(lot, FIELDS[term.kind]))


def _name(term: Term) -> str:
    return f"{term.kind}:{term.value}"


def _text(term: Term) -> str:
    return term.value if term.kind == "covers" else plain_number(float(term.value))


def _label(term: Term) -> Text:
    match term.kind:
        case "months":
            return Text(f"Durée ferme : {term.value} mois", f"First period: {term.value} months")
        case "renewal":
            return Text(f"Reconductions : {term.value} mois", f"Renewals: {term.value} months")
        case "value":
            return Text(f"Montant : {_text(term)} € hors taxe", f"Value: €{_text(term)} without VAT")
        case "covers":
            return Text("Le montant comprend reconductions et options", "The value holds renewals and options")
        case "reserved":
            to = RESERVED[term.value].to
            return Text(f"Réservé {to.fr}", f"Reserved to {to.en}")
