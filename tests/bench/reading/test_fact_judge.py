"""The judge who reads no words: registers and published contracts decide, and what is not known stays open."""

from typing import Any

import pytest

from bench.reading.drawn_lots import LotKey, RealLot
from bench.reading.fact_judge import FactJudge, Trade, agreement_on_wrong
from bench.reading.real_pool import ListedSupplier
from domain.suppliers.supplier import PublicAward, StaffSize, SupplierSize
from tests.factories import NANTES, RENNES, lot, need, supplier

KEY = LotKey("award", "a1", "")
CLEANING, STREETS, PAINTING = Trade("premises", "cleaning"), Trade("premises", "streets"), Trade("works", "painting")
JUDGE = FactJudge(
    naf={"812": CLEANING, "8129": STREETS, "4334": PAINTING},
    cpv={"9091": CLEANING, "4544": PAINTING},
    codes={"1": "8121Z", "2": "8899B", "3": "4334Z", "4": "8129B", "5": "8411Z"},
    places={KEY: (RENNES.lat, RENNES.lon)},
)


def judged(siret: str, cpv: str = "90910000", key: LotKey = KEY, distance: float | None = 0.0, **fields: Any) -> str:
    """The verdict and its cause on a supplier of inclusion, for a lot of 100,000 euros in a year."""
    asked = need(lot(cpv=(cpv,), value_eur=100_000, duration_months=12, title="lot"))
    one = supplier(siret=siret, **({"kinds": ("EI",)} | fields))
    found = JUDGE.judge(RealLot(key, asked), ListedSupplier(one, ()), distance)
    return f"{found.verdict} {found.cause}".strip()


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (judged("1"), "sensible"),
        (judged("2"), "doubtful trade"),
        (judged("4"), "doubtful trade"),
        (judged("3"), "wrong trade"),
        (judged("3", public_awards=(PublicAward(object="bureaux", cpv="90911200"),)), "sensible"),
        (judged("2", public_awards=(PublicAward(object="lot", cpv="90911200"),)), "doubtful trade"),
        (judged("1", "33600000"), "wrong need"),
        (judged("1", at=NANTES), "wrong place"),
        (judged("3", "45440000", at=NANTES), "wrong place"),
        (judged("1", key=LotKey("award", "a2", ""), distance=20.0), "doubtful place"),
        (judged("1", key=LotKey("award", "a2", ""), distance=40.0), "wrong place"),
        (judged("1", kinds=("GEIQ",)), "wrong kind"),
        (judged("5", kinds=()), "wrong kind"),
        (judged("1", size=SupplierSize(staff=StaffSize(0, 0))), "sensible"),
    ],
)
def test_the_first_fact_that_fails_decides_then_the_first_that_is_open(found: str, verdict: str) -> None:
    assert found == verdict


def test_two_judges_agree_beyond_chance() -> None:
    alike, kappa = agreement_on_wrong([(True, True), (False, False), (True, False), (False, False)])
    assert (alike, round(kappa, 2)) == (0.75, 0.5)
