"""The suppliers that a need concerns: on its shortlist, written to or met; and which lots concern each, until when.

Who is told what, in parts: here, whom a lot concerns; in `domain.exchanges.rules`, which messages to one supplier are
private (`MessageToOne`); in `domain.exchanges.exchange`, whom a message is for (`audience`) and what a recipient may
read (`visible_to`). In this folder: what each was told (`disclosures`), lacks (`gaps`), and the table (`matrix`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Exchange
from domain.meetings.meeting import Meeting
from domain.shortlists.version import Decision, FrozenShortlist, SupplierName

PresentIds = Mapping[UUID, UUID]
"""The supplier that an id stands for now, where that is another one (`db.suppliers.write.survivors`)."""


class SetAsideLot(msgspec.Struct, frozen=True):
    """A lot for which the buyer set a supplier aside."""

    lot_id: str
    """That of the lot in the need"""
    reason: str | None
    """In the buyer's words; null: none given"""
    decided_at: datetime
    """The first time, where several versions say so"""


class ConcernedSupplier(SupplierName, frozen=True, kw_only=True):
    """A supplier that a need concerns: on the shortlist, written to, or met.

    `listed`: the lots it is a candidate for. `lots`: those that concern it, each until it was set aside, null where it
    was not. `topics`: the lots it was written to about; all of its lots where it was not written to.
    """

    listed: tuple[str, ...]
    set_aside: tuple[SetAsideLot, ...]
    written_to: bool
    lots: dict[str, datetime | None]
    topics: frozenset[str]

    def is_concerned(self, moment: datetime, lots: Collection[str] = ()) -> bool:
        """Whether one of these lots (any lot where none is given) concerns the supplier at this moment."""
        return any(until is None or moment < until for lot, until in self.lots.items() if not lots or lot in lots)

    @property
    def active_lots(self) -> frozenset[str]:
        """The lots for which the buyer never set the supplier aside."""
        return frozenset(lot for lot, until in self.lots.items() if until is None)


def concerned_suppliers(
    version: FrozenShortlist,
    exchanges: Sequence[Exchange],
    meetings: Sequence[Meeting],
    living: PresentIds,
    earlier_decisions: Iterable[Decision],
) -> dict[UUID, ConcernedSupplier]:
    """The suppliers on the shortlist, then others written to, both in its order, then others met; by present id.

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
    places = {row.supplier.id: n for lot in version.shown_lots for n, row in enumerate(lot.unknown_trade.nearest)}
    for exchange in exchanges:
        for recipient in sorted(exchange.recipients, key=lambda each: places.get(each.supplier_id, len(places))):
            now = living.get(recipient.supplier_id, recipient.supplier_id)
            names.setdefault(now, recipient.name)
            topics.setdefault(now, set()).update(exchange.lot_ids or listed.get(now, every))
    for invited in (each for meeting in meetings for each in meeting.participants):
        if invited.supplier_id:
            now = living.get(invited.supplier_id, invited.supplier_id)
            names.setdefault(now, invited.organisation or str(now))
    set_aside = _lots_set_aside(version, earlier_decisions, living)
    found: dict[UUID, ConcernedSupplier] = {}
    for supplier_id, name in names.items():
        own, about, aside = listed.get(supplier_id, ()), topics.get(supplier_id), set_aside.get(supplier_id, ())
        until = {each.lot_id: each.decided_at for each in aside}
        lots = {lot: until.get(lot) for lot in (*own, *sorted(about or ())) if about is not None or lot not in until}
        found[supplier_id] = ConcernedSupplier(
            supplier_id=supplier_id,
            name=name,
            listed=tuple(dict.fromkeys(own)),
            set_aside=tuple(aside),
            written_to=about is not None,
            lots=lots,
            topics=frozenset(lots if about is None else about),
        )
    return found


def _lots_set_aside(
    version: FrozenShortlist, earlier_decisions: Iterable[Decision], living: PresentIds
) -> dict[UUID, list[SetAsideLot]]:
    """The lots for which the version sets suppliers aside, each since the first such decision; by present id."""
    since: dict[tuple[UUID, str], datetime] = {}
    for each in (*earlier_decisions, *version.decisions):
        if each.decision == "set_aside":
            about = living.get(each.supplier_id, each.supplier_id), each.lot_id
            since[about] = min(each.decided_at, since.get(about, each.decided_at))
    found: dict[UUID, list[SetAsideLot]] = {}
    for each in version.decisions:
        if each.decision == "set_aside":
            now = living.get(each.supplier_id, each.supplier_id)
            found.setdefault(now, []).append(SetAsideLot(each.lot_id, each.reason, since[now, each.lot_id]))
    return found
