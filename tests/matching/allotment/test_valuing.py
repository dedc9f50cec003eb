"""A reservation is the buyer's own, else the one that leaves the most eligible; only where law and supply allow."""

from typing import Any

import pytest

from domain.allotment.allotment import AllotmentNeed, AllotmentOptions, DivisibleLot, ProposedLot
from domain.needs.need import Buyer
from domain.suppliers.supplier import Kind
from matching.allotment.allot import allot
from tests.factories import ON, approved, codes, live, reference, supplier


def proposed(kinds: tuple[Kind, ...], *, least: int = 3, reserve: bool = True, **fields: Any) -> ProposedLot:
    """The lot that is proposed for office cleaning, by suppliers with one approval each."""
    pool = live(*(supplier(f"{kind} {number}", approvals=approved(kind)) for number, kind in enumerate(kinds)))
    need = AllotmentNeed(
        lots=(DivisibleLot(id="1", segments=("pr-locaux",), **fields),),
        buyer=Buyer(kind="local", contracting_authority=True),
        territory=codes("departement:35"),
        allotment=AllotmentOptions(min_candidates=least, reserve=reserve),
    )
    return allot(need, pool, reference(), ON, "fr").proposals[0].lots[0]


def reasons(lot: ProposedLot) -> set[str]:
    return {reason.code for reason in lot.reasons}


@pytest.mark.parametrize(
    ("kinds", "reserved"),
    [
        (("ESAT", "ESAT", "ESAT"), ("handicap",)),
        (("ESAT", "ESAT", "ESAT", "ACI"), ("handicap", "iae")),
        (("ESAT", "ESAT", "ACI"), ("handicap", "iae")),
        (("EI", "ACI", "AI"), ("iae",)),
        (("ESAT", "ACI"), ()),
    ],
)
def test_the_reservation_leaves_the_most_eligible_with_the_fewest_types(
    kinds: tuple[Kind, ...], reserved: tuple[str, ...]
) -> None:
    lot = proposed(kinds)
    assert lot.reserved == reserved
    assert ("reserved" in reasons(lot)) == bool(reserved)
    assert (lot.total, lot.eligible) == (len(kinds), len(kinds))


def test_the_buyers_own_reservation_goes_before() -> None:
    """As long as it leaves enough; else another is proposed, or none."""
    kinds: tuple[Kind, ...] = ("ESAT", "ESAT", "ESAT", "ACI", "ACI", "ACI", "ACI")
    assert proposed(kinds, reserved=("handicap",)).reserved == ("handicap",)
    assert proposed(kinds, reserved=("handicap",), least=4).reserved == ("handicap", "iae")
    alone = proposed(kinds, reserved=("handicap",), least=4, reserve=False)
    assert (alone.reserved, alone.total) == ((), 7)
    assert "reservation_left_out" in reasons(alone)


def test_what_the_law_forbids_is_not_proposed() -> None:
    """Cleaning is no service that may be reserved to the ESS, and that combines with no other."""
    kinds: tuple[Kind, ...] = ("ACI", "ACI", "ACI")
    lot = proposed(kinds, reserved=("iae", "ess"), reserve=False)
    assert (lot.reserved, lot.reservation.outcome) == ((), "ELIGIBLE")
    assert "reservation_forbidden" in reasons(lot)
    assert proposed(kinds, reserved=("iae", "ess")).reserved == ("iae",)


def test_nothing_is_reserved_where_nobody_wants_it() -> None:
    assert proposed(("ESAT", "ESAT", "ESAT"), reserve=False).reserved == ()
