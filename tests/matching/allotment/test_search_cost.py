"""The estimate grows with what there is to look at, and nothing of the need is read for it."""

from domain.allotment.allotment import AllotmentNeed, AllotmentOptions, Axis, DivisibleLot
from matching.allotment.search_cost import search_ms
from tests.factories import codes


def cost(
    *codes_of_lots: tuple[str, ...],
    territory: str = "region:53",
    suppliers: int = 220_000,
    divide: tuple[Axis, ...] = ("segment", "departement"),
) -> float:
    lots = tuple(DivisibleLot(id=str(number), segments=each) for number, each in enumerate(codes_of_lots))
    options = AllotmentOptions(divide=divide)
    return search_ms(AllotmentNeed(lots=lots, territory=codes(territory), allotment=options), suppliers)


def test_what_has_more_to_divide_costs_more() -> None:
    small = cost(("de-bio",), divide=())
    assert small < cost(("de-bio", "de-5flux"), divide=()) < cost(("de-bio", "de-5flux"), divide=("departement",))
    assert cost(("de-bio",), divide=("departement",)) < cost(("de-bio",), divide=("epci",))
    assert cost(("de-bio",), suppliers=1_000) < cost(("de-bio",))
    assert cost(("no such segment",), territory="no such code") > 0
