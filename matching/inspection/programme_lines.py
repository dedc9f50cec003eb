"""The lines of a programme of purchases matched: each is a need of one lot, counted as `POST /match` counts it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np

from domain.errors import InvalidContent, Problem
from domain.law.findings import ON_PROCEDURE
from domain.needs.need import Buyer, Lot, Need, TerritoryRequest
from domain.programme.programme import LineFindings, LineReach, LineSupply, PlannedLine, propose_action
from domain.text.bilingual import Language
from matching.answer.explain import Explainer
from matching.engine import lot_matches, review_of
from matching.index.legal import WORST_ELIGIBLE
from matching.index.live_index import LiveIndex
from matching.kept.memory import answer_cache_of
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery
from matching.reference import Reference
from matching.tension import scarcest_segment
from matching.unknown_trade import unknown_suppliers

LINES_AT_ONCE = 50
"""Lines that are matched as one task: about a second, after which others have their turn."""
NO_VERDICT = frozenset({"VALUE_UNKNOWN", "ESTIMATED_VALUE", "TOTAL_BELOW_LOTS", "BUYER_KIND_UNKNOWN", "MIXED_OBJECT"})
"""Advice about the procedure that names none."""
VERDICTS = ON_PROCEDURE - NO_VERDICT


class MatchedLine(NamedTuple):
    """A line's territory in words with what was found; of a line that is not in order, the problems."""

    label: str
    found: LineFindings | None
    problems: tuple[Problem, ...] = ()


def need_of_lines(lines: Sequence[PlannedLine], buyer: Buyer | None, on: date | None) -> Need:
    """Lines as the lots of one need, to be matched by `match_lines`, which takes each as a need of its own."""
    lots = tuple(
        Lot(
            id=str(number),
            title=each.title,
            cpv=each.cpv,
            nature=each.nature,
            value_eur=each.value_eur,
            value_covers=each.value_covers,
            duration_months=each.duration_months,
            renewal_months=each.renewal_months,
            reserved=each.reserved,
            territory=TerritoryRequest(codes=each.codes),
        )
        for number, each in enumerate(lines, 1)
    )
    return Need(lots=lots, buyer=buyer, on=on, limit=1, near_misses=0)


def match_lines(
    need: Need,
    live: LiveIndex,
    reference: Reference,
    on: date,
    language: Language,
    *,
    planned: Sequence[date | None],
) -> tuple[MatchedLine, ...]:
    """Each lot of `need` matched as a need of this one lot, by the law of its own planned day."""
    live = live.as_of(on)
    needs = [
        msgspec.structs.replace(need, lots=(lot,), planned_publication_on=day)
        for lot, day in zip(need.lots, planned, strict=True)
    ]
    queries = list[LotQuery | tuple[Problem, ...]]()
    for each in needs:
        try:
            queries += reference.reader.read(each)
        except InvalidContent as invalid:
            queries.append(invalid.problems)
    lots = lot_matches([each for each in queries if isinstance(each, LotQuery)], live, on, reference.rules)
    return tuple(_matched_lines(needs, queries, lots, reference, language))


def _matched_lines(
    needs: Sequence[Need],
    queries: Sequence[LotQuery | tuple[Problem, ...]],
    lots: Iterator[LotMatch],
    reference: Reference,
    language: Language,
) -> Iterator[MatchedLine]:
    """Yield the findings on each need, or the problems in the place of its query."""
    for need, query in zip(needs, queries, strict=True):
        if isinstance(query, LotQuery):
            yield MatchedLine(query.territory.label.to(language), _findings(need, next(lots), reference, language))
        else:
            yield MatchedLine("", None, query)


def _findings(need: Need, lot: LotMatch, reference: Reference, language: Language) -> LineFindings:
    """The supply and the law of a need of one lot."""
    query, law_on, kept = lot.query, need.law_day(lot.on), answer_cache_of(lot.live)
    review = review_of(need, law_on, (query,), reference, lot.live)
    explainer = Explainer(review, reference, lot.on, need, language)
    unknown = (kept.unknown_suppliers if kept else unknown_suppliers)(lot, 0)
    words = explainer.lot_words(lot, unknown, None)
    objects, reach = query.subject.objects, lot.reach_counts
    few = scarcest_segment(objects, reach)[1] if objects else None
    passing = lot.passing.outcome[lot.passing.order]
    supply = LineSupply(
        total=lot.counts.total,
        eligible=int(np.count_nonzero(passing <= WORST_ELIGIBLE)),
        unknown=unknown.eligible,
        capable=few.capable if few else 0,
        beyond=few.beyond if few else 0,
        options=lot.count_capable()[1],
        unknown_options=unknown.options,
        trades=len(objects),
        tension=words.tension,
    )
    view = reference.rules.view(law_on, need.contract)
    (said,) = review.lots.values()
    return LineFindings(
        requested=explainer.requested_segments(query),
        suggested=explainer.suggested_segments(query),
        total=supply.total,
        eligible=supply.eligible,
        unknown=supply.unknown,
        reach=LineReach(*(few or (0, 0, 0, 0))),
        tension=words.tension,
        reserved=words.alternatives.reserved,
        procedure=next((each.code for each in review.advice if each.code in VERDICTS), None),
        action=propose_action(supply, lot.reserved_types, said, view, language),
    )
