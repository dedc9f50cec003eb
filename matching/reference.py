"""The reference data that a process loads once and matches with, and what it makes ready beforehand.

Legal reviews of the needs asked for last are kept by the facts that the rules read. Work that first matches would wait
for is done in small steps.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import islice

import msgspec

from domain.law import rules as law
from domain.law.findings import NeedReview
from domain.law.review import legal_facts, review_facts
from domain.law.rules import Rules
from domain.needs.need import Need, TerritoryRequest
from domain.reference import cpv, taxonomy, territory
from matching.geo.territory import Geography
from matching.index import LiveIndex
from matching.lot_query import NeedReader
from matching.selection import SelectionKey, selected
from matching.weighted_cache import WeightBound
from matching.words.keywords import Interpreter
from matching.words.territory_search import Gazetteer

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


def load_reference(rules: law.Rules | None = None, *, with_search: bool = False) -> Reference:
    """Load all reference data (some 1 s); workers forked afterwards share it. `rules`: others than those of the law.

    `with_search`: the search of territories too, for servers, where the first who asks would hold up all others.
    """
    territories, trades = territory.load(), taxonomy.load()
    applied = law.load() if rules is None else rules
    interpreter, geography = Interpreter(trades, territories), Geography(territories)
    loaded = Reference(territories, trades, cpv.load(), applied, interpreter, geography)
    if with_search:
        _ = loaded.gazetteer  # which makes it
    return loaded


WORTHWHILE = 2_000
"""Among fewer suppliers first matches take little, and outlines of departements would take more memory than they."""

MOST_PLACES = 16
"""One need may name hundreds, which nobody may ask for again."""


def preparation(live: LiveIndex, reference: Reference, today: date, asked: Iterable[SelectionKey]) -> Iterator[None]:
    """Steps of some milliseconds: what the law says today, the selections `asked` for before this index, France, the
    departements and the regions with the distances to them, what the law says tomorrow. None for few suppliers."""
    if len(live) < WORTHWHILE:
        return
    geography, eligibility = reference.geography, live.base.eligibility
    yield from geography.load()
    yield from eligibility.judge(today, reference.rules)
    for reference_to, subject in asked:
        if (wanted := reference_to()) is not None:
            selected(live, wanted, subject)
            yield
    for code in _usual_territories(geography):
        territory = geography.territory(TerritoryRequest(codes=(code,)))
        live.base.areas.meeting(territory)
        yield
        yield from live.base.distances(territory.shape).measure()
    yield from eligibility.judge(today + timedelta(days=1), reference.rules)


def measuring(live: LiveIndex) -> Iterator[None]:
    """Steps that measure everybody near the last places of answers: other segments may be asked for there next."""
    answered = (distances for _, distances in live.base.distances.latest() if distances.is_of_an_answer)
    for distances in islice(answered, MOST_PLACES):
        yield from distances.measure()


def asked_lately(live: LiveIndex) -> list[SelectionKey]:
    """The selections asked for last, the latest first: as many as there is room for with their arrays, which are what
    takes long."""
    many = len(live.base.selection_arrays.latest())
    return [key for key, _ in live.base.selections.latest()][:many]


def _usual_territories(geography: Geography) -> Iterator[str]:
    """The codes of France, and of its regions and departements, of each kind those with the most inhabitants first."""
    communes = geography.territories.communes
    yield "country:FR"
    for kind in ("departement", "region"):
        areas = geography.territories.areas(kind)
        for area in sorted(areas, key=lambda area: -sum(communes[ordinal].population for ordinal in area.communes)):
            yield area.id
