"""The order of candidates: each criterion decides where those before it leave two suppliers equal."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.needs.need import Lot
from domain.suppliers.supplier import Supplier
from matching.lot_match import DrawnOrder
from matching.ranking import ORDER, seeded_tie_break
from tests.factories import (
    NANTES,
    REDON,
    RENNES,
    VANNES,
    approved,
    codes,
    lot,
    matched,
    moved,
    names,
    need,
    offer,
    offerless,
    place,
    supplier,
)

FARTHER = moved(RENNES, north=0.05)
BEYOND_REDON = moved(REDON, north=-0.1)
"""In Loire-Atlantique, some 10 km from Ille-et-Vilaine."""


def order(asked: Lot, *suppliers: Supplier, **fields: Any) -> list[str]:
    """The names of the candidates of a lot, in order; the same whichever way the suppliers come."""
    wanted = need(asked, **({"territory": codes("departement:35")} | fields))
    found = names(matched(wanted, *suppliers).candidates)
    assert found == names(matched(wanted, *reversed(suppliers)).candidates)
    return found


def test_eligibility_before_everything() -> None:
    """Certain, conditional, unknown, to be judged; the less sure stand nearer and answer more."""
    shops = (
        supplier("to be judged", offer("pr-locaux", "pr-urbain"), at=RENNES, approvals=approved("EITI")),
        supplier("unknown", offer("pr-locaux", "pr-urbain"), at=moved(RENNES, north=0.05), approvals=None),
        supplier(
            "conditional",
            offer(),
            at=moved(RENNES, north=0.1),
            approvals=approved("ACI", until=date(2026, 6, 30)),
        ),
        supplier("certain", offer(basis="inferred"), at=moved(RENNES, north=0.15), approvals=approved("ACI")),
    )
    expected = ["certain", "conditional", "unknown", "to be judged"]
    assert order(lot("pr-locaux", "pr-urbain", reserved=("iae",)), *shops) == expected


def test_eligibility_says_nothing_where_nothing_is_reserved() -> None:
    shops = supplier("near", approvals=()), supplier("far", at=FARTHER, approvals=approved("ACI"))
    assert order(lot(site=place(RENNES)), *shops) == ["near", "far"]


def test_the_best_of_several_reserved_types_counts() -> None:
    shops = supplier("EA", at=FARTHER, approvals=approved("EA")), supplier("unknown", approvals=None)
    assert order(lot(reserved=("iae", "handicap"), site=place(RENNES)), *shops) == ["EA", "unknown"]


@given(st.permutations(range(24)))
def test_what_is_equal_is_drawn_alike_in_whatever_order_the_rows_come(rows: list[int]) -> None:
    """Candidates, near misses and those of unknown trade."""
    equal = [supplier(f"equal {number}") for number in range(8)]
    near = [supplier(f"near {number}", offer(radius_km=1), at=NANTES) for number in range(8)]
    unknown = [offerless(f"unknown {number}") for number in range(8)]
    pool = [*equal, *near, *unknown]
    wanted = need(lot(site=place(RENNES)), limit=5)
    drawn, again = matched(wanted, *pool), matched(wanted, *(pool[row] for row in rows))
    for part in ("candidates", "near_misses"):
        assert names(getattr(drawn, part)) == names(getattr(again, part))
    assert names(drawn.unknown_trade.nearest) == names(again.unknown_trade.nearest)


BESIDE = {
    "more segments before a better fit": (
        lot("pr-locaux", "ev-entretien"),
        supplier("first", offer("pr", "ev", basis="inferred"), at=FARTHER),
        supplier("second", offer("pr-locaux")),
    ),
    "fit before basis": (
        lot(),
        supplier("first", offer(basis="inferred"), at=FARTHER),
        supplier("second", offer("pr")),
    ),
    "narrower before broader": (
        lot("pr", "ev-entretien"),
        supplier("first", offer("pr-locaux", "ev-entretien"), at=FARTHER),
        supplier("second", offer("pr", "ev")),
    ),
    "the worst fit counts, not the best": (
        lot("pr-locaux", "ev-entretien"),
        supplier("first", offer("pr-locaux", "ev-entretien", basis="inferred"), at=FARTHER),
        supplier("second", offer("pr-locaux"), offer("ev")),
    ),
    "basis before presence": (
        lot(),
        supplier("first", offer(national=True), at=VANNES),
        supplier("second", offer(basis="inferred")),
    ),
    "what a contract shows before what is inferred": (
        lot(),
        supplier("first", offer(basis="awarded"), at=FARTHER),
        supplier("second", offer(basis="inferred")),
    ),
    "what is declared before what a contract shows": (
        lot(),
        supplier("first", offer(), at=FARTHER),
        supplier("second", offer(basis="awarded")),
    ),
    "the worst basis counts, not the best": (
        lot("pr-locaux", "ev-entretien"),
        supplier("first", offer("pr-locaux", "ev-entretien"), at=FARTHER),
        supplier("second", offer("pr-locaux"), offer("ev-entretien", basis="inferred")),
    ),
    "who declares the territory before who serves all France": (
        lot(site=place(VANNES)),
        supplier("first", offer(codes=("departement:35",)), at=NANTES),
        supplier("second", offer(national=True), at=VANNES),
    ),
    "who is near by before who serves all France": (
        lot(site=place(NANTES)),
        supplier("first", offer(), at=BEYOND_REDON),
        supplier("second", offer(national=True), at=NANTES),
    ),
    "a known distance before an unknown one": (
        lot(),
        supplier("first", offer(codes=("region:53",)), at=moved(RENNES, north=-3)),
        supplier("second", offer(codes=("region:53",)), at=None),
    ),
    "nearer to the site": (
        lot(site=place("35236")),
        supplier("first", at=REDON),
        supplier("second", at=RENNES),
    ),
    "nearer to the territory": (
        lot(),
        supplier("first", offer(radius_km=200), at=VANNES),
        supplier("second", offer(radius_km=200), at=moved(VANNES, east=-0.5)),
    ),
}


@pytest.mark.parametrize("case", BESIDE)
def test_each_criterion_decides_where_those_before_are_equal(case: str) -> None:
    asked, first, second = BESIDE[case]
    assert order(asked, first, second) == ["first", "second"]


def test_local_declared_and_nearby_are_alike() -> None:
    """Only serving all of France counts less: the distance to the site decides between the others."""
    asked = need(lot(site=place(moved(REDON, north=-0.08))))
    found = matched(
        asked,
        supplier("nearby", offer(), at=BEYOND_REDON),
        supplier("local", offer(), at=REDON),
        supplier("declared", offer(codes=("departement:35",)), at=moved(REDON, north=-0.3)),
    ).candidates
    assert [(one.supplier.name, one.presence) for one in found] == [(name, name) for name in names(found)]
    assert names(found) == ["nearby", "local", "declared"]


def test_neighbours_and_support_count_for_nothing_in_the_order() -> None:
    shops = (
        supplier("plain", offer("so-insertion")),
        supplier("more", offer("so-insertion"), offer("so-mad"), offer("ev-entretien"), at=FARTHER),
    )
    asked = lot("so-insertion", support_segments=("ev-entretien",), site=place(RENNES))
    assert order(asked, *shops) == ["plain", "more"]


POOL = [supplier(f"{number:02d}") for number in range(40)]
"""All alike: only the draw decides."""


def drawn(**fields: Any) -> list[str]:
    return names(matched(need(**fields), *POOL).candidates)


def test_the_same_need_gives_the_same_order() -> None:
    assert drawn(title="a", limit=40) == drawn(title="a", limit=40)


def test_another_need_gives_another_order() -> None:
    """And no supplier always comes first."""
    orders = [drawn(title=f"{number}") for number in range(20)]
    assert len({tuple(names_) for names_ in orders}) == 20
    assert len({names_[0] for names_ in orders}) > 10


def test_the_draw_does_not_follow_the_order_of_names_or_ids() -> None:
    assert drawn(limit=40) != sorted(drawn(limit=40))


@pytest.mark.parametrize("fields", [{"limit": 7}, {"near_misses": 0}, {"limit": 100, "near_misses": 50}])
def test_how_many_are_asked_for_does_not_change_the_order(fields: dict[str, int]) -> None:
    assert drawn(limit=40)[: fields.get("limit", 20)] == drawn(**fields)


def test_who_else_is_there_does_not_change_the_draw() -> None:
    """A supplier that comes or goes leaves the others in their order."""
    fewer = names(matched(need(limit=40), *POOL[5:]).candidates)
    assert [name for name in drawn(limit=40) if name in fewer] == fewer


def test_every_place_in_the_list_is_open_to_all() -> None:
    """Over many needs each of four suppliers comes first about as often."""
    first = [names(matched(need(title=f"{n}", limit=1), *POOL[:4]).candidates)[0] for n in range(120)]
    assert all(15 <= first.count(name) <= 50 for name in ("00", "01", "02", "03"))


def test_each_criterion_says_what_it_prefers() -> None:
    """The words are what is read aloud to the supplier ranked second."""
    assert all(criterion.__doc__ and criterion.__doc__.endswith(".") for criterion in ORDER)


distances = st.lists(st.sampled_from((0.0, 0.5, 1.25, np.inf)), max_size=12)


@given(distances, st.integers(1, 14), st.data())
def test_the_first_are_those_of_a_full_sort(away: list[float], count: int, data: st.DataObject) -> None:
    size = len(away)
    classes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)), dtype=np.int16)
    draws = np.array(data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=size, max_size=size)), dtype=np.uint64)
    distance, numbers = np.array(away, dtype=np.float64), np.arange(100, 100 + size)
    order = DrawnOrder(numbers, (distance, classes), draws, count)
    found = [order.first(seed)[0].tolist() for seed in (1, 2, 3)]
    expected = [
        numbers[np.lexsort((seeded_tie_break(draws, seed), distance, classes))][:count].tolist() for seed in (1, 2, 3)
    ]
    assert found == expected
    if order.is_settled:
        assert found[0] == found[1] == found[2]
