"""What is kept of lots holds no large outline, is weighed, and is found again as long as it holds."""

import dataclasses
from datetime import date
from itertools import product
from typing import Any
from weakref import ref

import msgspec
import pytest

from domain.needs.need import Place, TerritoryRequest
from matching.engine import match_json
from matching.geo.territory import Geography
from matching.index.live_index import Index, LiveIndex
from matching.kept.memory import AnswerCache, answer_cache_of
from matching.reference import Reference
from tests.factories import ON, RENNES, approved, codes, live, lot, need, offer, offerless, square, supplier
from tests.factories import reference as known


def kept_by(ours: LiveIndex) -> AnswerCache:
    kept = answer_cache_of(ours)
    assert kept is not None
    return kept


class _Watched(Geography):
    """Remembers weakly all that it prepared."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.prepared: list[ref[Any]] = []

    def territory(self, *given: Any) -> Any:
        return self._watched(super().territory(*given))

    def place(self, *given: Any) -> Any:
        return self._watched(super().place(*given))

    def _watched(self, made: Any) -> Any:
        self.prepared.append(ref(made))
        return made


def test_outlines_go_when_the_caches_that_weigh_them_let_go(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vertex takes a hundred bytes: thousands of drawn areas, or communes as sites, would not fit in memory."""
    monkeypatch.setattr("matching.geo.territory.CACHED_BYTES", 0)
    monkeypatch.setattr("matching.index.live_index.DISTANCE_BYTES", 0)
    own = dataclasses.replace(reference, geography=_Watched(reference.territories))
    held = LiveIndex(Index.build([supplier("a")], own.taxonomy, own.cpv, own.geography), 1)
    asked = need(
        lot("pr-locaux", site=Place(commune="35238"), max_distance_km=20),
        territory=TerritoryRequest(geometry=square(RENNES, 0.2)),
    )
    match_json(asked, held, own, ON, "fr")
    assert isinstance(own.geography, _Watched)
    assert len(own.geography.prepared) == 2
    assert [each() for each in own.geography.prepared] == [None, None]


def test_a_selection_weighs_the_lots_ranked_in_it(reference: Reference) -> None:
    """Each cap and reservation of its own."""
    ours = live(*(supplier(str(number)) for number in range(500)))
    weights = []
    for reserved, cap in product(("handicap", "iae", "ess"), (None, 10)):
        for _ in range(2):
            match_json(need(lot(reserved=(reserved,), max_distance_km=cap)), ours, reference, ON, "fr")
        ((_, selection),), ((_, arrays),) = kept_by(ours).selections.latest(), kept_by(ours).arrays.latest()
        assert kept_by(ours).selections._weight == selection.weight
        assert kept_by(ours).arrays._weight == arrays.weight
        weights.append(selection.weight)
    assert weights == sorted(set(weights))
    assert weights[-1] > weights[0] + 2 * 500


def test_a_lot_that_was_asked_before_takes_nothing_of_all_who_are_selected(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither their arrays nor a distance: of many suppliers, those of some hundred lots do not fit in memory."""
    monkeypatch.setattr("matching.kept.lots.ARRAY_BYTES", 0)
    monkeypatch.setattr("matching.index.live_index.DISTANCE_BYTES", 0)
    ours = live(*(supplier(str(number), approvals=approved("EI")) for number in range(40)))
    asked = need(lot(reserved=("iae",), site=Place(lat=48.1, lon=-1.7)), lot(id="2", max_distance_km=20))
    before = match_json(asked, ours, reference, ON, "fr")
    assert not kept_by(ours).arrays.latest()
    assert not ours.base.distances.latest()
    for made in (
        "matching.selection.Selection.__init__",
        "matching.index.distances.Distances.__init__",
        "matching.kept.lots.nearest_refused",
        "matching.kept.lots.unknown_suppliers",
    ):
        monkeypatch.setattr(made, None)
    assert match_json(asked, ours, reference, ON, "fr") == before
    for index in (ours, ours.with_changes([supplier("another trade", offer("ev-entretien"))], (), 2)):
        match_json(msgspec.structs.replace(asked, reference="of another draw"), index, reference, ON, "fr")


def test_the_same_question_on_those_nearby_is_answered_once() -> None:
    """Another day is another question, other types are not; a change of a supplier with offers changes nothing."""
    ours, asked = live(offerless("x", approvals=approved("ESAT"))), known().geography.territory(codes("region:53"))
    rules, nearby = known().rules, kept_by(ours).nearby
    first = nearby(ours, asked, ON, rules)
    assert nearby(ours, asked, ON, rules) is first
    assert len(first.ordinals) == 1
    assert nearby(ours, asked, date(2019, 1, 1), rules) is not first
    unchanged = ours.with_changes([supplier("known")], (), 2)
    assert nearby(unchanged, asked, ON, rules) is first
    assert len(nearby(unchanged.with_changes((), [offerless("x").id], 3), asked, ON, rules).ordinals) == 0
