"""The light regime of social and other specific services: which services, in which contract, beside which others."""

from datetime import date
from typing import Any

import pytest

from domain.needs.need import Lot, Need
from tests.domain.law.samples import TODAY, advice, buyer, codes, findings, need, procedure, review, the


def of(cpv: str, value: float | None, **fields: Any) -> Need:
    """A need of one lot."""
    return need(Lot(id="1", cpv=(cpv,), value_eur=value), **fields)


def care_and_cleaning(care: float | None, cleaning: float | None, **fields: Any) -> Need:
    """Lot a is a social service, lot b is not."""
    lots = Lot(id="a", cpv=("85312000",), value_eur=care), Lot(id="b", cpv=("90919200",), value_eur=cleaning)
    return need(*lots, **fields)


@pytest.mark.parametrize(
    ("cpv", "value"),
    [
        ("55524000", 500_000),  # school catering
        ("55523100-3", 500_000),  # school meals
        ("92000000", 300_000),  # culture
        ("55512000", 500_000),  # canteens
        ("79713000", 300_000),  # guarding
        ("80530000", 400_000),  # vocational training
        ("80540000", 216_000),  # environmental training
        ("92312100", 300_000),  # shows
        ("79952100", 300_000),  # cultural events
        ("55110000", 300_000),  # hotels
        ("79110000", 300_000),  # legal advice
    ],
)
def test_services_beyond_those_of_the_ess_reservation(cpv: str, value: float) -> None:
    """They rest on a list that is to be checked, and say so; no social condition is due below its own amount."""
    found = review(of(cpv, value)).advice
    assert procedure(of(cpv, value)) == ["MAPA"]
    light = the("LIGHT_REGIME", found)
    assert "annexe XIV de la directive 2014/24" in light.message.fr
    assert light.message.fr.endswith("à vérifier (R2123-1)")
    assert light.article == "R2123-1"
    assert "adapted procedure possible whatever the amount" in light.message.en
    assert "SOCIAL_CONSIDERATION" not in codes(found)


def test_which_services_are_light() -> None:
    """Surely the 115 codes, by the main code; never works, cleaning, parcels; nor said of a direct award."""
    assert procedure(of("85312510", 3_000_000)) == ["MAPA"]
    swapped = need(Lot(id="1", cpv=("77310000", "85312510"), value_eur=216_000))
    assert procedure(swapped) == ["PROC_FORMALISEE"]
    assert "LIGHT_REGIME" not in advice(swapped)
    found = the("LIGHT_REGIME", review(of("85312510", 300_000)).advice)
    assert found.confidence == "medium"
    assert "annexe XIV" not in found.message.fr
    asked = need(Lot(id="1", cpv=("80540000",), value_eur=90_000, duration_months=36, reserved=("ess",)))
    assert findings(asked)["NOT_LISTED"] == "INELIGIBLE"
    assert "LIGHT_REGIME" in advice(asked)
    assert procedure(of("55524000", 59_999.99)) == ["GRE_A_GRE"]
    assert "LIGHT_REGIME" not in advice(of("55524000", 59_999.99))
    assert "LIGHT_REGIME" in advice(of("55524000", 60_000))
    asked = need(Lot(id="1", cpv=("55524000",), nature="works", value_eur=6_000_000))
    assert procedure(asked) == ["PROC_FORMALISEE"]
    for cpv in ["90919200", "77310000", "98310000", "64121100", "79530000", "90511000"]:
        assert procedure(of(cpv, 300_000)) == ["PROC_FORMALISEE"]
        assert "LIGHT_REGIME" not in advice(of(cpv, 300_000))


def test_mixed_services_follow_the_part_of_greater_value() -> None:
    """Equal, those of the other services; said where the regime matters, adapted if all is one contract."""
    for care, cleaning, expected in [
        (300_000, 299_999.99, "MAPA"),
        (300_000, 300_000, "PROC_FORMALISEE"),
        (300_000, 300_000.01, "PROC_FORMALISEE"),
    ]:
        asked = care_and_cleaning(care, cleaning)
        assert procedure(asked) == [expected]
        found = the("MIXED_SERVICES", review(asked).advice)
        assert "300 000 €" in found.message.fr
        assert ("ici celles des services sociaux" in found.message.fr) == (expected == "MAPA")
        assert found.article == "R2123-2"
        assert the("LIGHT_REGIME", review(asked).advice).lots == (("a",),)
    assert the("MAPA", review(care_and_cleaning(300_000, 100_000)).advice).confidence == "low"
    asked = care_and_cleaning(None, None, estimated_total_eur=500_000)
    assert procedure(asked) == ["PROC_FORMALISEE"]
    assert "comme elle n'est pas connue" in the("MIXED_SERVICES", review(asked).advice).message.fr
    assert "MIXED_SERVICES" not in advice(care_and_cleaning(100_000, 115_999.99))
    assert "MIXED_SERVICES" in advice(care_and_cleaning(100_000, 116_000))
    assert "MIXED_SERVICES" not in advice(of("85312000", 900_000))
    for care, cleaning, expected in (
        (4_000_000, 3_000_000, "CONCESSION_SIMPLIFIED"),
        (3_000_000, 4_000_000, "PROC_FORMALISEE"),
    ):
        asked = care_and_cleaning(care, cleaning, contract="concession")
        assert procedure(asked) == [expected]
        assert the("MIXED_SERVICES", review(asked).advice).article == "R3126-2"


