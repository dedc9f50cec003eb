"""One supplier from the records that describe it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.supplier import (
    Approval,
    Contact,
    Flag,
    Kind,
    Placement,
    Shares,
    SourceRef,
    Supplier,
    SupplierRecord,
    nameless,
)

_UNITED = ("approvals", "offers", "labels")
_MERGED = ("shares", "contact")


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record as it is kept.

    `received_at`: last seen at its source; `changed_at`: when its content last became other.
    """

    source: str
    external_id: str
    record: SupplierRecord
    placement: Placement
    supplier_id: UUID
    received_at: datetime
    changed_at: datetime


def assemble(supplier_id: UUID, stored: Sequence[StoredRecord]) -> Supplier:
    """The supplier that `stored` (at least one, the most trusted first) describe together.

    Offers, approvals and labels are united; any other field comes from the first record that knows it, and the place
    (location and commune together) from the first that has a location, else a commune. Approvals stay unknown only
    while no record knows any; one without dates yields to one of its kind that another record dates. Records that add
    to others without describing the supplier, as a list of approvals by SIRET does, come after those that describe it.
    `updated_at` is the last change of content, not the last time a source was read.
    """
    if len(stored) > 1:
        stored = sorted(stored, key=_says_little)
    record = stored[0].record
    for item in stored[1:]:
        record = _completed(record, item.record)
    if len(stored) > 1:
        record = msgspec.structs.replace(record, approvals=_most_telling(record.approvals))
    placement = _placement(stored)
    return Supplier(
        id=supplier_id,
        name=record.name,
        trade_name=record.trade_name,
        siret=record.siret,
        kinds=_kinds(record),
        legal_form=record.legal_form,
        ess=record.ess,
        approvals=record.approvals,
        shares=record.shares or Shares(),
        in_prison=record.in_prison,
        address=record.address,
        commune=placement.commune,
        location=placement.location,
        offers=record.offers,
        description=record.description,
        contact=record.contact or Contact(),
        employees=record.employees,
        turnover_eur=record.turnover_eur,
        labels=record.labels,
        active=record.active,
        flags=_flags(stored, record, placement),
        sources=tuple(SourceRef(item.source, item.external_id, item.received_at) for item in stored),
        updated_at=max(item.changed_at for item in stored),
    )


def _completed(record: SupplierRecord, other: SupplierRecord) -> SupplierRecord:
    """`record` with what only `other` knows."""
    additions: dict[str, Any] = {}
    for field in record.__struct_fields__:
        mine, theirs = getattr(record, field), getattr(other, field)
        if mine is None:
            additions[field] = theirs
        elif field in _UNITED:
            additions[field] = tuple(dict.fromkeys((*mine, *(theirs or ()))))
        elif field in _MERGED and theirs is not None:
            additions[field] = _filled(mine, theirs)
    return msgspec.structs.replace(record, **additions)


def _says_little(item: StoredRecord) -> int:
    """1 for a record of nothing but approvals, 2 for one that knows the supplier by its SIRET only."""
    record = item.record
    if record.siret is not None and record.name == nameless(record.siret):
        return 2
    return record.approvals is not None and record == SupplierRecord(
        name=record.name, siret=record.siret, approvals=record.approvals
    )


def _most_telling(approvals: tuple[Approval, ...] | None) -> tuple[Approval, ...] | None:
    """The same approvals without those whose dates one record does not know and another does."""
    if approvals is None:
        return None
    dated = {approval.kind for approval in approvals if approval.valid_from or approval.valid_until}
    return tuple(item for item in approvals if item.valid_from or item.valid_until or item.kind not in dated)


def _filled(part: Any, other: Any) -> Any:
    """The struct `part`, its nulls filled from `other`."""
    missing = {name: getattr(other, name) for name in part.__struct_fields__ if getattr(part, name) is None}
    return msgspec.structs.replace(part, **missing)


def _kinds(record: SupplierRecord) -> tuple[Kind, ...]:
    return tuple(dict.fromkeys(approval.kind for approval in record.approvals or ()))


def _placement(stored: Sequence[StoredRecord]) -> Placement:
    placements = [item.placement for item in stored]
    located = (placement for placement in placements if placement.location is not None)
    named = (placement for placement in placements if placement.commune is not None)
    return next(located, None) or next(named, None) or placements[0]


def _flags(stored: Sequence[StoredRecord], whole: SupplierRecord, placement: Placement) -> tuple[Flag, ...]:
    """What is doubtful about the place and the SIRET that were taken, and about the whole."""
    of_siret = (item.placement.flags for item in stored if item.record.siret == whole.siret)
    flags = [flag for flag in placement.flags if flag.code != "siret_check_failed"]
    flags += [flag for found in of_siret for flag in found if flag.code == "siret_check_failed"]
    flags += [flag for item in stored for flag in item.placement.flags if flag.code == "unmapped_category"]
    return tuple(dict.fromkeys(flag for flag in flags if not (flag.code == "no_offer" and whole.offers)))
