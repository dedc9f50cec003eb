"""Gaps in equal treatment: one thing that suppliers lack and others have, in words for all of them or for one.

First the suppliers that equal treatment is owed to: which lots concern each, and until when.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.equal_treatment.disclosures import ReceiptState
from domain.exchanges.exchange import Exchange
from domain.meetings.meeting import Meeting
from domain.shortlists.frozen import Decision, FrozenShortlist, SupplierName
from domain.text.bilingual import NOTHING, PARIS, Language, Text, long_date
from domain.text.labels import GAPS


class SetAsideLot(msgspec.Struct, frozen=True):
    """A lot for which the buyer set a supplier aside."""

    lot_id: str
    """That of the lot in the need"""
    reason: str | None
    """In the buyer's words; null: none given"""
    decided_at: datetime
    """The first time, where several versions say so"""


class Concerned(SupplierName, frozen=True, kw_only=True):
    """A supplier on the shortlist, written to, or met.

    `listed`: the lots it is a candidate for. `lots`: those that concern it, each until it was set aside, null where it
    was not. `topics`: the lots it was written to about; all of its lots where it was not written to.
    """

    listed: tuple[str, ...]
    set_aside: tuple[SetAsideLot, ...]
    written_to: bool
    lots: dict[str, datetime | None]
    topics: frozenset[str]

    def is_concerned(self, moment: datetime, lots: Collection[str] = ()) -> bool:
        """Whether the supplier is concerned at this moment by these lots, or by the whole need where none is given."""
        return any(until is None or moment < until for lot, until in self.lots.items() if not lots or lot in lots)

    @property
    def kept_lots(self) -> frozenset[str]:
        """The lots for which the buyer never set the supplier aside."""
        return frozenset(lot for lot, until in self.lots.items() if until is None)


def concerned(
    version: FrozenShortlist,
    exchanges: Sequence[Exchange],
    meetings: Sequence[Meeting],
    living: Mapping[UUID, UUID],
    earlier: Iterable[Decision],
) -> dict[UUID, Concerned]:
    """The suppliers on the shortlist, in order, then others written to, then others met; each under its present id.

    One that was set aside for a lot without ever being written to is not concerned by the lot: the buyer said why.
    """
    names: dict[UUID, str] = {}
    listed: dict[UUID, list[str]] = {}
    for lot in version.shown_lots:
        for supplier in (each.supplier for each in lot.candidates):
            now = living.get(supplier.id, supplier.id)
            names.setdefault(now, supplier.name)
            listed.setdefault(now, []).append(lot.id)
    every = {lot.id for lot in version.need.lots}.union(*(exchange.lot_ids for exchange in exchanges))
    topics: dict[UUID, set[str]] = {}
    for exchange in exchanges:
        for recipient in exchange.recipients:
            now = living.get(recipient.supplier_id, recipient.supplier_id)
            names.setdefault(now, recipient.name)
            topics.setdefault(now, set()).update(exchange.lot_ids or listed.get(now, every))
    for invited in (each for meeting in meetings for each in meeting.participants):
        if invited.supplier_id:
            now = living.get(invited.supplier_id, invited.supplier_id)
            names.setdefault(now, invited.organisation or str(now))
    set_aside = _set_aside(version, earlier, living)
    found: dict[UUID, Concerned] = {}
    for supplier_id, name in names.items():
        own, about, aside = listed.get(supplier_id, ()), topics.get(supplier_id), set_aside.get(supplier_id, ())
        until = {each.lot_id: each.decided_at for each in aside}
        all_lots = dict.fromkeys((*own, *sorted(about or ())))
        lots = {lot: until.get(lot) for lot in all_lots if about is not None or lot not in until}
        found[supplier_id] = Concerned(
            supplier_id=supplier_id,
            name=name,
            listed=tuple(dict.fromkeys(own)),
            set_aside=tuple(aside),
            written_to=about is not None,
            lots=lots,
            topics=frozenset(lots if about is None else about),
        )
    return found


def _set_aside(
    version: FrozenShortlist, earlier: Iterable[Decision], living: Mapping[UUID, UUID]
) -> dict[UUID, list[SetAsideLot]]:
    """The lots for which the version sets each supplier aside, with the day of the first decision to do so.

    `earlier`: the decisions on the versions before.
    """
    since: dict[tuple[UUID, str], datetime] = {}
    for each in (*earlier, *version.decisions):
        if each.decision == "set_aside":
            about = living.get(each.supplier_id, each.supplier_id), each.lot_id
            since[about] = min(each.decided_at, since.get(about, each.decided_at))
    found: dict[UUID, list[SetAsideLot]] = {}
    for each in version.decisions:
        if each.decision == "set_aside":
            now = living.get(each.supplier_id, each.supplier_id)
            found.setdefault(now, []).append(SetAsideLot(each.lot_id, each.reason, since[now, each.lot_id]))
    return found


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

NEVER_INVITED = Text(
    "{who} {has} été invité{s} à aucune rencontre de ce type, alors {were} (« {subject} », {day})",
    "{who} {was} invited to no meeting of this kind, though {were} (“{subject}”, {day})",
)


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that suppliers lack."""

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


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a gap, before they are put into words. `holders`: the state of arrival at each supplier that has it.

    `day`, `subject`: of the message, exchange or meeting that `ids` names. `words`: what else the sentence says.
    """

    code: GapCode
    day: datetime
    subject: str
    lots: Collection[str]
    ids: dict[str, UUID]
    suppliers: list[Concerned] = []
    holders: dict[UUID, ReceiptState] = {}
    words: dict[str, Text] = {}
    sentence: Text | None = None
    confidential: bool = False

    def gap(self, suppliers: Sequence[Concerned], language: Language) -> Gap:
        """The gap in words, for `suppliers` alone among all that lack the thing."""
        lacking = {each.supplier_id for each in suppliers}
        others = [state for holder, state in self.holders.items() if holder not in lacking]
        names = [each.name for each in suppliers]
        got, were = _that_others_have(len(others), len(others) - others.count("received"))
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


def _that_others_have(count: int, unconfirmed: int) -> tuple[Text, Text]:
    """The words for `count` others that got or were told something, `unconfirmed` of them not known to have got it."""
    if count and unconfirmed == count:
        others = Text("un autre", "1 other") if count == 1 else Text(f"{count} autres", f"{count} others")
        french, english = f"{others.fr} (remise non confirmée)", f"{others.en} (delivery not confirmed)"
        got = Text(f" destinée à {french}", f" meant for {english}")
        return got, Text(f"qu'un message a été préparé pour {french}", f"a message was prepared for {english}")
    if count == 1:
        return Text(" qu'un autre a reçue", " that 1 other received"), Text("qu'un autre l'a été", "1 other was")
    fr, en = NOTHING
    if unconfirmed:
        fr, en = f" (dont {unconfirmed} sous réserve de remise)", f" ({unconfirmed} of them if it was delivered)"
    got = Text(f" que {count} autres ont reçue{fr}", f" that {count} others received{en}") if count else NOTHING
    return got, Text(f"que {count} autres l'ont été{fr}", f"{count} others were{en}")
