"""Checks of supplier records: faults refuse a record, flags only note what is doubtful about one.

A flag notes, for example, that the check digits of a SIRET, the number of an establishment, are wrong.
"""

from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

import msgspec
from stdnum.fr import siret as siret_numbers

from domain.errors import InvalidContent, Problem, pointer
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import Geometry, Territories, vertices
from domain.suppliers.record_check import check_record
from domain.suppliers.supplier import SIRET_DIGITS, Flag, Placement, ServiceArea, SupplierRecord
from domain.text.bilingual import said_by
from matching.geo.geojson_validation import area_to_store
from matching.geo.record_placement import find_placements
from matching.geo.territory import Geography
from sources.postal_addresses import commune_meant, complete_address

_SAID = said_by(__name__)

MOST_VERTICES = 10_000
"""Vertices of all the service areas that one record draws, once they are simplified."""
_TOO_MANY_VERTICES = _SAID["too_many_vertices"].filled(most_vertices=MOST_VERTICES)


SHORT_OF_ZEROS = range(SIRET_DIGITS - 3, SIRET_DIGITS)
"""Digits that a SIRET may have kept."""
# Most numbers are decided here, ten times as fast; the branches of La Poste, and what is no SIRET, by the library.
_LA_POSTE = b"356000000"
_PLAIN = bytes(max(0, byte - 48) % 10 for byte in range(256))
_DOUBLED = bytes(sum(divmod(2 * value, 10)) for value in _PLAIN)


def siret_passes_check(siret: str) -> bool:
    """Whether the check digits of a SIRET agree: Luhn's key, and for the branches of La Poste a sum divisible by 5."""
    digits = siret.encode()
    if len(digits) == 14 and digits.isdigit() and not digits.startswith(_LA_POSTE):
        return not (luhn_remainder(digits) or luhn_remainder(digits[:9]))
    return siret_numbers.is_valid(siret)


def luhn_remainder(digits: bytes) -> int:
    """The Luhn checksum of some digits, modulo 10: 0 where they pass."""
    first = len(digits) % 2
    return (sum(digits[first::2].translate(_DOUBLED)) + sum(digits[1 - first :: 2].translate(_PLAIN))) % 10


def whole_siret(written: str) -> str:
    """The SIRET without blanks and dots, with the first zeros that spreadsheets take off where its key then agrees."""
    digits = "".join(written.split()).removesuffix(".0").replace(".", "")
    is_short = len(digits) in SHORT_OF_ZEROS and digits.isdecimal()
    return whole if is_short and siret_passes_check(whole := digits.rjust(SIRET_DIGITS, "0")) else digits


class CheckResult(NamedTuple):
    """A record as it is to be stored, flags for its simplified areas, and its problems, () if it is accepted."""

    record: SupplierRecord
    flags: tuple[Flag, ...]
    problems: tuple[Problem, ...]


def check(
    record: SupplierRecord, territories: Territories, taxonomy: Taxonomy, cpv: Cpv, *, is_own: bool = True
) -> CheckResult:
    """Check a record and simplify its finely drawn service areas; returns the record, flags and problems.

    Of one written for us (`is_own`), the commune is looked up by postal code and city where it is not said. Of others',
    it is taken from them, with a flag, where its code is none; and a self-employed person keeps the commune alone: the
    address is most often a home.
    """
    address, meant, mended = record.address, commune_meant(record.address, territories), tuple[Flag, ...]()
    if address and meant and not is_own:
        mended = (Flag("not_understood", f"{address.commune} ({meant} ?)"),)
        record = msgspec.structs.replace(record, address=msgspec.structs.replace(address, commune=meant))
    problems = tuple(check_record(record, territories, taxonomy, cpv, meant))
    if is_own:
        record, faults = complete_address(record, territories)
        problems += faults
    else:
        record = _without_home(record)
    if not draws_areas(record):
        return CheckResult(record, mended, problems)
    kept: dict[Geometry, Geometry] = {}
    areas = [offer.service_area.geometry if offer.service_area else None for offer in record.offers]
    for position, area in enumerate(areas):
        if area is None or area in kept:
            continue
        at = "offers", position, "service_area", "geometry"
        try:
            kept[area] = area_to_store(area, *at)
        except InvalidContent as invalid:
            problems += invalid.problems
        if sum(map(vertices, kept.values())) > MOST_VERTICES:
            problems += (Problem(pointer(*at), "too_many_vertices", _TOO_MANY_VERTICES),)
            break
    offers = tuple(
        offer
        if area is None or kept.get(area, area) is area
        else msgspec.structs.replace(offer, service_area=ServiceArea(geometry=kept[area]))
        for offer, area in zip(record.offers, areas, strict=True)
    )
    flags = tuple(
        Flag("area_simplified", f"{vertices(drawn)} vertices, {vertices(area)} kept")
        for drawn, area in kept.items()
        if area is not drawn
    )
    return CheckResult(msgspec.structs.replace(record, offers=offers) if flags else record, mended + flags, problems)


def _without_home(record: SupplierRecord) -> SupplierRecord:
    """The record without street and point if it is of a self-employed person (kind TIH), and of nothing else."""
    address = record.address
    if not record.approvals or any(approval.kind != "TIH" for approval in record.approvals):
        return record
    kept = address and msgspec.structs.replace(address, street=None)
    return msgspec.structs.replace(record, address=kept, location=None)


def draws_areas(record: SupplierRecord) -> bool:
    """Whether a service area of the record is a geometry, whose check takes some milliseconds."""
    return any(offer.service_area is not None and offer.service_area.geometry is not None for offer in record.offers)


def takes_long(record: SupplierRecord) -> bool:
    """Whether the check of the record may take long: its areas are simplified, or its commune is looked up."""
    return draws_areas(record) or (record.address is not None and record.address.commune is None)


def placements_of(
    records: Sequence[SupplierRecord], geography: Geography, flags: Sequence[tuple[Flag, ...]] | None = None
) -> list[Placement]:
    """The placement of each record on the map, flagged for its place and content, and with `flags` at its position."""
    placements = zip(find_placements(records, geography), records, flags or repeat(()), strict=False)
    found = ((placement, content_flags(record) + own) for placement, record, own in placements)
    return [
        msgspec.structs.replace(placement, flags=placement.flags + own) if own else placement
        for placement, own in found
    ]


def content_flags(record: SupplierRecord) -> tuple[Flag, ...]:
    """The flags `siret_check_failed`, where the SIRET fails the check, and `no_offer`, where no need can find it."""
    flags = siret_flags(record)
    return flags if record.offers else (*flags, Flag("no_offer", "no segment and no CPV code"))


def siret_flags(record: SupplierRecord) -> tuple[Flag, ...]:
    """The flag `siret_check_failed` where the record's SIRET fails the check, else ()."""
    failed = record.siret is not None and not siret_passes_check(record.siret)
    return (Flag("siret_check_failed", record.siret or ""),) if failed else ()
