"""Use case: the buyer's decisions on suppliers of a frozen shortlist, each for one lot."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api.needs.own_need import lock_own_need, unknown_lot, version_of
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.journal.content import decision_name
from db.journal.entries import write_entry
from db.needs.shortlists import earlier_decisions, remove_decision, write_decision
from domain.audit import Detail
from domain.errors import InvalidContent, NotFound, Problem, pointer
from domain.needs.need import Code
from domain.needs.status import require_not_ended
from domain.shortlists.frozen import Decision, DecisionCode, DecisionKey, FrozenShortlist
from domain.text.bilingual import Text

NO_SUPPLIER = Text("Ce fournisseur n'est pas dans cette version", "This supplier is not in this version")


class DecisionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision on a supplier, for one lot. Fields that are left out stay."""

    lot_id: Code
    """A lot of the version"""
    decision: DecisionCode | msgspec.UnsetType | None = msgspec.UNSET
    """`kept`, or `set_aside`: left out where an exchange is opened with `shortlist`; null withdraws the decision"""
    reason: Annotated[str, msgspec.Meta(max_length=4_000)] | msgspec.UnsetType | None = msgspec.UNSET
    """In words; null: none"""


async def decide(
    connection: Connection,
    acting: Acting,
    need_id: UUID,
    number: str,
    changes: Sequence[tuple[UUID, DecisionChange]],
    check: Callable[[Mapping[DecisionKey, Decision]], None],
) -> list[Decision | None]:
    """The decisions on suppliers of a version after these changes, each of a supplier; all are made, or none.

    `number`: of the version, or "latest". `check`: raises where the decisions so far are not those that the caller
    knows. Raises NotFound, Conflict once the need has ended, InvalidContent for a reason without a decision and for a
    supplier that is not in the lot.
    """
    need = await lock_own_need(connection, acting.organisation_id, need_id)
    version = await version_of(connection, acting.organisation_id, need_id, number)
    await asyncio.to_thread(_require_listed, version, changes)
    require_not_ended(need.status)
    decisions = {DecisionKey(each.lot_id, each.supplier_id): each for each in version.decisions}
    check(decisions)
    made: list[Decision | None] = []
    latest: dict[DecisionKey, Decision | None] = {**decisions}
    for supplier_id, change in changes:
        key = DecisionKey(change.lot_id, supplier_id)
        latest[key] = await _change(connection, acting, version, key, latest.get(key), change)
        made.append(latest[key])
    return made


async def repeat_decisions(connection: Connection, acting: Acting, need_id: UUID) -> int:
    """Decide on the latest version as was last decided on earlier ones; the number of decisions made.

    Of suppliers that the latest lists for the same lot, and on which nothing is decided there yet. Raises as `decide`.
    """
    organisation = acting.organisation_id
    need = await lock_own_need(connection, organisation, need_id)
    require_not_ended(need.status)
    version = await version_of(connection, organisation, need_id, "latest")
    repeated = repeatable(version, await earlier_decisions(connection, organisation, need_id, version.number))
    for key, earlier in repeated.items():
        change = DecisionChange(key.lot_id, earlier.decision, earlier.reason)
        await _change(connection, acting, version, key, None, change)
    return len(repeated)


def repeatable(version: FrozenShortlist, earlier: Iterable[Decision]) -> dict[DecisionKey, Decision]:
    """The last of the `earlier` decisions on each supplier that the version lists and has no decision on."""
    listed = {DecisionKey(lot.id, each.id) for lot in version.shown_lots for each in lot.listed}
    decided = {DecisionKey(each.lot_id, each.supplier_id) for each in version.decisions}
    last = {DecisionKey(each.lot_id, each.supplier_id): each for each in earlier}
    return {key: each for key, each in last.items() if key in listed - decided}


async def _change(
    connection: Connection,
    acting: Acting,
    version: FrozenShortlist,
    key: DecisionKey,
    before: Decision | None,
    change: DecisionChange,
) -> Decision | None:
    """Store the decision after a change of `before`, and note it in the journal without its reason."""
    now = acting.now()
    after = _decision_after(key, before, change, now)
    if after == before:
        return after
    if after is None:
        await remove_decision(connection, version.need_id, version.number, key)
    else:
        await write_decision(connection, version.need_id, version.number, after)
    detail: Detail = {
        "number": version.number,
        "lot_id": key.lot_id,
        "supplier_id": str(key.supplier_id),
        "decision": _verdict(after),
        "before": _verdict(before),
    }
    about = (decision_name(version.need_id, version.number, key.supplier_id, key.lot_id),)
    await write_entry(
        connection, acting.actor, "decision.made", f"need:{version.need_id}", now, detail=detail, about=about
    )
    return after


def _require_listed(version: FrozenShortlist, changes: Sequence[tuple[UUID, DecisionChange]]) -> None:
    """Raises NotFound for a supplier that is in no lot of the version, InvalidContent where it is not in this one."""
    lots = {lot.id: {each.id for each in lot.listed} for lot in version.shown_lots}
    for supplier_id, change in changes:
        listed_in = [lot for lot, listed in lots.items() if supplier_id in listed]
        if not listed_in:
            raise NotFound(NO_SUPPLIER)
        if change.lot_id not in lots:
            raise InvalidContent((unknown_lot(change.lot_id, lots, "lot_id"),))
        if change.lot_id not in listed_in:
            named = ", ".join(listed_in)
            detail = Text(
                f"Ce fournisseur n'est pas dans ce lot ; il est dans : {named}",
                f"This supplier is not in this lot; it is in: {named}",
            )
            raise InvalidContent((Problem(pointer("lot_id"), "not_in_lot", detail),))


def _decision_after(
    key: DecisionKey, before: Decision | None, change: DecisionChange, now: datetime
) -> Decision | None:
    verdict = _verdict(before) if change.decision is msgspec.UNSET else change.decision
    if verdict is None:
        if change.decision is msgspec.UNSET:
            detail = Text("Une décision est attendue : kept ou set_aside", "A decision is expected: kept or set_aside")
            raise InvalidContent((Problem(pointer("decision"), "missing_field", detail),))
        return None
    if before is None or before.decision != verdict:
        reason = None if change.reason is msgspec.UNSET else change.reason
        return Decision(key.lot_id, key.supplier_id, verdict, reason, now)
    # another reason for the same decision leaves its date: a supplier is set aside since the first of them
    return before if change.reason is msgspec.UNSET else msgspec.structs.replace(before, reason=change.reason)


def _verdict(decision: Decision | None) -> DecisionCode | None:
    return None if decision is None else decision.decision
