"""Equal treatment of a need's suppliers as a table: who was told, asked, met, lacks what (see `concerned_suppliers`).

A supplier set aside by the buyer is not concerned by what comes after; one that is a candidate for one lot, not by what
is told of another.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Literal, TypeVar
from uuid import UUID

import msgspec

from domain.equal_treatment.concerned_suppliers import ConcernedSupplier, PresentIds, SetAsideLot, concerned_suppliers
from domain.equal_treatment.disclosures import (
    BEST_FIRST,
    DisclosedInformation,
    InformationKind,
    MessageReceipt,
    disclosures,
    group_disclosures,
)
from domain.equal_treatment.gaps import (
    ExchangeContact,
    Gap,
    contact_gaps,
    contacts_about,
    contacts_of,
    information_gaps,
    long_day,
    meeting_gaps,
    question_gaps,
)
from domain.exchanges.deliveries import decisive_delivery, delivery_words, rank
from domain.exchanges.exchange import Barrier, Channel, DeliveryState, Exchange, Stance, Way
from domain.exchanges.rules import questions_of
from domain.meetings.meeting import Format, Meeting, MeetingStatus
from domain.shortlists.version import Decision, FrozenShortlist, LotTotal, SupplierName
from domain.text.bilingual import Language, Text, join_texts, said_by
from domain.text.labels import CONTACTS

T = TypeVar("T")
ContactCode = Literal[
    "contacted",
    "unconfirmed",
    "not_yet_delivered",
    "not_delivered",
    "set_aside",
    "nobody_wrote",
    "nothing_on_its_lots",
    "met_only",
]

_CONTACTED = Text("contactés", "contacted")
_CONTACT_CODES: tuple[ContactCode, ...] = ("contacted", "unconfirmed", "not_yet_delivered", "not_delivered")
"""By the rank of the best delivery."""
_COLON: dict[Language, str] = {"fr": " : ", "en": ": "}


class SupplierAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a supplier."""

    message_id: UUID
    """UUID of the message, as in `GET /exchanges/{id}`"""
    exchange_id: UUID
    """UUID of the exchange that it is in"""
    subject: str
    """That of the exchange"""
    at: datetime
    """The moment it was written or noted"""
    channel: Channel
    """The means by which it came"""
    text: str
    """Its beginning, at most 120 characters"""
    stance: Stance | None
    """Its position, or that it asks; null: it took none"""
    barriers: tuple[Barrier, ...]
    """Obstacles to its answering"""
    barriers_note: str | None
    """The same in its words; null: none"""
    corrects: UUID | None
    """The message of its own that this one corrects; null: none"""
    confidential: bool
    """Whether it is for the buyer alone"""
    answered: bool | None
    """Whether a question was answered; null for anything else"""
    published: bool
    """Whether its question was shared with all, who must not learn who asked it"""


class MeetingAttendance(msgspec.Struct, frozen=True):
    """A meeting to which a supplier was invited."""

    meeting_id: UUID
    """UUID, as in `GET /meetings/{id}`"""
    title: str
    """That of the meeting"""
    format: Format
    """Its kind, such as `site_visit`"""
    starts_at: datetime
    """The moment it begins"""
    status: MeetingStatus
    """Whether it is planned, was held or was cancelled"""
    invited_at: datetime | None
    """The moment of the invitation; null: not known"""
    attended: bool | None
    """Whether the supplier came; null: not known"""


class ContactState(msgspec.Struct, frozen=True):
    """The reason for which a supplier was contacted, or was not."""

    code: ContactCode
    """Stable in every language"""
    message: str
    """A sentence in the language of the request, with the way and the day, or why it was not contacted"""
    way: Way = "none"
    """By which it was first contacted, else by which it is written to; `none`: not known, or it is not written to"""
    state: DeliveryState | None = None
    """Of that delivery, see `docs/exchanges.md`; null: nobody wrote to it"""
    since: date | None = None
    """The day in France since which it is contacted, or the delivery in that state; null: not known"""


class InformationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An information that the buyer sent, in its last version, and how many suppliers received it."""

    message_id: UUID
    """UUID of the message that is the last version"""
    messages: tuple[UUID, ...]
    """UUIDs of all messages that say it, in any of its versions"""
    exchange_id: UUID
    """UUID of the exchange that the last version is in"""
    subject: str
    """That of the exchange"""
    kind: InformationKind
    """`opening`: the first of an exchange; `reply`: to one supplier's; `answer`: to a question, for all"""
    text: str
    """Its beginning, at most 120 characters"""
    question: str | None
    """The question that an `answer` is to, as it was shared; else null"""
    lot_ids: tuple[str, ...]
    """Lots that it is about; empty: the whole need"""
    told_at: datetime
    """The moment its last version was written"""
    corrected: bool
    """Whether it has earlier versions"""
    shared: bool
    """Whether all suppliers of its lots need it; else it is private to those who were told"""
    received: int
    """Suppliers that have it"""
    to_be_confirmed: int
    """Suppliers to whom the buyer delivers it, who alone knows"""
    under_way: int
    """Suppliers to whom it is being sent"""
    not_delivered: int
    """Suppliers whom it did not reach"""


