"""Innovative purchases: within which limits, by which reading of the law."""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Lot, Nature, Need
from tests.domain.law.samples import TODAY, codes, need, review, services, the


@pytest.mark.parametrize(
    ("value", "total", "on", "words"),
    [
        (99_999.99, None, TODAY, "dans les limites"),
        (100_000, None, date(2026, 6, 30), "dépasse les limites"),
        (99_999.99, None, date(2026, 7, 1), "dans les limites, achat"),
        (100_000, None, date(2026, 7, 1), "seconde lecture"),
        (139_999.99, None, TODAY, "seconde lecture"),
        (140_000, None, TODAY, "dépasse les limites"),
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


@pytest.mark.parametrize(
    ("value", "confidence"), [(99_999.99, "medium"), (100_000, "low"), (139_999.99, "low"), (140_000, "low")]
)
def test_innovation_between_its_two_readings_is_to_be_checked(value: float, confidence: str) -> None:
    """Both amounts are told; below the lower one both readings agree, and the higher one was not read."""
    lot = Lot(id="1", segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=True)
    told = the("INNOVATION_REVIEW", review(need(lot)).lots["1"].advice)
    assert told.confidence == confidence
    if confidence == "low":
        assert "100 000 €, ou de 140 000 € d'après des sources indirectes sur la loi 2026-403" in told.message.fr
        assert "€100,000, or €140,000 according to indirect sources on loi 2026-403" in told.message.en
        assert told.message.fr.endswith(" ; à vérifier (R2122-9-1)")


@pytest.mark.parametrize(
    ("nature", "value", "on", "words"),
    [
        ("works", 99_999.99, TODAY, "dans les limites, achat"),
        ("works", 120_000, TODAY, "seconde lecture"),
        ("works", 140_000, TODAY, "dépasse les limites"),
        ("works", 120_000, date(2026, 6, 30), "dépasse les limites"),
        ("services", 79_999.99, TODAY, "dans les limites, achat"),
        ("services", 80_000, TODAY, "dépasse les limites"),
    ],
)
def test_an_innovative_lot_of_works_has_two_readings(nature: Nature, value: float, on: date, words: str) -> None:
    """A lot of supplies or services has one."""
    lot = Lot(id="1", segments=("bt-peinture",), nature=nature, value_eur=value, innovative=True)
    told = review(need(lot, estimated_total_eur=1_000_000), on).lots["1"].advice
    assert words in the("INNOVATION_REVIEW", told).message.fr


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
