"""Suppliers as matching reads them, and as columns: by ordinal, with room at the end for those written later.

Of each the index holds two texts in JSON, a summary to show and details to judge by. They are in an order in which
suppliers that are near each other are together, so that a shape lies near few runs of it.
"""

import hashlib
from array import array
from collections.abc import Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from domain.law.reservations.eligibility import LegalFacts
from domain.shortlists.listed_suppliers import SupplierSummary
from domain.shortlists.reach import deciding_size
from domain.suppliers.supplier import (
    UNKNOWN_SIZE,
    Approval,
    Contact,
    Kind,
    LegalForm,
    Offer,
    Point,
    Shares,
    Supplier,
    SupplierSize,
)
from matching.geo.projection import Bools, Floats, Positions, earth_centred
from matching.index.legal import EligibilityCache, FactArrays, FactRows, LegalColumns, joined_facts
from matching.index.mapped_arrays import Piece, TextLocations, TextReader, TextWriter, joined_locations
from matching.index.service_areas import default_reach_km
from matching.index.sizes import SizeArrays, SizeRows, joined_sizes

NULL, NOTHING = Raw(b"null"), Raw(b"[]")
_encode = msgspec.json.Encoder().encode


class _PublicContact(msgspec.Struct, frozen=True, gc=False):
    """The contact of a supplier without the person: the fields of `PublicContact`."""

    email: Raw = NULL
    phone: Raw = NULL
    website: Raw = NULL


class SourceName(msgspec.Struct, frozen=True, gc=False):
    """The name of a source that describes a supplier."""

    source: str


