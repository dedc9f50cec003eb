"""Suppliers read the name of the purchase, never how much, how long or for whom, unless the buyer tells it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exchanges.purchase import LONGEST_NAME, lot_name, purchase_name, told_terms
from domain.needs.need import Lot, Need

WORDS = "Entretien des espaces verts de 12 collèges du Finistère, 4 ans, 300 000 €, réservé aux ESAT ?"
OBJECT = "Entretien des espaces verts de 12 collèges du Finistère"
TERMS = ("value", "months", "reserved")


def need(*titles: str | None, **fields: Any) -> Need:
    lots = tuple(Lot(id=str(n), title=title, segments=("ev-entretien",)) for n, title in enumerate(titles, 1))
    return Need(lots=lots, **fields)


def french(*args: Any) -> str | None:
    name = purchase_name(*args)
    return name and name.fr


def test_the_title_names_the_purchase_else_its_lots_do() -> None:
    assert french(need("Tonte", title=WORDS)) == OBJECT
    assert french(need(WORDS, None, "Tonte")) == f"{OBJECT} ; Tonte et 1 autre lot"
    assert french(need(WORDS, "Tonte"), ("2",)) == "Tonte"
    assert french(need(None, "3 ans, 90 000 €")) is None
    assert lot_name(Lot(id="1", title=WORDS)) == OBJECT


@given(
    st.lists(st.sampled_from([None, WORDS, "Tonte", "é" * 400, *(f"Lot du secteur {n}" for n in range(9))]), min_size=1)
)
def test_the_name_of_many_lots_is_short_and_counts_the_others(titles: list[str | None]) -> None:
    name = french(need(*titles))
    named = [each for each in dict.fromkeys(titles) if each]
    if name is None:
        assert not named
        return
    assert len(name) <= LONGEST_NAME + len("… et 100 autres lots")
    assert name.startswith((lot_name(Lot(id="1", title=named[0])) or "")[:LONGEST_NAME])


@pytest.mark.parametrize("told", [(), ("value",), ("months",), ("reserved",), TERMS])
def test_only_what_is_chosen_is_told_in_a_sentence(told: tuple[Any, ...]) -> None:
    said = "\n".join(each.fr for each in told_terms(need(WORDS), (), told))
    sentences = {
        "value": "Le montant est estimé à 300 000 € hors taxe.",
        "months": "La durée envisagée est de 48 mois.",
        "reserved": "Une réservation est envisagée : travail adapté et protégé (handicap).",
    }
    assert said == "\n".join(sentences[each] for each in told)


def test_what_a_lot_says_in_its_fields_is_told_before_its_words() -> None:
    lots = (
        Lot(id="A", title=WORDS, value_eur=90_000, duration_months=12, renewal_months=24),
        Lot(id="B", title="Tonte"),
    )
    assert [each.fr for each in told_terms(Need(lots=lots), (), ("value", "months"))] == [
        "Lot A : le montant est estimé à 90 000 € hors taxe.",
        "Lot A : la durée envisagée est de 12 mois, plus 24 mois de reconduction.",
    ]
