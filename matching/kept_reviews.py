"""Legal reviews of the needs asked for last, kept by the facts that the rules read."""

from collections.abc import Hashable, Mapping
from datetime import date

import msgspec

from domain.law.findings import NeedReview
from domain.law.review import legal_facts, review_facts
from domain.law.rules import Rules
from domain.needs.need import Need
from matching.weighted_cache import WeightBound

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
