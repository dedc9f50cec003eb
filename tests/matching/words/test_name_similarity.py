"""Whether two names are spellings of one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers.deduplication import read_name
from matching.words.names import name_similarity


def alike(one: str, other: str) -> bool:
    return name_similarity(read_name(one), read_name(other)) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ASSOC LES JARDINS DU BLAVET", "Jardins du Blavet"),
        ("Les Jardins du Blavet", "Les Jardin du Blavat"),
        ("Les Jardins du Blavet", "Blavet (les jardins du)"),
        ("ESAT La Fréta", "LA FRETA"),
        ("L'ÉQUIPAGE", "L EQUIPAGE"),
        ("Ateliers St-Joseph", "ateliers saint joseph"),
        ("SCOP SARL Le Relais", "SARL Relais"),
        ("Régie de Quartiers Impulsion", "REGIE DE QUARTIER IMPULSION"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ASSOC SENDRA AI", "SENDRA ACI"),
        ("ASSOC VILLETTE EMPLOI", "VILLETTE EMPLOI ETTI"),
        ("SCOP RELAIS CAMBRESIS", "LE RELAIS EN CAMBRESIS ASSOCIATION"),
        ("ENVIE FRANCHE COMTE", "ENVIE 2E FRANCHE COMTE"),
        ("SA TRIALP", "TRIALP 2"),
        ("ASSOC MENAGE 95", "ASSOC MENAGE 95 PRO"),
        ("ACCES EMPLOI SERVICES", "ACCES EMPLOI INTERIM"),
        ("ASSOC AITA", "ASSOC EITA"),
        ("Solidaire Emploi", "Solidarité Emploi"),
        ("Entreprise 12", "Entreprise 13"),
        ("Atelier a", "Atelier b"),
        ("ESAT", "ESAT"),
        ("Garage Martinet Nord", "Garage Martinet Ouest"),
    ],
)
def test_names_of_neighbours(one: str, other: str) -> None:
    """Most of these share an address in the real files, and are different legal persons."""
    assert not alike(one, other)


def test_the_same_spelling_is_more_alike_than_another() -> None:
    """Of two suppliers whose names both fit, a record joins the one that is spelt as it is."""
    one, same, other = map(read_name, ("Multi-Services", "MULTI SERVICES", "Association Multi-Services"))
    assert 1.0 == name_similarity(one, same) > name_similarity(one, other) > 0.5


WORDS = st.text(alphabet="aeit25", min_size=1, max_size=7)


@given(one=st.lists(WORDS, max_size=3), other=st.lists(WORDS, max_size=3))
def test_likeness_is_mutual(one: list[str], other: list[str]) -> None:
    name, other_name = read_name(" ".join(one)), read_name(" ".join(other))

    assert name_similarity(name, other_name) == name_similarity(other_name, name)
    assert name_similarity(name, name) == (1.0 if name.words else 0.0)
