"""Whether all suppliers of a shortlist were treated alike before publication: who was told, asked and met, and gaps.

A supplier set aside by the buyer is not concerned by what comes after; one that is a candidate for one lot, not by what
is told of another.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.equal_treatment.disclosures import Information, InformationKind, Receipt, Told
from domain.equal_treatment.gaps import (
    PARIS,
    Concerned,
    Gap,
    contact_gap,
    information_gaps,
    meeting_gaps,
    question_gap,
)
from domain.equal_treatment.history import Answer, Met, SetAside, Treatments
from domain.exchanges.exchange import Exchange
from domain.meetings.meeting import Meeting
from domain.shortlists.frozen import Decision, FrozenShortlist, LotTotal
from domain.text.bilingual import Language, Text, long_date

ContactCode = Literal["contacted", "not_delivered", "set_aside", "nobody_wrote", "nothing_on_its_lots", "met_only"]

_CONTACT: dict[ContactCode, Text] = {
    "contacted": Text("Contacté", "Contacted"),
    "not_delivered": Text("Aucun message ne lui est parvenu", "No message reached it"),
    "set_aside": Text("Écarté par l'acheteur", "Set aside by the buyer"),
    "nobody_wrote": Text("Jamais contacté", "Never contacted"),
    "nothing_on_its_lots": Text("Aucun échange ne porte sur ses lots", "No exchange is about its lots"),
    "met_only": Text("Rencontré, hors de la liste", "Met, though not on the shortlist"),
}


class ContactState(msgspec.Struct, frozen=True):
    """Why a supplier was contacted, or was not."""

    code: ContactCode
    message: str


class InformationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the buyer told, in its last version, and how many suppliers have that.

    `shared`: all suppliers of its lots need it; else it is private to those who were told. `lot_ids` empty: about the
    whole need. `corrected`: it has earlier versions.
    """

    message_id: UUID
    exchange_id: UUID
    subject: str
    kind: InformationKind
    text: str
    question: str | None
    lot_ids: tuple[str, ...]
    told_at: datetime
    corrected: bool
    shared: bool
    received: int
    to_be_confirmed: int
    under_way: int
    not_delivered: int


class SupplierTreatment(msgspec.Struct, frozen=True, kw_only=True):
    """One supplier: whether and why it was contacted, what it was told and when, what it said, where it was met.

    `lots`: those it is a candidate for; none where it is not on the shortlist.
    """

    supplier_id: UUID
    name: str
    on_shortlist: bool
    lots: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    contacted: bool
    contact: ContactState
    informations: tuple[Receipt, ...]
    answers: tuple[Answer, ...]
    meetings: tuple[Met, ...]
    gaps: tuple[Gap, ...]


class EqualTreatment(msgspec.Struct, frozen=True, kw_only=True):
    """The suppliers of the latest shortlist, then others that were contacted or met, and all gaps.

    `lots`: how many candidates each lot has, and how many the shortlist shows: who is beyond these is not here.
    """

    need_id: UUID
    shortlist: int
    frozen_at: datetime
    statement: str
    lots: tuple[LotTotal, ...]
    informations: tuple[InformationSummary, ...]
    suppliers: tuple[SupplierTreatment, ...]
    gaps: tuple[Gap, ...]


def equal_treatment(
    version: FrozenShortlist,
    exchanges: Sequence[Exchange],
    meetings: Sequence[Meeting],
    language: Language,
    living: Mapping[UUID, UUID],
    earlier: Iterable[Decision] = (),
) -> EqualTreatment:
    """The matrix of a need: `version` is its latest shortlist; `exchanges` and `meetings` are all there are about it.

    `living`: the supplier that an id stands for now, where that is another one (`db.suppliers.write.survivors`).
    `earlier`: the decisions on versions before this one, which tell since when a supplier is set aside.
    """
    need = Treatments(version, exchanges, meetings, living, earlier)
    gaps: dict[UUID, list[Gap]] = {supplier_id: [] for supplier_id in need.concerned}
    for gap in _gaps(need, language):
        gaps[gap.supplier_id].append(gap)
    suppliers = tuple(_supplier(need, each, gaps[each.supplier_id], language) for each in need.concerned.values())
    return EqualTreatment(
        need_id=version.need_id,
        shortlist=version.number,
        frozen_at=version.created_at,
        statement=_statement(version, suppliers, need.told).to(language),
        lots=version.totals,
        informations=tuple(_summary(each) for each in need.told.informations),
        suppliers=suppliers,
        gaps=tuple(gap for each in suppliers for gap in each.gaps),
    )


