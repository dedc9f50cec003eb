"""The rules of equal treatment: who lacks a contact, an information, its correction, an answer or a meeting."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.equal_treatment.disclosures import (
    DisclosedInformation,
    Disclosure,
    InformationKind,
    MessageReceipt,
    ReceiptState,
    surest_first,
)
from domain.equal_treatment.gaps import NEVER_INVITED, Concerned, GapCode, Lack, long_day
from domain.exchanges.deliveries import failure_words, state_words
from domain.exchanges.exchange import Exchange, ExchangeSummary
from domain.exchanges.rules import questions_of
from domain.meetings.meeting import Format, Meeting
from domain.text.bilingual import NOTHING, Text

LATE = timedelta(days=7)
"""A supplier told later than this after the first one had less time to make something of it."""
ONE_BY_ONE: frozenset[Format] = frozenset(("one_to_one", "site_visit"))
"""Meetings that are held once with each supplier."""
_INFORMATION, _ANSWER = Text("l'information", "the information"), Text("la réponse", "the answer")
_MISSING: dict[InformationKind, tuple[GapCode, Text]] = {
    "opening": ("missed_information", _INFORMATION),
    "message": ("missed_information", _INFORMATION),
    "answer": ("missed_answer", _ANSWER),
    "reply": ("answer_not_shared", _ANSWER),
}


class Contact(NamedTuple):
    """An exchange, and the best receipt of each supplier that it may have reached."""

    exchange: ExchangeSummary
    to: dict[UUID, MessageReceipt]

    @property
    def lots(self) -> frozenset[str]:
        return frozenset(self.exchange.lot_ids)

    @property
    def day(self) -> datetime:
        """The first known arrival of a message of the exchange, else the opening of the exchange."""
        return min((each.at for each in self.to.values() if each.state == "received"), default=self.exchange.opened_at)


class Contacts:
    """The exchanges that may have reached some supplier, in the order in which they were opened."""

    def __init__(self, told: Iterable[Disclosure]) -> None:
        given: dict[UUID, Contact] = {}
        for each in told:
            for who, receipt in each.receipts.items():
                if receipt.may_have_arrived:
                    to = given.setdefault(each.exchange.id, Contact(each.exchange, {})).to
                    to[who] = min(to.get(who, receipt), receipt, key=surest_first)
        self._given = sorted(given.values(), key=lambda each: (each.exchange.opened_at, each.exchange.id))

    def about(self, lots: Collection[str]) -> list[Contact]:
        """The exchanges about one of these lots or the whole need, with the suppliers that they may have reached."""
        return [each for each in self._given if lots and not (each.lots and each.lots.isdisjoint(lots))]


def contact_lacks(suppliers: Iterable[Concerned], contacts: Contacts) -> Iterator[Lack]:
    """A lack per exchange: the shortlisted suppliers not written to, though others were about the same lots."""
    found: dict[UUID, Lack] = {}
    for supplier in suppliers:
        if supplier.listed and not supplier.written_to and (about := contacts.about(supplier.kept_lots)):
            first = about[0].exchange
            lack = found.setdefault(
                first.id,
                Lack(
                    code="not_contacted",
                    day=about[0].day,
                    subject=first.subject,
                    lots=first.lot_ids,
                    ids={"exchange_id": first.id},
                ),
            )
            lack.suppliers.append(supplier)
            best: dict[UUID, MessageReceipt] = {}
            for who, receipt in (each for one in about for each in one.to.items()):
                best[who] = min(best.get(who, receipt), receipt, key=surest_first)
            lack.holders.update(_states_of_holders(best))
    yield from found.values()


def information_lacks(information: DisclosedInformation, suppliers: Iterable[Concerned]) -> Iterator[Lack]:
    """A lack per kind of gap: the suppliers that miss the information or its correction, or got either late."""
    missing, what = _MISSING[information.first.kind]
    # `detail`: why something was not delivered, its state where it was not yet, or the day on which it came late
    holders = {who: receipt for who, receipt in information.receipts.items() if receipt.may_have_arrived}
    lacking: dict[tuple[GapCode, Text], list[Concerned]] = {}
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
        yield Lack(
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


def _states_of_holders(having: Mapping[UUID, MessageReceipt]) -> dict[UUID, ReceiptState]:
    """The state of each receipt; those under way only where all are."""
    some = {who: receipt.state for who, receipt in having.items() if not receipt.is_under_way}
    return some or {who: receipt.state for who, receipt in having.items()}


def _gap_code(information: DisclosedInformation, who: UUID, holders: Mapping[UUID, MessageReceipt]) -> GapCode | None:
    """The code of a supplier's gap in an information; None without a gap. `holders`: receipts of the last wording."""
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


