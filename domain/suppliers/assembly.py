"""One supplier from the records that describe it.

Offers are united, in the order of what they rest on; a trade rests on its strongest evidence.
Of its size, each part is of the first record that knows it, with its source.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from domain.needs.need import value_per_year
from domain.suppliers.supplier import (
    DECLARATIONS,
    DECLARERS,
    EVIDENCE_KINDS,
    UNKNOWN_SIZE,
    CapacitySize,
    Contact,
    DeclaredBy,
    Evidence,
    Flag,
    KnownAward,
    Offer,
    Placement,
    PlacesSize,
    PublicAward,
    ServiceArea,
    Shares,
    SizeInEuros,
    SourceRef,
    StaffSize,
    Supplier,
    SupplierRecord,
    SupplierSize,
)

EVIDENCE_KEPT = 5
CODES_KEPT = 2_000

_RANKS = {kind: rank for rank, kind in enumerate(EVIDENCE_KINDS)}
_WORD_RANKS = {None: DECLARERS.index("network")} | {word: rank for rank, word in enumerate(DECLARERS)}


def strength(evidence: Evidence) -> tuple[int, int]:
    """The sort key of evidence: the stronger kind first, and of one kind the latest."""
    return _RANKS[evidence.kind], -(evidence.on or date.min).toordinal()


def unite_offers(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """The offers, each once; offers that nobody declared and that say the same become one, with all their evidence.

    Of one with places, the places are those of all. As many as `EVIDENCE_KEPT` pieces of evidence stay, the strongest.
    Of one that several declared, the best word stays (`DECLARERS`), and of these the latest.
    """
    alike: dict[object, list[Offer]] = {}
    for offer in offers:
        likeness: object = offer
        if offer.basis == "declared":
            if offer.declared_by is not None:
                likeness = msgspec.structs.replace(offer, declared_by=None, declared_on=None)
        else:
            area = offer.service_area
            where = area if area is None or area.codes is None else "codes"
            likeness = offer.basis, offer.segments, offer.cpv, offer.presta_types, where
        alike.setdefault(likeness, []).append(offer)
    return tuple(some[0] if len(some) == 1 else _united_offer(some) for some in alike.values())


def _united_offer(alike: list[Offer]) -> Offer:
    """One offer made of offers that say the same, with their strongest evidence and the best proven one's label.

    Of declared ones, that of the best word and of these the latest.
    """
    if alike[0].basis == "declared":
        return min(alike, key=lambda one: (_WORD_RANKS[one.declared_by], -(one.declared_on or date.min).toordinal()))
    evidence = sorted(dict.fromkeys(chain.from_iterable(offer.evidence for offer in alike)), key=strength)
    best = min(alike, key=lambda offer: min(map(strength, offer.evidence), default=(len(_RANKS), 0)))
    codes = {code for offer in alike if offer.service_area for code in offer.service_area.codes or ()}
    area = ServiceArea(codes=tuple(sorted(codes)[:CODES_KEPT])) if codes else best.service_area
    return msgspec.structs.replace(best, service_area=area, evidence=tuple(evidence[:EVIDENCE_KEPT]))


Part = TypeVar("Part", bound=msgspec.Struct)

_FIRST_KNOWN_FIELDS = (
    "name", "trade_name", "siret", "legal_form", "ess", "in_prison", "address", "description", "employees",
    "turnover_eur", "active",
)  # fmt: skip
_PLACE_FIELDS = ("location", "commune")
# `contact.person` is personal data and is never served; nor is the source it came from.
_NESTED_FIELDS = {"shares": ("disabled", "disadvantaged", "detained"), "contact": ("email", "phone", "website")}
AWARDS_KEPT = 20
DOUBTFUL_POINT = frozenset(("point_far_from_commune", "outside_france"))


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A stored record. `supplier_id` null: it makes no supplier, and only adds to those that other records make.

    `received_at`: last seen at its source; `changed_at`: when its content last became other; `rank`: its source's.
    """

    source: str
    external_id: str
    record: SupplierRecord
    placement: Placement
    supplier_id: UUID | None
    received_at: datetime
    changed_at: datetime
    rank: int = 0


