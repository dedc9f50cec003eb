"""Groups of suppliers that are alike in sources, kinds and trade, and the kinds that offer a segment or family.

Suppliers are counted by group, and asked what they do in the order of their groups: first those of kinds of which some
supplier, whose trade is known, offers what is wanted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.suppliers.known_trades import (
    AskedLast,
    TradeCounts,
    TradeEvidence,
    asked_last,
    count_trades,
    trade_evidence,
)
from domain.suppliers.supplier import Kind, LegalForm, Offer, SupplierSize
from matching.index.legal import FORMS, KINDS
from matching.index.offers import WantedOffers
from matching.index.supplier_columns import MatchedSupplier, Ordinals

NOBODY = np.empty(0, dtype=np.int32)
NO_KIND = "none"
"""Stands for the kind of suppliers without any approval."""
ASKED_KINDS: tuple[str | None, ...] = (*KINDS, *FORMS)
"""The kinds that are asked together: those of approvals, and for suppliers without any their legal forms."""
KindBits = int
"""Some of ASKED_KINDS, a bit for each in their order."""
EVERY_KIND: KindBits = (1 << len(ASKED_KINDS)) - 1
_BIT: dict[str | None, KindBits] = {kind: 1 << place for place, kind in enumerate(ASKED_KINDS)}


class TradeGroup(NamedTuple):
    """The traits by which suppliers are counted alike: sources, kinds, evidence of a trade (None: no trade).

    `asked_last`: the reason to ask such a supplier last what it does; `form`: its legal form where it has no kind.
    """

    sources: tuple[str, ...]
    kinds: tuple[Kind, ...]
    evidence: TradeEvidence | None
    asked_last: AskedLast | None = None
    form: LegalForm | None = None

    @property
    def kind_bits(self) -> KindBits:
        """The kinds of these suppliers, among which others of their kind may offer a trade; 0: they are asked last."""
        return 0 if self.asked_last else self.own_kind_bits

    @property
    def own_kind_bits(self) -> KindBits:
        """The kinds of these suppliers, also of those that are asked last."""
        return sum(_BIT[kind] for kind in set(self.kinds or (self.form,)))

    def kinds_among(self, bits: KindBits) -> tuple[Kind, ...]:
        """The kinds of these suppliers that are among the given ones."""
        return tuple(kind for kind in self.kinds if _BIT[kind] & bits)


def trade_group(
    sources: Iterable[str],
    kinds: tuple[Kind, ...],
    legal_form: LegalForm | None,
    offers: Sequence[Offer],
    named: Callable[[], tuple[str, str | None]],
    size: SupplierSize,
) -> TradeGroup:
    """The trade group of a supplier; `named`: its name and SIRET."""
    names = tuple(sources)
    if len(names) > 1:
        names = tuple(sorted(set(names)))
    last = asked_last(kinds, legal_form, *named(), size)
    return TradeGroup(names, kinds, trade_evidence(offers), last, None if kinds else legal_form)


class TradeGroups:
    """The distinct trade groups (some tens or hundreds), and for each supplier the number of its group."""

    def __init__(self, distinct: Iterable[TradeGroup] = (), places: NDArray[np.int32] = NOBODY) -> None:
        self._distinct = {group: place for place, group in enumerate(distinct)}
        self._places, self._kind_bits = places, np.empty(0, dtype=np.int64)

    @property
    def distinct(self) -> tuple[TradeGroup, ...]:
        """The distinct groups, in the order in which they were first met."""
        return tuple(self._distinct)

    def number_of_group(self, group: TradeGroup) -> int:
        """The number of a group among the distinct ones; a new group is added."""
        return self._distinct.setdefault(group, len(self._distinct))

    def add(self, suppliers: Iterable[MatchedSupplier]) -> None:
        """Append the group numbers of more suppliers, in the order of their ordinals."""
        found = [self.number_of_group(group_of_supplier(each)) for each in suppliers]
        self._places = np.concatenate((self._places, np.array(found, dtype=np.int32)))

    def groups_of(self, ordinals: Ordinals) -> list[TradeGroup]:
        """The group of each of the given suppliers."""
        distinct = self.distinct
        return [distinct[place] for place in self._places[ordinals].tolist()]

    def kind_bits(self, ordinals: Ordinals) -> NDArray[np.int64]:
        """The `TradeGroup.kind_bits` of each of the given suppliers."""
        return self._bits_of_groups()[self._places[ordinals]]

    def count_kinds(self, ordinals: Ordinals) -> NDArray[np.int64]:
        """The number of the given suppliers that are of each of ASKED_KINDS, without those that are asked last."""
        bits = self._bits_of_groups()
        counts: NDArray[np.int64] = np.bincount(self._places[ordinals], minlength=len(bits)) @ _of_each_kind(bits)
        return counts

    def _bits_of_groups(self) -> NDArray[np.int64]:
        """The `TradeGroup.kind_bits` of each group, by its number."""
        if len(self._kind_bits) < len(self._distinct):
            self._kind_bits = np.array([group.kind_bits for group in self.distinct], dtype=np.int64)
        return self._kind_bits

    def count(self, ordinals: Ordinals) -> Counter[TradeGroup]:
        """The number of suppliers of each group that has any among the given ones."""
        numbers = np.bincount(self._places[ordinals]).tolist()
        return Counter({group: number for group, number in zip(self.distinct, numbers, strict=False) if number})


def group_of_supplier(supplier: MatchedSupplier) -> TradeGroup:
    """The trade group of a supplier that is given as a struct."""
    sources = [one.source for one in supplier.sources]
    return trade_group(
        sources,
        supplier.kinds,
        supplier.legal_form,
        supplier.offers,
        lambda: (supplier.name, supplier.siret),
        supplier.size,
    )


class KindsOffering:
    """By segment or family, how many suppliers of each kind have an offer that answers it; the numbers never change."""

    def __init__(self, counts: Mapping[str, NDArray[np.int64]], bits: Mapping[str, KindBits]) -> None:
        """`counts`: by code, of each of ASKED_KINDS; `bits`: of some codes, those of them that are not 0."""
        self._counts, self._bits = counts, dict(bits)

    @classmethod
    def of_tables(cls, wanted: Mapping[str, WantedOffers], groups: TradeGroups) -> "KindsOffering":
        """The kinds that offer each of these segments and families, of all suppliers of an index as it was built."""
        return cls({code: groups.count_kinds(offers.suppliers) for code, offers in wanted.items()}, {})

    def kinds(self, code: str) -> KindBits:
        """The kinds of which some supplier offers a segment or family."""
        found = self._bits.get(code)
        if found is None:
            found = self._bits[code] = sum(_BITS[self._counts[code] > 0].tolist()) if code in self._counts else 0
        return found

    def number(self, code: str, bits: KindBits) -> int:
        """The number of suppliers that offer a segment or family, of some kinds; one of several counts in each."""
        return int(self._counts[code] @ _of_each_kind(np.array([bits]))[0]) if code in self._counts else 0

    def with_changes(self, changes: Iterable[tuple[int, MatchedSupplier, Iterable[str]]]) -> "KindsOffering":
        """The kinds after suppliers came (1) or left (-1), each given with the codes that its offers answer."""
        counts, bits = dict(self._counts), self._bits.copy()
        for sign, supplier, codes in changes:
            (of_it,) = sign * _of_each_kind(np.array([group_of_supplier(supplier).kind_bits]))
            for code in set(codes) & counts.keys():
                counts[code] = counts[code] + of_it
                bits.pop(code, None)
        return KindsOffering(counts, bits)


_BITS = 1 << np.arange(len(ASKED_KINDS))


def _of_each_kind(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """A table of 0 and 1, by place in `bits`, of which of ASKED_KINDS are among these."""
    return (bits[:, None] & _BITS > 0).astype(np.int64)


def counts_of_all(groups: Mapping[TradeGroup, int]) -> TradeCounts:
    """The trade counts of all suppliers, each counted once."""
    return count_trades((group.kinds, group.evidence, number) for group, number in groups.items())


def counts_by_source(groups: Mapping[TradeGroup, int], name_of: Callable[[str], str] = str) -> dict[str, TradeCounts]:
    """By source, the suppliers of known and unknown trade; each counts once for every source with a record of it.

    Sources to which `name_of` gives one name are counted as one.
    """
    found: dict[str, list[tuple[tuple[Kind, ...], TradeEvidence | None, int]]] = {}
    for group, number in groups.items():
        for name in {name_of(source) for source in group.sources} if number else ():
            found.setdefault(name, []).append((group.kinds, group.evidence, number))
    return {name: count_trades(some) for name, some in found.items()}


def count_kinds(groups: Mapping[TradeGroup, int]) -> dict[str, int]:
    """The number of suppliers of each kind, the most frequent first; a supplier counts in each of its kinds."""
    found: dict[str, int] = {}
    for group, number in groups.items():
        for kind in set(group.kinds) or (NO_KIND,):
            found[kind] = found.get(kind, 0) + number
    return most_first(found)


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """The same counts, the greatest first; those of one number by name."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
