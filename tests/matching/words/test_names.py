"""Territories are found by what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reference import territory
from domain.reference.territory import TerritoryKind
from domain.suppliers.deduplication import read_name
from domain.text.normalise import fold
from matching.words.names import name_similarity
from tests.factories import reference

TERRITORIES = territory.load()
GAZETTEER = reference().gazetteer


def ids(q: str, kind: TerritoryKind | None = None, limit: int = 20) -> list[str]:
    return [area.id for area in GAZETTEER.search(q, kind, limit)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("redon", "commune:35236"),
        ("Redon agglo", "epci:243500741"),
        ("saint brieuc", "commune:22278"),
        ("st-brieuc", "commune:22278"),
        ("St. Brieuc", "commune:22278"),
        ("ille et vilaine", "departement:35"),
        ("havre", "commune:76351"),
        ("bretagne", "region:53"),
        ("renn", "epci:243500139"),
        ("armor agglo", "epci:200069409"),
        ("france", "country:FR"),
        ("rennse", "commune:35238"),
        ("saint brieux", "commune:22278"),
        ("ile et vilaine", "departement:35"),
        ("35", "departement:35"),
        ("2a", "departement:2A"),
        ("35238", "commune:35238"),
        ("56300", "commune:56178"),
        ("243500741", "epci:243500741"),
        ("epci:243500741", "epci:243500741"),
        ("75111", "commune:75056"),
        ("FRH03", "nuts:FRH03"),
        ("fr523", "nuts:FRH03"),
        (" 01004 ", "commune:01004"),
    ],
)
def test_a_name_or_its_beginning_with_slips_or_a_code_of_today_or_before(typed: str, first: str) -> None:
    assert ids(typed)[0] == first


def test_a_postal_code_finds_all_its_communes_the_largest_first() -> None:
    found = ids("56300", limit=50)
    sharing = {f"commune:{commune.code}" for commune in TERRITORIES.communes if "56300" in commune.postal_codes}
    assert found[0] == "commune:56178"
    assert set(found) == sharing


def test_exact_before_beginning_before_a_later_word_before_words_in_any_order() -> None:
    assert ids("redon", "commune")[:1] == ["commune:35236"]
    assert ids("brieuc", "commune")[0] == "commune:22278"
    assert ids("brieuc saint", "commune")[0] == "commune:22278"
    names = [fold(area.name) for area in GAZETTEER.search("vitre", "commune", 20)]
    beginning = [name.startswith("vitre") for name in names]
    assert names[0] == "vitre"
    assert beginning == sorted(beginning, reverse=True)


def test_more_inhabitants_first_among_equals() -> None:
    populations = [TERRITORIES.communes[area.communes[0]].population for area in GAZETTEER.search("saint-j", "commune")]
    assert len(populations) == 20
    assert populations == sorted(populations, reverse=True)


@pytest.mark.parametrize("kind", ["region", "departement", "epci", "commune", "country", "nuts"])
def test_only_the_kind_asked_for(kind: TerritoryKind) -> None:
    found = GAZETTEER.search("france", kind) + GAZETTEER.search("re", kind)
    assert {area.kind for area in found} <= {kind}


def test_nuts_names_only_on_request() -> None:
    assert "nuts:FRH0" not in ids("bretagne", limit=100)
    assert ids("bretagne", "nuts") == ["nuts:FRH", "nuts:FRH0"]


@pytest.mark.parametrize("typed", ["", "  ", "-", "xyzzyx", "commune:99999", "epci:35238", "é" * 500])
def test_what_names_no_place_finds_none(typed: str) -> None:
    assert ids(typed) == []


@given(st.sampled_from(TERRITORIES.areas("epci") + TERRITORIES.areas("departement") + TERRITORIES.areas("region")))
def test_every_area_is_found_by_its_code_and_by_its_label(area: territory.Area) -> None:
    assert area in GAZETTEER.search(area.code, area.kind)
    assert area.id in ids(area.id)
    assert area in GAZETTEER.search(area.label, area.kind)


@given(st.integers(0, len(TERRITORIES.communes) - 1))
def test_every_commune_is_found_by_its_name_among_those_that_share_it(ordinal: int) -> None:
    commune = TERRITORIES.communes[ordinal]
    found = GAZETTEER.search(commune.name, "commune", 200)
    assert f"commune:{commune.code}" in [area.id for area in found]


@given(st.text(max_size=150))
def test_any_text_is_answered_within_the_limit(text: str) -> None:
    found = ids(text, limit=7)
    assert len(found) <= 7
    assert len(set(found)) == len(found)


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
