"""The suppliers that equal treatment is owed to: which lots concern each, and until when."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Exchange
from domain.meetings.meeting import Meeting
from domain.shortlists.frozen import Decision, FrozenShortlist, SupplierName


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
        """Whether it is concerned by what happens at this moment about these lots, or the whole need without any."""
        return any(until is None or moment < until for lot, until in self.lots.items() if not lots or lot in lots)

    @property
    def kept_lots(self) -> frozenset[str]:
        """The lots for which it was never set aside."""
        return frozenset(lot for lot, until in self.lots.items() if until is None)


def concerned(
    version: FrozenShortlist,
    exchanges: Sequence[Exchange],
    meetings: Sequence[Meeting],
    living: Mapping[UUID, UUID],
    earlier: Iterable[Decision],
) -> dict[UUID, Concerned]:
    """Those on the shortlist, in its order, then those written to, then those met; each under the id that it has now.

    One that was set aside for a lot without ever being written to is not concerned by the lot: the buyer said why.
    """
    names: dict[UUID, str] = {}
    listed: dict[UUID, list[str]] = {}
    for lot in version.shown:
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
    """By supplier, the lots for which the version sets it aside: since an earlier version, where that said so already.

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
