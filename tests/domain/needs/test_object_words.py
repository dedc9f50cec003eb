"""Suppliers read what is bought; how much, how long, for whom and what is in doubt about these is left out."""

import re
from itertools import product

import pytest
from hypothesis import given

from domain.needs.lot_terms import terms_in
from domain.needs.object_words import without_terms
from tests.domain.needs.lot_words import OBJECTS, TERMS, words_of_lots


@given(words_of_lots())
def test_only_the_object_is_left(words: tuple[str, str]) -> None:
    """Whatever the terms, their order and what stands between them; no term is left to be read."""
    bought, text = words
    assert without_terms(text) == bought
    assert terms_in(without_terms(text)) == ()


@pytest.mark.parametrize("text", [f"{bought}, {term}" for bought, term in product(OBJECTS, TERMS)])
def test_each_term_is_left_out_of_each_object(text: str) -> None:
    assert without_terms(text) in OBJECTS


@pytest.mark.parametrize(
    "text",
    [
        "Entretien des espaces réservés aux piétons",
        "Réfection des places réservées aux personnes handicapées",
        "Réservation de salles",
        "Renouvellement du parc informatique",
        "Chèques-cadeaux de 50 €",
        "Contrôle tous les 2 ans",
        "Ordinateurs garantis 3 ans, garantie 5 ans",
        "Centres de loisirs (3-6 ans) (6 – 12 ans)",
        "Communication sur le budget 2025",
        "Travaux de l'ESAT de Vannes",
        "Location longue durée de véhicules",
        "Marché R2113-7, lot n° 2 : tonte",
    ],
)
def test_what_belongs_to_the_object_stays(text: str) -> None:
    assert without_terms(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Tonte, 3 ans, réservé aux ESAT ?, secteur nord", "Tonte, secteur nord"),
        ("Tonte des pelouses réservée aux ESAT des 12 collèges", "Tonte des pelouses des 12 collèges"),
        ("Accord-cadre de 4 ans pour la tonte", "Accord-cadre pour la tonte"),
        ("Location longue durée 36 mois", "Location longue durée"),
        ("Tonte de 12 ou 13 collèges ?", "Tonte de 12 ou 13 collèges"),
        ("Tonte (ESAT ?)", "Tonte"),
        ("Déménagement, réservé EA à confirmer (voir avec Julie ?)", "Déménagement"),
        ("Entretien du linge, marché d'insertion ? 3 ans", "Entretien du linge"),
        ("Fauchage, 120 km, 250 000 € annuels, clause sociale 5 % ?", "Fauchage, 120 km"),
        ("Blanchisserie, 25 000 € TTC/an max, peut-être réservé à l'insertion", "Blanchisserie"),
        ("Repas, 12 €/repas, marché de 24 mois", "Repas"),
        ("Impression de 20 000 tracts, 4 à 6 k€", "Impression de 20 000 tracts"),
        ("Papier recyclé ; estimatif 45 K€, max. 18 mois", "Papier recyclé"),
        ("Tonte, 300 mille euros, 40 k, 48 mois maxi [300 000 €]", "Tonte"),
        ("Tonte par un ESAT si possible", "Tonte"),
        ("Tonte, secteur 12 - 300 000 € ?", "Tonte, secteur 12"),
        ("Tonte [lot nord]", "Tonte [lot nord]"),
        ("4 ans, 300 000 €", ""),
        ("", ""),
    ],
)
def test_parts_of_the_object_are_joined_again(text: str, left: str) -> None:
    assert without_terms(text) == left


@pytest.mark.parametrize("part", ["1 000", "un ", "réservé et ", "ESAT et ", "montant estimé ", "4 ans ", "((-,"])
def test_words_without_end_are_not_read_to_it(part: str) -> None:
    """They may be so made that looking for terms in them would take minutes."""
    assert not re.search(r"\?", without_terms(part * 100_000 + "?"))
