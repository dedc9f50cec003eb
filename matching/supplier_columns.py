"""Suppliers as columns: by ordinal, with room at the end for those that are written later."""

import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.shortlists.shortlist import PublicContact, SupplierSummary
from domain.suppliers.supplier import Supplier
from matching.eligibility_cache import EligibilityCache
from matching.geo.projection import Floats, earth_centred
from matching.spatial_order import spatial_keys

Ordinals = NDArray[np.int32]
LEAST_ROOM = 256
ROOM_SHARE = 0.02


class SupplierColumns:
    """Suppliers by ordinal: those it is built of in spatial order, then those added, in the order of their coming.

    A row once written never changes, so that a match that is under way may go on with the rows it began with.
    `positions[i]`: earth-centred kilometres, NaN without a location; `draw[i]`: 64 bits from its id; `facts[i]`: where
    its legal facts stand among the distinct ones of `eligibility`. `spatial_keys`: of those it is built of.
    """

    def __init__(self, suppliers: Iterable[Supplier]) -> None:
        active = [supplier for supplier in suppliers if supplier.active]
        lat, lon = _degrees(active)
        keys = spatial_keys(lat, lon)
        order = np.argsort(keys, kind="stable")
        self.spatial_keys = keys[order]
        self.suppliers: list[Supplier] = [active[place] for place in order.tolist()]
        self.ordinals: dict[UUID, int] = {supplier.id: ordinal for ordinal, supplier in enumerate(self.suppliers)}
        """Of those it is built of."""
        self.eligibility = EligibilityCache()
        self._summaries: dict[int, bytes] = {}
        self.positions, self.draw, self.facts = earth_centred(lat[order], lon[order]), *self._rows(self.suppliers)
        self._make_room()

    def __len__(self) -> int:
        return len(self.suppliers)

    @property
    def capacity(self) -> int:
        """The number of rows there is room for."""
        return len(self.draw)

    def add(self, suppliers: Sequence[Supplier]) -> range:
        """Write some more; their ordinals. One call at a time."""
        first, end = len(self.suppliers), len(self.suppliers) + len(suppliers)
        added = self._rows(suppliers)
        if end > self.capacity:
            self._make_room(end)
        self.positions[first:end] = earth_centred(*_degrees(suppliers))
        self.draw[first:end], self.facts[first:end] = added
        self.suppliers += suppliers
        return range(first, end)

    def summary(self, ordinal: int) -> bytes:
        """A supplier as a shortlist shows it, in JSON: no contact person."""
        summary = self._summaries.get(ordinal)
        if summary is None:
            summary = self._summaries[ordinal] = msgspec.json.encode(_summary(self.suppliers[ordinal]))
        return summary

    def is_placed(self, ordinal: int) -> bool:
        """Whether the supplier's place is known."""
        return self.suppliers[ordinal].location is not None

    def _rows(self, suppliers: Sequence[Supplier]) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
        digests = b"".join(hashlib.blake2b(supplier.id.bytes, digest_size=8).digest() for supplier in suppliers)
        draw = np.frombuffer(digests, dtype=">u8").astype(np.uint64)
        return draw, self.eligibility.positions_of(suppliers)

    def _make_room(self, least: int = 0) -> None:
        rows = max(least, len(self.suppliers))
        room = rows + max(LEAST_ROOM, int(rows * ROOM_SHARE)) - len(self.draw)
        self.positions = np.concatenate((self.positions, np.full((room, 3), np.nan)))
        self.facts = np.concatenate((self.facts, np.zeros(room, dtype=np.int32)))
        self.draw = np.concatenate((self.draw, np.zeros(room, dtype=np.uint64)))


def each_once(ordinals: Ordinals) -> Ordinals:
    """Some ordinals in order, each once; a few sorted runs are put in order at little cost."""
    in_order = np.sort(ordinals, kind="stable")
    is_new = np.ones(len(in_order), dtype=bool)
    np.not_equal(in_order[1:], in_order[:-1], out=is_new[1:])
    return in_order[is_new]


def _degrees(suppliers: Sequence[Supplier]) -> tuple[Floats, Floats]:
    points = [(s.location.lat, s.location.lon) if s.location else (np.nan, np.nan) for s in suppliers]
    lat, lon = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return lat, lon


def _summary(supplier: Supplier) -> SupplierSummary:
    contact = supplier.contact
    return SupplierSummary(
        id=supplier.id,
        name=supplier.name,
        siret=supplier.siret,
        kinds=supplier.kinds,
        legal_form=supplier.legal_form,
        ess=supplier.ess,
        commune=supplier.commune,
        location=supplier.location,
        contact=PublicContact(contact.email, contact.phone, contact.website),
        updated_at=supplier.updated_at,
    )
