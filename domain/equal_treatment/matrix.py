"""Equal treatment of a need's suppliers before publication: who was told, asked and met, and who lacks what.

A supplier set aside by the buyer is not concerned by what comes after; one that is a candidate for one lot, not by what
is told of another.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from domain.equal_treatment.concerned import Concerned, SetAsideLot, concerned
from domain.equal_treatment.disclosures import (
    BEST_FIRST,
    Information,
    InformationKind,
    MessageReceipt,
    disclosures,
    informations,
)
from domain.equal_treatment.gaps import Gap, long_day
from domain.equal_treatment.rules import Contacts, contact_lacks, information_lacks, meeting_lacks, question_lacks
from domain.exchanges.exchange import Barrier, Channel, Exchange, Stance
from domain.exchanges.questions import questions_of
from domain.meetings.meeting import Format, Meeting, MeetingStatus
from domain.shortlists.frozen import Decision, FrozenShortlist, LotTotal, SupplierName
from domain.text.bilingual import Language, Text

T = TypeVar("T")
ContactCode = Literal["contacted", "not_delivered", "set_aside", "nobody_wrote", "nothing_on_its_lots", "met_only"]

_CONTACT: dict[ContactCode, Text] = {
    "contacted": Text("Contacté", "Contacted"),
    "not_delivered": Text("Aucun message ne lui est parvenu", "No message reached it"),
    "set_aside": Text("Écarté par l'acheteur", "Set aside by the buyer"),
    "nobody_wrote": Text("Jamais contacté", "Never contacted"),
    "nothing_on_its_lots": Text("Aucun échange ne porte sur ses lots", "No exchange is about its lots"),
    "met_only": Text("Rencontré, hors de la liste", "Met, though not on the shortlist"),
}
_CONTACTED = Text("contactés", "contacted")


class SupplierAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a supplier. `published`: its question was shared with all, who must not learn who asked it.

    `answered`: of a question; null for anything else.
    """

    message_id: UUID
    exchange_id: UUID
    subject: str
    at: datetime
    channel: Channel
    text: str
    stance: Stance | None
    barriers: tuple[Barrier, ...]
    barriers_note: str | None
    corrects: UUID | None
    confidential: bool
    answered: bool | None
    published: bool


class MeetingAttendance(msgspec.Struct, frozen=True):
    """A meeting to which a supplier was invited; `attended` null: not known."""

    meeting_id: UUID
    title: str
    format: Format
    starts_at: datetime
    status: MeetingStatus
    invited_at: datetime | None
    attended: bool | None


class ContactState(msgspec.Struct, frozen=True):
    """The reason for which a supplier was contacted, or was not."""

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


class SupplierTreatment(SupplierName, frozen=True, kw_only=True):
    """One supplier: whether and why it was contacted, what it was told and when, what it said, where it was met.

    `lots`: those it is a candidate for; none where it is not on the shortlist.
    """

    on_shortlist: bool
    lots: tuple[str, ...]
    set_aside: tuple[SetAsideLot, ...]
    contacted: bool
    contact: ContactState
    informations: tuple[MessageReceipt, ...]
    answers: tuple[SupplierAnswer, ...]
    meetings: tuple[MeetingAttendance, ...]
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
    suppliers_by_id = concerned(version, exchanges, meetings, living, earlier)
    told = disclosures(exchanges, living)
    receipts = _by_supplier((who, receipt) for each in told for who, receipt in each.receipts.items())
    contacts, found = Contacts(told), informations(told)
    lacks = [*contact_lacks(suppliers_by_id.values(), contacts)]
    lacks += (lack for each in found for lack in information_lacks(each, suppliers_by_id.values()))
    lacks += question_lacks(exchanges, suppliers_by_id, living)
    lacks += meeting_lacks(meetings, suppliers_by_id, living)
    gaps = _by_supplier((one.supplier_id, lack.gap((one,), language)) for lack in lacks for one in lack.suppliers)
    answers, met = _by_supplier(_answers(exchanges, living)), _by_supplier(_met(meetings, living))
    suppliers = tuple(
        SupplierTreatment(
            supplier_id=who,
            name=each.name,
            on_shortlist=bool(each.listed),
            lots=each.listed,
            set_aside=each.set_aside,
            contacted=(contact := _contact(each, receipts.get(who), contacts, language)).code == "contacted",
            contact=contact,
            informations=tuple(receipts.get(who, ())),
            answers=tuple(answers.get(who, ())),
            meetings=tuple(met.get(who, ())),
            gaps=tuple(gaps.get(who, ())),
        )
        for who, each in suppliers_by_id.items()
    )
    return EqualTreatment(
        need_id=version.need_id,
        shortlist=version.number,
        frozen_at=version.created_at,
        statement=_statement(version, suppliers, len(lacks), len(found)).to(language),
        lots=version.totals,
        informations=tuple(_summary(each) for each in found),
        suppliers=suppliers,
        gaps=tuple(each.gap(each.suppliers, language) for each in lacks),
    )


