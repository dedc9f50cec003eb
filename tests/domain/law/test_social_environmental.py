"""Duties and levers beyond the procedure, by date and amount."""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Buyer, Lot, Need
from tests.domain.law.samples import TODAY, advice, buyer, codes, need, review, services, the, works


@pytest.mark.parametrize(
    ("on", "severity", "confidence"),
    [
        (date(2024, 6, 24), "info", "medium"),
        (date(2026, 8, 20), "info", "medium"),
        (date(2026, 8, 21), "warning", "low"),
        (date(2026, 8, 22), "warning", "medium"),
    ],
)
def test_climate_law_by_date(on: date, severity: str, confidence: str) -> None:
    """Advised, then required; the day on which law and decree differ is marked."""
    for code in ("SOCIAL_CONSIDERATION", "ENVIRONMENTAL_CONSIDERATION"):
        found = the(code, review(services(640_000), on).advice)
        assert (found.severity, found.confidence) == (severity, confidence)
        assert ("à vérifier" in found.message.fr) == (confidence == "low")


def test_social_consideration_starts_at_the_eu_threshold() -> None:
    """By kind of buyer and nature; the environmental one has no amount."""
    assert "SOCIAL_CONSIDERATION" not in advice(services(215_999.99))
    assert "SOCIAL_CONSIDERATION" in advice(services(216_000))
    assert "SOCIAL_CONSIDERATION" not in advice(services(216_000, buyer=buyer("utility")))
    assert "SOCIAL_CONSIDERATION" not in advice(works(5_403_999.99))
    assert "SOCIAL_CONSIDERATION" in advice(works(5_404_000))
    assert "ENVIRONMENTAL_CONSIDERATION" in advice(services(100))
    assert "ENVIRONMENTAL_CONSIDERATION" in advice(services(None))


def test_social_services_have_a_higher_threshold() -> None:
    """750 000 €, from a weak source, and said so."""
    social = Lot(id="1", cpv=("85312510",), value_eur=749_999.99)
    assert "SOCIAL_CONSIDERATION" not in advice(need(social))
    above = review(need(msgspec.structs.replace(social, value_eur=750_000))).advice
    assert "à vérifier" in the("SOCIAL_CONSIDERATION", above).message.fr


def test_what_may_be_a_social_service_is_to_be_checked_below_their_threshold() -> None:
    """A code narrower than a listed one, 92511000, may fall under the higher amount."""
    for value, cpv, sure in (
        (749_999, "92511000", "low"),
        (750_000, "92511000", "medium"),
        (7e5, "90919200", "medium"),
    ):
        found = review(need(Lot(id="1", cpv=(cpv,), value_eur=value))).advice
        assert the("SOCIAL_CONSIDERATION", found).confidence == sure


def test_concessions_have_their_own_articles() -> None:
    """Weakly sourced, and said so."""
    found = review(services(6_000_000, contract="concession")).advice
    assert the("SOCIAL_CONSIDERATION", found).article == "L3114-2-1"
    assert "à vérifier" in the("ENVIRONMENTAL_CONSIDERATION", found).message.fr


@pytest.mark.parametrize(
    ("purchases", "on", "expected"),
    [
        (50_000_000, TODAY, False),
        (50_000_000.01, TODAY, True),
        (50_000_000.01, date(2022, 12, 31), False),
        (100_000_000.01, date(2022, 12, 31), True),
        (None, TODAY, False),
    ],
)
def test_spaser_by_annual_purchases(purchases: float | None, on: date, expected: bool) -> None:
    """More than the amount of the date, where the buyer states its purchases."""
    who = Buyer(kind="local", annual_purchases_eur=purchases)
    assert ("SPASER" in advice(services(1_000, buyer=who), on)) == expected


def test_single_lot_is_to_be_justified() -> None:
    """More so where it covers several activities; several lots need no word."""
    assert the("ALLOTMENT", review(services(1_000)).advice).severity == "info"
    wide = Lot(id="1", segments=("pr-locaux", "ev-entretien"))
    assert the("ALLOTMENT", review(need(wide)).advice).severity == "warning"
    assert "ALLOTMENT" not in advice(services(1_000, 1_000))


@pytest.mark.parametrize(("renewal", "expected"), [(12, False), (13, True)])
def test_framework_lasts_four_years(renewal: int, expected: bool) -> None:
    """48 months pass, 49 do not."""
    lot = Lot(id="1", segments=("pr-locaux",), duration_months=36, renewal_months=renewal)
    assert ("FRAMEWORK_MAX_4Y" in advice(need(lot, technique="framework_agreement"))) == expected
    assert "FRAMEWORK_MAX_4Y" not in advice(need(lot))


@pytest.mark.parametrize(
    ("lot", "expected"),
    [
        (
            Lot(id="1", segments=("so-insertion",), cpv=("85312510", "77310000"), support_segments=("ev-entretien",)),
            True,
        ),
        (Lot(id="1", segments=("so-insertion",)), True),
        (Lot(id="1", cpv=("85312300",)), True),
        (
            Lot(id="1", segments=("ev-entretien",), cpv=("77310000", "85312510"), support_segments=("so-insertion",)),
            False,
        ),
        (Lot(id="1", segments=("so-insertion",), cpv=("77310000",)), False),
        (Lot(id="1", segments=("so-domicile",), cpv=("85312100",)), False),
    ],
)
def test_object_is_insertion_by_the_main_cpv(lot: Lot, expected: bool) -> None:
    """Swapping main and supporting activity makes it an ordinary service."""
    assert ("OBJECT_IS_INSERTION" in codes(review(need(lot)).lots["1"].advice)) == expected


