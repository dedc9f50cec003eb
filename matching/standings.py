"""The standing of some suppliers for the lots of a need: refused by a gate, or at a rank, shown or not."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import NamedTuple
from uuid import UUID

import numpy as np

from domain.needs.award import PastAward
from domain.needs.need import Need, buyer_siret
from domain.shortlists.shortlist import Gate
from domain.text.bilingual import Language
from matching.engine import draw_seed, lot_match
from matching.gates import considered, refusals
from matching.index import LiveIndex
from matching.lot_match import LotMatch
from matching.near_misses import Refused
from matching.past_awards import PastAwards
from matching.reference import Reference
from matching.supplier_rows import RowWriter


class Standing(NamedTuple):
    """The gate that refuses a supplier, with what is said of it; or its rank among all candidates."""

    excluded_by: Gate | None
    message: str | None
    rank: int | None


def standings(
    need: Need,
    index: LiveIndex,
    reference: Reference,
    on: date,
    language: Language,
    awards: Iterable[PastAward],
    suppliers: Mapping[str, Collection[UUID]],
) -> dict[str, dict[UUID, Standing]]:
    """The standing of each of the `suppliers`, which are by lot; those that offer nothing near a lot are left out.

    Raises InvalidContent with everything wrong in the need. The arguments are those of `match`.
    """
    queries = reference.reader.read(need)
    rows = RowWriter(reference.taxonomy, reference.rules, on, need.contract, language)
    past = PastAwards.until(on, awards, buyer_siret(need), reference.rules, reference.taxonomy)
    seed = draw_seed(need)
    found: dict[str, dict[UUID, Standing]] = {}
    for query in queries:
        lot = lot_match(query, index, on, reference.rules, past)
        of_lot = {one: index.ordinal_of(one) for one in suppliers.get(query.lot.id, ())}
        known = {one: ordinal for one, ordinal in of_lot.items() if ordinal is not None}
        found[query.lot.id] = _standings(lot, known, rows, seed) if known else {}
    return found


def _standings(lot: LotMatch, suppliers: Mapping[UUID, int], rows: RowWriter, seed: int) -> dict[UUID, Standing]:
    """The standing of some suppliers, given with their ordinals."""
    ordinals = np.array(list(suppliers.values()), dtype=np.int32)
    gates = dict(zip(ordinals.tolist(), refusals(lot, ordinals).tolist(), strict=True))
    near = set(ordinals[np.isin(ordinals, considered(lot))].tolist())
    in_order, _ = lot.first(max(lot.ranked.counts.total, 1)).order.first(seed)
    ranks = {ordinal: rank for rank, ordinal in enumerate(lot.selection.ordinals[in_order].tolist(), 1)}
    away = dict(zip(ordinals.tolist(), lot.distances.of(ordinals).tolist(), strict=True))
    found = {}
    for supplier, ordinal in suppliers.items():
        if ordinal in ranks:
            found[supplier] = Standing(None, None, ranks[ordinal])
        elif ordinal in near:
            (missed,) = rows.near_misses_of(lot, [Refused(gates[ordinal], ordinal, away[ordinal])])
            found[supplier] = Standing(missed.excluded_by, missed.message, None)
    return found
