"""What a supplier's record must pass to be taken, whichever way it comes, and what is then noted about it."""

from collections.abc import Iterator, Sequence

import msgspec

from domain.errors import Problem
from domain.suppliers.record_check import check_record
from domain.suppliers.supplier import Flag, Placement, SupplierRecord
from matching.geo.geocode import place
from matching.geo.geojson_validation import Misplaced, decoded
from matching.geo.territory import Geography
from matching.reference import Reference
from sources.flags import content_flags


def faults(record: SupplierRecord, reference: Reference) -> tuple[Problem, ...]:
    """Everything wrong with the record, each with its JSON pointer; () where it can be taken."""
    found = check_record(record, reference.territories, reference.taxonomy, reference.cpv)
    return (*found, *drawing_faults(record))


def drawing_faults(record: SupplierRecord) -> Iterator[Problem]:
    """What is wrong with the service areas that the record draws; every other fault is found while reading a file."""
    for position, offer in enumerate(record.offers):
        if offer.service_area is not None and offer.service_area.geometry is not None:
            try:
                decoded(offer.service_area.geometry, "offers", position, "service_area", "geometry")
            except Misplaced as misplaced:
                yield from misplaced.problems


def placed(records: Sequence[SupplierRecord], geography: Geography) -> list[Placement]:
    """Where each record stands, with everything that is doubtful about it."""
    return [flagged(*pair) for pair in zip(place(records, geography), map(content_flags, records), strict=True)]


def flagged(placement: Placement, flags: tuple[Flag, ...]) -> Placement:
    """The placement with more flags."""
    return msgspec.structs.replace(placement, flags=placement.flags + flags) if flags else placement