class IndexedSupplier(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier as read back from an index: the fields that matching uses."""

    id: UUID
    name: str
    siret: str | None = None
    kinds: tuple[Kind, ...] = ()
    legal_form: LegalForm | None = None
    ess: bool | None = None
    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    commune: str | None = None
    location: Point | None = None
    offers: tuple[Offer, ...] = ()
    contact: Contact = Contact()
    employees: int | None = None
    turnover_eur: float | None = None
    size: SupplierSize = UNKNOWN_SIZE
    active: bool = True
    sources: tuple[SourceName, ...] = ()
    no_offer_until: date | None = None
    updated_at: datetime


MatchedSupplier = Supplier | IndexedSupplier
"""A supplier with the fields that matching reads."""


class SupplierDocument(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier's JSON document, of which an index is built; fields that are only passed on stay raw JSON."""

    id: str
    name: Raw
    siret: Raw = NULL
    kinds: tuple[Kind, ...] = ()
    legal_form: LegalForm | None = None
    ess: bool | None = None
    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    commune: Raw = NULL
    location: Point | None = None
    offers: Raw = NOTHING
    contact: _PublicContact = _PublicContact()
    employees: int | None = None
    turnover_eur: Raw = NULL
    size: SupplierSize = UNKNOWN_SIZE
    active: bool = True
    sources: tuple[SourceName, ...] = ()
    no_offer_until: date | None = None
    updated_at: Raw


_SUMMARY = SupplierSummary.__struct_fields__
_DETAILS = tuple(name for name in IndexedSupplier.__struct_fields__ if name not in (*_SUMMARY, "active"))
_Details = msgspec.defstruct("_Details", _DETAILS, frozen=True, gc=False)
_summary_of, _details_of = attrgetter(*_SUMMARY), attrgetter(*_DETAILS)

read_document = msgspec.json.Decoder(SupplierDocument).decode
"""The `SupplierDocument` of a supplier in JSON."""
read_offers = msgspec.json.Decoder(tuple[Offer, ...]).decode
"""The offers of a `SupplierDocument`."""
_read_indexed = msgspec.json.Decoder(IndexedSupplier).decode
_Who = msgspec.defstruct("_Who", [("kinds", tuple[Kind, ...]), ("name", str), ("siret", str | None)], frozen=True)
_decode_who = msgspec.json.Decoder(_Who).decode


def document_of(supplier: MatchedSupplier) -> SupplierDocument:
    """A supplier given as a struct, in the form of which an index is built."""
    return read_document(_encode(supplier))


def summary_json(document: SupplierDocument) -> bytes:
    """The supplier as a shortlist shows it (`SupplierSummary`), in JSON: no contact person."""
    return _encode(SupplierSummary(*_summary_of(document)))


def details_json(document: SupplierDocument) -> bytes:
    """The fields of an `IndexedSupplier` that its summary lacks, in JSON."""
    return _encode(_Details(*_details_of(document)))


def read_indexed(summary: bytes, details: bytes) -> IndexedSupplier:
    """The supplier with this summary and these details, in JSON; its contact names no person."""
    return _read_indexed(b"%b,%b" % (summary[:-1], details[1:]))


def legal_facts(supplier: MatchedSupplier | SupplierDocument) -> LegalFacts:
    """The legal facts of a supplier."""
    return LegalFacts(supplier.approvals, supplier.shares, supplier.in_prison, supplier.legal_form, supplier.ess)


BAND_DEGREES = 0.25
PER_BAND = 1 << 14
UNPLACED = np.iinfo(np.int64).max
CERTAIN_KM = 100.0
"""Whoever is in none of the runs near a shape is certainly farther away than that."""

SpatialKeys = NDArray[np.int64]


def spatial_keys(lat: Floats, lon: Floats) -> SpatialKeys:
    """Keys that sort positions in bands of latitude from south to north, in each from west to east; NaN last."""
    keys = np.full(len(lat), UNPLACED)
    placed = np.flatnonzero(np.isfinite(lat))
    band = np.floor((lat[placed] + 90) / BAND_DEGREES).astype(np.int64)
    column = np.clip((lon[placed] + 180) / 360 * PER_BAND, 0, PER_BAND - 1).astype(np.int64)
    keys[placed] = band * PER_BAND + column
    return keys


Ordinals = NDArray[np.int32]
LEAST_ROOM = 256
ROOM_SHARE = 0.02
ID_BYTES = 16
NOWHERE = np.nan, np.nan
NOT_KNOWN = -1
_LOW_BITS = (1 << 64) - 1


class SupplierTable(NamedTuple):
    """The suppliers of an index by ordinal, in spatial order, as parallel arrays.

    `ids`: the low 64 bits of each id and the high ones, shape (n, 2); `by_id`: the ordinals in the order of the low
    ones. `draw` and `employees`: as in `SupplierColumns`. `texts`: summaries and details, in JSON.
    """

    spatial_keys: SpatialKeys
    lat: Floats
    lon: Floats
    draw: NDArray[np.uint64]
    facts: FactArrays
    employees: NDArray[np.int32]
    sizes: SizeArrays
    ids: NDArray[np.uint64]
    by_id: Ordinals
    texts: TextLocations


class SupplierRows:
    """Collects suppliers as they arrive, and makes a `SupplierTable` of them; their texts are written at once."""

    def __init__(self, texts: TextWriter) -> None:
        self._degrees = array("d")
        self._ids: list[str] = []
        self._facts = FactRows()
        self._employees = array("i")
        self._sizes = SizeRows()
        self._texts = texts

    def add(self, document: SupplierDocument) -> None:
        """Add an active supplier."""
        location = document.location
        self._degrees.extend(NOWHERE if location is None else (location.lat, location.lon))
        self._ids.append(document.id)
        self._facts.add(legal_facts(document))
        self._employees.append(NOT_KNOWN if document.employees is None else document.employees)
        self._sizes.add(deciding_size(document.size, document.kinds))
        self._texts.add(summary_json(document), details_json(document))

    def table(self) -> tuple[SupplierTable, Piece]:
        """The suppliers in the order of arrival, without `by_id`, and the piece with their texts."""
        lat, lon = np.array(self._degrees).reshape(-1, 2).T.copy()
        ids = bytes.fromhex("".join(self._ids).replace("-", ""))
        places, piece = self._texts.finish()
        table = SupplierTable(
            spatial_keys(lat, lon),
            lat,
            lon,
            _tie_break_bits([ids[start : start + ID_BYTES] for start in range(0, len(ids), ID_BYTES)]),
            self._facts.arrays(),
            np.array(self._employees, dtype=np.int32),
            self._sizes.arrays(),
            np.frombuffer(ids, dtype=">u8").reshape(-1, 2)[:, ::-1].astype(np.uint64),
            np.empty(0, dtype=np.int32),
            places,
        )
        return table, piece


def joined_suppliers(parts: Sequence[SupplierTable], pieces: Sequence[int]) -> tuple[SupplierTable, Positions]:
    """One table of several tables' suppliers in spatial order, and of each its row in the tables laid end to end.

    The suppliers of each part stay in their order. `pieces`: how many hold the texts of each.
    """
    keys = np.concatenate([part.spatial_keys for part in parts])
    order = np.argsort(keys, kind="stable")
    ids = np.concatenate([part.ids for part in parts])[order]
    table = SupplierTable(
        keys[order],
        np.concatenate([part.lat for part in parts])[order],
        np.concatenate([part.lon for part in parts])[order],
        np.concatenate([part.draw for part in parts])[order],
        joined_facts([part.facts for part in parts], order),
        np.concatenate([part.employees for part in parts])[order],
        joined_sizes([part.sizes for part in parts], order),
        ids,
        np.argsort(ids[:, 0], kind="stable").astype(np.int32),
        joined_locations([part.texts for part in parts], pieces, order),
    )
    return table, order


class SupplierColumns:
    """Suppliers as columns, by ordinal: those of a table, then those added, in the order of arrival.

    A row once written never changes, so that a match that is under way may go on with the rows it began with.
    `positions[i]`: earth-centred kilometres, NaN without a location; `draw[i]`: 64 bits from its id; `facts[i]`: its
    legal facts, which `eligibility` judges; `employees[i]`: NOT_KNOWN or how many; `sizes`: what decides on
    their reach. `spatial_keys`: of those of the table.
    """

    def __init__(self, table: SupplierTable, pieces: Sequence[Piece]) -> None:
        self.table, self.facts = table, LegalColumns(table.facts)
        self.eligibility = EligibilityCache(self.facts)
        self.spatial_keys = table.spatial_keys
        self.positions = earth_centred(table.lat, table.lon)
        self.draw, self.employees, self.sizes = table.draw, table.employees, table.sizes
        self._low_ids = table.ids[table.by_id, 0]
        self._texts = TextReader(table.texts, pieces)
        self._added: list[tuple[bytes, bytes]] = []
        self._make_room()

    def __len__(self) -> int:
        return len(self.spatial_keys) + len(self._added)

    @property
    def capacity(self) -> int:
        """The number of suppliers that the columns have room for."""
        return len(self.draw)

    def add(self, suppliers: Sequence[MatchedSupplier]) -> range:
        """Append suppliers and return their ordinals. One call at a time."""
        first, end = len(self), len(self) + len(suppliers)
        added = [(summary_json(each), details_json(each)) for each in map(document_of, suppliers)]
        facts, draw = list(map(legal_facts, suppliers)), _tie_break_bits([supplier.id.bytes for supplier in suppliers])
        if end > self.capacity:
            self._make_room(end)
        self.positions[first:end] = earth_centred(*_lat_and_lon(suppliers))
        self.draw[first:end] = draw
        self.employees[first:end] = [NOT_KNOWN if each.employees is None else each.employees for each in suppliers]
        self.sizes.put(first, [deciding_size(each.size, each.kinds) for each in suppliers])
        self.facts.add(facts)
        self._added += added
        return range(first, end)

    def ordinal_of(self, supplier: UUID) -> int | None:
        """The ordinal of a supplier of the table by its id; None where the table does not hold it."""
        low, high = supplier.int & _LOW_BITS, supplier.int >> 64
        first, end = (int(np.searchsorted(self._low_ids, np.uint64(low), side)) for side in ("left", "right"))
        return next(
            (each for each in self.table.by_id[first:end].tolist() if int(self.table.ids[each, 1]) == high), None
        )

    def summary(self, ordinal: int) -> bytes:
        """A supplier as a shortlist shows it, in JSON."""
        later = ordinal - len(self.spatial_keys)
        return self._texts.summary(ordinal) if later < 0 else self._added[later][0]

    def supplier(self, ordinal: int) -> IndexedSupplier:
        """The supplier of this ordinal, read back from JSON."""
        later = ordinal - len(self.spatial_keys)
        details = self._texts.details(ordinal) if later < 0 else self._added[later][1]
        return read_indexed(self.summary(ordinal), details)

    def default_reach_km(self, ordinal: int) -> float:
        """The kilometres from a territory within which a supplier serves it where it has declared no area."""
        return default_reach_km(*msgspec.structs.astuple(_decode_who(self.summary(ordinal))))

    def degrees(self, ordinals: Ordinals) -> tuple[Floats, Floats]:
        """Latitudes and longitudes of some suppliers; NaN without a location."""
        later = len(self.spatial_keys)
        of_table = np.minimum(ordinals, later - 1)
        lat, lon = (
            np.full(len(ordinals), np.nan) if not later else column[of_table]
            for column in (self.table.lat, self.table.lon)
        )
        rows = np.flatnonzero(ordinals >= later)
        lat[rows], lon[rows] = _lat_and_lon([self.supplier(ordinal) for ordinal in ordinals[rows].tolist()])
        return lat, lon

    def is_placed(self, ordinal: int) -> bool:
        """Whether the supplier's location is known."""
        return bool(np.isfinite(self.positions[ordinal, 0]))

    def _make_room(self, least: int = 0) -> None:
        """Replace the columns by longer ones with room beyond `least` rows; arrays read meanwhile do not change."""
        rows = max(least, len(self))
        room = max(LEAST_ROOM, int(rows * ROOM_SHARE)) + rows - len(self.draw)
        self.positions = np.concatenate((self.positions, np.full((room, 3), np.nan)))
        self.employees = np.concatenate((self.employees, np.full(room, NOT_KNOWN, dtype=np.int32)))
        self.sizes = self.sizes.with_room(room)
        self.draw = np.concatenate((self.draw, np.zeros(room, dtype=np.uint64)))


def each_once(ordinals: Ordinals) -> Ordinals:
    """The ordinals sorted, each once; cheap where they consist of a few sorted runs."""
    in_order = np.sort(ordinals, kind="stable")
    return in_order[differs_from_previous(in_order)]


def differs_from_previous(ordered: NDArray[np.generic]) -> Bools:
    """Whether each of the sorted values differs from the one before it; True for the first."""
    differs = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=differs[1:])
    return differs


def _lat_and_lon(suppliers: Sequence[MatchedSupplier]) -> tuple[Floats, Floats]:
    points = [(s.location.lat, s.location.lon) if s.location else (np.nan, np.nan) for s in suppliers]
    lat, lon = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return lat, lon


def _tie_break_bits(ids: Sequence[bytes]) -> NDArray[np.uint64]:
    digests = b"".join([hashlib.blake2b(each, digest_size=8).digest() for each in ids])
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)
