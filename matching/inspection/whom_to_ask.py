"""The suppliers of a territory that a campaign asks: of unknown trade or all, by kind, by what they likely offer."""

from collections.abc import Sequence
from functools import reduce
from operator import or_
from uuid import UUID

import numpy as np

from domain.suppliers.supplier import Kind
from matching.index.supplier_columns import Ordinals
from matching.inspection.supply import SupplySearch


def suppliers_to_ask(
    search: SupplySearch, kinds: Sequence[Kind], segments: Sequence[str], *, only_unknown_trade: bool
) -> list[UUID]:
    """The ids of the suppliers that stand in the territory and are asked, in the order of the index.

    `kinds`: with an approval of one of these, empty: all. `segments`: of unknown trade, those of a kind of which some
    supplier offers one of these, of known trade, those that offer one; empty: all.
    """
    standing, live = search.suppliers_in_territory, search.live
    # also those that say that they offer nothing: the caller leaves them out, and counts them
    groups = live.base.trade_groups.groups_of(standing)
    is_unknown = np.fromiter((each.evidence is None for each in groups), dtype=bool, count=len(groups))
    found = standing[is_unknown]
    if segments:
        likely = reduce(or_, (live.kinds_offering.kinds(code) for code in segments))
        found = found[live.base.trade_groups.kind_bits(found) & likely != 0]
    if not only_unknown_trade:
        known = standing[~is_unknown]
        if segments:
            known = known[np.isin(known, np.concatenate([search.candidates(code)[0] for code in segments]))]
        found = np.union1d(found, known)
    return [live.base.columns.supplier(ordinal).id for ordinal in _of_kinds(search, found, kinds).tolist()]


def _of_kinds(search: SupplySearch, ordinals: Ordinals, kinds: Sequence[Kind]) -> Ordinals:
    """The given suppliers that hold an approval of one of `kinds`; all of them where no kind is given."""
    if not kinds:
        return ordinals
    groups = search.live.base.trade_groups.groups_of(ordinals)
    return ordinals[[not set(kinds).isdisjoint(group.kinds) for group in groups]]
