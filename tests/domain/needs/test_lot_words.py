"""Terms of a lot and its object are read from its words, and not from what only looks like them."""

import re
from itertools import product

import pytest
from hypothesis import given

from domain.needs.lot_words import LONGEST_READ, pasted_lots, terms_in, unused_words, without_terms
from tests.domain.needs.words_of_lots import OBJECTS, TERMS, words_of_lots


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nettoyage des collèges, 3 ans, réservé aux ESAT ?", {"months": "36", "reserved": "handicap"}),
        ("Entretien des espaces verts - 24 mois - tous sites", {"months": "24"}),
        ("Gardiennage de la déchèterie 24 mois, 20 000 €", {"months": "24", "value": "20000.00"}),
        ("Contrôle tous les 2 ans", {}),
        ("Séjours d'enfants (3-6 ans)", {}),
        ("Blanchisserie, deux ans renouvelable 2 fois 1 an", {"months": "24", "renewal": "24"}),
        ("Tri du linge, 1 an reconductible pour 12 mois", {"months": "12", "renewal": "12"}),
        ("Nettoyage des écoles, 3 ans renouvelable 1 an", {"months": "36", "renewal": "12"}),
        ("Tri du linge, 1 an reconductible tacitement trois fois", {"months": "12", "renewal": "36"}),
        ("Tri du linge, reconductible trois fois", {}),
        ("Nettoyage 3 ans reconductible 1 fois", {"months": "36", "renewal": "36"}),
        ("Tri du linge, 90 000 € HT, reconductions et options comprises", {"value": "90000.00", "covers": "tout"}),
        ("Collecte des papiers, 240 000,50 € HT", {"value": "240000.50"}),
        ("Mobilier de réemploi (1,2 M€)", {"value": "1200000.00"}),
        ("Tonte, 50 000 € options comprises", {"value": "50000.00", "covers": "tout"}),
        (
            "Tonte, 50 000 € options comprises, 1 an reconductible 3 fois",  # the renewals are still to be added
            {"months": "12", "renewal": "36", "value": "50000.00"},
        ),
        ("Tonte, lot réservé à l'insertion", {"reserved": "iae"}),
        ("Tonte réservée à l'insertion des personnes handicapées", {"reserved": "handicap"}),
        ("Tonte réservée à l'insertion sociale de travailleurs en situation de handicap", {"reserved": "handicap"}),
        ("Ménage 2 ans réservé SIAE", {"months": "24", "reserved": "iae"}),
        ("Buanderie réservée au travail pénitentiaire", {"reserved": "penitentiary"}),
        ("Accueil des enfants de 3 à 6 ans", {}),
        ("Séjours pour les moins de 3 ans", {}),
        ("Réfection des places réservées aux personnes handicapées", {}),
        ("Lot non réservé aux ESAT", {}),
        ("Nettoyage, 30 000 € TTC", {}),
        ("Nettoyage, 30 000 € HT par an, 4 ans", {"months": "48", "value": "120000.00"}),
        ("Nettoyage, 30 000 € par an, soit 90 000 €", {"value": "90000.00"}),
        ("Tonte - Lot réservé (L2113-12)", {"reserved": "handicap"}),
        ("Tonte, réservé au titre de l'article L. 2113-13", {"reserved": "iae"}),
        ("Buanderie, réservée (article L.2113-13-1)", {"reserved": "penitentiary"}),
        ("Tonte, une partie réservée aux ESAT", {}),
        ("Tonte, dont un lot réservé aux ESAT", {}),
        ("Fourniture de 3 000 repas", {}),
        ("Entre 10 000 et 20 000 €", {}),
    ],
)
def test_terms_are_read_where_they_are_surely_said(text: str, expected: dict[str, str]) -> None:
    assert {term.kind: term.value for term in terms_in(text)} == expected