def assemble(supplier_id: UUID, stored: Sequence[StoredRecord]) -> Supplier:
    """The supplier that `stored` (at least one record) describe together.

    Offers (see `unite_offers`), approvals and labels are united. Any other field comes from the first record that knows
    it, in the order of `precedence`; the place (location and commune together) from the first of those that know it
    best. Approvals stay unknown only while no record knows any; one without dates yields to one of its kind that
    another record dates.
    `updated_at` is the last change of content. What the supplier said itself is laid over what the others make.
    """
    if own := [item for item in stored if item.source == DECLARATIONS]:
        others = [item for item in stored if item.source != DECLARATIONS]
        if any(item.supplier_id is not None for item in others):
            return _with_own_word(assemble(supplier_id, others), own)
    placed, provenance = stored[0], None
    record = record_with_declarers(placed)
    if len(stored) > 1:
        stored = sorted(stored, key=precedence)
        record = _combine_records([record_with_declarers(item) for item in stored])
        placed = min(stored, key=_vagueness)
        provenance = _provenance(stored, placed)
    # field by field: a copy by names takes twice the time, and imports assemble ten thousand suppliers a second
    return Supplier(
        id=supplier_id,
        name=record.name,
        trade_name=record.trade_name,
        siret=record.siret,
        kinds=tuple(dict.fromkeys(approval.kind for approval in record.approvals or ())),
        legal_form=record.legal_form,
        ess=record.ess,
        approvals=record.approvals,
        shares=record.shares or Shares(),
        in_prison=record.in_prison,
        address=record.address,
        commune=placed.placement.commune,
        location=placed.placement.location,
        offers=record.offers,
        description=record.description,
        contact=record.contact or Contact(),
        employees=record.employees,
        turnover_eur=record.turnover_eur,
        size=size_of_records([(item.record, item.source) for item in stored]),
        labels=record.labels,
        active=record.active,
        flags=_supplier_flags(stored, record, placed.placement),
        sources=tuple(SourceRef(item.source, item.external_id, item.received_at) for item in stored),
        provenance=provenance,
        public_awards=_latest_public_awards(stored),
        no_offer_until=record.no_offer_until,
        updated_at=max(item.changed_at for item in stored),
    )


def _with_own_word(supplier: Supplier, own: Sequence[StoredRecord]) -> Supplier:
    """The supplier that others make, with what it said itself: offers first, contact, staff and capacity.

    Where it says that it has no offer, those that were only inferred go.
    """
    latest = max(own, key=lambda item: (item.changed_at, item.external_id))
    record, size = record_with_declarers(latest), size_of_records([(latest.record, latest.source)])
    known = (each for each in supplier.offers if record.no_offer_until is None or each.basis != "inferred")
    offers = unite_offers((*record.offers, *known))
    said = {name: latest.source for name in _known_fields(record) if name == "employees" or name.startswith("contact.")}
    flags = (flag for flag in supplier.flags if not (flag.code == "no_offer" and offers))
    return msgspec.structs.replace(
        supplier,
        offers=offers,
        contact=_fill_nulls(record.contact or Contact(), supplier.contact),
        employees=supplier.employees if record.employees is None else record.employees,
        size=_fill_nulls(size, supplier.size),
        flags=tuple(flags),
        sources=(*supplier.sources, *(SourceRef(item.source, item.external_id, item.received_at) for item in own)),
        provenance=source_of_each_field(supplier) | said,
        no_offer_until=record.no_offer_until,
        updated_at=max(supplier.updated_at, *(item.changed_at for item in own)),
    )


def record_with_declarers(item: StoredRecord) -> SupplierRecord:
    """The record, its declared offers as the word of its source: only `DECLARATIONS` speaks for a supplier.

    A directory may tell a buyer's word, and takes every other for its own.
    """
    own: DeclaredBy = "supplier" if item.source == DECLARATIONS else "network"
    offers = list(item.record.offers)
    for position, offer in enumerate(offers):
        if offer.basis == "declared" and offer.declared_by not in (own, "buyer"):
            offers[position] = msgspec.structs.replace(offer, declared_by=own)
    return msgspec.structs.replace(item.record, offers=tuple(offers))


