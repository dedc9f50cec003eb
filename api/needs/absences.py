"""Reasons why suppliers are not among the candidates of a version, by its need and day and the data of today."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from api.runtime.actor import Acting
from api.runtime.processes.match_processes import MatchTask
from db.core.engine import Connection
from db.needs.awards import awards_until
from db.suppliers.read import living_suppliers
from domain.errors import InvalidContent
from domain.needs.need import PastAward
from domain.shortlists.absence import Absence, AbsenceCode, Absences
from domain.shortlists.frozen import FrozenShortlist, LotTotal, Named
from domain.suppliers.supplier import Supplier
from matching.engine import stamp_of
from matching.inspection.trace import Standing, standings


class Absent(NamedTuple):
    """Suppliers, given by lot, that are not candidates of a version, with what is stored of them and their awards.

    `living`: the suppliers that their ids stand for now.
    """

    version: FrozenShortlist
    suppliers: Mapping[str, Collection[UUID]]
    living: Mapping[UUID, Supplier]
    awards: Sequence[PastAward]


async def read_absent(
    connection: Connection, acting: Acting, version: FrozenShortlist, suppliers: Mapping[str, Collection[UUID]]
) -> Absent:
    """These suppliers, with what the reasons for their absence follow from besides the index."""
    everyone = {each for some in suppliers.values() for each in some}
    if not everyone:
        return Absent(version, {}, {}, ())
    living = await living_suppliers(connection, everyone)
    return Absent(version, suppliers, living, await awards_until(connection, acting.organisation_id, version.stamp.on))


async def absences_of(acting: Acting, absent: Absent) -> Absences:
    """The reasons for their absence, in the caller's language, found while no connection is held.

    None of them where the need can no longer be read. Raises Refusal (503) until there is an index, and as
    `MatchWork.run`.
    """
    version, suppliers, living, awards = absent
    if not suppliers:
        return {}
    services, on = acting.services, version.stamp.on
    live, need = services.directory.index, version.need.matched
    try:
        task = MatchTask(standings, need, live, on, acting.language, {"awards": awards, "suppliers": suppliers})
        found = await services.match_work.run(task, str(acting.organisation_id), acting.left)
    except InvalidContent:
        return {}
    changed = bool(version.stamp.differences(stamp_of(live, services.reference, on, version.stamp.law_on)))
    totals = {lot.id: lot for lot in version.totals}
    return {
        lot: {each: _absence(each, living.get(each), found[lot].get(each), totals[lot], changed) for each in some}
        for lot, some in suppliers.items()
    }


def _absence(
    supplier_id: UUID, supplier: Supplier | None, standing: Standing | None, lot: LotTotal, data_changed: bool
) -> Absence:
    """`supplier`: the one that the id stands for now; `lot`: how many candidates the version has and shows."""
    if supplier is None:
        return Absence("gone", data_changed=data_changed)
    if supplier.id != supplier_id:
        return Absence("merged", other=Named(supplier.id, supplier.name), data_changed=data_changed)
    if standing is None:
        return Absence(_without_offer(supplier), data_changed=data_changed)
    if standing.rank is None:
        return Absence("refused", standing.excluded_by, standing.message, data_changed=data_changed)
    if standing.rank > lot.shown and lot.total > lot.shown:
        return Absence("beyond_limit", rank=standing.rank, data_changed=data_changed)
    return Absence("not_kept")


def _without_offer(supplier: Supplier) -> AbsenceCode:
    """The reason for which a supplier offers nothing near a lot."""
    if not supplier.active:
        return "inactive"
    return "no_offer" if supplier.offers else "trade_unknown"
