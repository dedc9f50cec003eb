"""Books bought directly, and the list of the year's direct awards."""

from datetime import date

import pytest

from domain.needs.need import Lot, Need
from tests.domain.law.samples import LOCAL, advice, buyer, need, review, services, the, works

CENT = 0.01


def books(value: float | None = 80_000, cpv: str = "22113000", **more: object) -> Need:
    return need(Lot(id="1", cpv=(cpv,), nature="supplies", value_eur=value), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
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
    ],
)
def test_books_may_be_bought_directly_below_an_amount_of_their_own(asked: Need, expected: bool) -> None:
    assert ("BOOKS_DIRECT_AWARD" in advice(asked)) == expected


def test_books_beside_other_lots_are_named_and_counted_alone() -> None:
    other = Lot(id="9", cpv=("39130000",), nature="supplies", value_eur=300_000)
    lots = [Lot(id=str(n), cpv=("22113000",), nature="supplies", value_eur=44_999.99) for n in (1, 2)]
    found = the("BOOKS_DIRECT_AWARD", review(need(*lots, other)).advice)
    assert found.lots == (("1", "2"),)
    assert (found.article, found.severity) == ("R2122-9", "info")
    dearer = Lot(id="3", cpv=("22113000",), nature="supplies", value_eur=0.02)
    assert "BOOKS_DIRECT_AWARD" not in advice(need(*lots, dearer, other))


@pytest.mark.parametrize(
    ("asked", "on", "expected"),
    [
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
    ],
)
def test_direct_awards_from_an_amount_on_stand_on_a_list(asked: Need, on: date, expected: bool) -> None:
    assert ("YEARLY_LIST" in advice(asked, on)) == expected


@pytest.mark.parametrize(
    ("asked", "listed", "article_of"),
    [
        (services(39_999.99), True, "yearly_list_minimum"),
        (services(40_000), False, "award_data"),
        (works(30_000, 45_000), True, "yearly_list_minimum"),
    ],
)
def test_from_a_higher_amount_on_the_list_is_not_enough(asked: Need, listed: bool, article_of: str) -> None:
    """The essential data are published; both are told in one advice where lots differ."""
    found = [item for item in review(asked).advice if item.code == "YEARLY_LIST"]
    assert [item.rule for item in found] == [article_of]
    message = found[0].message.fr
    assert ("l'inscrire sur la liste" in message) == listed
    assert ("Marché de 40 000 € HT ou plus" in message or "(lot 2) : publier ses données" in message) == (
        article_of == "award_data" or len(asked.lots) > 1
    )


def test_each_lot_is_a_contract_of_its_own() -> None:
    """Two of 26 000 € in a need of 59 000 €, and one below the amount."""
    found = the("YEARLY_LIST", review(services(26_000, 26_000, 7_000)).advice)
    assert found.lots == (("1", "2"),)
    assert "(lots 1 et 2)" in found.message.fr
    assert "YEARLY_LIST" not in advice(services(24_000, 24_000, buyer=LOCAL))