def _by_supplier(pairs: Iterable[tuple[UUID, T]]) -> dict[UUID, list[T]]:
    found: dict[UUID, list[T]] = {}
    for supplier_id, each in pairs:
        found.setdefault(supplier_id, []).append(each)
    return found


def _contact(
    supplier: Concerned, receipts: Sequence[MessageReceipt] | None, contacts: Contacts, language: Language
) -> ContactState:
    code: ContactCode = "nobody_wrote" if contacts.about(supplier.kept_lots) else "nothing_on_its_lots"
    if receipts is not None:
        code = "contacted" if any(each.may_have_arrived for each in receipts) else "not_delivered"
    elif not supplier.listed:
        code = "met_only"
    elif not supplier.kept_lots:
        code = "set_aside"
    reasons = dict.fromkeys(each.reason for each in supplier.set_aside if each.reason) if code == "set_aside" else ()
    return ContactState(code, " : ".join((_CONTACT[code].to(language), *reasons)))


def _answers(exchanges: Iterable[Exchange], living: Mapping[UUID, UUID]) -> Iterator[tuple[UUID, SupplierAnswer]]:
    for exchange in exchanges:
        questions = {each.message_id: each for each in questions_of(exchange).asked}
        for message in exchange.messages:
            if message.author == "supplier" and message.supplier_id is not None:
                question = questions.get(message.id)
                fields = msgspec.structs.asdict(message) | {
                    "message_id": message.id,
                    "exchange_id": exchange.id,
                    "subject": exchange.subject,
                    "at": message.created_at,
                    "text": message.body,
                    "answered": None if question is None else question.answered,
                    "published": question is not None and question.published,
                }
                yield living.get(message.supplier_id, message.supplier_id), msgspec.convert(fields, SupplierAnswer)


def _met(meetings: Iterable[Meeting], living: Mapping[UUID, UUID]) -> Iterator[tuple[UUID, MeetingAttendance]]:
    for one in meetings:
        invited = {
            living.get(each.supplier_id, each.supplier_id): each for each in one.participants if each.supplier_id
        }
        for who, each in invited.items():
            came = each.invited_at, each.attended
            yield who, MeetingAttendance(one.id, one.title, one.format, one.starts_at, one.status, *came)


def _summary(information: Information) -> InformationSummary:
    last = information.last
    states = Counter(each.state for each in information.receipts.values())
    return InformationSummary(
        message_id=last.message.id,
        exchange_id=last.exchange.id,
        subject=last.exchange.subject,
        kind=information.first.kind,
        text=last.message.body,
        question=last.question,
        lot_ids=tuple(sorted(information.lots)),
        told_at=last.message.created_at,
        corrected=information.corrected,
        shared=information.first.shared,
        **{state: states[state] for state in BEST_FIRST},
    )


def _statement(version: FrozenShortlist, suppliers: Sequence[SupplierTreatment], gaps: int, told: int) -> Text:
    """The matrix in figures, to be read on its own."""
    listed = Counter(each.contact.code for each in suppliers if each.on_shortlist)
    without = listed.total() - listed["contacted"] - listed["set_aside"]
    beside = sum(each.contacted and not each.on_shortlist for each in suppliers)
    unconfirmed = sum(one.state == "to_be_confirmed" for each in suppliers for one in each.informations)
    lacking = sum(bool(each.gaps) for each in suppliers)
    figures = {
        Text("fournisseurs", "suppliers"): listed.total(),
        _CONTACTED: listed["contacted"],
        Text("écartés sans contact", "set aside without contact"): listed["set_aside"],
        Text("non contactés", "not contacted"): without,
        Text("informations données", "informations given"): told,
        Text("contactés hors de la liste", "contacted beside the shortlist"): beside,
        Text("remises à confirmer par vous", "deliveries for you to confirm"): unconfirmed,
    }
    shown = [(name, number) for name, number in figures.items() if number or name == _CONTACTED]
    day, found = long_day(version.created_at), Text("aucun écart relevé", "no gap found")
    if gaps:
        found = Text(
            f"écarts relevés : {gaps} (fournisseurs : {lacking})", f"gaps found: {gaps} (suppliers: {lacking})"
        )
    french = [f"Liste n° {version.number} du {day.fr}", *(f"{name.fr} : {number}" for name, number in shown)]
    english = [f"Shortlist no. {version.number} of {day.en}", *(f"{name.en}: {number}" for name, number in shown)]
    return Text(" ; ".join((*french, f"{found.fr}.")), "; ".join((*english, f"{found.en}.")))
