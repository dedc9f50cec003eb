"""The size of a supplier from what its records know of it: each part from the first that does, with its source."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from domain.needs.need import value_per_year
from domain.suppliers.supplier import (
    UNKNOWN_SIZE,
    CapacitySize,
    PlacesSize,
    PublicAward,
    SizeInEuros,
    StaffSize,
    SupplierRecord,
    SupplierSize,
)


def size_of_records(records: Sequence[tuple[SupplierRecord, str]]) -> SupplierSize:
    """The size that records, the preferred first, know of their supplier; each comes with the name of its source.

    A number of employees and a turnover count where the record's `size` has none. Of contracts won, the one worth most
    a year, whichever record has it.
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
        if places is None and size.places:
            places = _with_source(size.places, source)
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


Part = TypeVar("Part", StaffSize, PlacesSize, SizeInEuros, CapacitySize)


def _with_source(part: Part, source: str) -> Part:
    """A part of a size with its source, that of its record unless it names another."""
    return part if part.source else msgspec.structs.replace(part, source=source)
