"""The shortlist of a need by looking at every supplier for each lot: no order, no selection is kept."""

import hashlib
from collections.abc import Iterable
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.law import rules as law
from domain.law.findings import LegalAdvice, NeedReview
from domain.law.law_changes import law_changes
from domain.law.review import OPTIONS, review_need
from domain.law.supply_advice import Count, Ends, Supply, horizon
from domain.needs.award import PastAward
from domain.needs.need import Need, buyer_siret
from domain.shortlists.shortlist import Coverage, LotShortlist, RequestedSegment, Shortlist, Stamp, TerritoryEcho
from domain.text.bilingual import Language
from matching.geo.projection import Positions
from matching.lot_query import LotQuery
from matching.reference import Reference
from tests.matching.whole_scan.considered import considered_suppliers
from tests.matching.whole_scan.eligibility_cache import INELIGIBLE, best_outcome
from tests.matching.whole_scan.explain import Explainer
from tests.matching.whole_scan.gates import GATE_NUMBER, PASSED, Contenders, may_answer, refusals
from tests.matching.whole_scan.index import Index
from tests.matching.whole_scan.near_misses import nearest_refused
from tests.matching.whole_scan.past_awards import PastAwards
from tests.matching.whole_scan.ranking import eligibility, ranked
from tests.matching.whole_scan.unknown_trade import WORST_ELIGIBLE, UnknownSearch

RADII_KM = (10, 25, 50, 100)


def match(
    need: Need,
    index: Index,
    data_version: int,
    reference: Reference,
    on: date,
    language: Language,
    awards: Iterable[PastAward] = (),
) -> Shortlist:
    """The shortlist of a need, evaluated for the day `on`."""
    queries = reference.reader.read(need)
    explainer = explainer_of(need, queries, reference, on, language)
    past = PastAwards.until(on, awards, buyer_siret(need), reference.rules, reference.taxonomy)
    seed = draw_seed(need)
    search = UnknownSearch(index, on, reference.rules, past, need.near_misses, seed)
    return Shortlist(
        reference=need.reference,
        stamp=stamp_of(data_version, reference, on, need.planned_publication_on),
        lots=tuple(
            _lot_shortlist(contenders_of(query, index, reference, on, past), search, need, explainer, past, seed)
            for query in queries
        ),
        advice=explainer.need_advice(_law_changes(need, queries, reference, on)),
    )


def explainer_of(
    need: Need, queries: Iterable[LotQuery], reference: Reference, on: date, language: Language
) -> Explainer:
    """The explainer of a need's lots as they were read."""
    return Explainer(
        review=_review(need, queries, reference, need.law_day(on)),
        taxonomy=reference.taxonomy,
        cpv=reference.cpv,
        interpreter=reference.interpreter,
        rules=reference.rules,
        on=on,
        law_on=need.law_day(on),
        contract=need.contract,
        language=language,
    )


def _review(need: Need, queries: Iterable[LotQuery], reference: Reference, on: date) -> NeedReview:
    objects = {query.lot.id: tuple(wanted.segment for wanted in query.objects) for query in queries}
    return review_need(need, on, reference.rules, objects)


def _law_changes(need: Need, queries: Iterable[LotQuery], reference: Reference, on: date) -> list[LegalAdvice]:
    planned = need.law_day(on)
    before, after = (_review(need, queries, reference, day) for day in (on, planned))
    found = law_changes(before, after, on, planned, reference.rules.at(planned, need.contract))
    return [found] if found else []


def stamp_of(data_version: int, reference: Reference, on: date, law_on: date | None) -> Stamp:
    """The versions of the data and rules that an answer of this moment rests on, evaluated for the day `on`."""
    return Stamp(
        data_version=data_version,
        taxonomy=reference.taxonomy.version,
        territories=reference.territories.version,
        rules=reference.rules.version,
        on=on,
        law_on=law_on,
    )


def contenders_of(
    query: LotQuery, index: Index, reference: Reference, on: date, past: PastAwards | None = None
) -> Contenders:
    """The suppliers considered for a lot, with distances and eligibility after past awards, ready for the gates."""
    considered = considered_suppliers(query, index, reference.taxonomy)
    distance = considered.to_territory
    if query.site is not None:
        distance = np.full(len(distance), np.inf)
        reached = np.flatnonzero((considered.answering & considered.objects).any(axis=1))
        distance[reached] = considered.distance(query.site, reached)
    contenders = Contenders(considered, distance, lambda rows: considered.outcomes(rows, on, reference.rules))
    return contenders if past is None else past.bar(contenders)


