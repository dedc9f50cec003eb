"""The distinct service areas of offers, and which of them meet a territory."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from domain.reference.territory import UnknownTerritory
from domain.suppliers.supplier import Kind, ServiceArea
from domain.text.normalise import fold
from matching.geo.geojson_validation import checked_geometry
from matching.geo.projection import Positions
from matching.geo.shape import shares_ground
from matching.geo.territory import Bools, Geography, Territory
from matching.index.mapped_arrays import Texts, joined_texts, texts

# how an offer says where it is available
NO_AREA, RADIUS, GROUND, NATIONAL = 0, 1, 2, 3
NEARBY_KM, NEIGHBOUR_KM = 50.0, 20.0
"""The distance from the territory allowed to a supplier without a declared area, and to one that works near home."""
_NEIGHBOURS = re.compile(
    r"^(?:commune|mairie|ville) d|\bregies?\b(?!.*\b(?:eaux?|publicitaires?|des ecrivains)\b)"
    r"|\bccas\b|\bcentre communal d action sociale\b"
)
_SIREN_OF_COMMUNES = "21"


class AreaNumbers(NamedTuple):
    """The service area of an offer as numbers: kind, reach in kilometres, `number` if of codes or drawn (else -1)."""

    kind: int
    reach_km: float
    number: int


ALL_OF_FRANCE = AreaNumbers(NATIONAL, np.inf, -1)


def default_reach_km(kinds: Sequence[Kind], name: str, siret: str | None) -> float:
    """The kilometres from a territory within which a supplier serves it that has declared no area.

    Fewer for whoever works near home: associations intermédiaires alone, whose agreement with the State names their
    territory (code du travail, R5132-12, 1° f), régies de quartier, communes and their social centres.
    """
    if (kinds and set(kinds) <= {"AI", "ESUS"} and "AI" in kinds) or (siret or "").startswith(_SIREN_OF_COMMUNES):
        return NEIGHBOUR_KM
    return NEIGHBOUR_KM if _NEIGHBOURS.search(fold(name)) else NEARBY_KM


DIGEST_BYTES = 16
NO_GROUND = np.empty(0, dtype=np.intp)


class AreaTable(NamedTuple):
    """The distinct areas that are given by codes or geometry, as parallel arrays.

    `digests`: shape (n, 16), of what was said of each. Each commune of each: `communes` and, parallel, `owners`, the
    numbers. `drawn`: the numbers of those that were drawn, whose `outlines` are in well-known binary.
    """

    digests: NDArray[np.uint8]
    communes: Positions
    owners: Positions
    drawn: Positions
    outlines: Texts


def joined_areas(parts: Sequence[AreaTable]) -> tuple[AreaTable, list[NDArray[np.int32]]]:
    """The distinct areas of several tables as one table, and for each old table the new number of each of its areas."""
    found: dict[bytes, int] = {}
    places, first = [], [0]
    for part in parts:
        digests = part.digests.tobytes()
        cut = (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
        places.append(np.array([found.setdefault(digest, len(found)) for digest in cut], dtype=np.int32))
        first.append(len(found))
    are_new = [moved >= least for moved, least in zip(places, first, strict=False)]
    grounds = [new[part.owners] for part, new in zip(parts, are_new, strict=True)]
    drawn = [new[part.drawn] for part, new in zip(parts, are_new, strict=True)]
    table = AreaTable(
        np.frombuffer(b"".join(found), dtype=np.uint8).reshape(-1, DIGEST_BYTES),
        np.concatenate([part.communes[of_new] for part, of_new in zip(parts, grounds, strict=True)]),
        np.concatenate([moved[part.owners[new]] for part, moved, new in zip(parts, places, grounds, strict=True)]),
        np.concatenate([moved[part.drawn[new]] for part, moved, new in zip(parts, places, drawn, strict=True)]),
        joined_texts([part.outlines for part in parts], np.flatnonzero(np.concatenate(drawn))),
    )
    return table, places


@dataclass(frozen=True)
class _AreaBatch:
    """`count` areas from number `first` on: `communes[i]` is ground of area `first + owners[i]`; `drawn`: by number."""

    first: int
    count: int
    communes: Positions
    owners: Positions
    drawn: dict[int, shapely.Geometry]


class ServiceAreas:
    """The distinct areas that are given by codes or geometry, each with a number; areas may be added, none changes."""

    def __init__(self, geography: Geography, table: AreaTable | None = None) -> None:
        self.geography = geography
        self.unknown_codes: set[str] = set()
        self._numbers: dict[bytes, AreaNumbers] = {}
        self._of_codes: dict[tuple[str, ...], AreaNumbers] = {}
        self._grounds: list[Positions] = []
        self._drawn: dict[int, shapely.Geometry] = {}
        self._batches: tuple[_AreaBatch, ...] = ()
        if table is not None:
            digests = table.digests.tobytes()
            for number in range(len(table.digests)):
                digest = digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES]
                self._numbers[digest] = AreaNumbers(GROUND, np.inf, number)
            drawn = shapely.from_wkb([table.outlines.text(number) for number in range(len(table.drawn))])
            outlines = dict(zip(table.drawn.tolist(), drawn, strict=True))
            self._batches = (_AreaBatch(0, len(table.digests), table.communes, table.owners, outlines),)
        self._meeting: WeakKeyDictionary[Territory, Bools] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._numbers)

    def intern(self, area: ServiceArea) -> AreaNumbers:
        """The `AreaNumbers` of an offer's area, added if new; `meeting` knows a new area after the next `lay_out`."""
        if area.national:
            return ALL_OF_FRANCE
        if area.radius_km is not None:
            return AreaNumbers(RADIUS, area.radius_km, -1)
        if area.codes is not None and area.geometry is None:
            numbers = self._of_codes.get(area.codes)
            if numbers is None:
                numbers = self._of_codes[area.codes] = self._intern_codes_or_geometry(area)
            return numbers
        return self._intern_codes_or_geometry(area)

    def _intern_codes_or_geometry(self, area: ServiceArea) -> AreaNumbers:
        digest = blake2b(msgspec.json.encode(area), digest_size=DIGEST_BYTES).digest()
        numbers = self._numbers.get(digest)
        if numbers is None:
            numbers = AreaNumbers(GROUND, np.inf, len(self._numbers))
            if area.geometry is not None:
                region = self._drawn[numbers.number] = checked_geometry(area.geometry)
                ground = self.geography.ground_of(region)
            else:
                known = []
                for code in area.codes or ():
                    try:
                        known.append(self.geography.territories.area(code, suggest=False))
                    except UnknownTerritory:  # one that reference data has dropped since it was stored is left out
                        self.unknown_codes.add(code)
                ground = self.geography.ground_of_areas(tuple(known))
            self._grounds.append(np.flatnonzero(ground))
            self._numbers[digest] = numbers
        return numbers

    def lay_out(self) -> None:
        """Batch the areas interned since the last call, so that `meeting` knows them."""
        first = sum(batch.count for batch in self._batches)
        grounds, self._grounds = self._grounds, []
        if grounds:
            communes = np.concatenate(grounds)
            owners = np.repeat(np.arange(len(grounds)), [len(ground) for ground in grounds])
            self._batches = (*self._batches, _AreaBatch(first, len(grounds), communes, owners, self._drawn))
            self._drawn = {}

    def table(self) -> AreaTable:
        """The table of all areas that were laid out."""
        drawn = {number: region for batch in self._batches for number, region in batch.drawn.items()}
        return AreaTable(
            np.frombuffer(b"".join(self._numbers), dtype=np.uint8).reshape(-1, DIGEST_BYTES),
            np.concatenate([NO_GROUND, *(batch.communes for batch in self._batches)]),
            np.concatenate([NO_GROUND, *(batch.owners + batch.first for batch in self._batches)]),
            np.array(list(drawn), dtype=np.int64),
            texts(shapely.to_wkb(np.array(list(drawn.values()), dtype=object)).tolist()),
        )

    def meeting(self, territory: Territory) -> Bools:
        """Whether each area, by number, shares ground with a territory; cached while the territory is in memory."""
        batches, found = self._batches, self._meeting.get(territory, np.empty(0, dtype=bool))
        for batch in batches:
            if batch.first < len(found):
                continue
            meets = np.zeros(batch.count, dtype=bool)
            meets[batch.owners[territory.ground[batch.communes]]] = True
            if territory.codes is None and batch.drawn:
                # what is drawn is compared as drawn: two pieces of one commune need not meet, two zones may meet at sea
                places = np.array(list(batch.drawn)) - batch.first
                drawn = np.array(list(batch.drawn.values()))
                if territory.radius_km is not None and territory.shape is not None:
                    meets[places] = territory.shape.are_within(territory.radius_km, drawn)
                else:
                    meets[places] = shares_ground(territory.drawn, drawn)
            found = self._meeting[territory] = np.concatenate((found, meets))
        return found
