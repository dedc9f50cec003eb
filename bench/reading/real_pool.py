"""The suppliers of the real files, as a directory that imported them would hold and match them.

Those of SIAE, ESAT, GEIQ and Sirene of 2017 make suppliers; awarded contracts and purposes of associations add to them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from bench.reading import files
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.deduplication import IdentityFacts, RecordKey, partition, read_name
from domain.suppliers.source import Row
from domain.suppliers.supplier import Supplier
from matching.geo.record_placement import find_placements
from matching.index.live_index import Index, LiveIndex
from matching.reference import Reference
from matching.words.names import name_similarity
from sources.rows import Context

SOURCES: Mapping[str, Callable[[Path, Context], Iterator[Row]]] = {
    "siae": files.siae,
    "esat": files.esat,
    "geiq": files.geiq,
    "sirene": files.sirene_of_2017,
}
ADDITIONS: Mapping[str, Callable[[Path, Context], Iterator[Row]]] = {"decp": files.decp, "rna": files.rna}
_SIREN_DIGITS = 9
_NOW = datetime(2024, 12, 1, tzinfo=UTC)


class ListedSupplier(NamedTuple):
    """A supplier of the pool, and the records that it is made of, those that only add to it last."""

    supplier: Supplier
    stored: tuple[StoredRecord, ...]

    @property
    def key(self) -> str:
        """Its SIRET, else source and identifier of its first record: the same while the files are the same."""
        first = self.stored[0]
        return self.supplier.siret or f"{first.source}:{first.external_id}"

    def without(self, contract: str) -> Supplier:
        """The supplier as it would be if nobody knew that it won the contracts with this object."""
        return self._assembled(lambda item: all(award.object != contract for award in item.record.public_awards))

    def without_contracts(self) -> Supplier:
        """The supplier as it would be if nobody knew of any contract that it won."""
        return self._assembled(lambda item: not item.record.public_awards)

    def _assembled(self, is_known: Callable[[StoredRecord], bool]) -> Supplier:
        return assemble(self.supplier.id, list(filter(is_known, self.stored)))


@dataclass(frozen=True)
class RealPool:
    """The suppliers of the real files by id, and the index that they are matched in."""

    by_id: Mapping[UUID, ListedSupplier]
    live: LiveIndex

    def by_siret(self) -> dict[str, ListedSupplier]:
        """The suppliers by the SIRETs of all their records, where these make suppliers."""
        return {
            item.record.siret: listed
            for listed in self.by_id.values()
            for item in listed.stored
            if item.record.siret and item.supplier_id
        }


def read_pool(data: Path, reference: Reference, left_out: frozenset[str] = frozenset()) -> RealPool:
    """The pool made of the real files, without the awarded contracts whose objects are `left_out`."""
    context = files.load_context()
    records = {
        RecordKey(source, row.external_id): row for source, read in SOURCES.items() for row in read(data, context)
    }
    placements = find_placements([row.record for row in records.values()], reference.geography)
    placed = dict(zip(records, placements, strict=True))
    additions: dict[str, list[StoredRecord]] = defaultdict(list)
    for source, read in ADDITIONS.items():
        rows = [row for row in read(data, context) if row.joins]
        spots = find_placements([row.record for row in rows], reference.geography)
        for row, spot in zip(rows, spots, strict=True):
            if left_out.isdisjoint(award.object or "" for award in row.record.public_awards):
                added = StoredRecord(source, row.external_id, row.record, spot, None, _NOW, _NOW)
                additions[row.joins or ""].append(added)
    facts = [
        IdentityFacts(
            key,
            row.record.siret,
            tuple(read_name(name) for name in (row.record.name, row.record.trade_name) if name and row.record.location),
            placed[key].location,
            row.record.in_prison is True,
        )
        for key, row in records.items()
    ]
    by_id = {}
    for group in partition(facts, name_similarity):
        identity = uuid5(NAMESPACE_URL, "/".join(group[0]))
        own = [StoredRecord(*key, records[key].record, placed[key], identity, _NOW, _NOW) for key in group]
        stored = (*own, *_additions_to(own, additions))
        by_id[identity] = ListedSupplier(assemble(identity, stored), stored)
    suppliers = [listed.supplier for listed in by_id.values()]
    index = Index.build(suppliers, reference.taxonomy, reference.cpv, reference.geography)
    return RealPool(by_id, LiveIndex(index, 1))


def _additions_to(
    own: Sequence[StoredRecord], additions: Mapping[str, Sequence[StoredRecord]]
) -> Iterator[StoredRecord]:
    """The records that add to a supplier, by the SIRETs and SIRENs of its `own` records, each once."""
    sirets = dict.fromkeys(item.record.siret for item in own if item.record.siret)
    for number in (*sirets, *dict.fromkeys(siret[:_SIREN_DIGITS] for siret in sirets)):
        yield from additions.get(number, ())
