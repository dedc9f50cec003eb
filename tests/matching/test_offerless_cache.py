"""Suppliers without offers are found near a territory as by measuring every one, and once for the same question."""

from datetime import date
from random import Random

import numpy as np
import pytest

from domain.needs.need import Reserved, TerritoryRequest
from domain.suppliers.supplier import Point
from matching.offerless_cache import NEARBY_KM
from tests.factories import (
    NANTES,
    ON,
    RENNES,
    SAINT_DENIS,
    approved,
    around,
    codes,
    index,
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
    ours = index(*(offerless(f"{n}", at=at) for n, at in enumerate(spots)), supplier("known"), offerless("x", at=None))
    asked = reference().geography.territory(territory)
    assert asked.shape is not None
    every = asked.less_radius(np.nan_to_num(asked.shape.distance(ours.positions[:700]), nan=np.inf))
    found = ours.offerless.nearby(asked, frozenset(), ON, reference().rules)
    assert sorted(found.ordinal.tolist()) == np.flatnonzero(every <= NEARBY_KM).tolist()
    assert len(found.ordinal) > 5
    assert found.distance.tolist() == sorted(every[every <= NEARBY_KM].tolist())


def test_the_same_question_is_answered_once() -> None:
    """Another day or other types are another question."""
    ours, asked = index(offerless("x", approvals=approved("ESAT"))), reference().geography.territory(codes("region:53"))
    handicap: frozenset[Reserved] = frozenset({"handicap"})
    rules = reference().rules
    first = ours.offerless.nearby(asked, handicap, ON, rules)
    assert ours.offerless.nearby(asked, handicap, ON, rules) is first
    assert len(first.ordinal) == 1
    assert len(ours.offerless.nearby(asked, frozenset({"penitentiary"}), ON, rules).ordinal) == 1
    assert len(ours.offerless.nearby(asked, handicap, date(2019, 1, 1), rules).ordinal) == 1
