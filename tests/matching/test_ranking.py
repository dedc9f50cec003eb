"""Gates and the order of candidates, where the oracle says nothing of them: words, metres, and what is drawn.

Who passes, who refuses whom, and which criterion decides before which: `tests/matching/oracle` has another reading.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from domain.suppliers.supplier import Point, Supplier
from matching.gates import GATES
from matching.lot_match import DrawnOrder
from matching.ranking import ORDER, seeded_tie_break
from tests.factories import NANTES, RENNES, lot, matched, names, need, offer, offerless, place, supplier


@pytest.mark.parametrize("told", [[one for _, one in GATES], ORDER], ids=["gates", "order"])
def test_each_gate_and_each_criterion_says_what_it_asks(told: Sequence[Callable[..., Any]]) -> None:
    """The words are what is read aloud to the supplier that is refused, or ranked second."""
    assert all(one.__doc__ and one.__doc__.endswith(".") for one in told)
    assert [gate for gate, _ in GATES] == ["segment", "service_area", "distance", "reservation"]


def verdict(one: Supplier, **fields: Any) -> str | None:
    """The gate that refuses a supplier for a lot in Ille-et-Vilaine; None for a candidate; "absent" otherwise."""
    found = matched(need(lot(**fields)), one)
    if found.near_misses:
        return found.near_misses[0].excluded_by
    return None if found.total else "absent"


@pytest.mark.parametrize(("km", "refused"), [(9.99, None), (10.01, "distance")])
def test_a_cap_is_measured_to_a_site_that_is_a_point(km: float, refused: str | None) -> None:
    lon, lat, _ = Geod(ellps="WGS84").fwd(RENNES.lon, RENNES.lat, 77, km * 1_000)
    shop = supplier("x", offer(national=True), at=Point(lat, lon))
    assert verdict(shop, site=place(RENNES), max_distance_km=10) == refused


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


POOL = [supplier(f"{number:02d}") for number in range(40)]
"""All alike: only the draw decides."""


def drawn(**fields: Any) -> list[str]:
    return names(matched(need(**fields), *POOL).candidates)


def test_the_same_need_gives_the_same_order_and_another_need_another() -> None:
    """However many are asked for; nobody always comes first, and each of four about as often."""
    orders = [drawn(title=f"{number}") for number in range(20)]
    assert orders == [drawn(title=f"{number}") for number in range(20)]
    assert len({*map(tuple, orders)}) == 20
    for fields in ({"limit": 7}, {"near_misses": 0}, {"limit": 100, "near_misses": 50}):
        assert drawn(limit=40)[: fields.get("limit", 20)] == drawn(**fields) != sorted(drawn(**fields))
    first = [names(matched(need(title=f"{n}", limit=1), *POOL[:4]).candidates)[0] for n in range(120)]
    assert all(15 <= first.count(name) <= 50 for name in ("00", "01", "02", "03"))


def test_who_else_is_there_does_not_change_the_draw() -> None:
    """A supplier that comes or goes leaves the others in their order."""
    fewer = names(matched(need(limit=40), *POOL[5:]).candidates)
    assert [name for name in drawn(limit=40) if name in fewer] == fewer


distances = st.lists(st.sampled_from((0.0, 0.5, 1.25, np.inf)), max_size=12)


@given(distances, st.integers(1, 14), st.data())
def test_the_first_are_those_of_a_full_sort(away: list[float], count: int, data: st.DataObject) -> None:
    size = len(away)
    classes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)), dtype=np.int16)
    draws = np.array(data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=size, max_size=size)), dtype=np.uint64)
    distance, numbers = np.array(away, dtype=np.float64), np.arange(100, 100 + size)
    order = DrawnOrder(numbers, (distance, classes), draws, count)
    found = [order.draw_first(seed)[0].tolist() for seed in (1, 2, 3)]
    expected = [
        numbers[np.lexsort((seeded_tie_break(draws, seed), distance, classes))][:count].tolist() for seed in (1, 2, 3)
    ]
    assert found == expected
    if order.is_settled:
        assert found[0] == found[1] == found[2]
