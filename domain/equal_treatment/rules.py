"""The rules of equal treatment: who lacks a contact, an information, its correction, an answer or a meeting."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from uuid import UUID

from domain.equal_treatment.concerned import Concerned
from domain.equal_treatment.disclosures import Disclosure, Information, InformationKind, MessageReceipt
from domain.equal_treatment.gaps import NEVER_INVITED, GapCode, Lack, long_day
from domain.exchanges.deliveries import state_words
from domain.exchanges.exchange import Exchange, ExchangeSummary
from domain.exchanges.questions import questions_of
from domain.meetings.meeting import Format, Meeting
from domain.text.bilingual import Text

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


class Contacts:
    """The exchanges with those to whom something was given in them, in the order in which they were opened."""

    def __init__(self, told: Iterable[Disclosure]) -> None:
        given: dict[UUID, tuple[ExchangeSummary, set[UUID]]] = {}
        for each in told:
            to = {who for who, receipt in each.receipts.items() if receipt.may_have_arrived}
            given.setdefault(each.exchange.id, (each.exchange, set()))[1].update(to)
        self._given = sorted(given.values(), key=lambda pair: (pair[0].opened_at, pair[0].id))

    def about(self, lots: Collection[str]) -> list[tuple[ExchangeSummary, set[UUID]]]:
        """Those about any of these lots or the whole need, each with the suppliers that were given something."""
        return [(each, to) for each, to in self._given if to and _is_about(each, lots)]

    def are_about(self, lots: Collection[str]) -> bool:
        """Whether any was opened about these lots or the whole need, though perhaps nothing was given to anybody."""
        return any(_is_about(each, lots) for each, _ in self._given)


def _is_about(exchange: ExchangeSummary, lots: Collection[str]) -> bool:
    return bool(lots) and (not exchange.lot_ids or not {*lots}.isdisjoint(exchange.lot_ids))


def contact_lacks(suppliers: Iterable[Concerned], contacts: Contacts) -> Iterator[Lack]:
    """Suppliers of the shortlist that nobody wrote to, though others were about their lots; by the first exchange."""
    found: dict[UUID, Lack] = {}
    for supplier in suppliers:
        if supplier.listed and not supplier.written_to and (about := contacts.about(supplier.kept_lots)):
            first = about[0][0]
            lack = found.setdefault(
                first.id,
                Lack(
                    code="not_contacted",
                    day=first.opened_at,
                    subject=first.subject,
                    lots=first.lot_ids,
                    ids={"exchange_id": first.id},
                ),
            )
            lack.suppliers.append(supplier)
            lack.holders.update({each: "received" for _, to in about for each in to})
    yield from found.values()


def information_lacks(information: Information, suppliers: Iterable[Concerned]) -> Iterator[Lack]:
    """Those written to that lack the information or its last wording, have it not yet, in vain or late."""
    missing, what = _MISSING[information.first.kind]
    holders = {who: receipt for who, receipt in information.receipts.items() if receipt.may_have_arrived}
    lacking: dict[tuple[GapCode, Text], list[Concerned]] = {}
    for supplier in suppliers:
        code = _code(information, supplier.supplier_id, holders)
        told = information.first if code == missing else information.last
        if code and supplier.written_to and supplier.is_concerned(told.message.created_at, information.lots):
            detail = _detail(code, information.receipts.get(supplier.supplier_id))
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
            holders={who: receipt.state for who, receipt in having.items()},
            words={"what": what, "detail": detail},
            confidential=not information.first.shared,
        )


def _code(information: Information, who: UUID, holders: Mapping[UUID, MessageReceipt]) -> GapCode | None:
    """The code of the gap that the supplier has; None for none. `holders`: who has the last wording."""
    receipt = information.receipts.get(who)
    if receipt is not None and who not in holders:
        # what nobody has yet is no gap
        return "not_delivered" if receipt.state == "not_delivered" else "not_yet_delivered" if holders else None
    if not information.first.shared:
        return None
    if who not in information.given:
        return _MISSING[information.first.kind][0] if information.given else None
    if who not in holders:
        return "missed_correction" if holders else None
    latest = information.last.message.created_at + LATE
    in_time = any(receipt.at <= latest for receipt in holders.values())
    return "late_information" if in_time and holders[who].at > latest else None


def _detail(code: GapCode, receipt: MessageReceipt | None) -> Text:
    """The reason why something was not delivered, its state where it was not yet, or the day on which it came late."""
    if code == "late_information" and receipt:
        return long_day(receipt.at)
    if code == "not_yet_delivered" and receipt:
        return state_words(receipt.way, receipt.delivery_state)
    why = f" ({receipt.failure})" if receipt and receipt.failure else ""
    return Text(why, why)


def question_lacks(
    exchanges: Iterable[Exchange], suppliers: Mapping[UUID, Concerned], living: Mapping[UUID, UUID]
) -> Iterator[Lack]:
    """Questions that nobody answered."""
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
    """A meeting with the suppliers invited to it. It concerns the lots that these were written to about."""

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
    """The suppliers not invited where others of the same lots were, format by format.

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
