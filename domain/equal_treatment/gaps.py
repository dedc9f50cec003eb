"""The things that suppliers lack: gaps in contacts, informations, answers and meetings, as facts and in words.

A lack is one thing that suppliers lack and others have; it is told for all of them, or for one.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.equal_treatment.concerned_suppliers import ConcernedSupplier, PresentIds
from domain.equal_treatment.disclosures import (
    DisclosedInformation,
    Disclosure,
    InformationKind,
    MessageReceipt,
    ReceiptState,
    best_receipts,
)
from domain.exchanges.deliveries import failure_words, state_words
from domain.exchanges.exchange import Exchange, ExchangeSummary
from domain.exchanges.rules import questions_of
from domain.meetings.meeting import Format, Meeting
from domain.shortlists.version import SupplierName
from domain.text.bilingual import NOTHING, PARIS, Language, Text, long_date, said_by
from domain.text.labels import GAPS

_SAID = said_by(__name__)

GapCode = Literal[
    "not_contacted",
    "missed_information",
    "missed_answer",
    "missed_correction",
    "answer_not_shared",
    "not_yet_delivered",
    "not_delivered",
    "late_information",
    "question_unanswered",
    "not_invited",
]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """An information or event that some suppliers lack, and which suppliers they are."""

    code: GapCode
    """Stable in every language"""
    message: str
    """A sentence in the language of the request"""
    suppliers: tuple[SupplierName, ...]
    """Those that lack it"""
    others: int
    """The number of suppliers that have it"""
    lot_ids: tuple[str, ...]
    """Lots that it is about; empty: the whole need"""
    exchange_id: UUID | None = None
    """Of an exchange; null: it comes from none"""
    message_id: UUID | None = None
    """Of a message; null: it is about none"""
    meeting_id: UUID | None = None
    """Of a meeting; null: it is about none"""
    confidential: bool = False
    """Whether it is for the buyer alone to read"""


class GapFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a gap, not yet in words. `holders`: the arrival state at each supplier that has what others lack.

    `day`, `subject`: of the message, exchange or meeting that `ids` names. `words`: what else the sentence says.
    """

    code: GapCode
    day: datetime
    subject: str
    lots: Collection[str]
    ids: dict[str, UUID]
    suppliers: list[ConcernedSupplier] = []
    holders: dict[UUID, ReceiptState] = {}
    words: dict[str, Text] = {}
    sentence: Text | None = None
    confidential: bool = False

    def in_words(self, suppliers: Sequence[ConcernedSupplier], language: Language) -> Gap:
        """The gap in words, with the names of `suppliers`: all that lack the thing, or some of them."""
        lacking = {each.supplier_id for each in suppliers}
        others = [state for holder, state in self.holders.items() if holder not in lacking]
        names = [each.name for each in suppliers]
        got, were = _phrases_on_others(len(others), len(others) - others.count("received"))
        words = self.words | {
            "day": long_day(self.day),
            "subject": Text(self.subject, self.subject),
            "got": got,
            "were": were,
            "who": Text(names[0], names[0]),
            "has": Text("n'a", ""),
            "was": Text("", "was"),
            "s": NOTHING,
        }
        after = NOTHING
        if len(names) > 1:
            words["who"] = Text(f"{len(names)} fournisseurs", f"{len(names)} suppliers")
            words |= {"has": Text("n'ont", ""), "was": Text("", "were"), "s": Text("s", "")}
            after = Text(f" : {', '.join(names)}", f": {', '.join(names)}")
        sentence = self.sentence or GAPS[self.code]
        said = sentence.to(language).format(**{name: text.to(language) for name, text in words.items()})
        return Gap(
            code=self.code,
            message=said + after.to(language),
            suppliers=tuple(SupplierName(each.supplier_id, each.name) for each in suppliers),
            others=len(others),
            lot_ids=tuple(sorted(self.lots)),
            **self.ids,
            confidential=self.confidential,
        )


def long_day(moment: datetime) -> Text:
    """The day of a moment in Paris, with its month in words."""
    return long_date(moment.astimezone(PARIS).date())


def _phrases_on_others(count: int, unconfirmed: int) -> tuple[Text, Text]:
    """Two phrases, “that 3 others received” and “3 others were”, which say for how many delivery is `unconfirmed`."""
    if count and unconfirmed == count:
        others = Text("un autre", "1 other") if count == 1 else Text(f"{count} autres", f"{count} others")
        french, english = f"{others.fr} (envoi à confirmer)", f"{others.en} (delivery not confirmed)"
        got = Text(f" destinée à {french}", f" meant for {english}")
        return got, Text(f"qu'un message a été préparé pour {french}", f"a message was prepared for {english}")
    if count == 1:
        return Text(" qu'un autre a reçue", " that 1 other received"), Text("qu'un autre l'a été", "1 other was")
    fr, en = NOTHING
    if unconfirmed:
        fr, en = f" (dont {unconfirmed} sous réserve de remise)", f" ({unconfirmed} of them if it was delivered)"
    got = Text(f" que {count} autres ont reçue{fr}", f" that {count} others received{en}") if count else NOTHING
    return got, Text(f"que {count} autres l'ont été{fr}", f"{count} others were{en}")


