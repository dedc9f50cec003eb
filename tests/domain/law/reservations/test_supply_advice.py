"""Advice from supply and law together."""

from datetime import date

import msgspec

from domain.law.findings import LegalAdvice
from domain.law.reservations.eligibility import LegalFacts
from domain.law.reservations.supply_advice import (
    EndingApprovals,
    LotCounts,
    OptionCount,
    ScarcestSegment,
    advise_on_distance,
    approval_end,
    approval_horizon,
    supply_advice,
)
from domain.law.rules import load, months_later
from domain.needs.need import Lot
from domain.suppliers.supplier import Approval, Shares
from tests.domain.law.samples import TODAY, codes, need, review

OPTIONS = {
    "none": OptionCount(37, 0),
    "handicap": OptionCount(2, 2),
    "iae": OptionCount(14, 9),
    "handicap_iae": OptionCount(21, 14),
    "penitentiary": OptionCount(0, 0),
    "ess": OptionCount(28, 0),
}
CLEANING = need(Lot(id="1", segments=("pr-locaux",), cpv=("90919200",)))
CONCEDED = need(CLEANING.lots[0], contract="concession")


def advise(supply: LotCounts) -> tuple[LegalAdvice, ...]:
    return supply_advice(supply, review(CLEANING).lots["1"], TODAY, load())


def test_reservations_that_law_and_supply_bear() -> None:
    """Counts with the certain ones; what the law forbids with its finding; of a reserved lot, only wider circles."""
    (possible,) = advise(LotCounts(37, OPTIONS))
    assert possible.code == "RESERVATION_POSSIBLE"
    assert possible.message.en.startswith("Counsel: a reservation is possible. Work integration: 14 candidates, 9 cert")
    assert "Handicap and work integration: 21 candidates, 14 certain" in possible.message.en
    assert possible.article is None
    assert "Competition is limited" not in possible.message.en
    goods = review(need(Lot(id="1", segments=("in-conditionnement",), cpv=("79920000",)))).lots["1"]
    for sure in (0, 1):  # of prison workshops of which nothing is known no number is told
        (advised, *_) = supply_advice(
            LotCounts(37, OPTIONS | {"penitentiary": OptionCount(20, sure)}), goods, TODAY, load()
        )
        assert ("travail pénitentiaire : 20" in advised.message.fr) == bool(sure)
    (of_unknown_sizes,) = advise(LotCounts(37, OPTIONS, is_limited=True))
    assert of_unknown_sizes.message.en == f"{possible.message.en}. Competition is limited"
    closed = supply_advice(LotCounts(37, OPTIONS), review(CONCEDED).lots["1"], TODAY, load())[-1]
    assert closed.code == "RESERVATION_NOT_OPEN"
    assert "réservation aux entreprises de l'ESS n'est pas proposée pour ce lot" in closed.message.fr
    assert closed.message.fr.endswith("(L3113-3)")
    told = [item.code for item in advise(LotCounts(14, OPTIONS, reserved=frozenset({"iae"})))]
    assert "RESERVATION_NOT_OPEN" not in told
    found = advise(LotCounts(14, OPTIONS, reserved=frozenset({"iae"})))[0]
    assert "21 fournisseurs potentiels" in found.message.fr
    assert "14 fournisseurs potentiels, éligibilité établie pour 9" not in found.message.fr
    asked = need(msgspec.structs.replace(CLEANING.lots[0], reserved=("ess",)), contract="concession")
    supply = LotCounts(28, OPTIONS, reserved=frozenset({"ess"}))
    possible = supply_advice(supply, review(asked).lots["1"], TODAY, load())[0]
    assert possible.code == "RESERVATION_POSSIBLE"
    assert "14 fournisseurs potentiels" in possible.message.fr


def test_a_type_that_is_not_settled_for_the_lot_is_proposed_with_a_proviso() -> None:
    """Without CPV nobody knows whether care at home is on the list: supply alone does not open the ESS reservation."""
    for cpv, doubtful in (((), True), (("85320000",), False)):
        lot = Lot(id="1", segments=("so-domicile",), cpv=cpv, duration_months=12)
        possible = supply_advice(LotCounts(37, OPTIONS), review(need(lot)).lots["1"], TODAY, load())[0]
        assert ("Vérifier d'abord" in possible.message.fr) == doubtful
        assert "Aux entreprises de l'ESS : 28 fournisseurs potentiels, éligibilité établie pour" in possible.message.fr


