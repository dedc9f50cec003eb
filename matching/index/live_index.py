"""The suppliers that needs are matched against: an index as built, and the same with the changes since."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Lock
from uuid import UUID

import numpy as np

from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.note import NotedSupplier
from domain.suppliers.supplier import Offer
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Geography
from matching.index.distances import Distances, distances_to
from matching.index.notes import NotedOffers
from matching.index.offers import (
    NO_OFFERS,
    Ends,
    Offers,
    WantedOffers,
    codes_answered_by,
    concatenated_offers,
    offered_codes,
    read_offers,
    wanted_offers,
)
from matching.index.service_areas import ServiceAreas
from matching.index.supplier_columns import IndexedSupplier, MatchedSupplier, Ordinals, SupplierColumns, each_once
from matching.index.tables import IndexTables, build_tables
from matching.index.trade_groups import KindBits, KindsOffering, TradeGroup, TradeGroups
from matching.weighted_cache import WeightedCache

DISTANCE_BYTES, DISTANCE_BYTES_PER_SUPPLIER = 40 << 20, 96
"""Memory for cached distances; of 220,000 suppliers, to all departements and regions and some hundred outlines more."""
OFFERLESS = ""
"""Stands for a segment where suppliers of unknown trade are meant: without offers, and not by their own word."""


class Index:
    """Active suppliers, ready to be matched: the tables stay as they are; `LiveIndex` adds to the columns.

    `offers` by the segment or family they name, `wanted` all that answers one; `offerless`: suppliers without offers.
    `distances(shape)` caches distances to a shape. `folder`: the one that the tables are mapped from, if they are.
    `kinds_offering`: which kinds offer a segment or family. `kept`: what is kept of earlier answers (`matching.kept`);
    nothing unless the index `keeps` it.
    """

    def __init__(
        self,
        tables: IndexTables,
        taxonomy: Taxonomy,
        cpv: Cpv,
        geography: Geography,
        folder: Path | None = None,
        *,
        keeps: bool = True,
    ) -> None:
        self.taxonomy, self.cpv, self.geography, self.folder = taxonomy, cpv, geography, folder
        self.columns = columns = SupplierColumns(tables.suppliers, tables.texts)
        self.areas = ServiceAreas(geography, tables.areas)
        self.offers, self.wanted, self.offerless = tables.offers, tables.wanted, tables.offerless
        self.eligibility, self.trade_groups = columns.eligibility, TradeGroups(tables.names.groups, tables.groups)
        self.kinds_offering = KindsOffering.of_tables(tables.wanted, self.trade_groups)
        self.unknown_codes = frozenset(tables.names.unknown_codes)
        """Codes of service areas that the reference data does not know, and that were left out."""
        self.distances: WeightedCache[Shape | None, Distances] = WeightedCache(
            lambda shape: distances_to(columns, shape),
            lambda made: made.weight,
            DISTANCE_BYTES + DISTANCE_BYTES_PER_SUPPLIER * len(columns),
        )
        self.keeps = keeps
        self.ends = Ends.of_tables(tables.offers.values())
        self.kept: object | None = None
        self.latest = 0
        """The number of the latest change."""
        self.lock = Lock()

    @classmethod
    def build(
        cls,
        suppliers: Iterable[MatchedSupplier],
        taxonomy: Taxonomy,
        cpv: Cpv,
        geography: Geography,
        *,
        keeps: bool = True,
    ) -> "Index":
        """Build an index of the given suppliers that are active; `keeps`: whether it is to cache parts of answers."""
        return cls(build_tables(suppliers, taxonomy, cpv, geography), taxonomy, cpv, geography, keeps=keeps)

    def build_with(self, suppliers: Iterable[MatchedSupplier]) -> "Index":
        """Build an index of other suppliers over the same reference data."""
        return Index.build(suppliers, self.taxonomy, self.cpv, self.geography, keeps=self.keeps)


def _is_of_unknown_trade(supplier: MatchedSupplier) -> bool:
    """Whether no offer of the supplier is known, and it has not said itself that it has none."""
    return not supplier.offers and supplier.no_offer_until is None


@dataclass(frozen=True)
class Tail:
    """The suppliers written since an index was built, with their offers; `ordinals`: of those still present, by id."""

    ordinals: Mapping[UUID, int] = field(default_factory=dict)
    offers: Mapping[str, Offers] = field(default_factory=dict)
    offerless: Ordinals = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    rows: int = 0
    """The number of suppliers ever written to it, also of those that are gone."""
    ends: Ends = field(default_factory=lambda: Ends.of_tables(()))
    wanted: dict[str, WantedOffers] = field(default_factory=dict)
    """All that answers a segment or family: made when it is first asked for, also while another thread reads it."""


@dataclass(frozen=True)
class LiveIndex:
    """An index with the changes since it was built; immutable, so a match goes on with the one it began with.

    `version_uid`: of that version of the directory, None where nothing was ever written to it.
    `gone` marks the ordinals that a later change has replaced or removed; None: nothing has changed. `change` counts
    changes, and `changed_at` has the latest that concerned a wanted segment or family, or OFFERLESS.
    `kinds_offered`: after the changes; None: as in the base. `noted`: what the organisation that is answered noted of
    suppliers, over the index that is `shared` by all; None: nothing. `ended`: the day until which offers that ended are
    passed over (`as_of`); 0: none is.
    """

    base: Index
    data_version: int
    version_uid: UUID | None = None
    tail: Tail = field(default_factory=Tail)
    gone: Bools | None = None
    change: int = 0
    changed_at: Mapping[str, int] = field(default_factory=dict)
    kinds_offered: KindsOffering | None = None
    noted: NotedOffers | None = None
    shared: "LiveIndex | None" = None
    ended: int = 0

    @property
    def kinds_offering(self) -> KindsOffering:
        """The kinds that offer each segment and family, whatever was noted."""
        return self.kinds_offered or self.base.kinds_offering

    def kinds_that_offer(self, code: str) -> KindBits:
        """The kinds of which some supplier offers a segment or family."""
        found = self.kinds_offering.kinds(code)
        return found if self.noted is None else found | self.noted.kinds.get(code, 0)

    def with_changes(
        self,
        changed: Iterable[MatchedSupplier],
        removed: Iterable[UUID],
        data_version: int,
        version_uid: UUID | None = None,
    ) -> "LiveIndex":
        """A new live index with the `changed` suppliers added or replaced and others removed; this one is not changed.

        Where more have changed than stay as they were, all of them make a new base.
        """
        written = {supplier.id: supplier for supplier in changed}
        active = [supplier for supplier in written.values() if supplier.active]
        touched = {*removed, *written}
        with self.base.lock:
            stays = len(self) - sum(self.ordinal_of(each) is not None for each in touched)
            if self.change != self.base.latest or len(self.tail.ordinals) + len(active) > stays:
                kept = (supplier for supplier in self.suppliers() if supplier.id not in touched)
                return LiveIndex(self.base.build_with((*kept, *active)), data_version, version_uid)
            return replace(self._with_tail(active, touched), data_version=data_version, version_uid=version_uid)

    def as_of(self, on: date) -> "LiveIndex":
        """This index without the offers that end before a day; itself where none does, as on most days."""
        over = [ends.ending_before(on.toordinal()) for ends in (self.base.ends, self.tail.ends) if len(ends.until)]
        last = (int(ends.until[-1]) for ends in over if len(self.still_present(ends.supplier)))
        ended = max(last, default=0)
        return replace(self, ended=ended) if ended else self

    def with_notes(self, notes: tuple[NotedSupplier, ...], before: NotedOffers | None = None) -> "LiveIndex":
        """This index with what an organisation noted of suppliers, for its own matches.

        `before`: of its last index, used again with all that is kept where it still holds.
        """
        if before is None or not self.has_same_suppliers(before) or before.notes != notes:
            base = self.base
            known: dict[int, tuple[IndexedSupplier, tuple[Offer, ...]]] = {}
            for each in notes:
                if (ordinal := self.ordinal_of(each.supplier_id)) is not None:
                    supplier, noted = known.get(ordinal) or (base.columns.supplier(ordinal), ())
                    known[ordinal] = supplier, (*noted, *each.offers)
            named = {one for each in notes for one in (each.supplier_id, each.noted_id)}
            lacking = tuple(one for one in named if self.ordinal_of(one) is None)
            with base.lock:  # areas are added to those of the base
                before = NotedOffers(notes, known, lacking, base.areas, base.trade_groups, base.taxonomy, base.cpv)
        return replace(self, noted=before, shared=self)

    @property
    def without_notes(self) -> "LiveIndex":
        """The index that all organisations share; this one where nothing was noted over it."""
        return self if self.shared is None else self.shared

    def has_same_suppliers(self, noted: NotedOffers) -> bool:
        """Whether the suppliers that something was noted of are in this index as they were when it was laid over it."""
        if noted.areas is not self.base.areas or (self.gone is not None and bool(self.gone[noted.ordinals].any())):
            return False
        return all(self.ordinal_of(each) is None for each in noted.lacking)

    def changes_since(self, earlier: "LiveIndex | None") -> tuple[list[IndexedSupplier], list[UUID]]:
        """The suppliers written, and ids removed, since the `earlier` index of the same base (None: since the base)."""
        columns, gone = self.base.columns, self.gone
        first = len(columns.spatial_keys) if earlier is None else earlier.next_ordinal
        if gone is None:
            return [], []
        left = gone[:first].copy()
        if earlier is not None and earlier.gone is not None:
            left &= ~earlier.gone[:first]
        removed = [columns.supplier(ordinal).id for ordinal in np.flatnonzero(left).tolist()]
        written = [columns.supplier(ordinal) for ordinal in range(first, self.next_ordinal) if not gone[ordinal]]
        return written, removed

    def _with_tail(self, active: list[MatchedSupplier], touched: set[UUID]) -> "LiveIndex":
        """A new index without the suppliers `touched` and with those `active` at the end of its tail."""
        base, tail, columns = self.base, self.tail, self.base.columns
        replaced = [ordinal for each in touched if (ordinal := self.ordinal_of(each)) is not None]
        before = [(ordinal, columns.supplier(ordinal)) for ordinal in replaced]
        added = list(enumerate(active, self.next_ordinal))
        offers = read_offers(added, base.areas, base.taxonomy, base.cpv)
        named = {*offers, *read_offers(before, base.areas, base.taxonomy, base.cpv)}
        concerned = {wanted for code in named for wanted in codes_answered_by(code, base.taxonomy)}
        offerless = [ordinal for ordinal, supplier in added if _is_of_unknown_trade(supplier)]
        if offerless or any(_is_of_unknown_trade(supplier) for _, supplier in before):
            concerned.add(OFFERLESS)
        moves = [(-1, each) for _, each in before] + [(1, each) for each in active]
        offering = self.kinds_offering.with_changes((sign, each, self._codes_answered(each)) for sign, each in moves)
        # what may fail is done: from here on the base changes
        columns.add(active)
        base.trade_groups.add(active)
        gone = np.zeros(columns.capacity, dtype=bool)
        if self.gone is not None:
            gone[: len(self.gone)] = self.gone
        gone[replaced] = True
        base.latest += 1
        of_tail = {code: concatenated_offers([tail.offers.get(code, NO_OFFERS), some]) for code, some in offers.items()}
        return LiveIndex(
            base,
            self.data_version,
            self.version_uid,
            Tail(
                {each: ordinal for each, ordinal in tail.ordinals.items() if each not in touched}
                | {supplier.id: ordinal for ordinal, supplier in added},
                {**tail.offers, **of_tail},
                np.concatenate((tail.offerless, np.array(offerless, dtype=np.int32))),
                tail.rows + len(added),
                Ends.of_tables({**tail.offers, **of_tail}.values()),
                wanted={code: table for code, table in tail.wanted.copy().items() if code not in concerned},
            ),
            gone,
            base.latest,
            {**self.changed_at, **dict.fromkeys(concerned, base.latest)},
            offering,
        )

    def _codes_answered(self, supplier: MatchedSupplier) -> Iterator[str]:
        """The segments and families that a supplier's offers answer, some several times."""
        for offer in supplier.offers:
            for code in offered_codes(offer, self.base.taxonomy, self.base.cpv):
                yield from codes_answered_by(code, self.base.taxonomy)

    @property
    def next_ordinal(self) -> int:
        """The ordinal that the supplier written next will have: one more than the last."""
        return len(self.base.columns.spatial_keys) + self.tail.rows

    def answering_offers(self, code: str) -> tuple[WantedOffers, ...]:
        """The offers that answer a segment or family: those of the base, then those of the tail, then those noted."""
        if self.ended:
            return tuple(wanted_offers(code, offers, self.base.taxonomy) for offers in self._tables)
        of_base, tail = self.base.wanted[code], self.tail
        of_notes = () if self.noted is None else (self.noted.answering_offers(code),)
        if not tail.offers:
            return (of_base, *of_notes)
        if code not in tail.wanted:
            tail.wanted[code] = wanted_offers(code, tail.offers, self.base.taxonomy)
        return (of_base, tail.wanted[code], *of_notes)

    @property
    def _tables(self) -> tuple[Mapping[str, Offers], ...]:
        """The offers by the segment or family that they name: those of the base, of the tail, and noted ones."""
        return self._lasting if self.ended else self._known

    @property
    def _known(self) -> tuple[Mapping[str, Offers], ...]:
        known = self.base.offers, self.tail.offers
        return known if self.noted is None else (*known, self.noted.offers)

    @cached_property
    def _lasting(self) -> tuple[Mapping[str, Offers], ...]:
        """The same without those that ended."""
        return tuple({code: some.without_ended(self.ended) for code, some in each.items()} for each in self._known)

    @cached_property
    def _bereft(self) -> Ordinals:
        """The suppliers all of whose offers have ended, or whose word that they have none, in order."""
        none = np.empty(0, dtype=np.int32)
        over = [
            some.supplier[(some.until > 0) & (some.until <= self.ended)] for one in self._known for some in one.values()
        ]
        ended = each_once(np.concatenate([none, *over]))
        left = [some.supplier[np.isin(some.supplier, ended)] for one in self._lasting for some in one.values()]
        return ended[~np.isin(ended, np.concatenate([none, *left]))]

    def suppliers_offering(self, code: str) -> Ordinals:
        """The suppliers with an offer that names a segment or family: some several times, removed ones too."""
        parts = [offers[code].supplier for offers in self._tables if code in offers]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)

    def offers_of(self, ordinal: int, code: str) -> Offers:
        """The offers of a supplier that name a segment or family."""
        found = []
        for offers in self._tables:
            named = offers.get(code, NO_OFFERS)
            first, end = np.searchsorted(named.supplier, (ordinal, ordinal + 1))
            found.append(Offers._make(column[first:end] for column in named))
        return concatenated_offers(found)

    def all_offers_of(self, ordinal: int) -> tuple[Offer, ...]:
        """All offers of a supplier, then those noted of it."""
        offers = self.base.columns.supplier(ordinal).offers
        if self.ended:
            offers = tuple(
                one for one in offers if one.offered_until is None or one.offered_until.toordinal() > self.ended
            )
        return offers if self.noted is None else (*offers, *self.noted.of_supplier.get(ordinal, ()))

    def offers_any(self, ordinals: Ordinals, code: str) -> Bools:
        """For each of the suppliers, whether it has an offer that names a segment or family."""
        found = np.zeros(len(ordinals), dtype=bool)
        for offers in self._tables:
            if code in offers:
                first, end = np.searchsorted(offers[code].supplier, (ordinals, ordinals + 1))
                found |= end > first
        return found

    def offerless(self) -> Ordinals:
        """The suppliers without offers, in order."""
        found = self.still_present(np.concatenate((self.base.offerless, self.tail.offerless)))
        if self.ended:
            found = np.sort(np.concatenate((found, self.still_present(self._bereft))))
        noted = () if self.noted is None else self.noted.were_offerless
        return found if not len(noted) else found[~np.isin(found, noted)]

    def still_present(self, ordinals: Ordinals) -> Ordinals:
        """The given suppliers without those that a later change has replaced or removed."""
        return ordinals if self.gone is None else ordinals[~self.gone[ordinals]]

    def ordinal_of(self, supplier: UUID) -> int | None:
        """The ordinal of an active supplier; None where there is none of that id."""
        ordinal = self.tail.ordinals.get(supplier)
        if ordinal is None:
            ordinal = self.base.columns.ordinal_of(supplier)
            if ordinal is not None and self.gone is not None and self.gone[ordinal]:
                return None
        return ordinal

    def is_unchanged(self, codes: Iterable[str], change: int) -> bool:
        """Whether no change later than `change` concerned any of these wanted segments or families.

        False where the given `change` is later than this index.
        """
        return change <= self.change and not any(self.changed_at.get(code, 0) > change for code in codes)

    def suppliers(self) -> Iterator[IndexedSupplier]:
        """Every active supplier, once."""
        columns, tail = self.base.columns, self.tail.ordinals.values()
        for ordinal in (*range(len(columns.spatial_keys)), *tail):
            if self.gone is None or not self.gone[ordinal]:
                yield columns.supplier(ordinal)

    def trade_groups(self) -> Counter[TradeGroup]:
        """The number of active suppliers in each trade group."""
        every = np.arange(self.next_ordinal, dtype=np.int32)
        return self.base.trade_groups.count(self.still_present(every))

    def __len__(self) -> int:
        """The number of active suppliers."""
        of_base = len(self.base.columns.spatial_keys)
        lost = 0 if self.gone is None else int(np.count_nonzero(self.gone[:of_base]))
        return of_base - lost + len(self.tail.ordinals)