LATE = timedelta(days=7)
"""A supplier told later than this after the first one had less time to make something of it."""
ONE_BY_ONE: frozenset[Format] = frozenset(("one_to_one", "site_visit"))
"""Meetings that are held once with each supplier."""
_MISSING: dict[InformationKind, tuple[GapCode, Text]] = {
    "opening": ("missed_information", _SAID["information"]),
    "message": ("missed_information", _SAID["information"]),
    "answer": ("missed_answer", _SAID["answer"]),
    "reply": ("answer_not_shared", _SAID["answer"]),
}


class ExchangeContact(NamedTuple):
    """An exchange, with the surest receipt of each supplier that one of its messages may have reached."""

    exchange: ExchangeSummary
    receipts: dict[UUID, MessageReceipt]


def contacts_of(disclosed: Iterable[Disclosure]) -> list[ExchangeContact]:
    """The exchanges that may have reached some supplier, in the order in which they were opened."""
    reached: dict[UUID, tuple[ExchangeSummary, list[tuple[UUID, MessageReceipt]]]] = {}
    for each in disclosed:
        if arrived := [pair for pair in each.receipts.items() if pair[1].may_have_arrived]:
            reached.setdefault(each.exchange.id, (each.exchange, []))[1].extend(arrived)
    found = (ExchangeContact(exchange, best_receipts(arrived)) for exchange, arrived in reached.values())
    return sorted(found, key=lambda each: (each.exchange.opened_at, each.exchange.id))


def contacts_about(contacts: Iterable[ExchangeContact], lots: Collection[str]) -> list[ExchangeContact]:
    """The contacts by an exchange about one of these lots or about the whole need; none where no lot is given."""
    return [each for each in contacts if lots and (not each.exchange.lot_ids or {*each.exchange.lot_ids} & {*lots})]


def contact_gaps(suppliers: Iterable[ConcernedSupplier], contacts: Sequence[ExchangeContact]) -> Iterator[GapFacts]:
    """Yield a gap per exchange: the shortlisted suppliers never written to, though others were, about their lots."""
    found: dict[UUID, GapFacts] = {}
    for supplier in suppliers:
        if supplier.listed and not supplier.written_to and (about := contacts_about(contacts, supplier.active_lots)):
            first, receipts = about[0]
            arrivals = (each.at for each in receipts.values() if each.state == "received")
            lack = found.setdefault(
                first.id,
                GapFacts(
                    code="not_contacted",
                    day=min(arrivals, default=first.opened_at),
                    subject=first.subject,
                    lots=first.lot_ids,
                    ids={"exchange_id": first.id},
                ),
            )
            lack.suppliers.append(supplier)
            best = best_receipts(chain.from_iterable(each.receipts.items() for each in about))
            lack.holders.update(_states_of_holders(best))
    yield from found.values()


def information_gaps(information: DisclosedInformation, suppliers: Iterable[ConcernedSupplier]) -> Iterator[GapFacts]:
    """Yield the gaps in an information by code: suppliers that miss it or its correction, or got either late."""
    missing, what = _MISSING[information.first.kind]
    # `detail`: why something was not delivered, its state where it was not yet, or the day on which it came late
    holders = {who: receipt for who, receipt in information.receipts.items() if receipt.may_have_arrived}
    lacking: dict[tuple[GapCode, Text], list[ConcernedSupplier]] = {}
    for supplier in suppliers:
        code = _gap_code(information, supplier.supplier_id, holders)
        told = information.first if code == missing else information.last
        if code and supplier.written_to and supplier.is_concerned(told.message.created_at, information.lots):
            receipt, detail = information.receipts.get(supplier.supplier_id), NOTHING
            if code == "late_information" and receipt:
                detail = long_day(receipt.at)
            elif code == "not_yet_delivered" and receipt:
                detail = state_words(receipt.way, receipt.delivery_state)
            # one that was cancelled may have failed before: that is not why it did not arrive
            elif receipt and receipt.failure and receipt.delivery_state == "undeliverable":
                detail = Text(" ({why})", " ({why})").filled(why=failure_words(receipt.failure))
            lacking.setdefault((code, detail), []).append(supplier)
    for (code, detail), some in lacking.items():
        told, having = (information.first, information.given) if code == missing else (information.last, holders)
        yield GapFacts(
            code=code,
            day=told.message.created_at,
            subject=told.exchange.subject,
            lots=information.lots,
            ids={"exchange_id": told.exchange.id, "message_id": told.message.id},
            suppliers=some,
            holders=_states_of_holders(having),
            words={"what": what, "detail": detail},
            confidential=not information.first.shared,
        )


