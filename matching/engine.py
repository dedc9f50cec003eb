"""A need in, an explained shortlist out."""

import hashlib
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain import cpv, taxonomy, territory
from domain.law import rules as law
from domain.law.findings import OUTCOMES
from domain.need import RESERVED_TYPES, Need, Reserved
from domain.shortlist import Alternatives, Coverage, LotShortlist, RequestedSegment, Shortlist, Stamp, TerritoryEcho
from domain.wording import Language
from matching.explain import Explainer
from matching.gates import PASSED, Field, best_outcome, refusals
from matching.geography import Geography
from matching.index import INELIGIBLE, LiveIndex
from matching.near_misses import nearest_refused
from matching.ranking import eligibility, ranked
from matching.request import LotQuery, Reader
from matching.survey import Positions, survey
from matching.text import Interpreter

RADII_KM = (10, 25, 50, 100)
CERTAIN = OUTCOMES.index("ELIGIBLE_IF")
RESERVATIONS: dict[str, tuple[Reserved, ...]] = {
    "none": (),
    "handicap": ("handicap",),
    "iae": ("iae",),
    "handicap_iae": ("handicap", "iae"),
    "penitentiary": ("penitentiary",),
    "ess": ("ess",),
}
"""The reservations an answer compares, by the contract's names."""


@dataclass(frozen=True)
class Reference:
    """What does not change while the process runs: territories, taxonomy, CPV, law, and what is prepared from them."""

    territories: territory.Territories
    taxonomy: taxonomy.Taxonomy
    cpv: cpv.Cpv
    rules: law.Rules
    interpreter: Interpreter
    geography: Geography

    @property
    def reader(self) -> Reader:
        return Reader(self.taxonomy, self.cpv, self.interpreter, self.geography)


def load_reference() -> Reference:
    """Load all reference data (some 1 s); workers forked afterwards share it."""
    territories, segments = territory.load(), taxonomy.load()
    return Reference(territories, segments, cpv.load(), law.load(), Interpreter(segments), Geography(territories))


def match(need: Need, index: LiveIndex, reference: Reference, on: date, language: Language) -> Shortlist:
    """The shortlist of a need, evaluated for the day `on`. Raises InvalidContent with everything wrong in the need."""
    queries = reference.reader.read(need)
    explainer = Explainer(need, reference.taxonomy, reference.cpv, reference.interpreter, reference.rules, on, language)
    seed = _seed(need)
    lots = tuple(_match_lot(need, query, index, reference, explainer, seed) for query in queries)
    return Shortlist(
        reference=need.reference,
        stamp=Stamp(
            data_version=index.data_version,
            taxonomy=reference.taxonomy.version,
            territories=reference.territories.version,
            rules=reference.rules.version,
            on=on,
        ),
        lots=lots,
        advice=(),
    )


def hold(query: LotQuery, index: LiveIndex, reference: Reference, on: date) -> Field:
    """A lot held against the index, ready for the gates."""
    surveyed = survey(query, index, reference.taxonomy)
    distance = surveyed.to_territory
    if query.site is not None:
        distance = np.full(len(distance), np.inf)
        reached = np.flatnonzero((surveyed.answering & surveyed.objects).any(axis=1))
        distance[reached] = query.site.distance(surveyed.positions(reached))

    def outcomes(rows: Positions) -> NDArray[np.int8]:
        found = np.empty((len(rows), len(RESERVED_TYPES)), dtype=np.int8)
        for number, part in enumerate(surveyed.parts):
            here = surveyed.part[rows] == number
            found[here] = part.outcomes(surveyed.ordinal[rows[here]], on, reference.rules)
        return found

    return Field(surveyed, distance, outcomes)


def _match_lot(
    need: Need, query: LotQuery, index: LiveIndex, reference: Reference, explainer: Explainer, seed: int
) -> LotShortlist:
    field = hold(query, index, reference, explainer.on)
    refused = refusals(field)
    passed = np.flatnonzero(refused == PASSED)
    in_order = ranked(field, passed, seed)
    shown = in_order[: need.limit]
    missed = nearest_refused(field, refused, need.near_misses, seed)
    coverage = _coverage(field, passed)
    alternatives = _alternatives(field, refused)
    return LotShortlist(
        id=query.lot.id,
        requested=tuple(
            RequestedSegment(w.segment, reference.taxonomy.label(w.segment), w.sources, w.confidence, w.role)
            for w in query.wanted
        ),
        territory=TerritoryEcho(
            label=query.territory.label.to(explainer.language),
            codes=query.territory.codes,
            radius_km=query.territory.radius_km,
        ),
        total=len(passed),
        candidates=explainer.candidates(field, shown),
        near_misses=explainer.near_misses(field, refused, missed),
        coverage=coverage,
        alternatives=alternatives,
        tension=explainer.tension(query, coverage),
        reservation=explainer.reservation(query),
        advice=explainer.lot_advice(query, len(passed)),
    )


def _coverage(field: Field, passed: Positions) -> tuple[Coverage, ...]:
    """Per requested segment: who answers it, how many of them surely or on proof, how many stand in the territory."""
    answering = field.survey.answering[passed]
    sure = eligibility(field, passed) <= CERTAIN
    local = field.survey.to_territory[passed] == 0
    return tuple(
        Coverage(wanted.segment, int(has.sum()), int((has & sure).sum()), int((has & local).sum()))
        for wanted, has in zip(field.survey.query.wanted, answering.T, strict=True)
    )


def _alternatives(field: Field, refused: NDArray[np.int8]) -> Alternatives:
    """The totals under other reservations, and the suppliers within each radius whatever the lot's own cap."""
    but_for_reservation = np.flatnonzero((refused == PASSED) | (refused == 3))
    outcomes = field.outcomes(but_for_reservation)
    reserved = {
        name: int((best_outcome(outcomes, kinds) != INELIGIBLE).sum()) if kinds else len(but_for_reservation)
        for name, kinds in RESERVATIONS.items()
    }
    served = np.flatnonzero((refused == PASSED) | (refused >= 2))
    own = field.survey.query.lot.reserved
    if own:
        served = served[best_outcome(field.outcomes(served), own) != INELIGIBLE]
    distance = field.distance[served]
    return Alternatives(reserved, {str(radius): int((distance <= radius).sum()) for radius in RADII_KM})


def _seed(need: Need) -> int:
    """64 bits of the need's content; how many rows are asked for is not content."""
    content = msgspec.json.encode(msgspec.structs.replace(need, limit=20, near_misses=5))
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