def question_lacks(
    exchanges: Iterable[Exchange], suppliers: Mapping[UUID, Concerned], living: Mapping[UUID, UUID]
) -> Iterator[Lack]:
    """A lack for each question of a supplier that the buyer did not answer."""
    for exchange in exchanges:
        for question in questions_of(exchange).asked:
            if not question.answered:
                yield Lack(
                    code="question_unanswered",
                    day=question.asked_at,
                    subject=exchange.subject,
                    lots=exchange.lot_ids,
                    ids={"exchange_id": exchange.id, "message_id": question.message_id},
                    suppliers=[suppliers[living.get(question.supplier_id, question.supplier_id)]],
                    confidential=question.confidential,
                )


class _Invitations:
    """A meeting and the suppliers invited; its `lots` are those that the invited suppliers were written to about."""

    def __init__(self, meeting: Meeting, suppliers: Mapping[UUID, Concerned], living: Mapping[UUID, UUID]) -> None:
        ids = (each.supplier_id for each in meeting.participants if each.supplier_id)
        self.meeting, self.invited = meeting, frozenset(living.get(each, each) for each in ids)
        self.lots = frozenset(lot for each in self.invited for lot in suppliers[each].topics)
        # a meeting may be noted after it was held
        self.at = min(meeting.created_at, meeting.starts_at)

    def concerns(self, supplier: Concerned) -> bool:
        """Whether the supplier was invited, or should have been."""
        return supplier.supplier_id in self.invited or supplier.is_concerned(self.at, self.lots)


def meeting_lacks(
    meetings: Iterable[Meeting], suppliers: Mapping[UUID, Concerned], living: Mapping[UUID, UUID]
) -> Iterator[Lack]:
    """A lack per meeting: the suppliers not invited though others of the same lots were, format by format.

    Meetings with one supplier after the other: who had none. Others: who was invited to fewer than somebody else, for
    a session that is held twice with half of the suppliers each is no gap; the ones with most suppliers are named.
    """
    by_format: dict[Format, list[_Invitations]] = {}
    held = [_Invitations(each, suppliers, living) for each in meetings if each.status != "cancelled"]
    for each in sorted(held, key=lambda each: (-len(each.invited), each.at)):
        by_format.setdefault(each.meeting.format, []).append(each)
    found: dict[UUID, Lack] = {}
    for supplier in suppliers.values():
        for one_by_one, some in ((kind in ONE_BY_ONE, some) for kind, some in by_format.items()):
            own = [each for each in some if each.concerns(supplier)]
            invited = Counter(who for each in own for who in each.invited)
            due = min(max(invited.values(), default=0), 1 if one_by_one else len(own)) - invited[supplier.supplier_id]
            missed = [each for each in own if supplier.supplier_id not in each.invited]
            for each in missed[: max(due, 0)]:
                lack = found.setdefault(
                    each.meeting.id,
                    Lack(
                        code="not_invited",
                        day=each.meeting.starts_at,
                        subject=each.meeting.title,
                        lots=each.lots,
                        ids={"meeting_id": each.meeting.id},
                        sentence=NEVER_INVITED if one_by_one else None,
                    ),
                )
                lack.suppliers.append(supplier)
                lack.holders.update(dict.fromkeys(invited if one_by_one else each.invited, "received"))
    yield from found.values()