def _states_of_holders(receipts: Mapping[UUID, MessageReceipt]) -> dict[UUID, ReceiptState]:
    """The state of each supplier's receipt; receipts under way are left out unless all are under way."""
    some = {who: receipt.state for who, receipt in receipts.items() if not receipt.is_under_way}
    return some or {who: receipt.state for who, receipt in receipts.items()}


def _gap_code(information: DisclosedInformation, who: UUID, holders: Mapping[UUID, MessageReceipt]) -> GapCode | None:
    """The code of supplier `who`'s gap in an information; None: no gap. `holders`: receipts of the last wording."""
    if who in information.receipts and who not in holders:
        return "not_delivered"
    if who in holders and holders[who].is_under_way:
        # what nobody has yet is no gap
        return "not_yet_delivered" if any(each.state == "received" for each in holders.values()) else None
    if not information.first.shared:
        return None
    if who not in information.given:
        return _MISSING[information.first.kind][0] if information.given else None
    if who not in holders:
        return "missed_correction" if holders else None
    latest = information.last.message.created_at + LATE
    in_time = any(receipt.at <= latest for receipt in holders.values())
    return "late_information" if in_time and holders[who].at > latest else None


def question_gaps(
    exchanges: Iterable[Exchange], suppliers: Mapping[UUID, ConcernedSupplier], living: PresentIds
) -> Iterator[GapFacts]:
    """Yield a gap for each question of a supplier that the buyer did not answer."""
    for exchange in exchanges:
        for question in questions_of(exchange).asked:
            if not question.answered:
                yield GapFacts(
                    code="question_unanswered",
                    day=question.asked_at,
                    subject=exchange.subject,
                    lots=exchange.lot_ids,
                    ids={"exchange_id": exchange.id, "message_id": question.message_id},
                    suppliers=[suppliers[living.get(question.supplier_id, question.supplier_id)]],
                    confidential=question.confidential,
                )


class _Invitations:
    """A meeting, the suppliers invited, and its `lots`: those that these suppliers were written to about (`topics`)."""

    def __init__(self, meeting: Meeting, suppliers: Mapping[UUID, ConcernedSupplier], living: PresentIds) -> None:
        ids = (each.supplier_id for each in meeting.participants if each.supplier_id)
        self.meeting, self.invited = meeting, frozenset(living.get(each, each) for each in ids)
        self.lots = frozenset(lot for each in self.invited for lot in suppliers[each].topics)
        # a meeting may be noted after it was held
        self.at = min(meeting.created_at, meeting.starts_at)

    def concerns(self, supplier: ConcernedSupplier) -> bool:
        """Whether the supplier was invited, or should have been."""
        return supplier.supplier_id in self.invited or supplier.is_concerned(self.at, self.lots)


def meeting_gaps(
    meetings: Iterable[Meeting], suppliers: Mapping[UUID, ConcernedSupplier], living: PresentIds
) -> Iterator[GapFacts]:
    """Yield a gap per meeting: suppliers not invited, and invited to fewer of its format than others of their lots.

    Of meetings with one supplier at a time, one lacks a meeting who had none. Of others, one who was invited to fewer
    than somebody else: a session held twice, with half of the suppliers each, is no gap. Of those that it missed, the
    meetings with most suppliers are named.
    """
    by_format: dict[Format, list[_Invitations]] = {}
    held = [_Invitations(each, suppliers, living) for each in meetings if each.status != "cancelled"]
    for each in sorted(held, key=lambda each: (-len(each.invited), each.at)):
        by_format.setdefault(each.meeting.format, []).append(each)
    found: dict[UUID, GapFacts] = {}
    for supplier in suppliers.values():
        for one_by_one, some in ((kind in ONE_BY_ONE, some) for kind, some in by_format.items()):
            own = [each for each in some if each.concerns(supplier)]
            invited = Counter(who for each in own for who in each.invited)
            due = min(max(invited.values(), default=0), 1 if one_by_one else len(own)) - invited[supplier.supplier_id]
            missed = [each for each in own if supplier.supplier_id not in each.invited]
            for each in missed[: max(due, 0)]:
                lack = found.setdefault(
                    each.meeting.id,
                    GapFacts(
                        code="not_invited",
                        day=each.meeting.starts_at,
                        subject=each.meeting.title,
                        lots=each.lots,
                        ids={"meeting_id": each.meeting.id},
                        sentence=_SAID["never_invited"] if one_by_one else None,
                    ),
                )
                lack.suppliers.append(supplier)
                lack.holders.update(dict.fromkeys(invited if one_by_one else each.invited, "received"))
    yield from found.values()
