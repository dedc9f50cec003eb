"""Comparing versions of a need's shortlist: what differs, and why suppliers came or left."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from api.needs.own_need import version_of
from api.runtime.actor import Acting
from api.runtime.processes.match_work import MatchTask
from db.core.engine import transaction
from db.needs.needs import awards_until
from db.suppliers.read import living_suppliers
from domain.errors import InvalidContent
from domain.needs.need import PastAward
from domain.shortlists.diff import Absence, AbsenceCode, Absences, ShortlistDiff, compare, unexplained
from domain.shortlists.frozen import FrozenShortlist, LotTotal, Named
from domain.suppliers.supplier import Supplier
from matching.engine import stamp_of
from matching.inspection.trace import Standing, standings


async def compare_versions(acting: Acting, need_id: UUID, number: str, other: str) -> ShortlistDiff:
    """The differences from one version to another, each a number or "latest", in the caller's language.

    Why suppliers came or left is found while no connection is held. Raises NotFound, and as `_absences`.
    """
    services, organisation = acting.services, acting.organisation_id
    async with services.matches.slot_of(str(organisation)):
        async with transaction(services.database) as connection:
            before, after = [await version_of(connection, organisation, need_id, each) for each in (number, other)]
            came, left = unexplained(before, after), unexplained(after, before)
            living = await living_suppliers(
                connection, {each for some in (*came.values(), *left.values()) for each in some}
            )
            awards = [await awards_until(connection, organisation, each.stamp.on) for each in (before, after)]
        not_before = await _absences(acting, before, came, living, awards[0])
        not_after = await _absences(acting, after, left, living, awards[1])
    return await asyncio.to_thread(compare, before, after, not_before, not_after, acting.language)


async def _absences(
    acting: Acting,
    version: FrozenShortlist,
    suppliers: Mapping[str, Collection[UUID]],
    living: Mapping[UUID, Supplier],
    awards: Sequence[PastAward],
) -> Absences:
    """The reasons why these suppliers, by lot, are not in a version. `living`: the suppliers that their ids stand for.

    No reasons where the need can no longer be read. Raises Refusal (503) until there is an index, and as
    `MatchWork.run`.
    """
    if not any(suppliers.values()):
        return {}
    services, on = acting.services, version.stamp.on
    live, need = services.directory.index, version.need.matched
    try:
        task = MatchTask(standings, need, live, on, acting.language, {"awards": awards, "suppliers": suppliers})
        found = await services.match_work.run(task, str(acting.organisation_id), acting.wait_for_disconnect)
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
    """The reason why a supplier is not in a lot. `supplier`: who its id stands for now; `lot`: the version's counts."""
    if supplier is None:
        return Absence("gone", data_changed=data_changed)
    if supplier.id != supplier_id:
        return Absence("merged", other=Named(supplier.id, supplier.name), data_changed=data_changed)
    if standing is None:
        without_offer: AbsenceCode = "no_offer" if supplier.offers else "trade_unknown"
        return Absence(without_offer if supplier.active else "inactive", data_changed=data_changed)
    if standing.rank is None:
        return Absence("refused", standing.excluded_by, standing.message, data_changed=data_changed)
    if standing.rank > lot.shown and lot.total > lot.shown:
        return Absence("beyond_limit", rank=standing.rank, data_changed=data_changed)
    return Absence("not_kept")
