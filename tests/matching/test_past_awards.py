"""The buyer's past awards in a match: gates, order, counts, messages and advice agree on them."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.needs.need import Buyer, PastAward
from domain.shortlists.shortlist import LotShortlist
from domain.suppliers.supplier import Supplier
from matching.engine import match
from matching.index.live_index import LiveIndex
from tests.factories import ON, live, lot, names, need, offer, reference, supplier

CRECHE = supplier("creche", offer("so-enfance"), legal_form="association", turnover_eur=100_000)
NURSERY = supplier("nursery", offer("so-enfance"), legal_form="association")
RESERVED = need(lot("so-enfance", cpv=("85312110",), reserved=("ess",), duration_months=24))


def awarded(to: Supplier = CRECHE, on: date = date(2025, 9, 24), **fields: Any) -> PastAward:
    """A childcare contract reserved to ESS, 14 months ago, unless said otherwise."""
    usual: dict[str, Any] = {
        "id": UUID(int=1),
        "need_id": UUID(int=2),
        "lot_id": "1",
        "supplier_id": to.id,
        "supplier_name": to.name,
        "segments": ("so-enfance",),
        "awarded_on": on,
        "value_eur": None,
        "reserved": ("ess",),
        "duration_months": None,
        "direct": False,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return PastAward(**(usual | fields))


def after(*awards: PastAward, asked: Any = RESERVED, pool: LiveIndex | None = None) -> LotShortlist:
    """The first lot's shortlist of a buyer who made these awards."""
    return match(asked, pool or live(CRECHE, NURSERY), reference(), ON, "fr", awards=awards).lots[0]


def codes(found: LotShortlist) -> list[str]:
    return [advice.code for advice in found.advice]


def test_same_service_is_refused_at_the_gate_and_everywhere_counted_so() -> None:
    """Candidates, near misses, coverage and alternatives tell one story."""
    found = after(awarded())
    assert names(found.candidates) == ["nursery"]
    assert (found.total, found.alternatives.reserved["ess"], found.coverage[0].candidates) == (1, 1, 1)
    (missed,) = found.near_misses
    assert (missed.supplier.name, missed.excluded_by) == ("creche", "reservation")
    assert missed.eligibility[0].code == "ESS_AWARD_BAR"
    assert "24/09/2025" in missed.message
    assert missed.message.endswith("(L2113-16)")


def test_an_award_by_another_buyer_is_to_be_judged() -> None:
    """Told apart by SIRET; where one of the two is not known, the buyer is taken for the same."""
    here, there = "22560001400016", "21560260300016"
    for own, of_award, outcome in (
        (here, there, "REVIEW"),
        (here, here, None),
        (None, there, None),
        (here, None, None),
    ):
        asked = msgspec.structs.replace(RESERVED, buyer=Buyer(siret=own))
        found = after(awarded(buyer_siret=of_award), asked=asked)
        told = {one.supplier.name: one.eligibility[0].outcome for one in found.candidates}
        assert told.get("creche") == outcome


def test_third_award_of_a_segment_is_told_with_the_name_whatever_was_reserved() -> None:
    """On every lot that asks for it, and on no other."""
    three = [awarded(reserved=(), on=date(2026, month, 1)) for month in (1, 2, 3)]
    advice = [one for one in after(*three).advice if one.code == "SAME_SUPPLIER"]
    assert len(advice) == 1
    assert advice[0].message.startswith("creche a obtenu 3 marchés")
    assert advice[0].article == "R2122-8"
    assert "SAME_SUPPLIER" not in codes(after(*three[:2]))
    assert "SAME_SUPPLIER" not in codes(after(*three, asked=need(lot("so-domicile"))))
    assert "SAME_SUPPLIER" not in codes(after(*three[:2], awarded(NURSERY, reserved=())))


def test_habit_and_dependence_are_one_buyers() -> None:
    """An award that another buyer of the organisation made says nothing of this one."""
    asked = need(lot("so-enfance"), buyer=Buyer(siret="22560001400016"))
    for siret, told in (("22560001400016", True), ("21560260300016", False), (None, True)):
        past = [awarded(reserved=(), on=date(2026, m, 1), value_eur=30_000, buyer_siret=siret) for m in (5, 6, 7)]
        found = set(codes(after(*past, asked=asked)))
        assert ({"SAME_SUPPLIER", "ECONOMIC_DEPENDENCE"} <= found) is told
        assert told or not {"SAME_SUPPLIER", "ECONOMIC_DEPENDENCE"} & found


def test_a_supplier_that_is_gone_is_named_as_it_was_then() -> None:
    """The buyer's habit does not depend on the directory."""
    three = [awarded(supplier("gone"), reserved=(), on=date(2026, month, 1)) for month in (1, 2, 3)]
    assert any("gone a obtenu 3 marchés" in one.message for one in after(*three).advice)


def test_dependence_is_told_of_candidates_whose_turnover_is_known() -> None:
    """30,000 € a year beside 100,000 €; unknown turnover says nothing, nor does an award without value."""
    assert "ECONOMIC_DEPENDENCE" in codes(after(awarded(reserved=(), on=date(2026, 5, 1), value_eur=30_000)))
    assert "ECONOMIC_DEPENDENCE" not in codes(after(awarded(reserved=(), on=date(2026, 5, 1), value_eur=29_000)))
    assert "ECONOMIC_DEPENDENCE" not in codes(after(awarded(NURSERY, reserved=(), value_eur=900_000)))
    assert "ECONOMIC_DEPENDENCE" not in codes(after(awarded(reserved=(), on=date(2026, 5, 1))))


def test_awards_do_not_change_the_draw() -> None:
    """Those whom they do not concern stay where they were."""
    shops = tuple(supplier(f"shop {number}", offer("so-enfance"), legal_form="association") for number in range(20))
    before = names(after(pool=live(*shops)).candidates)
    barred = names(after(awarded(shops[3]), pool=live(*shops)).candidates)
    assert barred == [name for name in before if name != "shop 3"]