def _gaps(need: Treatments, language: Language) -> Iterator[Gap]:
    concerned = need.concerned
    yield from _contact_gaps(need, language)
    for information in need.told.informations:
        yield from information_gaps(information, concerned.values(), language)
    for exchange, question in need.questions:
        if not question.answered:
            yield question_gap(concerned[need.now(question.supplier_id)], question, exchange, language)
    yield from meeting_gaps(need.invitations, tuple(concerned.values()), language)


def _contact_gaps(need: Treatments, language: Language) -> Iterator[Gap]:
    for supplier_id, supplier in need.concerned.items():
        if supplier_id in need.told.receipts or supplier_id not in need.listed:
            continue
        first, others = need.reached(supplier.kept_lots)
        if first is not None and others:
            yield contact_gap(supplier, len(others), first, language)


def _supplier(need: Treatments, supplier: Concerned, gaps: Sequence[Gap], language: Language) -> SupplierTreatment:
    supplier_id = supplier.supplier_id
    listed = need.listed.get(supplier_id)
    set_aside = tuple(need.set_aside.get(supplier_id, ()))
    code = _contact(need, supplier)
    reasons = dict.fromkeys(each.reason for each in set_aside if each.reason) if code == "set_aside" else {}
    return SupplierTreatment(
        supplier_id=supplier_id,
        name=supplier.name,
        on_shortlist=listed is not None,
        lots=listed.lots if listed else (),
        set_aside=set_aside,
        contacted=code == "contacted",
        contact=ContactState(code, " : ".join((_CONTACT[code].to(language), *reasons))),
        informations=tuple(need.told.receipts.get(supplier_id, ())),
        answers=tuple(need.answers.get(supplier_id, ())),
        meetings=tuple(need.met.get(supplier_id, ())),
        gaps=tuple(gaps),
    )


def _contact(need: Treatments, supplier: Concerned) -> ContactCode:
    receipts = need.told.receipts.get(supplier.supplier_id)
    if receipts is not None:
        return "contacted" if any(each.given for each in receipts) else "not_delivered"
    if supplier.supplier_id not in need.listed:
        return "met_only"
    if not supplier.kept_lots:
        return "set_aside"
    return "nobody_wrote" if need.reached(supplier.kept_lots)[1] else "nothing_on_its_lots"


def _summary(information: Information) -> InformationSummary:
    last = information.last
    states = Counter(each.state for each in last.receipts.values())
    return InformationSummary(
        message_id=last.message_id,
        exchange_id=last.exchange_id,
        subject=last.subject,
        kind=information.kind,
        text=last.text,
        question=last.question,
        lot_ids=tuple(sorted(information.lots)),
        told_at=last.told_at,
        corrected=len(information.wordings) > 1,
        shared=information.shared,
        received=states["received"],
        to_be_confirmed=states["to_be_confirmed"],
        under_way=states["under_way"],
        not_delivered=states["not_delivered"],
    )


def _statement(version: FrozenShortlist, suppliers: Sequence[SupplierTreatment], told: Told) -> Text:
    """What the matrix comes to, to be read on its own."""
    listed = Counter(each.contact.code for each in suppliers if each.on_shortlist)
    beside = sum(each.contacted and not each.on_shortlist for each in suppliers)
    unconfirmed = sum(each.state == "to_be_confirmed" for some in told.receipts.values() for each in some)
    gaps, lacking = sum(len(each.gaps) for each in suppliers), sum(bool(each.gaps) for each in suppliers)
    day = long_date(version.created_at.astimezone(PARIS).date())
    parts = [
        Text(f"Liste n° {version.number} du {day.fr}", f"Shortlist no. {version.number} of {day.en}"),
        Text(f"fournisseurs : {listed.total()}", f"suppliers: {listed.total()}"),
        Text(f"contactés : {listed['contacted']}", f"contacted: {listed['contacted']}"),
        Text(f"écartés sans contact : {listed['set_aside']}", f"set aside without contact: {listed['set_aside']}"),
        Text(f"informations données : {len(told.informations)}", f"informations given: {len(told.informations)}"),
    ]
    if without := listed.total() - listed["contacted"] - listed["set_aside"]:
        parts.insert(4, Text(f"non contactés : {without}", f"not contacted: {without}"))
    if beside:
        parts.append(Text(f"contactés hors de la liste : {beside}", f"contacted beside the shortlist: {beside}"))
    if unconfirmed:
        parts.append(
            Text(f"remises à confirmer par vous : {unconfirmed}", f"deliveries for you to confirm: {unconfirmed}")
        )
    found = Text("aucun écart relevé", "no gap found")
    if gaps:
        found = Text(
            f"écarts relevés : {gaps} (fournisseurs : {lacking})", f"gaps found: {gaps} (suppliers: {lacking})"
        )
    parts.append(found)
    return Text(" ; ".join(each.fr for each in parts) + ".", "; ".join(each.en for each in parts) + ".")
