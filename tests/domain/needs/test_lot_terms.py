"""Durations, amounts and reservations are read from the words of a lot, and not from what only looks like them."""

import pytest

from domain.needs.lot_terms import LONGEST_READ, terms_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nettoyage des collèges, 3 ans, réservé aux ESAT ?", {"months": "36", "reserved": "handicap"}),
        ("Entretien des espaces verts pour 24 mois", {"months": "24"}),
        ("Blanchisserie, deux ans renouvelable 2 fois 1 an", {"months": "24", "renewal": "24"}),
        ("Tri du linge, 1 an reconductible pour 12 mois", {"months": "12", "renewal": "12"}),
        ("Nettoyage des écoles, 3 ans renouvelable 1 an", {"months": "36", "renewal": "12"}),
        ("Tri du linge, 1 an reconductible tacitement trois fois", {"months": "12", "renewal": "36"}),
        ("Tri du linge, reconductible trois fois", {}),
        ("Tri du linge, 90 000 € HT, reconductions et options comprises", {"value": "90000.00", "covers": "tout"}),
        ("Collecte des papiers, 240 000 € HT", {"value": "240000.00"}),
        ("Mobilier de réemploi (25 k€)", {"value": "25000.00"}),
        ("Tonte, 50 000 € options comprises", {"value": "50000.00", "covers": "tout"}),
        (
            "Tonte, 50 000 € options comprises, 1 an reconductible 3 fois",  # the renewals are still to be added
            {"months": "12", "renewal": "36", "value": "50000.00"},
        ),
        ("Tonte, lot réservé à l'insertion", {"reserved": "iae"}),
        ("Ménage réservé SIAE", {"reserved": "iae"}),
        ("Buanderie réservée au travail pénitentiaire", {"reserved": "penitentiary"}),
        ("Accueil des enfants de 3 à 6 ans", {}),
        ("Séjours pour les moins de 3 ans", {}),
        ("Entretien des espaces réservés aux piétons", {}),
        ("Lot non réservé aux ESAT", {}),
        ("Nettoyage, 30 000 € TTC", {}),
        ("Nettoyage, 30 000 € par an", {}),
        ("Fourniture de 3 000 repas", {}),
        ("Entre 10 000 € et 20 000 €", {}),
    ],
)
def test_terms_are_read_where_they_are_surely_said(text: str, expected: dict[str, str]) -> None:
    assert {term.kind: term.value for term in terms_in(text)} == expected


def test_a_reservation_may_name_two_types() -> None:
    assert [term.value for term in terms_in("Tonte, réservé aux ESAT ou à l'insertion")] == ["handicap", "iae"]


def test_what_is_asked_is_told_from_what_is_said() -> None:
    (asked,) = terms_in("tonte, réservé aux ESAT ?")
    (said,) = terms_in("tonte, réservé aux ESAT")
    assert (asked.is_asked, asked.words, said.is_asked) == (True, "réservé aux ESAT ?", False)


def test_words_without_end_are_not_read_to_it() -> None:
    """They may be so made that looking for an amount in them would take minutes."""
    endless = "1" + " 000" * 100_000
    assert terms_in(f"3 ans, {endless} €") == terms_in("3 ans")
    assert terms_in("x" * LONGEST_READ + ", 3 ans") == ()