class SupplierTreatment(SupplierName, frozen=True, kw_only=True):
    """One supplier: whether and why it was contacted, what it was told and when, what it said, where it was met."""

    on_shortlist: bool
    """False: contacted or met, though the latest shortlist does not show it"""
    lots: tuple[str, ...]
    """Ids of those it is a candidate for; none where it is not on the shortlist"""
    set_aside: tuple[SetAsideLot, ...]
    """Lots for which the buyer set it aside"""
    contacted: bool | None
    """Whether a message of the buyer's reached it; null: not known, for no delivery was confirmed"""
    contact: ContactState
    """The reason for which it was contacted, or was not"""
    informations: tuple[MessageReceipt, ...]
    """Things that it was told, in order of time"""
    answers: tuple[SupplierAnswer, ...]
    """Messages of the supplier, in order of time"""
    meetings: tuple[MeetingAttendance, ...]
    """Those to which it was invited"""
    gaps: tuple[Gap, ...]
    """The thing it lacks"""


NoticePlace = Literal["buyer_profile", "boamp", "ted", "other"]
NOTICE_MADE, NOTICE_PUBLISHED = "notice.made", "notice.published"
"""The actions of the journal's entries about notices of a need."""


class NoticeStep(msgspec.Struct, frozen=True, kw_only=True):
    """A notice of a preliminary market consultation that was made, or that the buyer says it published.

    Anybody could then read it, without being written to.
    """

    at: datetime
    """The moment it was made, or noted as published"""
    published_on: date | None = None
    """The day on which it was published; null: it was made"""
    where: NoticePlace | None = None
    """The place where it was published; null: it was made"""
    sha256: str | None = None
    """Of the file that was made; null: it was published"""


class EqualTreatment(msgspec.Struct, frozen=True, kw_only=True):
    """The suppliers of the latest shortlist, then others that were contacted or met, and all gaps."""

    need_id: UUID
    """UUID, as in `GET /needs/{id}`"""
    shortlist: int
    """The number of its latest version"""
    frozen_at: datetime
    """The moment that version was made"""
    statement: str
    """All of it in a sentence, in the language of the request"""
    lots: tuple[LotTotal, ...]
    """The candidates of each lot, and those that the shortlist shows: the others are not here"""
    informations: tuple[InformationSummary, ...]
    """Things that the buyer told, each thing once"""
    suppliers: tuple[SupplierTreatment, ...]
    """Those on the shortlist first"""
    gaps: tuple[Gap, ...]
    """Things that suppliers lack, each once with all who lack it"""
    notices: tuple[NoticeStep, ...] = ()
    """Notices of a preliminary market consultation, made and published, in order of time"""


