"""Every supplier with an offer near a lot's subject, with its best offers and its distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.law.supply_advice import Ends
from domain.needs.need import Reserved
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import Fit, Presence, SegmentAnswer
from domain.suppliers.supplier import BASES, Supplier
from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Territory
from matching.lot_query import LotQuery, Wanted
from tests.matching.whole_scan.eligibility_cache import FactPositions
from tests.matching.whole_scan.index import GROUND, NATIONAL, NO_AREA, OFFER_COLUMNS, RADIUS, Index, Offers
from tests.matching.whole_scan.offerless_cache import NEARBY_KM

Keys = NDArray[np.int32]

FITS: tuple[Fit, ...] = ("exact", "narrower", "broader", "related")
PRESENCES: tuple[Presence, ...] = ("local", "declared", "nearby", "national")
RELATED = FITS.index("related")

# An offer's worth for one wanted segment as a single number, smaller is better: fit, then basis, then presence;
# the offered segment's place rides along in the lowest digits.
OFFERED = 256
PER_BASIS = len(PRESENCES) * OFFERED
PER_FIT = len(BASES) * PER_BASIS
NO_OFFER = np.iinfo(np.int32).max

# by kind of area: how far it reaches before its radius or its ground is looked at, and the presence it gives
REACH_OF_AREA = np.full(4, -1.0)
REACH_OF_AREA[[NO_AREA, NATIONAL]] = NEARBY_KM, np.inf
PRESENCE_OF_AREA = np.full(4, PRESENCES.index("declared"), dtype=np.int32)
PRESENCE_OF_AREA[[NO_AREA, NATIONAL]] = PRESENCES.index("nearby"), PRESENCES.index("national")


@dataclass(frozen=True)
class ConsideredSuppliers:
    """Suppliers with an offer for the lot, as parallel arrays.

    `ordinal` names each supplier, and `facts` where its legal facts stand; `answers` says whether it
    offers anything that answers, wherever; `best[i, w]` is the worth of its best offer for the w-th wanted segment
    whose area meets the territory (NO_OFFER: none); `to_territory` is in kilometres, 0 inside, infinite where it is
    unknown or too far to matter.
    """

    query: LotQuery
    index: Index
    offered: tuple[tuple[str, ...], ...]
    ordinal: Positions
    facts: FactPositions
    answers: Bools
    best: Keys
    to_territory: Floats

    @cached_property
    def fit(self) -> NDArray[np.int32]:
        """Position in FITS of each best offer; at least len(FITS) where there is none."""
        return self.best // PER_FIT

    @cached_property
    def basis(self) -> NDArray[np.int32]:
        """Position in BASES of each best offer."""
        return self.best % PER_FIT // PER_BASIS

    @cached_property
    def presence(self) -> NDArray[np.int32]:
        """Position in PRESENCES of each best offer."""
        return self.best % PER_BASIS // OFFERED

    @cached_property
    def answering(self) -> Bools:
        """Shape (n, w): whether the offer answers that wanted segment; `related` never does."""
        return self.fit < RELATED

    @cached_property
    def objects(self) -> Bools:
        """Which of the wanted segments are the lot's object."""
        return np.array([wanted.role == "object" for wanted in self.query.wanted], dtype=bool)

    def answers_of(self, row: int) -> tuple[SegmentAnswer, ...]:
        """The best offer of one supplier for each wanted segment that it has any for."""
        return tuple(
            SegmentAnswer(
                requested=wanted.segment,
                offered=offered[worth % OFFERED],
                fit=FITS[worth // PER_FIT],
                basis=BASES[worth % PER_FIT // PER_BASIS],
                role=wanted.role,
            )
            for wanted, offered, worth in zip(self.query.wanted, self.offered, self.best[row].tolist(), strict=True)
            if worth != NO_OFFER
        )

    def distance(self, target: Shape | None, rows: Positions) -> Floats:
        """Kilometres from some of the suppliers to a shape, 0 inside; infinite where either is not known."""
        if target is None:
            return np.full(len(rows), np.inf)
        return self.index.distances(target).distance(self.ordinal[rows])

    def territory_distance(self, rows: Positions) -> Floats:
        """Kilometres from some of the suppliers to the territory, 0 inside."""
        territory = self.query.territory
        return territory.less_radius(self.distance(territory.shape, rows))

    def lower_bound(self, target: Shape | None, rows: Positions) -> Floats:
        """Kilometres that `distance` is certain not to be under."""
        if target is None:
            return np.full(len(rows), np.inf)
        return self.index.distances(target).lower_bound(self.ordinal[rows])

    def draws(self, rows: Positions) -> NDArray[np.uint64]:
        """The drawing bits of some of the suppliers."""
        return self.index.draw[self.ordinal[rows]]

    def outcomes(self, rows: Positions, on: date, rules: Rules) -> NDArray[np.int8]:
        """Eligibility of some of the suppliers, as `EligibilityCache.outcomes` gives it."""
        return self.index.eligibility.outcomes(self.facts[rows], on, rules)

    def approval_ends(
        self, rows: Positions, reserved: frozenset[Reserved], on: date, before: date, rules: Rules
    ) -> Ends | None:
        """The number of some suppliers' approvals that end before `before`, and the first; None where there is none."""
        many, first = self.index.eligibility.approval_ends(self.facts[rows], reserved, on, before, rules)
        return Ends(many, date.fromordinal(first)) if many else None

    def supplier(self, row: int) -> Supplier:
        """One of the suppliers."""
        return self.index.suppliers[self.ordinal[row]]

    def row_of(self, supplier: UUID) -> int | None:
        """The place of a supplier; None where it offers nothing near the lot."""
        ordinal = self.index.ordinals.get(supplier, -1)
        row = int(np.searchsorted(self.ordinal, ordinal))
        return row if row < len(self.ordinal) and self.ordinal[row] == ordinal else None

    def legal_facts(self, row: int) -> LegalFacts:
        """The legal facts of one of the suppliers."""
        return self.index.eligibility.distinct[self.facts[row]]


def considered_suppliers(query: LotQuery, index: Index, taxonomy: Taxonomy) -> ConsideredSuppliers:
    """The suppliers that have an offer for any wanted segment of the lot or a neighbour of one."""
    offered = [offers_for(wanted, taxonomy) for wanted in query.wanted]
    ordinal, answers, best, to_territory, facts = _considered_in(query, index, offered)
    return ConsideredSuppliers(
        query=query,
        index=index,
        offered=tuple(tuple(segment for segment, _ in pairs) for pairs in offered),
        ordinal=ordinal,
        facts=facts,
        answers=answers,
        best=best,
        to_territory=to_territory,
    )


def offers_for(wanted: Wanted, taxonomy: Taxonomy) -> list[tuple[str, int]]:
    """Segments and families that an offer for the wanted one may name, each with its fit (a position in FITS)."""
    family = taxonomy.family(wanted.segment)
    if family is None:
        segment = taxonomy.segments[wanted.segment]
        return [(segment.id, 0), (segment.family, 2), *((neighbour, RELATED) for neighbour in segment.related)]
    inside = [segment.id for segment in family.segments]
    around = dict.fromkeys(neighbour for segment in family.segments for neighbour in segment.related)
    return [
        (family.id, 0),
        *((segment, 1) for segment in inside),
        *((neighbour, RELATED) for neighbour in around if neighbour not in inside),
    ]


def _considered_in(
    query: LotQuery, index: Index, offered: Sequence[Sequence[tuple[str, int]]]
) -> tuple[Positions, Bools, Keys, Floats, FactPositions]:
    offers = _Offers.gather(index, offered)
    ordinals, row = _numbered(offers.table["supplier"], len(index.suppliers))
    objects = np.array([wanted.role == "object" for wanted in query.wanted], dtype=bool)
    answering = (offers.fit < RELATED) & objects[offers.column]
    answers = np.zeros(len(ordinals), dtype=bool)
    answers[row[answering]] = True
    reach = offers.reach(index.areas_meeting(query.territory))
    farthest = np.full(len(ordinals), -1.0)
    np.maximum.at(farthest, row[answering], reach[answering])
    to_territory = _distances(query.territory, index, ordinals, farthest)
    inside = to_territory[row] <= reach  # also where both are infinite: served by its codes, wherever it stands
    worth = offers.worth(to_territory[row] == 0)
    best = np.full((len(ordinals), len(query.wanted)), NO_OFFER, dtype=np.int32)
    np.minimum.at(best, (row[inside], offers.column[inside]), worth[inside])
    return ordinals, answers, best, to_territory, index.eligibility.facts[ordinals]


def _numbered(supplier: NDArray[np.int32], count: int) -> tuple[Positions, Positions]:
    """The suppliers that occur, each once and in order, and where each occurrence stands among them.

    As `np.unique` with its inverse, in a time that is that of the `count` of all suppliers instead of a sort's.
    """
    occurs = np.zeros(count, dtype=bool)
    occurs[supplier] = True
    ordinals = np.flatnonzero(occurs)
    place = np.empty(count, dtype=np.intp)
    place[ordinals] = np.arange(len(ordinals))
    return ordinals, place[supplier]


def _distances(territory: Territory, index: Index, ordinals: Positions, reach: Floats) -> Floats:
    """Distances to the territory of those whose reach may get there; infinite for the others."""
    distance = np.full(len(ordinals), np.inf)
    if territory.shape is not None:
        measured = index.distances(territory.shape)
        possible = np.flatnonzero(territory.less_radius(measured.lower_bound(ordinals)) <= reach)
        distance[possible] = territory.less_radius(measured.distance(ordinals[possible]))
    return distance


@dataclass(frozen=True)
class _Offers:
    """Offers of one index for the wanted segments, laid end to end; `column` is the wanted segment's place."""

    table: Offers
    column: NDArray[np.int32]
    place: NDArray[np.int32]
    fit: NDArray[np.int32]

    @classmethod
    def gather(cls, index: Index, offered: Sequence[Sequence[tuple[str, int]]]) -> "_Offers":
        numbers = [
            (segment, (column, place, fit))
            for column, pairs in enumerate(offered)
            for place, (segment, fit) in enumerate(pairs)
            if segment in index.offers
        ]
        tables = [index.offers[segment] for segment, _ in numbers]
        table = {
            name: np.concatenate([np.empty(0, kind), *(offers[name] for offers in tables)])
            for name, kind in OFFER_COLUMNS.items()
        }
        each = np.array([placing for _, placing in numbers], dtype=np.int32).reshape(-1, 3)
        laid = np.repeat(each.T, [len(offers["supplier"]) for offers in tables], axis=1)
        return cls(table, *laid)

    def reach(self, meets: Bools) -> Floats:
        """The distance from the territory within which each offer's area meets it; -1: nowhere."""
        reach = REACH_OF_AREA[self.table["area_kind"]]
        radius = self.table["area_kind"] == RADIUS
        reach[radius] = self.table["radius_km"][radius]
        ground = np.flatnonzero(self.table["area_kind"] == GROUND)
        reach[ground[meets[self.table["area"][ground]]]] = np.inf
        return reach

    def worth(self, local: Bools) -> NDArray[np.int32]:
        """The worth of each offer; `local` says whether its supplier stands in the territory."""
        presence = PRESENCE_OF_AREA[self.table["area_kind"]]
        presence[local] = PRESENCES.index("local")
        return self.fit * PER_FIT + self.table["basis"].astype(np.int32) * PER_BASIS + presence * OFFERED + self.place