def test_few_candidates() -> None:
    """None: do not reserve. Three are enough, up to ten are scarce."""
    nothing = dict.fromkeys(OPTIONS, OptionCount(0, 0))
    assert codes(advise(LotCounts(0, nothing))) == ["RISK_INFRUCTUEUX"]
    assert codes(advise(LotCounts(1, nothing))) == []
    assert codes(advise(LotCounts(6, nothing, scarcest=ScarcestSegment("Propreté", 6, 5)))) == []
    too_large, *others = advise(LotCounts(37, OPTIONS, scarcest=ScarcestSegment("Propreté", 6, 6)))
    in_part = advise(LotCounts(37, OPTIONS, scarcest=ScarcestSegment("Repas", 0, 0)))[0]
    assert (too_large.code, in_part.code) == ("RISK_INFRUCTUEUX", "RISK_INFRUCTUEUX")
    assert "RESERVATION_POSSIBLE" not in codes(tuple(others))
    assert "trop grand pour tous les fournisseurs repérés pour « Propreté » (6)" in too_large.message.fr
    assert "ne répond à « Repas »" in in_part.message.fr
    assert "lot réservé" in advise(LotCounts(0, nothing, reserved=frozenset({"iae"})))[0].message.fr
    assert "RESERVATION_POSSIBLE" in codes(advise(LotCounts(5, {"iae": OptionCount(3, 0)})))
    assert "RESERVATION_POSSIBLE" not in codes(advise(LotCounts(5, {"iae": OptionCount(2, 2)})))
    assert "offre repérée est limitée" in advise(LotCounts(5, {"iae": OptionCount(4, 1)}))[0].message.fr
    assert "offre repérée est limitée" not in advise(LotCounts(50, {"iae": OptionCount(11, 1)}))[0].message.fr
    ends = EndingApprovals(3, date(2026, 12, 22))
    found = advise(LotCounts(3, {}, reserved=frozenset({"iae"}), ends=ends))[0]
    assert found.code == "APPROVALS_EXPIRING"
    assert "3 fournisseurs repérés" in found.message.fr
    assert "22/12/2026" in found.message.fr


def test_end_of_the_approval_that_a_standing_rests_on() -> None:
    """A renewal without a gap is no end; evidence may end too; of equal types one that needs none is enough."""
    for approvals, expected in [
        ((Approval("EI", None, date(2027, 3, 1)),), date(2027, 3, 1)),
        ((Approval("EI", None, date(2027, 3, 1)), Approval("ACI", None, date(2029, 1, 1))), date(2029, 1, 1)),
        ((Approval("EI", None, date(2027, 3, 1)), Approval("EI", date(2027, 3, 2), None)), None),
        ((Approval("EI", None, date(2027, 3, 1)), Approval("EI", date(2027, 4, 1), None)), date(2027, 3, 1)),
        ((Approval("EI", None, date.max),), None),
        ((Approval("EI", None, date(2026, 1, 1)),), None),
        ((Approval("EI"), Approval("ESUS", None, date(2027, 3, 1))), None),
        (None, None),
    ]:
        facts = LegalFacts(approvals=approvals)
        assert approval_end(facts, frozenset({"iae"}), TODAY, load()) == expected
    for reserved, facts, expected in [
        ("iae", LegalFacts((Approval("EITI", None, date(2026, 12, 22)),)), date(2026, 12, 22)),
        ("iae", LegalFacts((Approval("GEIQ", None, date(2027, 3, 1)), Approval("GEIQ", date(2027, 3, 2)))), None),
        ("iae", LegalFacts((Approval("EI"), Approval("GEIQ", None, date(2027, 3, 1)))), None),
        ("iae", LegalFacts((Approval("EI", None, date(2027, 3, 1)), Approval("GEIQ"))), date(2027, 3, 1)),
        ("iae", LegalFacts((Approval("ESAT", None, date(2027, 3, 1)),)), None),
        ("ess", LegalFacts((Approval("ESUS", None, date(2027, 1, 31)),)), date(2027, 1, 31)),
        ("ess", LegalFacts((Approval("ESUS", None, date(2027, 1, 31)),), legal_form="association"), None),
        ("ess", LegalFacts((Approval("ESUS", None, date(2027, 1, 31)),), ess=True), None),
        ("penitentiary", LegalFacts((Approval("SEP", None, date(2027, 1, 31)),)), date(2027, 1, 31)),
    ]:
        assert approval_end(facts, frozenset({reserved}), TODAY, load()) == expected  # type: ignore[arg-type]
    inside = LegalFacts((Approval("ACI", None, date(2027, 3, 1)),), Shares(detained=0.8), in_prison=True)
    assert approval_end(inside, frozenset({"iae", "penitentiary"}), TODAY, load()) is None
    both = LegalFacts((Approval("TIH", None, date(2027, 3, 1)), Approval("EITI", None, date(2027, 6, 1))))
    assert approval_end(both, frozenset({"handicap", "iae"}), TODAY, load()) == date(2027, 6, 1)
    facts = LegalFacts((Approval("EITI", None, date(2026, 6, 1)), Approval("EA", None, date(2026, 12, 22))))
    assert approval_end(facts, frozenset({"iae"}), TODAY, load()) is None


def test_calendar_months_and_the_horizon() -> None:
    """The same day of the month, or its last; the contract with its renewals, or a year."""
    for day, months, expected in [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 1, 31), -2, date(2023, 11, 30)),
        (date(2024, 12, 1), 1, date(2025, 1, 1)),
        (date(9999, 1, 1), 1_200, date.max),
        (date(1, 6, 1), -36, date.min),
    ]:
        assert months_later(day, months) == expected
    assert approval_horizon(Lot(id="1", duration_months=36, renewal_months=12), TODAY, load()) == date(2030, 11, 24)
    assert approval_horizon(Lot(id="1"), TODAY, load()) == date(2027, 11, 24)
    said = advise_on_distance(TODAY, load())
    assert "ni elle ni l'implantation de l'entreprise ne sont un critère" in said.message.fr
    assert (said.article, said.rule) == ("L3", "distance_sourcing_only")
