"""Amounts, dates and durations as buyers write them."""

from datetime import date

import pytest

from domain.programme.planned_values import FaultyCell, read_amount, read_duration, read_period


@pytest.mark.parametrize(
    ("cell", "head", "euros"),
    [
        ("1 234,50 €", "", 1234.5),
        ("40.000", "", 40_000),
        ("1,2 M€", "", 1_200_000),
        ("entre 40 000 et 90 000 € HT", "", 90_000),
        ("40 à 90 k€", "", 90_000),
        ("120 000 € sur 4 ans", "", 120_000),
        ("3 x 90 000 €", "", 270_000),
        ("90 k€ HT x 3 ans", "", 270_000),
        ("40", "Montant (k€ HT)", 40_000),
        ("15 à 40", "Montant estimatif en k€ H.T.", 40_000),
        ("12 000", "Montant TTC", 10_000),
        ("HT : 40 000 / TTC : 48 000", "", 40_000),
    ],
)
def test_amounts(cell: str, head: str, euros: float) -> None:
    found = read_amount(cell, head)
    assert found is not None
    assert found.euros == euros


@pytest.mark.parametrize("cell", ["-400", "12abc34", "3 lots", "0," + "0" * 4_000])
def test_what_is_no_amount(cell: str) -> None:
    with pytest.raises(FaultyCell):
        read_amount(cell)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("T2 2027", date(2027, 4, 1)),
        ("2ème trimestre 2027", date(2027, 4, 1)),
        ("2027-T3", date(2027, 7, 1)),
        ("S2 2027", date(2027, 7, 1)),
        ("mars-27", date(2027, 3, 1)),
        ("15 mars 2027", date(2027, 3, 15)),
        ("01/03/2027", date(2027, 3, 1)),
        ("T4", date(2026, 10, 1)),
        ("fin 2027", date(2027, 10, 1)),
        ("rentrée 2027", date(2027, 9, 1)),
        ("46489", date(2027, 4, 12)),
        ("à définir", None),
    ],
)
def test_days(cell: str, day: date | None) -> None:
    found = read_period(cell, 2026)
    assert (found and found[0]) == day


@pytest.mark.parametrize("cell", ["T5 2027", "5e trimestre 2027", "T0"])
def test_a_quarter_that_no_year_has(cell: str) -> None:
    with pytest.raises(FaultyCell):
        read_period(cell, 2026)


@pytest.mark.parametrize(
    ("cell", "head", "months"),
    [
        ("3 ans", "", (36, None)),
        ("1 an reconductible 3 fois", "", (12, 36)),
        ("1 an + 3 x 1 an", "", (12, 36)),
        ("1+1+1+1", "", (12, 36)),
        ("4", "Durée (années)", (48, None)),
        ("4", "Durée", None),
    ],
)
def test_durations(cell: str, head: str, months: tuple[int, int | None] | None) -> None:
    assert read_duration(cell, head) == months
