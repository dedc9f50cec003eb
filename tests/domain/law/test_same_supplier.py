"""What a buyer's past awards change: the three-year bar, habit, and dependence."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from domain.law.other_contracts import EssAward, advise_dependence, advise_same_supplier, with_award_bar
from domain.law.reservations.eligibility import LegalFacts, eligibility
from domain.law.rules import load
from domain.needs.need import Award, Lot
from domain.suppliers.supplier import Approval
from tests.domain.law.samples import TODAY

LOT = Lot(id="1", segments=("pr-locaux",), value_eur=60_000, duration_months=24, renewal_months=12)


def award(**fields: Any) -> Award:
    """One of 24 months at 60,000 € in all, that began half a year ago."""
    usual: dict[str, Any] = {
        "id": UUID(int=1),
        "need_id": UUID(int=2),
        "lot_id": "1",
        "supplier_id": UUID(int=3),
        "supplier_name": "Atelier du Golfe",
        "segments": ("pr-locaux",),
        "awarded_on": date(2026, 5, 24),
        "value_eur": 60_000.0,
        "reserved": (),
        "duration_months": 24,
        "direct": False,
        "created_at": datetime(2026, 5, 24, tzinfo=UTC),
    }
    return Award(**(usual | fields))


def test_award_bar() -> None:
    """Three years to the day; another service or buyer is judged; the one that bars most counts."""
    verdict = eligibility(LegalFacts(legal_form="association"), "ess", TODAY, load())
    for awarded, same, expected in [
        (date(2025, 9, 24), True, ("INELIGIBLE", "ESS_AWARD_BAR")),
        (TODAY, True, ("INELIGIBLE", "ESS_AWARD_BAR")),
        (date(2023, 11, 24), True, ("INELIGIBLE", "ESS_AWARD_BAR")),
        (date(2023, 11, 23), True, ("ELIGIBLE_IF", "PROOF_MISSING")),
        (date(2025, 9, 24), False, ("REVIEW", "ESS_AWARD_BAR")),
        (date(2023, 11, 23), False, ("ELIGIBLE_IF", "PROOF_MISSING")),
        (date(2026, 11, 25), True, ("ELIGIBLE_IF", "PROOF_MISSING")),
    ]:
        barred = with_award_bar(verdict, [EssAward(awarded, same)], TODAY, load())
        assert (barred.outcome, barred.code) == expected
    for awarded, free in ((date(2023, 11, 24), date(2026, 11, 25)), (date(2024, 2, 29), date(2027, 3, 1))):
        barred = with_award_bar(verdict, [EssAward(awarded, True)], TODAY, load())
        assert f"à partir du {free:%d/%m/%Y} (" in barred.message.fr
        assert f"from {free} (" in barred.message.en
        assert with_award_bar(verdict, [EssAward(awarded, True)], free, load()) is verdict
    past = [EssAward(date(2026, 6, 1), False), EssAward(date(2024, 2, 1), True)]
    barred = with_award_bar(verdict, past, TODAY, load())
    assert barred.outcome == "INELIGIBLE"
    assert "le 01/02/2024" in barred.message.fr
    awards = [EssAward(date(2026, 1, 1), False)]
    not_ess = eligibility(LegalFacts(legal_form="public_body"), "ess", TODAY, load())
    assert with_award_bar(not_ess, awards, TODAY, load()).code == "NOT_ESS"
    esat = eligibility(LegalFacts(approvals=(Approval("ESAT"),)), "handicap", TODAY, load())
    assert with_award_bar(esat, awards, TODAY, load()) is esat
    other = EssAward(date(2026, 6, 1), same_service=True, same_buyer=False)
    found = with_award_bar(verdict, [other], TODAY, load())
    assert (found.outcome, found.code, found.article) == ("REVIEW", "ESS_AWARD_BAR", "L2113-16")
    assert "pour ce service le 01/06/2026, d'un autre acheteur" in found.message.fr
    assert "au même titre, quel que soit l'acheteur : à vérifier" in found.message.fr
    assert "by another buyer" in found.message.en
    assert with_award_bar(verdict, [EssAward(date(2023, 11, 23), True, False)], TODAY, load()) is verdict
    elsewhere = with_award_bar(verdict, [EssAward(date(2026, 6, 1), False, False)], TODAY, load())
    assert (elsewhere.outcome, "pour ce service" in elsewhere.message.fr) == ("REVIEW", False)
    own = EssAward(date(2024, 2, 1), same_service=True)
    assert with_award_bar(verdict, [other, own], TODAY, load()).outcome == "INELIGIBLE"


def test_third_award_to_one_supplier_is_named() -> None:
    """Within 36 months before the date, later ones left out."""
    days = (date(2023, 11, 24), date(2025, 1, 1), TODAY)
    found = advise_same_supplier("Atelier du Golfe", "Nettoyage", days, TODAY, load())
    assert found is not None
    assert (found.code, found.article) == ("SAME_SUPPLIER", "R2122-8")
    assert "Atelier du Golfe a obtenu 3 marchés en 36 mois pour l'activité « Nettoyage »" in found.message.fr
    for fewer in ((date(2023, 11, 23), date(2025, 1, 1), TODAY), (date(2025, 1, 1), TODAY, date(2026, 12, 1))):
        assert advise_same_supplier("x", "y", fewer, TODAY, load()) is None


def test_dependence_by_the_share_of_a_known_turnover() -> None:
    """Counted by year, renewals of the lot included: 30,000 a year now and 30,000 of the lot are 30 %."""
    for turnover in (200_001, None, 0):
        assert advise_dependence("Atelier du Golfe", turnover, [award()], LOT, TODAY, load()) is None
    found = advise_dependence("Atelier du Golfe", 200_000, [award()], LOT, TODAY, load())
    assert found is not None
    assert (found.code, found.article) == ("ECONOMIC_DEPENDENCE", None)
    assert "environ 30 %" in found.message.fr
    assert "sans l'exclure" in found.message.fr


def test_only_awards_that_run_count() -> None:
    """To their last day, a year where their duration is not known; a lot without value weighs nothing."""
    lot = Lot(id="1", segments=("pr-locaux",))
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"awarded_on": date(2024, 11, 25)}, True),
        ({"awarded_on": date(2024, 11, 24)}, False),
        ({"duration_months": None, "awarded_on": date(2025, 11, 25)}, True),
        ({"duration_months": None, "awarded_on": date(2025, 11, 24)}, False),
        ({"awarded_on": date(2026, 11, 25)}, False),
        ({"value_eur": None}, False),
    ]
    for fields, expected in cases:
        assert (advise_dependence("x", 100_000, [award(**fields)], lot, TODAY, load()) is not None) == expected