@pytest.mark.parametrize(
    ("value", "total", "on", "words"),
    [
        (99_999.99, None, TODAY, "dans les limites"),
        (100_000, None, TODAY, "dépasse les limites"),
        (79_999.99, 400_000, TODAY, "dans les limites"),
        (80_000, 400_000, TODAY, "dépasse les limites"),
        (79_999.99, 399_999.94, TODAY, "dépasse les limites"),
        (50_000, 400_000, date(2021, 12, 15), "dépasse les limites"),
        (50_000, 400_000, date(2021, 12, 16), "dans les limites"),
        (99_999.99, None, date(2018, 12, 25), "dans les limites"),
        (99_999.99, None, date(2018, 12, 24), "pas de règle connue"),
        (None, None, TODAY, "valeur inconnue"),
        (None, 400_000, TODAY, "valeur inconnue"),
    ],
)
def test_innovative_purchase(value: float | None, total: float | None, on: date, words: str) -> None:
    """The whole need, or since 2021-12-16 a small lot within 20 %, by value; a person judges what is innovative."""
    lot = Lot(id="1", segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=True)
    found = review(need(lot, estimated_total_eur=total), on).lots["1"].advice
    assert words in the("INNOVATION_REVIEW", found).message.fr


def test_innovative_lots_are_counted_together() -> None:
    """Each within, together above 20 %."""
    lots = [
        Lot(id=str(place), segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=value < 100_000)
        for place, value in enumerate((70_000.0, 70_000.0, 300_000.0))
    ]
    found = review(need(*lots)).lots
    assert "dépasse les limites" in the("INNOVATION_REVIEW", found["0"].advice).message.fr
    assert "INNOVATION_REVIEW" not in codes(found["2"].advice)


@pytest.mark.parametrize(
    ("segment", "on", "words"),
    [
        ("re-mobilier", date(2023, 12, 31), None),
        ("re-mobilier", date(2024, 7, 1), "en mobilier, dont au moins 20 % doit venir du réemploi"),
        ("re-mobilier", date(2026, 12, 31), "20 %"),
        ("re-mobilier", date(2027, 1, 1), "le palier applicable depuis le 01/01/2027 n'est pas connu ici ; à vérifier"),
        ("lt-epi", date(2024, 6, 30), None),
        ("lt-epi", date(2024, 7, 1), "en textiles, dont au moins 8 %"),
        ("lt-epi", date(2027, 1, 1), "le palier applicable depuis le 01/01/2027"),
        ("lt-epi", date(2029, 12, 31), "le palier applicable depuis le 01/01/2027"),
        ("lt-epi", date(2030, 1, 1), "15 %"),
        ("pr-locaux", TODAY, None),
    ],
)
def test_reuse_counts_in_the_spending_of_the_year(segment: str, on: date, words: str | None) -> None:
    """Unknown steps are not invented, nor passed over in silence."""
    found = review(need(Lot(id="1", segments=(segment,))), on).lots["1"].advice
    assert [words in item.message.fr for item in found if words] == ([True] if words else [])
    assert ("COUNTS_TOWARDS_QUOTA" in codes(found)) == bool(words)
    assert all("à vérifier" in item.message.fr for item in found)  # which activities belong to a family is our reading


def test_hazardous_waste_needs_an_authorisation() -> None:
    """Whoever answers."""
    lots = (Lot(id="1", segments=("de-dangereux",)), Lot(id="2", segments=("de-bio",)))
    found = review(need(*lots)).lots
    assert codes(found["1"].advice) == ["CAPABILITY_WARNING"]
    assert codes(found["2"].advice) == []


@pytest.mark.parametrize(
    ("asked", "doubtful"),
    [
        (services(60_000, 60_000, estimated_total_eur=90_000), True),
        (services(60_000, 30_000, estimated_total_eur=90_000), False),
    ],
)
def test_innovation_is_no_surer_than_the_total(asked: Need, doubtful: bool) -> None:
    """A total below its lots says nothing sure of the limits."""
    lots = (msgspec.structs.replace(asked.lots[0], innovative=True), *asked.lots[1:])
    found = review(msgspec.structs.replace(asked, lots=lots)).lots["1"].advice
    assert ("à vérifier" in the("INNOVATION_REVIEW", found).message.fr) == doubtful


def test_one_lot_that_is_no_social_service_settles_the_threshold() -> None:
    """A lot whose code may be listed changes nothing beside an ordinary one."""
    lots = Lot(id="1", cpv=("92511000",), value_eur=1_000), Lot(id="2", cpv=("90919200",), value_eur=300_000)
    assert the("SOCIAL_CONSIDERATION", review(need(*lots)).advice).confidence == "medium"
