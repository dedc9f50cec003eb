"""The gates a supplier passes to become a candidate, in the contract's order; the first that fails names the refusal.

Inactive suppliers are not in the index at all: for them there is nothing to refuse. A lot's candidates are found from
its selection; here each gate says of any suppliers whether they pass, once they have passed the gates before.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from domain.shortlists.listed_suppliers import Gate
from matching.geo.projection import Positions
from matching.geo.territory import Bools
from matching.index.legal import INELIGIBLE
from matching.index.offers import answering_codes
from matching.index.supplier_columns import Ordinals, each_once
from matching.lot_match import LotMatch

PASSED = -1


def offers_segment(lot: LotMatch, ordinals: Ordinals) -> Bools:
    """One of the supplier's offers answers a segment the lot asks for as its object, wherever it is available."""
    return np.isin(ordinals, offering_suppliers(lot))


def serves_territory(lot: LotMatch, ordinals: Ordinals) -> Bools:
    """The service area of an answering offer meets the territory; without a declared area, its default reach does."""
    return np.isin(ordinals, lot.ordinals)


def stands_near(lot: LotMatch, ordinals: Ordinals) -> Bools:
    """With `max_distance_km`, the supplier stands at most that far from the site, else from the territory."""
    within_cap = lot.passing.within_cap
    return np.ones(len(ordinals), dtype=bool) if within_cap is None else within_cap[_selection_rows(lot, ordinals)]


def may_answer(lot: LotMatch, ordinals: Ordinals) -> Bools:
    """For a reserved lot, the supplier is not ineligible for all of its reserved types."""
    return lot.passing.outcome[_selection_rows(lot, ordinals)] != INELIGIBLE


GATES: tuple[tuple[Gate, Callable[[LotMatch, Ordinals], Bools]], ...] = (
    ("segment", offers_segment),
    ("service_area", serves_territory),
    ("distance", stands_near),
    ("reservation", may_answer),
)
SEGMENT, SERVICE_AREA, DISTANCE, RESERVATION = range(len(GATES))
"""Each gate's position in GATES: who failed it passed all gates before."""


def refusals(lot: LotMatch, ordinals: Ordinals) -> NDArray[np.int8]:
    """For each of the suppliers, the first gate that refuses it (a position in GATES), or PASSED."""
    refused = np.full(len(ordinals), PASSED, dtype=np.int8)
    left = np.arange(len(refused))
    for number, (_, gate) in enumerate(GATES):
        passes = gate(lot, ordinals[left])
        refused[left[~passes]] = number
        left = left[passes]
    return refused


def all_considered(lot: LotMatch) -> Ordinals:
    """The suppliers that have an offer for any wanted segment of the lot or a neighbour of one, in order."""
    every = [lot.live.suppliers_offering(code) for code in considered_codes(lot)]
    return lot.live.still_present(each_once(np.concatenate(every))) if every else np.empty(0, dtype=np.int32)


def considered_codes(lot: LotMatch) -> set[str]:
    """The segments and families wanted by a lot, and their neighbours: suppliers offering one are considered."""
    return {code for wanted in lot.query.subject.wanted for code, _ in answering_codes(wanted, lot.live.base.taxonomy)}


def offering_suppliers(lot: LotMatch) -> Ordinals:
    """The suppliers with an offer that answers a segment of the lot's object, with repeats and removed suppliers."""
    every = [offers.suppliers for code in lot.query.subject.objects for offers in lot.live.answering_offers(code)]
    return np.concatenate(every) if every else np.empty(0, dtype=np.int32)


def _selection_rows(lot: LotMatch, selected: Ordinals) -> Positions:
    return np.searchsorted(lot.ordinals, selected)