def test_reservations_that_are_named_or_asked_for() -> None:
    """One may name two types; what is asked is told from what is said."""
    for words in ("réservé aux ESAT ou à l'insertion", "réservation L2113-14", "Réservé EA/SIAE - reliure"):
        assert [term.value for term in terms_in(f"Tonte, {words}")] == ["handicap", "iae"]
    (asked,) = terms_in("tonte, réservé aux ESAT ?")
    (said,) = terms_in("tonte, réservé aux ESAT")
    assert (asked.is_question, asked.words, said.is_question) == (True, "réservé aux ESAT ?", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tonte, 2 lots sur 5 réservés aux ESAT", ("2 lots sur 5 réservés aux ESAT",)),
        ("Tonte, lot réservé", ("réservé",)),
        ("Tonte ; réserver une partie aux EA", ("réserver une partie aux EA",)),
        ("Vitres, 2 passages par an", ("2 passages par an",)),
        ("Nettoyage, 30 000 € par an", ("30 000 € par an",)),
        ("Nettoyage, 30 000,00 € par an, 4 ans, à partir de mai 2027", ("à partir de mai 2027",)),
        ("Repas des aînés, entre 6 000 et 8 000 €", ("entre 6 000 et 8 000 €",)),
        ("Gardiennage de la déchèterie vingt-quatre mois", ("vingt-quatre mois",)),
        ("Gardiennage de la déchèterie 24 mois", ()),
        ("Accueil des enfants de 3 ans, 50 places", ()),
        ("Collecte de biodéchets, 800 kg/jour", ("800 kg/jour",)),
        ("Nettoyage de 3 000 m² et 1200 m2 de bureaux", ("3 000 m²", "1200 m2")),
        ("Nettoyage, 3 fois par semaine, renouvelable 2 fois", ("3 fois par semaine",)),
        ("Tonte des 12 collèges, 3 ans, réservé aux ESAT", ()),
    ],
)
def test_what_no_field_holds_is_told_apart(text: str, expected: tuple[str, ...]) -> None:
    assert unused_words(text) == expected


def test_words_without_end_are_not_read_to_it() -> None:
    """They may be so made that looking for an amount in them would take minutes."""
    endless = "1" + " 000" * 100_000
    assert terms_in(f"3 ans, {endless} €") == terms_in("3 ans")
    assert terms_in("x" * LONGEST_READ + ", 3 ans") == ()


@given(words_of_lots())
def test_only_the_object_is_left(words: tuple[str, str]) -> None:
    """Whatever the terms, their order and what stands between them; no term is left to be read."""
    bought, text = words
    assert without_terms(text) == bought
    assert terms_in(without_terms(text)) == ()


def test_who_seeks_somebody_is_no_part_of_the_object() -> None:
    said = "La Ville de Rennes recherche un prestataire pour l'entretien des parcs, 4 ans"
    assert without_terms(said) == "l'entretien des parcs"
    assert without_terms("recherche de fuites d'eau") == "recherche de fuites d'eau"
    assert without_terms("Qui peut nettoyer les vitres de la mairie ?") == "nettoyer les vitres de la mairie"


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
def test_an_object_in_words_without_end_is_not_read_to_it(part: str) -> None:
    """They may be so made that looking for terms in them would take minutes."""
    assert not re.search(r"\?", without_terms(part * 100_000 + "?"))


SHOWN = ("Nettoyage des collèges", "Tonte, 12 500,00 €", "Repas")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lot 1 : Nettoyage des collèges\nLot 2 : Tonte, 12 500,00 €\nLot n°3 - Repas", SHOWN),
        ("Lot 1 : Nettoyage des collèges ; Lot 2 : Tonte, 12 500,00 €. Lot 3 – Repas", SHOWN),
        ("N°\tObjet\tMontant HT\n1\tNettoyage des collèges\t\n2\tTonte\t12 500,00 €\n3\tRepas\t", SHOWN),
        ("Propreté 2027\n\t\nObjet\tMontant\nTonte\t12500\nRepas\t900", ("Tonte, 12500 €", "Repas, 900 €")),
        (
            "N°\tObjet\tMontant\tLieu\tRéservation\n1\tTonte\t80 000 €\tSaint-Philibert\tESAT\n2\tVitres\t\tAuray\t",
            ("Tonte, 80 000 €, Saint-Philibert, réservé ESAT", "Vitres, Auray"),
        ),
        ("entretien du lot 3 et nettoyage du lot 4", ()),
        ("Lot 1 : tonte", ()),
        ("Lot 1\r\nTonte, 3 ans\r\nLot 2\r\nVitres", ("Tonte, 3 ans", "Vitres")),
        ("un seul lot\nsur deux lignes", ()),
        ("", ()),
        (
            (
                "Lot\tObjet\tCPV\tMini €\tMaxi k€/an\tDurée\n\tNord\n"
                "Lot 1\tTonte\t77310000\t5\t8,5\t36\nLot 2\tVitres\t\t\t4\t2 ans\nTotal"
            ),
            ("Tonte, 8,5 k€ par an, 36 mois, CPV 77310000", "Vitres, 4 k€ par an, 2 ans"),
        ),
    ],
)
def test_lots_of_a_list_or_table(text: str, expected: tuple[str, ...]) -> None:
    assert pasted_lots(text) == expected
