"""Suppliers of an index by sources, kinds and what their surest trade rests on, grouped so that counting is cheap."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.suppliers.supplier import Kind
from domain.suppliers.trades import TradeCounts, TradeEvidence, count_trades, trade_evidence
from matching.geo.territory import Bools
from matching.indexed_supplier import FromSource, MatchedSupplier

NOBODY = np.empty(0, dtype=np.int32)


class TradeGroup(NamedTuple):
    """The traits that suppliers counted alike have in common: `sources` by name; `evidence` None: no trade."""

    sources: tuple[str, ...]
    kinds: tuple[Kind, ...]
    evidence: TradeEvidence | None


class TradeGroups:
    """The distinct groups, and for each supplier the place of its own among them: some tens or hundreds in a pool."""

    def __init__(self, distinct: Iterable[TradeGroup] = (), places: NDArray[np.int32] = NOBODY) -> None:
        self._distinct = {group: place for place, group in enumerate(distinct)}
        self._places = places

    @property
    def distinct(self) -> tuple[TradeGroup, ...]:
        """The groups, in the order in which they were first met."""
        return tuple(self._distinct)

    def place_of(self, sources: Sequence[FromSource], kinds: tuple[Kind, ...], evidence: TradeEvidence | None) -> int:
        """The place, among the distinct groups, of suppliers that these sources describe, with a trade on this
        evidence."""
        names = tuple([each.source for each in sources])
        if len(names) > 1:
            names = tuple(sorted(set(names)))
        # a tuple is made at less cost than the group that it equals
        place = self._distinct.get((names, kinds, evidence))  # type: ignore[call-overload]
        return self.place_of_group(TradeGroup(names, kinds, evidence)) if place is None else place

    def place_of_group(self, group: TradeGroup) -> int:
        """The place of a group among the distinct ones."""
        return self._distinct.setdefault(group, len(self._distinct))

    def add(self, suppliers: Iterable[MatchedSupplier]) -> None:
        """Count some more suppliers, which come after those before."""
        found = [self.place_of(each.sources, each.kinds, trade_evidence(each.offers)) for each in suppliers]
        self._places = np.concatenate((self._places, np.array(found, dtype=np.int32)))

    def count(self, standing: Bools) -> Counter[TradeGroup]:
        """The number of suppliers of each group, of those first ones that are marked as standing."""
        numbers = np.bincount(self._places[: len(standing)][standing], minlength=len(self._distinct)).tolist()
        return Counter(dict(zip(self._distinct, numbers, strict=False)))


def counts_of_all(groups: Mapping[TradeGroup, int]) -> TradeCounts:
    """The counts of all suppliers together, each once."""
    return count_trades((group.kinds, group.evidence, number) for group, number in groups.items())


def counts_by_source(groups: Mapping[TradeGroup, int], named: Callable[[str], str] = str) -> dict[str, TradeCounts]:
    """The counts of each source's suppliers: a supplier counts once for every source that describes it or adds to it.

    Sources that `named` gives one name are counted as one.
    """
    found: dict[str, list[tuple[tuple[Kind, ...], TradeEvidence | None, int]]] = {}
    for group, number in groups.items():
        for name in {named(source) for source in group.sources} if number else ():
            found.setdefault(name, []).append((group.kinds, group.evidence, number))
    return {name: count_trades(some) for name, some in found.items()}