def _lot_shortlist(
    contenders: Contenders, search: UnknownSearch, need: Need, explainer: Explainer, past: PastAwards | None, seed: int
) -> LotShortlist:
    """The shortlist of one lot; `seed` decides the draws."""
    query, refused = contenders.considered.query, refusals(contenders)
    passed = np.flatnonzero(refused == PASSED)
    shown = ranked(contenders, passed, seed)[: need.limit]
    missed = nearest_refused(contenders, refused, need.near_misses, seed)
    coverage = _coverage(contenders, passed)
    unknown = search.suppliers(query)
    tension = explainer.tension(query, coverage, unknown.eligible)
    options = _options(contenders, refused)
    ends = _approval_ends(contenders, passed, explainer.on, explainer.rules)
    undecided = unknown.eligible if tension.level == "unknown" else 0
    supply = Supply(len(passed), options, frozenset(query.lot.reserved or ()), ends, undecided)
    return LotShortlist(
        id=query.lot.id,
        requested=tuple(
            RequestedSegment(w.segment, explainer.taxonomy.label(w.segment), w.sources, w.confidence, w.role)
            for w in query.wanted
        ),
        territory=TerritoryEcho(
            label=query.territory.label.to(explainer.language),
            codes=query.territory.codes,
            radius_km=query.territory.radius_km,
        ),
        total=len(passed),
        candidates=explainer.candidates(contenders, shown),
        near_misses=explainer.near_misses(contenders, refused, missed),
        unknown_trade=explainer.unknown_trade(query, unknown),
        coverage=coverage,
        alternatives=explainer.alternatives(query, options, _within(contenders, refused)),
        tension=tension,
        reservation=explainer.reservation(query),
        advice=explainer.lot_advice(query, supply, past.advice(contenders, passed) if past else ()),
    )


def _coverage(contenders: Contenders, passed: Positions) -> tuple[Coverage, ...]:
    """Per requested segment, the number of candidates that answer it, of those that do surely or on proof, and of those
    in the territory.
    """
    answering = contenders.considered.answering[passed]
    sure = eligibility(contenders, passed) <= WORST_ELIGIBLE
    local = contenders.considered.to_territory[passed] == 0
    return tuple(
        Coverage(wanted.segment, int(has.sum()), int((has & sure).sum()), int((has & local).sum()))
        for wanted, has in zip(contenders.considered.query.wanted, answering.T, strict=True)
    )


def _options(contenders: Contenders, refused: NDArray[np.int8]) -> dict[str, Count]:
    """The candidates the lot would have under each reservation, and how many of them are plainly eligible."""
    but_for_reservation = np.flatnonzero((refused == PASSED) | (refused == GATE_NUMBER["reservation"]))
    outcomes = contenders.outcomes(but_for_reservation)
    counts = {"none": Count(len(but_for_reservation), len(but_for_reservation))}
    for name, kinds in OPTIONS.items():
        best = best_outcome(outcomes, kinds)
        counts[name] = Count(int((best != INELIGIBLE).sum()), int((best == 0).sum()))
    return counts


def _within(contenders: Contenders, refused: NDArray[np.int8]) -> dict[str, int]:
    """Counts of the suppliers that stand within each radius and pass every gate but the lot's own cap on distance."""
    served = np.flatnonzero((refused == PASSED) | (refused >= GATE_NUMBER["distance"]))
    distance = contenders.distance[served[may_answer(contenders, served)]]
    return {str(radius): int((distance <= radius).sum()) for radius in RADII_KM}


def _approval_ends(contenders: Contenders, passed: Positions, on: date, rules: law.Rules) -> Ends | None:
    """The candidates of a reserved lot whose approval ends before the contract does."""
    lot = contenders.considered.query.lot
    if not lot.reserved:
        return None
    return contenders.considered.approval_ends(passed, frozenset(lot.reserved), on, horizon(lot, on, rules), rules)


def draw_seed(need: Need) -> int:
    """64 bits of the need's content; how many rows are asked for is not content."""
    content = msgspec.json.encode(msgspec.structs.replace(need, limit=20, near_misses=5, planned_publication_on=None))
    for later in (b',"groupings":0', b',"planned_publication_on":null', b',"value_covers":"firm","options_eur":null'):
        content = content.replace(later, b"")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
