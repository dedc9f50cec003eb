"""The reference data that a process loads once and matches with.

Legal reviews of the needs asked for last are kept by the facts that the rules read.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import msgspec

from domain.law import rules as law
from domain.law.findings import NeedReview
from domain.law.review import legal_facts, review_facts
from domain.law.rules import Rules
from domain.needs.need import Need
from domain.reference import cpv, taxonomy, territory
from matching.geo.territory import Geography
from matching.kept.weighted_cache import WeightBound
from matching.lot_query import NeedReader
from matching.words.keywords import Interpreter
from matching.words.names import Gazetteer

REVIEW_BYTES = 8 << 20
BYTES_PER_LOT, BYTES_PER_NAME = 2_000, 80
"""About what a review takes for each lot, besides its facts, and for each lot that its advice names."""


class KeptReviews:
    """Reviews needs by `rules`; no rule sees more of a need than its facts, so that what is kept is always right."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._kept: WeightBound[Hashable, NeedReview] = WeightBound(REVIEW_BYTES)

    def review(self, need: Need, on: date, segments_of_lot: Mapping[str, tuple[str, ...]]) -> NeedReview:
        """The review of a need, as `review_need` gives it."""
        facts = legal_facts(need)
        key = facts, on, tuple(segments_of_lot.values())
        review = self._kept.find(key)
        if review is None:
            review = review_facts(facts, on, self._rules, segments_of_lot)
            self._kept.put(key, review, _bytes(facts, review))
        return review


def _bytes(facts: Need, review: NeedReview) -> int:
    named = sum(len(some) for advice in review.advice for some in advice.lots)
    return len(msgspec.json.encode(facts)) + BYTES_PER_LOT * len(facts.lots) + BYTES_PER_NAME * named


@dataclass(frozen=True)
class Reference:
    """Reference data, the same while the process runs: territories, taxonomy, CPV, law, and what derives from them."""

    territories: territory.Territories
    taxonomy: taxonomy.Taxonomy
    cpv: cpv.Cpv
    rules: law.Rules
    interpreter: Interpreter
    geography: Geography

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """The search of territories by name or code, made when it is first used (some 0.3 s)."""
        return Gazetteer(self.territories)

    @cached_property
    def reviews(self) -> KeptReviews:
        """The reviews of needs by the rules of law, of which it remembers the latest."""
        return KeptReviews(self.rules)

    @cached_property
    def reader(self) -> NeedReader:
        """The reader of needs, which remembers the objects it read last."""
        return NeedReader(self.taxonomy, self.cpv, self.interpreter, self.geography)


def load_reference(rules: law.Rules | None = None, *, for_server: bool = False) -> Reference:
    """Load all reference data (some 1 s); workers forked afterwards share it. `rules`: others than those of the law.

    `for_server`: also the search of territories and all outlines; whoever asks first would hold up all others for them.
    """
    territories, trades = territory.load(), taxonomy.load()
    applied = law.load() if rules is None else rules
    interpreter, geography = Interpreter(trades, territories), Geography(territories)
    loaded = Reference(territories, trades, cpv.load(), applied, interpreter, geography)
    if for_server:
        _ = loaded.gazetteer  # which makes it
        geography.load()
    return loaded
