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
from matching.engine import contenders_of, draw_seed, explainer_of
from matching.gates import PASSED, refusals
from matching.index import LiveIndex
from matching.past_awards import PastAwards
from matching.ranking import ranked
from matching.reference import Reference


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
    explainer = explainer_of(need, queries, reference, on, language)
    past = PastAwards.until(on, awards, buyer_siret(need), reference.rules, reference.taxonomy)
    seed = draw_seed(need)
    found: dict[str, dict[UUID, Standing]] = {}
    for query in queries:
        contenders = contenders_of(query, index, reference, on, past)
        rows = {each: contenders.considered.row_of(each) for each in suppliers.get(query.lot.id, ())}
        refused = refusals(contenders)
        missed = [
            (row, float(contenders.distance[row]))
            for row in rows.values()
            if row is not None and refused[row] != PASSED
        ]
        standing = {
            each.supplier.id: Standing(each.excluded_by, each.message, None)
            for each in explainer.near_misses(contenders, refused, missed)
        }
        in_order = ranked(contenders, np.flatnonzero(refused == PASSED), seed).tolist()
        ranks = {row: rank for rank, row in enumerate(in_order, 1)}
        standing |= {each: Standing(None, None, ranks[row]) for each, row in rows.items() if row in ranks}
        found[query.lot.id] = standing
    return found