def as_directory_word(record: SupplierRecord) -> SupplierRecord:
    """The record as a directory's: an offer that it says the supplier declared is the directory's word."""
    if all(offer.declared_by != "supplier" for offer in record.offers):
        return record
    offers = (
        msgspec.structs.replace(offer, declared_by="network") if offer.declared_by == "supplier" else offer
        for offer in record.offers
    )
    return msgspec.structs.replace(record, offers=tuple(offers))


def precedence(item: StoredRecord) -> tuple[Any, ...]:
    """The sort key of a supplier's records: those whose values are preferred come first.

    Records that add to others without describing the supplier, as a list of approvals by SIRET does, come last. Then a
    higher rank of the source goes before a lower one, declared offers before inferred ones or none, a point of its own
    before a place that is vaguer, a later change of content before an earlier one.
    """
    record = item.record
    supplementary = record.approvals is not None and record == SupplierRecord(
        name=record.name, siret=record.siret, approvals=record.approvals
    )
    return (
        2 if item.supplier_id is None else supplementary,
        -item.rank,
        not any(offer.basis == "declared" for offer in record.offers),
        _vagueness(item),
        -item.changed_at.timestamp(),
        item.source,
        item.external_id,
    )


def source_of_each_field(supplier: Supplier) -> dict[str, str]:
    """The source of each known field by the field's name; fields united over all records are left out."""
    if supplier.provenance is not None:
        return supplier.provenance
    return dict.fromkeys(_known_fields(supplier), supplier.sources[0].source) if supplier.sources else {}


def _provenance(stored: Sequence[StoredRecord], placed: StoredRecord) -> dict[str, str] | None:
    """The source of each known field, with `placed` the record whose place is taken; None if there is one source."""
    if len({item.source for item in stored}) < 2:
        return None
    found: dict[str, str] = {}
    for item in reversed(stored):
        found |= dict.fromkeys(_known_fields(item.record), item.source)
    return found | {name: placed.source for name in _PLACE_FIELDS if getattr(placed.placement, name) is not None}


def _known_fields(document: SupplierRecord | Supplier) -> list[str]:
    """The names of fields with a value, without those united over records; of a `Supplier`, its place too."""
    found = [name for name in _FIRST_KNOWN_FIELDS if getattr(document, name) is not None]
    for part, names in _NESTED_FIELDS.items():
        whole = getattr(document, part)
        found += [f"{part}.{name}" for name in names if getattr(whole, name, None) is not None]
    places = _PLACE_FIELDS if isinstance(document, Supplier) else ()
    return found + [name for name in places if getattr(document, name) is not None]


def _combine_records(records: Sequence[SupplierRecord]) -> SupplierRecord:
    """One record made of all; where several know a value, the earliest in the list counts."""
    known = [record.approvals for record in records if record.approvals is not None]
    approvals = _distinct_items(known)
    dated = {approval.kind for approval in approvals if approval.valid_from or approval.valid_until}
    kept = tuple(item for item in approvals if item.valid_from or item.valid_until or item.kind not in dated)
    return msgspec.structs.replace(
        reduce(_fill_nulls, records),
        offers=unite_offers(chain.from_iterable(record.offers for record in records)),
        approvals=kept if known else None,
        labels=_distinct_items(record.labels for record in records),
        shares=_fill_first_from_later(record.shares for record in records),
        contact=_fill_first_from_later(record.contact for record in records),
    )


def _latest_public_awards(stored: Sequence[StoredRecord]) -> tuple[KnownAward, ...]:
    """The `AWARDS_KEPT` latest public contracts, each with its source; contracts of no known day come last.

    One that several sources publish under one identifier is told once.
    """
    if not any(item.record.public_awards for item in stored):
        return ()
    first: dict[tuple[str, str | None, date | None], str] = {}
    won = [
        (award, item.source)
        for item in stored
        for award in item.record.public_awards
        if first.setdefault((item.external_id, award.object, award.notified_on), item.source) == item.source
    ]
    won.sort(key=lambda each: each[0].notified_on or date.min, reverse=True)
    return tuple(KnownAward(**msgspec.structs.asdict(award), source=source) for award, source in won[:AWARDS_KEPT])


