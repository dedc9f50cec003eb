"""The order of candidates: criteria that can be read aloud, applied one after the other; never a weighted sum."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Floats, Positions
from tests.matching.whole_scan.considered import PRESENCES
from tests.matching.whole_scan.eligibility_cache import best_outcome
from tests.matching.whole_scan.gates import Contenders

NATIONAL_PRESENCE = PRESENCES.index("national")


def eligibility(contenders: Contenders, rows: Positions) -> NDArray[np.int8]:
    """Certain before conditional, then unknown, then to be judged by a person; on reserved lots only."""
    reserved = contenders.considered.query.lot.reserved
    return best_outcome(contenders.outcomes(rows), reserved) if reserved else np.zeros(len(rows), dtype=np.int8)


def segments_answered(contenders: Contenders, rows: Positions) -> NDArray[np.int64]:
    """More of the requested segments first."""
    return -answered(contenders, rows).sum(axis=1)


def worst_fit(contenders: Contenders, rows: Positions) -> NDArray[np.int32]:
    """The weakest fit among the segments answered: exact, then narrower, then broader."""
    return np.where(answered(contenders, rows), contenders.considered.fit[rows], 0).max(axis=1, initial=0)


def worst_basis(contenders: Contenders, rows: Positions) -> NDArray[np.int32]:
    """Offers that the supplier declared, then those that contracts it won show, then offers that were inferred."""
    return np.where(answered(contenders, rows), contenders.considered.basis[rows], 0).max(axis=1, initial=0)


def only_national(contenders: Contenders, rows: Positions) -> NDArray[np.bool_]:
    """Suppliers of the territory, or that declare serving it, before those that only serve all of France."""
    return presence(contenders, rows) == NATIONAL_PRESENCE


def distance(contenders: Contenders, rows: Positions) -> Floats:
    """Nearer first; an unknown distance last."""
    return contenders.distance[rows]


ORDER: tuple[Callable[[Contenders, Positions], NDArray[np.generic]], ...] = (
    eligibility,
    segments_answered,
    worst_fit,
    worst_basis,
    only_national,
    distance,
)


def ranked(contenders: Contenders, rows: Positions, seed: int) -> Positions:
    """`rows` in order; what the criteria leave equal is drawn, the same way each time for the same need."""
    keys = [criterion(contenders, rows) for criterion in ORDER] + [drawn(contenders, rows, seed)]
    return rows[np.lexsort(keys[::-1])]


def answered(contenders: Contenders, rows: Positions) -> NDArray[np.bool_]:
    """Shape (n, w): the segments of the lot's object that each supplier answers."""
    return contenders.considered.answering[rows] & contenders.considered.objects


def presence(contenders: Contenders, rows: Positions) -> NDArray[np.int32]:
    """The best presence (a position in PRESENCES) over the offers used."""
    return np.where(answered(contenders, rows), contenders.considered.presence[rows], NATIONAL_PRESENCE).min(
        axis=1, initial=NATIONAL_PRESENCE
    )


def drawn(contenders: Contenders, rows: Positions, seed: int) -> NDArray[np.uint64]:
    """A number per supplier that only the need and the supplier decide."""
    return mixed(contenders.considered.draws(rows), seed)


def mixed(draws: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """The drawing bits of suppliers mixed with a need's seed (splitmix64's mixing, Steele et al. 2014)."""
    bits = draws ^ np.uint64(seed)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
