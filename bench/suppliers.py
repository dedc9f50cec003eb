"""Generated suppliers to measure with: as a file to import, or as the directory would hold them."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from random import Random
from uuid import UUID

import msgspec

from api.sample.generate import GeneratedRecord, generate_records
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import Supplier
from matching.geo.record_placement import find_placements
from matching.reference import Reference

ON = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
SEED = 1


def records(
    count: int,
    reference: Reference,
    *,
    offerless: float = 0.0,
    seed: int = SEED,
    departements: Collection[str] | None = None,
) -> Iterator[GeneratedRecord]:
    """The first `count` generated suppliers, of all France or some departements; a larger pool begins with a smaller.

    Of `offerless`, a share between 0 and 1, no offer is known, as of most suppliers in real files.
    """
    draw = Random(3)
    for made in generate_records(count, seed, reference, ON, departements):
        bare = draw.random() < offerless
        yield made._replace(record=msgspec.structs.replace(made.record, offers=())) if bare else made


def suppliers(
    count: int,
    reference: Reference,
    *,
    offerless: float = 0.0,
    seed: int = SEED,
    departements: Collection[str] | None = None,
) -> Iterator[Supplier]:
    """The suppliers made of the same `records`, as the directory would store them."""
    made = records(count, reference, offerless=offerless, seed=seed, departements=departements)
    for number, (external_id, record) in enumerate(made):
        placement = find_placements([record], reference.geography)[0]
        stored = StoredRecord("bench", external_id, record, placement, UUID(int=number), NOW, NOW)
        yield assemble(UUID(int=number), [stored])


def write(path: Path, generated: Iterator[GeneratedRecord]) -> None:
    """Write the records to a file in our own format, one a line."""
    with path.open("wb") as file:
        for external_id, record in generated:
            file.write(msgspec.json.encode({"external_id": external_id, **msgspec.structs.asdict(record)}) + b"\n")


class PoolFile:
    """A file of generated suppliers, and shorter files that hold its first ones, made when asked for."""

    def __init__(self, folder: Path, largest: int, reference: Reference, offerless: float = 0.0) -> None:
        self._folder, self._largest, self._reference, self._offerless = folder, largest, reference, offerless

    def of(self, count: int) -> Path:
        """The file of the first `count` suppliers."""
        whole, part = self._folder / f"{self._largest}.ndjson", self._folder / f"{count}.ndjson"
        if not whole.exists():
            write(whole, records(self._largest, self._reference, offerless=self._offerless))
        if not part.exists():
            with whole.open("rb") as lines, part.open("wb") as file:
                file.writelines(islice(lines, count))
        return part