def equal_treatment(
    version: FrozenShortlist,
    exchanges: Sequence[Exchange],
    meetings: Sequence[Meeting],
    language: Language,
    living: PresentIds,
    earlier_decisions: Iterable[Decision] = (),
    *,
    by_questions: bool = True,
) -> EqualTreatment:
    """The equal treatment of a need's suppliers, by the latest `version` of its shortlist, exchanges and meetings.

    `earlier_decisions`: on versions before, for since when a supplier is set aside. `by_questions`: as in `arrivals`.
    """
    suppliers_by_id = concerned_suppliers(version, exchanges, meetings, living, earlier_decisions)
    told = disclosures(exchanges, living, by_questions=by_questions)
    receipts = _by_supplier((who, receipt) for each in told for who, receipt in each.receipts.items())
    contacts, found = contacts_of(told), group_disclosures(told)
    lacks = [*contact_gaps(suppliers_by_id.values(), contacts)]
    lacks += chain.from_iterable(information_gaps(each, suppliers_by_id.values()) for each in found)
    lacks += [*question_gaps(exchanges, suppliers_by_id, living), *meeting_gaps(meetings, suppliers_by_id, living)]
    gaps = _by_supplier((one.supplier_id, lack.in_words((one,), language)) for lack in lacks for one in lack.suppliers)
    answers, met = _by_supplier(_answers(exchanges, living)), _by_supplier(_attendances(meetings, living))
    suppliers = tuple(
        SupplierTreatment(
            supplier_id=who,
            name=each.name,
            on_shortlist=bool(each.listed),
            lots=each.listed,
            set_aside=each.set_aside,
            contact=(state := _contact_state(each, receipts.get(who, []), contacts, language)),
            contacted=None if state.code == "unconfirmed" else state.code == "contacted",
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
        statement=_figures_in_words(version, suppliers, len(lacks), len(found)).to(language),
        lots=version.totals,
        informations=tuple(_information_summary(each) for each in found),
        suppliers=suppliers,
        gaps=tuple(each.in_words(each.suppliers, language) for each in lacks),
    )


def _by_supplier(pairs: Iterable[tuple[UUID, T]]) -> dict[UUID, list[T]]:
    """The values of pairs (supplier's id, value), grouped by supplier."""
    found: dict[UUID, list[T]] = {}
    for supplier_id, each in pairs:
        found.setdefault(supplier_id, []).append(each)
    return found


def _contact_state(
    supplier: ConcernedSupplier, receipts: list[MessageReceipt], contacts: list[ExchangeContact], language: Language
) -> ContactState:
    """The reason for which a supplier was contacted, or was not. `contacts`: those of all suppliers of the need."""
    if receipts:
        best = decisive_delivery(each.delivery for each in receipts)
        code: ContactCode = _CONTACT_CODES[rank(best.state)]
        words = CONTACTS[code].to(language), delivery_words(best).to(language)
        return ContactState(code, _COLON[language].join(words), best.way, best.state, best.since)
    code = "nobody_wrote" if contacts_about(contacts, supplier.active_lots) else "nothing_on_its_lots"
    if not supplier.listed:
        code = "met_only"
    elif not supplier.active_lots:
        code = "set_aside"
    reasons = dict.fromkeys(each.reason for each in supplier.set_aside if each.reason) if code == "set_aside" else ()
    return ContactState(code, " : ".join((CONTACTS[code].to(language), *reasons)))


def _answers(exchanges: Iterable[Exchange], living: PresentIds) -> Iterator[tuple[UUID, SupplierAnswer]]:
    """The present id of the supplier and the answer, for each message of a supplier."""
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


def _attendances(meetings: Iterable[Meeting], living: PresentIds) -> Iterator[tuple[UUID, MeetingAttendance]]:
    """The present id of the supplier and its attendance, for each invitation of a supplier to a meeting."""
    for one in meetings:
        invited = {
            living.get(each.supplier_id, each.supplier_id): each for each in one.participants if each.supplier_id
        }
        for who, each in invited.items():
            came = each.invited_at, each.attended
            yield who, MeetingAttendance(one.id, one.title, one.format, one.starts_at, one.status, *came)


def _information_summary(information: DisclosedInformation) -> InformationSummary:
    last = information.last
    states = Counter(each.state for each in information.receipts.values())
    return InformationSummary(
        message_id=last.message.id,
        messages=information.messages,
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


def _figures_in_words(version: FrozenShortlist, suppliers: Sequence[SupplierTreatment], gaps: int, told: int) -> Text:
    """A sentence with the figures of the matrix: suppliers, contacts, informations (`told` of them) and gaps."""
    listed = Counter(each.contact.code for each in suppliers if each.on_shortlist)
    uncertain = listed["unconfirmed"] + listed["not_yet_delivered"]
    without = listed.total() - listed["contacted"] - uncertain - listed["set_aside"]
    beside = sum(bool(each.contacted) and not each.on_shortlist for each in suppliers)
    unconfirmed = sum(one.state == "to_be_confirmed" for each in suppliers for one in each.informations)
    lacking = sum(bool(each.gaps) for each in suppliers)
    figures = {
        Text("fournisseurs", "suppliers"): listed.total(),
        _CONTACTED: listed["contacted"],
        Text("contact non confirmé", "contact not confirmed"): uncertain,
        Text("non interrogés, par décision", "set aside without contact"): listed["set_aside"],
        Text("non contactés", "not contacted"): without,
        Text("informations données", "informations given"): told,
        Text("contactés hors de la liste", "contacted beside the shortlist"): beside,
        Text("remises à confirmer par vous", "deliveries for you to confirm"): unconfirmed,
    }
    shown = ((name, number) for name, number in figures.items() if number or name == _CONTACTED)
    day = long_day(version.created_at)
    opening = Text(f"Liste n° {version.number} du {day.fr}", f"Shortlist no. {version.number} of {day.en}")
    found = Text("aucun écart relevé.", "no gap found.")
    if gaps:
        found = said_by(__name__)["gaps_found"].filled(gaps=gaps, lacking=lacking)
    return join_texts(
        [opening, *(Text(f"{name.fr} : {number}", f"{name.en}: {number}") for name, number in shown), found]
    )