NURSERY = "80110000"


@pytest.mark.parametrize(
    ("cpv", "value", "on", "expected"),
    [
        (NURSERY, 6_000_000, TODAY, "CONCESSION_SIMPLIFIED"),
        (NURSERY, 6_000_000, date(2019, 4, 1), "CONCESSION_SIMPLIFIED"),
        (NURSERY, 6_000_000, date(2019, 3, 31), "PROC_FORMALISEE"),
        (NURSERY, 5_000_000, TODAY, "CONCESSION_SIMPLIFIED"),
        ("90919200", 6_000_000, TODAY, "PROC_FORMALISEE"),
        (NURSERY, 6_000_000, date(2028, 1, 1), "CONCESSION_SIMPLIFIED"),
    ],
)
def test_concessions_of_such_services_are_simplified(cpv: str, value: float, on: date, expected: str) -> None:
    """Whatever their value, since the code."""
    asked = of(cpv, value, contract="concession")
    assert procedure(asked, on) == [expected]
    said = the(expected, review(asked, on).advice).message.fr
    assert ("quelle que soit la valeur" in said) == (expected == "CONCESSION_SIMPLIFIED" and value > 5_404_000)
    assert "LIGHT_REGIME" not in advice(asked, on)


def test_a_concession_of_passenger_transport_is_simplified() -> None:
    """Whatever its value, also with social services; a market is not."""
    for cpv in ["60112000", "60130000", "60210000"]:
        asked = of(cpv, 9_000_000, contract="concession")
        found = the("CONCESSION_SIMPLIFIED", review(asked).advice)
        assert (found.article, found.rule) == ("R3126-1", "concession_transport")
        assert "quelle que soit la valeur (transport de voyageurs)" in found.message.fr
        limits = the("TIME_LIMITS", review(asked).advice).message.fr
        assert "(R3126-4)" in limits
        assert "JOUE" not in limits
        assert procedure(of(cpv, 9_000_000)) == ["PROC_FORMALISEE"]
        assert procedure(of("60400000", 9_000_000, contract="concession")) == ["PROC_FORMALISEE"]
    lots = Lot(id="a", cpv=("60112000",), value_eur=8_000_000), Lot(id="b", cpv=("80110000",), value_eur=1_000_000)
    asked = need(*lots, contract="concession")
    assert procedure(asked) == ["CONCESSION_SIMPLIFIED"]
    assert "JOUE" in the("TIME_LIMITS", review(asked).advice).message.fr
    other = Lot(id="c", cpv=("90919200",), value_eur=1_000)
    assert procedure(need(lots[0], other, contract="concession")) == ["PROC_FORMALISEE"]


def test_the_value_of_a_concession_is_a_turnover() -> None:
    """The procedure says what was compared."""
    for asked, code in [
        (of("90919200", None, contract="concession"), "VALUE_UNKNOWN"),
        (of("90919200", 200_000, estimated_total_eur=100_000, contract="concession"), "TOTAL_BELOW_LOTS"),
    ]:
        found = the(code, review(asked).advice)
        assert (found.article, found.confidence) == ("R3121-1", "high")
        assert "chiffre d'affaires total du concessionnaire sur la durée du contrat" in found.message.fr
    for value, code in [(1_000_000, "CONCESSION_SIMPLIFIED"), (6_000_000, "PROC_FORMALISEE")]:
        found = the(code, review(of("90919200", value, contract="concession")).advice)
        assert "de chiffre d'affaires total du concessionnaire sur la durée, R3121-1)" in found.message.fr


def test_threshold_of_social_services_by_buyer() -> None:
    """Utilities have their own; where the buyer is not known, both are looked at and told."""
    for kind, value, expected in [
        ("local", 749_999.99, False),
        ("local", 750_000, True),
        ("state", 750_000, True),
        ("utility", 999_999.99, False),
        ("utility", 1_000_000, True),
        (None, 749_999.99, False),
        (None, 750_000, True),
        (None, 1_000_000, True),
    ]:
        asked = of("85312000", value, buyer=buyer(kind) if kind else None)  # type: ignore[arg-type]
        assert ("SOCIAL_CONSIDERATION" in advice(asked)) == expected
        assert procedure(asked) == ["MAPA"]
    for value, words in [
        (749_999.99, None),
        (750_000, "À partir de 750 000 € pour un pouvoir adjudicateur, de 1 000 000 € pour une entité"),
        (999_999.99, "indiquer lequel est l'acheteur ; à vérifier (L2112-2-1)"),
        (1_000_000, "À partir des seuils européens"),
    ]:
        found = review(of("85312000", value, buyer=None)).advice
        told = [item.message.fr for item in found if item.code == "SOCIAL_CONSIDERATION"]
        assert [bool(words and words in message) for message in told] == ([True] if words else [])