def _distinct_items(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The items of all these tuples in their order, each once."""
    return tuple(dict.fromkeys(chain.from_iterable(parts)))


def _fill_first_from_later(parts: Iterable[Part | None]) -> Part | None:
    """The first struct that is not None, its nulls filled from the structs after it."""
    known = [part for part in parts if part is not None]
    return reduce(_fill_nulls, known) if known else None


def _fill_nulls(part: Part, other: Part) -> Part:
    """The struct `part`, its nulls filled from `other`."""
    values = zip(msgspec.structs.astuple(part), msgspec.structs.astuple(other), strict=True)
    # by position: by names it would take three times as long
    return type(part)(*[mine if mine is not None else theirs for mine, theirs in values])


def _vagueness(item: StoredRecord) -> int:
    """The sort key of a record's place: 0 own point, 1 its commune's, 2 doubtful point, 3 commune alone, 4 unknown."""
    placement = item.placement
    if placement.location is None:
        return 4 if placement.commune is None else 3
    codes = {flag.code for flag in placement.flags}
    if "placed_at_commune" in codes:
        return 1
    return 0 if codes.isdisjoint(DOUBTFUL_POINT) else 2


def _supplier_flags(stored: Sequence[StoredRecord], united: SupplierRecord, placement: Placement) -> tuple[Flag, ...]:
    """The flags on the chosen `placement`, on the SIRET of the `united` record and on the supplier as a whole."""
    if not any(item.placement.flags for item in stored):
        return ()
    of_siret = (item.placement.flags for item in stored if item.record.siret == united.siret)
    flags = [flag for flag in placement.flags if flag.code != "siret_check_failed"]
    flags += [flag for found in of_siret for flag in found if flag.code == "siret_check_failed"]
    flags += [flag for item in stored for flag in item.placement.flags if flag.code == "unmapped_category"]
    return tuple(dict.fromkeys(flag for flag in flags if not (flag.code == "no_offer" and united.offers)))


def size_of_records(records: Sequence[tuple[SupplierRecord, str]]) -> SupplierSize:
    """The size that records, the preferred first, know of their supplier; each comes with the name of its source.

    A number of employees and a turnover count where the record's `size` has none. Of contracts won, the one worth most
    a year, whichever record has it; of places that one source tells of several sites, the most.
    """
    staff: StaffSize | None = None
    places: PlacesSize | None = None
    turnover: SizeInEuros | None = None
    capacity: CapacitySize | None = None
    won: list[SizeInEuros] = []
    for record, source in records:
        size = record.size or UNKNOWN_SIZE
        if staff is None and (size.staff or record.employees is not None):
            staff = _with_source(size.staff or StaffSize(record.employees or 0, record.employees), source)
        if size.places:
            told = _with_source(size.places, source)
            if places is None or (told.source == places.source and told.count > places.count):
                places = told
        if turnover is None and (size.turnover_eur or record.turnover_eur is not None):
            turnover = _with_source(size.turnover_eur or SizeInEuros(record.turnover_eur or 0.0), source)
        if capacity is None and size.yearly_capacity_eur:
            capacity = _with_source(size.yearly_capacity_eur, source)
        if size.largest_award_eur:
            won.append(_with_source(size.largest_award_eur, source))
        won += _values_of(record.public_awards, source)
    largest = max(won, key=lambda each: value_per_year(each.value, each.duration_months), default=None)
    known = (staff, places, turnover, largest, capacity)
    return SupplierSize(*known) if any(known) else UNKNOWN_SIZE


def _values_of(awards: Iterable[PublicAward], source: str) -> list[SizeInEuros]:
    """The known values of contracts that were won alone, and are no maximum of a framework agreement."""
    return [
        SizeInEuros(award.value_eur, award.notified_on, source, award.duration_months)
        for award in awards
        if award.value_eur and not award.in_group and not award.is_framework
    ]


PartOfSize = TypeVar("PartOfSize", StaffSize, PlacesSize, SizeInEuros, CapacitySize)


def _with_source(part: PartOfSize, source: str) -> PartOfSize:
    """A part of a size with its source, that of its record unless it names another."""
    return part if part.source else msgspec.structs.replace(part, source=source)
