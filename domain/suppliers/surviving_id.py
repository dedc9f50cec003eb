"""Assignment of suppliers' ids when records are grouped anew."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.suppliers.deduplication import RecordKey


class Member(NamedTuple):
    """A record of a group, and the supplier it has described so far. `changed`: it has just come or changed."""

    key: RecordKey
    supplier_id: UUID
    since: datetime
    changed: bool


class IdAssignment(msgspec.Struct, frozen=True):
    """`ids[i]`: the supplier of group i. `absorbed`: suppliers that are part of another one now, and of which."""

    ids: Sequence[UUID]
    absorbed: dict[UUID, UUID]


def assign_ids(
    groups: Sequence[Sequence[Member]], fresh: Collection[UUID], make_id: Callable[[], UUID]
) -> IdAssignment:
    """One supplier id for each group; every record of a supplier that may keep its id must be in one of them.

    A supplier's records that part: those that stayed as they were keep its id, so that one whose SIRET changes leaves
    the others in place; among them the oldest decides. A group that may keep several ids keeps the oldest (ids sort by
    age), and one that nobody has seen yet (`fresh`) only if there is no other. A group without any gets a new one.
    """
    heirs: dict[UUID, tuple[tuple[bool, datetime, RecordKey], int]] = {}
    for number, group in enumerate(groups):
        for holder in group:
            claim = ((holder.changed, holder.since, holder.key), number)
            heirs[holder.supplier_id] = min(claim, heirs.get(holder.supplier_id, claim))
    kept: list[list[UUID]] = [[] for _ in groups]
    for supplier_id, (_, number) in heirs.items():
        kept[number].append(supplier_id)
    ids = [min(own, key=lambda one: (one in fresh, one)) if own else make_id() for own in kept]
    absorbed = {gone: stays for own, stays in zip(kept, ids, strict=True) for gone in own if gone != stays}
    return IdAssignment(ids, absorbed)
