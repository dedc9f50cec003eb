"""Suppliers without offers are found near a territory as by measuring every one, and once for the same question."""

from datetime import date
from random import Random

import numpy as np
import pytest

from domain.needs.need import Reserved, TerritoryRequest
from domain.suppliers.supplier import Point
from matching.service_areas import NEARBY_KM
from matching.unknown_trade import nearby
from tests.factories import (
    NANTES,
    ON,
    RENNES,
    SAINT_DENIS,
    approved,
    around,
    codes,
    live,
    moved,
    offerless,
    reference,
    supplier,
)


@pytest.mark.parametrize(
    "territory",
    [codes("departement:35"), codes("region:94", "departement:974"), around(RENNES, 30), around(NANTES, 0.5)],
    ids=str,
)
def test_the_same_as_by_measuring_every_one(territory: TerritoryRequest) -> None:
    draw = Random(1)
    spots = [
        moved(middle, draw.uniform(-3, 3), draw.uniform(-3, 3)) for middle in (RENNES, SAINT_DENIS) for _ in range(300)
    ]
    spots += [Point(42.0 + draw.uniform(-1, 1), 9.0 + draw.uniform(-1, 1)) for _ in range(100)]
    ours = live(*(offerless(f"{n}", at=at) for n, at in enumerate(spots)), supplier("known"), offerless("x", at=None))
    asked, columns = reference().geography.territory(territory), ours.base.columns
    assert asked.shape is not None
    without = [n for n in range(len(columns)) if not columns.supplier(n).offers]
    every = asked.less_radius(np.nan_to_num(asked.shape.distance(columns.positions[without]), nan=np.inf))
    found = nearby(ours, asked, frozenset(), ON, reference().rules)
    assert sorted(found.ordinals.tolist()) == np.array(without)[every <= NEARBY_KM].tolist()
    assert len(found.ordinals) > 5
    assert found.distance.tolist() == sorted(every[every <= NEARBY_KM].tolist())


def test_the_same_question_is_answered_once() -> None:
    """Another day or other types are another question; a change of a supplier with offers changes nothing."""
    ours, asked = live(offerless("x", approvals=approved("ESAT"))), reference().geography.territory(codes("region:53"))
    handicap: frozenset[Reserved] = frozenset({"handicap"})
    rules = reference().rules
    first = nearby(ours, asked, handicap, ON, rules)
    assert nearby(ours, asked, handicap, ON, rules) is first
    assert len(first.ordinals) == 1
    assert len(nearby(ours, asked, frozenset({"penitentiary"}), ON, rules).ordinals) == 1
    assert len(nearby(ours, asked, handicap, date(2019, 1, 1), rules).ordinals) == 1
    unchanged = ours.after([supplier("known")], (), 2)
    assert nearby(unchanged, asked, handicap, ON, rules) is first
    assert len(nearby(unchanged.after((), [offerless("x").id], 3), asked, handicap, ON, rules).ordinals) == 0
