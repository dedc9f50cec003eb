"""Books bought directly, and the list of the year's direct awards.

Innovative purchases: within which limits, by which reading of the law.
"""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Lot, Need
from tests.domain.law.samples import LOCAL, TODAY, advice, buyer, codes, need, review, services, the, works

CENT = 0.01


def books(value: float | None = 80_000, cpv: str = "22113000", **more: object) -> Need:
    return need(Lot(id="1", cpv=(cpv,), nature="supplies", value_eur=value), **more)  # type: ignore[arg-type]


def test_books_may_be_bought_directly_below_an_amount_of_their_own() -> None:
    """Beside other lots they are named and counted alone."""
    for asked, expected in [
        (books(90_000 - CENT), True),
        (books(90_000), False),
        (books(60_000), True),
        (books(60_000 - CENT), False),  # the general amount is enough
        (books(None), False),
        (books(None, estimated_total_eur=80_000), True),
        (books(cpv="22110000"), True),
        (books(cpv="22111000"), False),  # school books
        (books(cpv="22112000"), False),
        (books(cpv="22211000"), False),
        (books(buyer=buyer("utility")), False),
        (books(buyer=buyer("state")), True),
        (books(contract="concession"), False),
    ]:
        assert ("BOOKS_DIRECT_AWARD" in advice(asked)) == expected
    other = Lot(id="9", cpv=("39130000",), nature="supplies", value_eur=300_000)
    lots = [Lot(id=str(n), cpv=("22113000",), nature="supplies", value_eur=44_999.99) for n in (1, 2)]
    found = the("BOOKS_DIRECT_AWARD", review(need(*lots, other)).advice)
    assert found.lots == (("1", "2"),)
    assert (found.article, found.severity) == ("R2122-9", "info")
    dearer = Lot(id="3", cpv=("22113000",), nature="supplies", value_eur=0.02)
    assert "BOOKS_DIRECT_AWARD" not in advice(need(*lots, dearer, other))


def test_the_list_and_the_essential_data_of_direct_awards() -> None:
    """From a higher amount on the list is not enough; each lot is a contract of its own."""
    for asked, on, expected in [
        (services(25_000 - CENT), date(2026, 1, 1), False),
        (services(25_000), date(2026, 1, 1), True),
        (services(40_000 - CENT), date(2026, 1, 1), True),
        (services(40_000), date(2026, 1, 1), False),  # no direct award then
        (services(40_000), date(2026, 11, 24), True),  # a direct award, whose essential data are due
        (works(30_000), date(2026, 1, 1), True),
        (services(25_000), date(2023, 12, 31), False),  # not known before
        (services(25_000), date(2024, 1, 1), True),
        (services(None), date(2026, 1, 1), False),
        (services(None, estimated_total_eur=30_000), date(2026, 1, 1), True),
        (services(20_000, estimated_total_eur=30_000), date(2026, 1, 1), False),  # the lot's own value
        (services(30_000, contract="concession"), date(2026, 1, 1), False),
    ]:
        assert ("YEARLY_LIST" in advice(asked, on)) == expected
    for asked, listed, article_of in [
        (services(39_999.99), True, "yearly_list_minimum"),
        (services(40_000), False, "award_data"),
        (works(30_000, 45_000), True, "yearly_list_minimum"),
    ]:
        found = [item for item in review(asked).advice if item.code == "YEARLY_LIST"]
        assert [item.rule for item in found] == [article_of]
        message = found[0].message.fr
        assert ("l'inscrire sur la liste" in message) == listed
        assert ("Marché de 40 000 € HT ou plus" in message or "(lot 2) : publier ses données" in message) == (
            article_of == "award_data" or len(asked.lots) > 1
        )
    told = the("YEARLY_LIST", review(services(26_000, 26_000, 7_000)).advice)
    assert told.lots == (("1", "2"),)
    assert "(lots 1 et 2)" in told.message.fr
    assert "YEARLY_LIST" not in advice(services(24_000, 24_000, buyer=LOCAL))


@pytest.mark.parametrize(
    ("value", "total", "on", "words"),
    [
        (99_999.99, None, TODAY, "dans les limites"),
        (100_000, None, date(2026, 6, 30), "dépasse les limites"),
        (99_999.99, None, date(2026, 7, 1), "dans les limites, achat"),
        (100_000, None, date(2026, 7, 1), "seconde lecture"),
        (139_999.99, None, TODAY, "seconde lecture"),
        (140_000, None, TODAY, "dépasse les limites"),
        (40_000, 200_000, TODAY, "dans les limites"),
        (40_000.01, 200_000, TODAY, "dépasse les limites"),
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


def test_innovation_between_its_two_readings_is_to_be_checked() -> None:
    """Both amounts are told; a lot of works has both, one of services one; no surer than the total."""
    for value, confidence in [(99_999.99, "medium"), (100_000, "low"), (139_999.99, "low"), (140_000, "low")]:
        lot = Lot(id="1", segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=True)
        told = the("INNOVATION_REVIEW", review(need(lot)).lots["1"].advice)
        assert told.confidence == confidence
        if confidence == "low":
            assert "100 000 €, ou de 140 000 € d'après des sources indirectes sur la loi 2026-403" in told.message.fr
            assert "€100,000, or €140,000 according to indirect sources on loi 2026-403" in told.message.en
            assert told.message.fr.endswith(" ; à vérifier (R2122-9-1)")
    for nature, value, on, words in [
        ("works", 99_999.99, TODAY, "dans les limites, achat"),
        ("works", 120_000, TODAY, "seconde lecture"),
        ("works", 140_000, TODAY, "dépasse les limites"),
        ("works", 120_000, date(2026, 6, 30), "dépasse les limites"),
        ("services", 79_999.99, TODAY, "dans les limites, achat"),
        ("services", 80_000, TODAY, "dépasse les limites"),
    ]:
        lot = Lot(id="1", nature=nature, value_eur=value, innovative=True)  # type: ignore[arg-type]
        told = the("INNOVATION_REVIEW", review(need(lot, estimated_total_eur=1_000_000), on).lots["1"].advice)
        assert words in told.message.fr
    for asked, doubtful in [
        (services(60_000, 60_000, estimated_total_eur=90_000), True),
        (services(60_000, 30_000, estimated_total_eur=90_000), False),
    ]:
        lots = (msgspec.structs.replace(asked.lots[0], innovative=True), *asked.lots[1:])
        found = review(msgspec.structs.replace(asked, lots=lots)).lots["1"].advice
        assert ("à vérifier" in the("INNOVATION_REVIEW", found).message.fr) == doubtful


def test_innovative_lots_are_counted_together() -> None:
    """Each within, together above 20 %."""
    lots = [
        Lot(id=str(place), segments=("re-mobilier",), nature="supplies", value_eur=value, innovative=value < 100_000)
        for place, value in enumerate((70_000.0, 70_000.0, 300_000.0))
    ]
    found = review(need(*lots)).lots
    assert "dépasse les limites" in the("INNOVATION_REVIEW", found["0"].advice).message.fr
    assert "INNOVATION_REVIEW" not in codes(found["2"].advice)
