"""Offers as arrays: tables by the segment or family that offers name, and by the segment or family they answer.

The worth of an offer for a wanted segment is one small number, of which the smaller is better.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache, partial
from itertools import chain, pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy, segment_of
from domain.shortlists.listed_suppliers import Fit, Presence
from domain.suppliers.known_trades import is_older_award
from domain.suppliers.supplier import BASES, DECLARERS, Basis, Offer
from matching.geo.projection import Floats
from matching.index.service_areas import (
    GROUND,
    NATIONAL,
    NO_AREA,
    RADIUS,
    AreaNumbers,
    ServiceAreas,
    default_reach_km,
)
from matching.index.supplier_columns import MatchedSupplier, Ordinals, each_once

FITS: tuple[Fit, ...] = ("exact", "narrower", "broader", "related")
PRESENCES: tuple[Presence, ...] = ("local", "declared", "nearby", "national")
GRADES: tuple[Basis, ...] = ("declared", "declared", "declared", "awarded", "awarded", "inferred")
"""The bases of offers, the best first: of declared ones as DECLARERS, of contracts won, those of the last six years
before older and undated ones."""
NETWORK, OLDER_AWARDS = DECLARERS.index("network"), len(DECLARERS) + 1
RELATED = FITS.index("related")
LOCAL = PRESENCES.index("local")

# Fit counts before basis, basis before presence; the offered segment's index in `answering_codes` is in the lowest
# digits. Without the place, a worth is a code under NO_CODE.
OFFERED_BITS = 8
OFFERED = 1 << OFFERED_BITS
PER_BASIS = len(PRESENCES) * OFFERED
PER_FIT = len(GRADES) * PER_BASIS
CODES = len(FITS) * len(GRADES) * len(PRESENCES)
NO_CODE = CODES
NO_OFFER = NO_CODE * OFFERED
WITHOUT_PRESENCE = ~((len(PRESENCES) - 1) * OFFERED)
"""The bits of a worth but for its presence; what is left says “local”, whose position is 0."""

# By code, and for NO_CODE what changes nothing where the worst fit or basis and the best presence are looked for.
_EVERY = np.arange(NO_CODE + 1)
FIT_OF_CODE = np.where(_EVERY < CODES, _EVERY // (PER_FIT // OFFERED), 0).astype(np.int16)
_ORDER_OF_GRADE = np.array([max(grade - len(DECLARERS) + 1, 0) for grade in range(len(GRADES))])
BASES_IN_ORDER = int(_ORDER_OF_GRADE[-1]) + 1
"""The bases that differ in the order of candidates: there it is all one who declared an offer."""
BASIS_OF_CODE = np.where(_EVERY < CODES, _ORDER_OF_GRADE[_EVERY // len(PRESENCES) % len(GRADES)], 0).astype(np.int16)
PRESENCE_OF_CODE = np.where(_EVERY < CODES, _EVERY % len(PRESENCES), len(PRESENCES) - 1).astype(np.int16)


@lru_cache(1024)
def answering_codes(wanted: str, taxonomy: Taxonomy) -> tuple[tuple[str, int], ...]:
    """The codes of offers that answer a wanted segment or family or are related to it, each with its fit (in FITS)."""
    family = taxonomy.family(wanted)
    if family is None:
        segment = taxonomy.segments[segment_of(wanted)]
        own = taxonomy.with_parts(segment.id)
        around = chain.from_iterable(map(taxonomy.with_parts, segment.related))
        return (
            *((code, RELATED if wanted in own[1:] and code in own[1:] and code != wanted else 0) for code in own),
            (segment.family, 2),
            *((neighbour, RELATED) for neighbour in around),
        )
    inside = [code for segment in family.segments for code in taxonomy.with_parts(segment.id)]
    related = dict.fromkeys(neighbour for segment in family.segments for neighbour in segment.related)
    around = chain.from_iterable(map(taxonomy.with_parts, related))
    return (
        (family.id, 0),
        *((segment, 1) for segment in inside),
        *((neighbour, RELATED) for neighbour in around if neighbour not in inside),
    )


def offered_segments(offer: Offer, taxonomy: Taxonomy, cpv: Cpv) -> tuple[str, ...]:
    """The segments or families an offer answers: those it names, else those of its CPV codes."""
    if offer.segments:
        return tuple(dict.fromkeys(offer.segments))
    return tuple(dict.fromkeys(segment for code in offer.cpv for segment in taxonomy.of_cpv(cpv.normalise(code))))


def offered_codes(offer: Offer, taxonomy: Taxonomy, cpv: Cpv) -> tuple[str, ...]:
    """The same, with parts in the place of segments where what shows an offer shows these alone."""
    named, grounds = offered_segments(offer, taxonomy, cpv), _grounds(offer)
    return tuple(code for segment in named for code in taxonomy.parts_shown(segment, grounds))


def _grounds(offer: Offer) -> tuple[str, ...]:
    """The codes, words and objects of contracts that show an offer nobody declared, for `Taxonomy.parts_shown`."""
    evidence = () if offer.basis == "declared" else offer.evidence
    return tuple((each.kind != "award" and each.reference) or each.label or "" for each in evidence)


NOTHING = "nothing"
"""A code that no need asks for, of who says that it offers nothing."""
OfferKeys = NDArray[np.int64]
"""An offer for a wanted segment as one number: `supplier << SUPPLIER_BIT | worth`."""
SUPPLIER_BIT, SUBJECT_BIT, COLUMN_BIT = 32, 28, 16
"""Between them, the number of a subject among some, then that of one of its segments: of offers as they are wanted."""
WORTH_BITS = (1 << COLUMN_BIT) - 1
SHORT_KM = 95.0
"""Offers that reach farther are looked at apart: they are few, and most suppliers are farther away than that."""
_GRADE = {basis: GRADES.index(basis) for basis in BASES}
_read_moment = msgspec.json.Decoder(datetime).decode
PRESENCE_OF_AREA = np.zeros(4, dtype=np.int64)
PRESENCE_OF_AREA[[NO_AREA, RADIUS, GROUND, NATIONAL]] = [
    PRESENCES.index(presence) for presence in ("nearby", "declared", "declared", "national")
]


class Offers(NamedTuple):
    """Offers that name one segment or family, ordered by supplier; `basis`: its place in GRADES.

    `area`: an area's number where `area_kind` is GROUND, else -1. `until`: the last day of an offer, 0: without end.
    """

    supplier: Ordinals
    basis: NDArray[np.int8]
    area_kind: NDArray[np.int8]
    area: NDArray[np.int32]
    reach_km: Floats
    until: NDArray[np.int32]

    def without_ended(self, day: int) -> "Offers":
        """The offers that do not end on this day or before."""
        lasting = (self.until == 0) | (self.until > day)
        return self if lasting.all() else Offers._make(column[lasting] for column in self)


NO_OFFERS = Offers(
    np.empty(0, np.int32),
    np.empty(0, np.int8),
    np.empty(0, np.int8),
    np.empty(0, np.int32),
    np.empty(0),
    np.empty(0, np.int32),
)


class Ends(NamedTuple):
    """The last days of offers, the earliest first, and the suppliers of these offers."""

    until: NDArray[np.int32]
    supplier: Ordinals

    @classmethod
    def of_tables(cls, tables: Iterable[Offers]) -> "Ends":
        """The ends of the offers in some tables."""
        found = [(table.until[ends], table.supplier[ends]) for table in tables if (ends := table.until > 0).any()]
        if not found:
            return cls(NO_OFFERS.until, NO_OFFERS.supplier)
        until, supplier = (np.concatenate(column) for column in zip(*found, strict=True))
        order = np.argsort(until, kind="stable")
        return cls(until[order], supplier[order])

    def ending_before(self, day: int) -> "Ends":
        """The ends before a day."""
        return Ends._make(column[: int(np.searchsorted(self.until, day))] for column in self)


class ReachOffers(NamedTuple):
    """Offers available within `reach_km` of their suppliers, ordered by supplier."""

    supplier: Ordinals
    reach_km: Floats
    key: OfferKeys


class GroundOffers(NamedTuple):
    """Offers available in areas given by codes or geometry, ordered by supplier; `area`: the number of the area."""

    area: NDArray[np.int32]
    key: OfferKeys


class WantedOffers(NamedTuple):
    """All offers that answer a wanted segment or family, by kind of service area, each kind ordered by supplier.

    `suppliers`: the ordinals of all, each once.
    """

    suppliers: Ordinals
    short: ReachOffers
    long: ReachOffers
    ground: GroundOffers
    national: OfferKeys


_NO_KEYS = np.empty(0, dtype=np.int64)
_NOBODY = ReachOffers(NO_OFFERS.supplier, NO_OFFERS.reach_km, _NO_KEYS)
NO_WANTED_OFFERS = WantedOffers(NO_OFFERS.supplier, _NOBODY, _NOBODY, GroundOffers(NO_OFFERS.area, _NO_KEYS), _NO_KEYS)


class OfferRows:
    """Collects offers as suppliers arrive, and makes a table of each segment or family that they name.

    Many offers name the same codes: the segments and families of these are found once for all of them.
    """

    def __init__(self, areas: ServiceAreas, taxonomy: Taxonomy, cpv: Cpv) -> None:
        self._areas, self._taxonomy, self._cpv = areas, taxonomy, cpv
        self._codes: dict[str, int] = {}
        self._names: dict[tuple[tuple[str, ...], ...], int] = {}
        self._named, self._starts = array("q"), array("q", [0])
        self._rows = array("d")

    def add(
        self, number: int, offers: Iterable[Offer], updated_at: datetime | Raw, default_reach_km: Callable[[], float]
    ) -> None:
        """Add the offers of the supplier with this number, which was last written then.

        `default_reach_km`: called if one has no declared area.
        """
        for offer in offers:
            said = offer.segments, offer.cpv, _grounds(offer)
            name = self._names.get(said)
            if name is None:
                for code in offered_codes(offer, self._taxonomy, self._cpv):
                    self._named.append(self._codes.setdefault(code, len(self._codes)))
                self._starts.append(len(self._named))
                self._names[said] = name = len(self._names)
            area = offer.service_area
            numbers = AreaNumbers(NO_AREA, default_reach_km(), -1) if area is None else self._areas.intern(area)
            until = offer.offered_until.toordinal() if offer.offered_until else 0
            self._rows.extend((number, name, _grade(offer, updated_at), *numbers, until))

    def tables(self) -> dict[str, Offers]:
        """A table of the offers added, for each segment or family that they name."""
        self._areas.lay_out()
        numbers, names, basis, area_kind, reach_km, area, until = np.array(self._rows).reshape(-1, 7).T
        name, starts = names.astype(np.intp), np.array(self._starts)
        many = starts[name + 1] - starts[name]
        row = np.repeat(np.arange(len(name)), many)
        code = np.array(self._named)[np.repeat(starts[name] - (np.cumsum(many) - many), many) + np.arange(len(row))]
        order = np.lexsort((numbers[row], code))
        kinds, columns = [column.dtype for column in NO_OFFERS], (numbers, basis, area_kind, area, reach_km, until)
        table = Offers._make(column.astype(of)[row[order]] for column, of in zip(columns, kinds, strict=True))
        ends = np.searchsorted(code[order], np.arange(len(self._codes) + 1)).tolist()
        return {
            segment: Offers._make(column[first:end] for column in table)
            for segment, (first, end) in zip(self._codes, pairwise(ends), strict=True)
        }


def _grade(offer: Offer, updated_at: datetime | Raw) -> int:
    """The place of an offer in GRADES; a contract won is older than six years on the day its supplier was written.

    Where it is not known who declared an offer, a directory did.
    """
    if offer.basis == "declared":
        return NETWORK if offer.declared_by is None else DECLARERS.index(offer.declared_by)
    if offer.basis != "awarded" or not offer.evidence:
        return _GRADE[offer.basis]
    written = updated_at if isinstance(updated_at, datetime) else _read_moment(updated_at)
    is_older = all(is_older_award(each, written.date()) for each in offer.evidence)
    return OLDER_AWARDS if is_older else _GRADE["awarded"]


def with_silence(offers: tuple[Offer, ...], no_offer_until: date | None) -> tuple[Offer, ...]:
    """The offers of a supplier, and one of NOTHING until the last day for which it said that it has none.

    With it, that word ends on its day as an offer does.
    """
    return offers if no_offer_until is None else (*offers, Offer((NOTHING,), offered_until=no_offer_until))


def read_offers(
    suppliers: Iterable[tuple[int, MatchedSupplier]], areas: ServiceAreas, taxonomy: Taxonomy, cpv: Cpv
) -> dict[str, Offers]:
    """The offers of suppliers (given with their ordinals), by the segment or family they name."""
    rows = OfferRows(areas, taxonomy, cpv)
    for ordinal, supplier in suppliers:
        known = supplier.kinds, supplier.name, supplier.siret
        offers = with_silence(supplier.offers, supplier.no_offer_until)
        rows.add(ordinal, offers, supplier.updated_at, partial(default_reach_km, *known))
    return rows.tables()


def concatenated_offers(tables: Sequence[Offers]) -> Offers:
    """The offers of several tables as one, table after table."""
    columns: Iterator[tuple[NDArray[Any], ...]] = zip(*tables, strict=True)
    return Offers._make(np.concatenate(column) for column in columns)


def merged_offers(parts: Sequence[Offers]) -> Offers:
    """The offers of several tables as one, ordered by supplier."""
    whole = concatenated_offers(parts)
    order = np.argsort(whole.supplier, kind="stable")
    return Offers._make(column[order] for column in whole)


def codes_answered_by(code: str, taxonomy: Taxonomy) -> Iterator[str]:
    """The segments and families that an offer naming `code` answers.

    A code that the taxonomy has dropped since it was stored answers nothing else.
    """
    yield code
    family, segment = taxonomy.family(code), taxonomy.segments.get(segment_of(code))
    if family is not None:
        yield from chain.from_iterable(taxonomy.with_parts(each.id) for each in family.segments)
    elif segment is not None:
        yield from (segment.id,) if code in taxonomy.parts else taxonomy.with_parts(code)[1:]
        yield segment.family


def wanted_offers(wanted: str, offers: Mapping[str, Offers], taxonomy: Taxonomy) -> WantedOffers:
    """The offers, among those given by code, that answer a wanted segment or family."""
    found = [
        (offers[code], fit * PER_FIT + place)
        for place, (code, fit) in enumerate(answering_codes(wanted, taxonomy))
        if fit < RELATED and code in offers
    ]
    if not found:  # as of most segments in a few changes
        return NO_WANTED_OFFERS
    table = concatenated_offers([some for some, _ in found])
    worth = np.repeat(np.array([worth for _, worth in found], np.int64), [len(some.supplier) for some, _ in found])
    worth += table.basis.astype(np.int64) * PER_BASIS + PRESENCE_OF_AREA[table.area_kind] * OFFERED
    key = (table.supplier.astype(np.int64) << SUPPLIER_BIT) | worth
    by_reach = (table.area_kind == RADIUS) | (table.area_kind == NO_AREA)
    is_short = table.reach_km <= SHORT_KM
    ground = np.flatnonzero(table.area_kind == GROUND)
    ground = ground[np.argsort(table.supplier[ground], kind="stable")]
    return WantedOffers(
        suppliers=each_once(table.supplier),
        short=_reach_offers(table, key, by_reach & is_short),
        long=_reach_offers(table, key, by_reach & ~is_short),
        ground=GroundOffers(table.area[ground], key[ground]),
        national=np.sort(key[table.area_kind == NATIONAL]),
    )


def _reach_offers(table: Offers, key: OfferKeys, is_chosen: NDArray[np.bool_]) -> ReachOffers:
    rows = np.flatnonzero(is_chosen)
    rows = rows[np.argsort(table.supplier[rows], kind="stable")]
    return ReachOffers(table.supplier[rows], table.reach_km[rows], key[rows])
