"""The trades that a supplier's own page offers first."""

from typing import Any

from domain.suppliers.supplier import Supplier
from matching.likely_trades import likely_trades
from tests.factories import live, offer, offerless, reference, supplier

POOL = (
    *(supplier(f"green {n}", offer("ev-entretien"), kinds=("ESAT",)) for n in range(3)),
    *(supplier(f"laundry {n}", offer("lt-blanchisserie"), kinds=("ESAT",)) for n in range(2)),
    *(supplier(f"walls {n}", offer("bt-peinture"), kinds=("EI",)) for n in range(4)),
)


def likely(one: Supplier, *wanted: str, **options: Any) -> tuple[str, ...]:
    return likely_trades(one, wanted, live(*POOL), reference(), **options)


ESAT = offerless("Les Genêts", kinds=("ESAT",))


def test_trades_of_the_same_kind_come_first_then_those_of_all() -> None:
    assert likely(ESAT)[:3] == ("ev-entretien", "lt-blanchisserie", "bt-peinture")
    assert len(likely(ESAT)) == 10


def test_the_need_that_led_here_goes_before_and_a_family_is_its_trades() -> None:
    assert likely(ESAT, "de-bio", "nonsense", most=3) == ("de-bio", "ev-entretien", "lt-blanchisserie")
    assert set(likely(ESAT, "lt", most=3)) == {"lt-blanchisserie", "lt-couture", "lt-epi"}


def test_a_name_that_says_a_trade_goes_before_those_of_its_kind() -> None:
    named = offerless("Imprimerie du Golfe", kinds=("ESAT",))
    assert likely(named)[0] == "cc-impression"


def test_a_supplier_of_no_kind_is_offered_what_most_offer() -> None:
    assert likely(offerless("GEIQ", kinds=("GEIQ",)))[0] == "bt-peinture"


def test_the_same_supplier_is_offered_the_same_and_before_anybody_is_known() -> None:
    assert likely(ESAT) == likely(ESAT)
    assert len(set(likely_trades(ESAT, (), live(), reference()))) == 10
