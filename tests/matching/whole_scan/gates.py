"""The gates a supplier passes to become a candidate, in the contract's order; the first that fails names the refusal.

Inactive suppliers are not in the index at all: for them there is nothing to refuse.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.law.past_awards import EssAward
from domain.shortlists.shortlist import Gate
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Bools
from tests.matching.whole_scan.considered import ConsideredSuppliers
from tests.matching.whole_scan.eligibility_cache import INELIGIBLE, best_outcome

PASSED = -1


@dataclass(frozen=True)
class Contenders:
    """The suppliers considered for a lot, with what the later gates need: their distance and their eligibility.

    `distance` is to the site, else to the territory; `outcomes(rows)` has a column per reserved type (positions in
    OUTCOMES) and is only asked for rows that came that far. `ess_awards`: by row, the ESS-reserved contracts that the
    buyer awarded to it; the outcomes know them already.
    """

    considered: ConsideredSuppliers
    distance: Floats
    outcomes: Callable[[Positions], NDArray[np.int8]]
    ess_awards: Mapping[int, tuple[EssAward, ...]] = field(default_factory=dict)


def offers_segment(contenders: Contenders, rows: Positions) -> Bools:
    """One of the supplier's offers answers a segment the lot asks for as its object, wherever it is available."""
    return contenders.considered.answers[rows]


def serves_territory(contenders: Contenders, rows: Positions) -> Bools:
    """The service area of an answering offer meets the territory; without a declared area, 50 km at most."""
    served: Bools = np.any(contenders.considered.answering[rows] & contenders.considered.objects, axis=1)
    return served


def stands_near(contenders: Contenders, rows: Positions) -> Bools:
    """With `max_distance_km`, the supplier stands at most that far from the site, else from the territory."""
    cap = contenders.considered.query.lot.max_distance_km
    return np.ones(len(rows), dtype=bool) if cap is None else contenders.distance[rows] <= cap


def may_answer(contenders: Contenders, rows: Positions) -> Bools:
    """For a reserved lot, the supplier is not ineligible for all of its reserved types."""
    reserved = contenders.considered.query.lot.reserved
    if not reserved:
        return np.ones(len(rows), dtype=bool)
    return best_outcome(contenders.outcomes(rows), reserved) != INELIGIBLE


GATES: tuple[tuple[Gate, Callable[[Contenders, Positions], Bools]], ...] = (
    ("segment", offers_segment),
    ("service_area", serves_territory),
    ("distance", stands_near),
    ("reservation", may_answer),
)
GATE_NUMBER: dict[Gate, int] = {gate: number for number, (gate, _) in enumerate(GATES)}
"""Each gate's position in GATES: who failed it passed all gates before."""


def refusals(contenders: Contenders) -> NDArray[np.int8]:
    """For each considered supplier, the first gate that refuses it (a position in GATES), or PASSED."""
    refused = np.full(len(contenders.considered.ordinal), PASSED, dtype=np.int8)
    left = np.arange(len(refused))
    for number, (_, gate) in enumerate(GATES):
        passes = gate(contenders, left)
        refused[left[~passes]] = number
        left = left[passes]
    return refused
