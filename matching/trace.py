"""The trail that leads to a shortlist: how each lot was read, whom each gate refused, how the order places the rest."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.law.findings import OUTCOMES
from domain.needs.need import Need
from domain.shortlists.shortlist import Gate
from domain.suppliers.supplier import BASES
from domain.text.bilingual import Language
from matching import ranking
from matching.considered import FITS
from matching.engine import contenders_of, draw_seed
from matching.gates import GATES, PASSED, Contenders, refusals
from matching.geo.projection import Positions
from matching.index import LiveIndex
from matching.lot_query import LotQuery, Wanted
from matching.near_misses import nearest_refused
from matching.reference import Reference

NAMES_SHOWN = 5

Value = str | int | float | bool | None


class Refused(msgspec.Struct, frozen=True):
    """The suppliers that a gate is the first to refuse: how many, and the names of the nearest."""

    gate: Gate
    rule: str
    count: int
    nearest: tuple[str, ...]


class Criterion(msgspec.Struct, frozen=True):
    """One criterion of the order and what it prefers."""

    name: str
    rule: str


class Placed(msgspec.Struct, frozen=True):
    """A candidate and what each criterion, in order, says of it; null: nothing to say (no reservation, no distance)."""

    rank: int
    supplier: UUID
    name: str
    values: tuple[Value, ...]


class LotTrail(msgspec.Struct, frozen=True):
    """The trail of one lot. `considered`: suppliers with an offer for what is asked, or for something near it.

    `unmapped` CPV codes and `unknown` words were read as nothing. What the criteria leave equal is drawn.
    """

    id: str
    wanted: tuple[Wanted, ...]
    unmapped: tuple[str, ...]
    unknown: tuple[str, ...]
    territory: str
    considered: int
    gates: tuple[Refused, ...]
    passed: int
    order: tuple[Criterion, ...]
    candidates: tuple[Placed, ...]


def _word_at(words: tuple[str, ...]) -> Callable[[Any], Value]:
    return lambda position: words[position] if position < len(words) else None


# what a criterion's number means; the order puts the smaller one first
READINGS: dict[str, Callable[[Any], Value]] = {
    "eligibility": _word_at(OUTCOMES),
    "segments_answered": lambda minus: -int(minus),
    "worst_fit": _word_at(FITS),
    "worst_basis": _word_at(BASES),
    "only_national": bool,
    "distance": lambda km: round(float(km), 3) if np.isfinite(km) else None,
}


def trail(need: Need, index: LiveIndex, reference: Reference, on: date, language: Language) -> tuple[LotTrail, ...]:
    """The trail of each lot, evaluated for the day `on`; as many candidates as the need asks for.

    Raises InvalidContent with everything wrong in the need.
    """
    seed = draw_seed(need)
    return tuple(
        _trail(query, contenders_of(query, index, reference, on), need.limit, seed, language)
        for query in reference.reader.read(need)
    )


def _trail(query: LotQuery, contenders: Contenders, limit: int, seed: int, language: Language) -> LotTrail:
    refused = refusals(contenders)
    passed = np.flatnonzero(refused == PASSED)
    rows = ranking.ranked(contenders, passed, seed)[:limit]
    values = zip(*(_read(one, contenders, rows) for one in ranking.ORDER), strict=True)
    suppliers = map(contenders.considered.supplier, rows.tolist())
    return LotTrail(
        id=query.lot.id,
        wanted=query.wanted,
        unmapped=query.unmapped,
        unknown=query.unknown,
        territory=query.territory.label.to(language),
        considered=len(refused),
        gates=tuple(_refused(contenders, refused, number, seed) for number in range(len(GATES))),
        passed=len(passed),
        order=tuple(Criterion(one.__name__, _rule(one)) for one in ranking.ORDER),
        candidates=tuple(
            Placed(rank, each.id, each.name, read)
            for rank, (each, read) in enumerate(zip(suppliers, values, strict=True), 1)
        ),
    )


def _refused(contenders: Contenders, refused: NDArray[np.int8], number: int, seed: int) -> Refused:
    gate, test = GATES[number]
    only_here = np.where(refused == number, refused, PASSED).astype(np.int8)
    nearest = [
        contenders.considered.supplier(row).name for row, _ in nearest_refused(contenders, only_here, NAMES_SHOWN, seed)
    ]
    return Refused(gate, _rule(test), int((refused == number).sum()), tuple(nearest))


def _read(
    criterion: Callable[[Contenders, Positions], NDArray[np.generic]], contenders: Contenders, rows: Positions
) -> list[Value]:
    if criterion is ranking.eligibility and not contenders.considered.query.lot.reserved:
        return [None] * len(rows)
    return [READINGS[criterion.__name__](value) for value in criterion(contenders, rows)]


def _rule(test: Callable[..., object]) -> str:
    return " ".join((test.__doc__ or "").split())
