"""Offers inferred from NAF codes, words and kinds, by licences, and by the name that a structure bears."""

import csv
from pathlib import Path
from typing import get_args

import pytest

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.source import Row
from domain.suppliers.supplier import Kind
from domain.text.normalise import fold, stem
from sources.file_reader import CSV, read_rows
from sources.rows import Context
from sources.trades.inference import (
    WORDS,
    Licence,
    OfferInference,
    WordReader,
    offer_of_licence,
    offers_by_code,
    offers_by_name,
)

TAXONOMY = taxonomy.load()


def test_a_telling_code_is_an_offer_and_its_evidence() -> None:
    (offer,) = offers_by_code(TAXONOMY, "81.21Z", "sirene")
    assert offer.segments == ("pr-locaux",)
    assert (offer.evidence[0].kind, offer.evidence[0].reference) == ("register", "81.21Z")
    assert offers_by_code(TAXONOMY, "94.99Z", "sirene") == offers_by_code(TAXONOMY, None, "sirene") == ()


@pytest.mark.parametrize(
    ("naf", "name", "kind", "segments"),
    [
        ("38.32Z", "SAS TRIALP", "EI", ("de-5flux",)),
        ("38.32Z", "RESSOURCERIE DES BISCOTTES", "ACI", ("de-encombrants",)),
        ("38.32Z", "ENVIE 2E FRANCHE COMTE", "EI", ("de-deee",)),
        ("8559A", "GRIT FORMATION", None, ("so-formation",)),
        ("8559A", "GRETA STRASBOURG EUROPE", "ACI", ("so-formation",)),
        ("8559A", "GOHELLE ENVIRONNEMENT", "EI", ()),
        ("85.59G", "GOHELLE ENVIRONNEMENT", "EI", ()),
        ("93.19Z", "COMITE REGIONAL HANDISPORT", None, ("so-sport",)),
        ("91.04Z", "PARC ANIMALIER", None, ()),
        ("93.19Z", "SOCIETE COMMUNALE DE CHASSE", None, ()),
    ],
)
def test_a_name_tells_what_a_code_of_several_trades_means(
    naf: str, name: str, kind: Kind | None, segments: tuple[str, ...]
) -> None:
    assert [offer.segments for offer in offers_by_code(TAXONOMY, naf, "sirene", name, kind)] == [segments] * bool(
        segments
    )


READER = WordReader(taxonomy.load())
INFERENCE = OfferInference(taxonomy.load())


def read(text: str, city: str = "") -> set[str]:
    return {clue.segment for clue in READER.read([text], city)}


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("LA RESSOURCERIE DES BISCOTTES", {"re-ressourcerie"}),
        ("Entretien des espaces verts, ménage", {"ev-entretien", "pr-locaux"}),
        ("blanchisseries", {"lt-blanchisserie"}),
        ("nettoyage de véhicules", {"pr-vehicules"}),
        ("sous-traitance industrielle", {"in-conditionnement"}),
    ],
)
def test_words_that_name_a_trade(text: str, segments: set[str]) -> None:
    assert read(text) == segments


@pytest.mark.parametrize(
    "text",
    [
        "Association d'insertion",
        "BALUCHON A TABLE CITOYENS",
        "LES RESTAURANTS DU COEUR",
        "ASSOC ACCUEIL EMPLOI FORMATION",
        "CENTRE SOCIAL DE L'ALMA",
        "ASSOC DEVELOPPEMENT DE L'EMPLOI",
        "Accompagnement de demandeurs d'emploi et d'allocataires du RSA",
        "Sensibilisation auprès des ménages en précarité énergétique",
        "pépinière d'entreprises",
        "EPI EMPLOI",
        "Espaces de vie. Verts pâturages",
        "ETABLISSEMENTS ET SERVICES POUR PERSONNES EN SITUATION DE HANDICAP",
    ],
)
def test_words_that_say_nothing_of_a_trade(text: str) -> None:
    assert read(text) == set()


def test_the_name_of_the_city_is_no_trade() -> None:
    assert read("REGIE DE VITRERIE", city="Vitrerie-sur-Mance") == set()
    assert read("REGIE DE VITRERIE", city="Redon") == {"pr-specialise"}


def test_telling_words_and_names_are_of_the_taxonomy() -> None:
    """A word that no segment lists any more would silently tell nothing."""
    synonyms = {stem(word) for segment in taxonomy.load().segments.values() for word in map(fold, segment.synonyms)}
    assert {word for word in WORDS.trade_words if stem(word) not in synonyms} == set()
    assert {
        segment for naming in WORDS.networks + WORDS.names for segment in naming.segments
    } <= taxonomy.load().segments.keys()


def test_ai_and_etti_make_staff_available_and_a_geiq_or_a_silent_code_offers_nothing() -> None:
    offers = INFERENCE.offers("AI", "9499Z", ("ASSOC EMPLOI", "ménage et jardinage"))
    assert [offer.segments for offer in offers] == [("so-mad",), ("pr-locaux", "ev-entretien")]
    assert {offer.presta_types for offer in offers} == {("DISP",)}
    (only,) = INFERENCE.offers("ETTI", "7820Z", ("INTERIM ESPACES VERTS",))
    assert (only.segments, only.presta_types, only.service_area) == (("so-mad",), ("DISP",), None)
    assert INFERENCE.offers("GEIQ", "8130Z", ("GEIQ ESPACES VERTS",)) == ()
    assert INFERENCE.offers("ACI", "8899B", ("ASSOC ESPOIR",)) == ()


def test_the_code_of_an_association_without_employees_tells_a_trade_only_where_it_makes_shows() -> None:
    assert INFERENCE.offers(None, "85.59A", ("CERCLE DES SAVOIRS",), sells=False) == ()
    (show,) = INFERENCE.offers(None, "90.01Z", ("COMPAGNIE DE L'AUNE",), sells=False)
    assert show.segments == ("cc-spectacle",)


def test_a_telling_code_is_an_offer_to_which_words_and_networks_add_what_it_leaves_out() -> None:
    """Other words of a name count alone."""
    offers = INFERENCE.offers("EI", "8121z", ("NETTOYAGE ET BLANCHISSERIE",))
    assert [offer.segments for offer in offers] == [("pr-locaux",), ("lt-blanchisserie",)]
    assert {offer.basis for offer in offers} == {"inferred"}
    offers = INFERENCE.offers("EI", "8121Z", ("REGIE DE QUARTIER",))
    assert [offer.segments for offer in offers] == [("pr-locaux",), ("ev-entretien",)]
    assert [offer.segments for offer in INFERENCE.offers("ACI", "8121Z", ("LES JARDINS DU LAC",))] == [("pr-locaux",)]
    assert [offer.segments for offer in INFERENCE.offers("ACI", "8899B", ("LES JARDINS DU LAC",))] == [("ev-vegetal",)]


@pytest.mark.parametrize("licence", get_args(Licence))
def test_each_licence_names_a_segment_and_tells_why(licence: Licence) -> None:
    offer = offer_of_licence(licence, "annuaire")
    assert set(offer.segments) <= taxonomy.load().segments.keys()
    assert (offer.basis, offer.evidence[0].kind, offer.evidence[0].source) == ("inferred", "register", "annuaire")


def listed(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader((Path(__file__).parent / file).read_text("utf-8").splitlines()))


@pytest.mark.parametrize("row", listed("names.csv"), ids=lambda row: row["name"])
def test_a_network_tells_what_its_members_do_and_a_structure_is_called_by_its_trade(row: dict[str, str]) -> None:
    kind = next((kind for kind in get_args(Kind) if kind == row["kind"]), None)
    told = row["name"], kind, "siae"
    offers = offers_by_name("network", *told) if row["told_by"] == "network" else offers_by_name("trade", *told)[:1]
    assert [" ".join(offer.segments) for offer in offers] == list(filter(None, [row["segments"]]))


def test_nine_of_ten_offers_were_right_and_are_still_found(shared_data: Path) -> None:
    verdicts = listed("offer_verdicts.csv")
    assert sum(row["right"] == "1" for row in verdicts) >= 0.9 * len(verdicts) == 0.9 * 150
    context = Context(territory.load(), taxonomy.load(), cpv.load())
    with (shared_data / "suppliers" / "siae_2020_iae.csv").open("rb") as stream:
        rows = [row for row in read_rows("siae", stream, CSV, context) if isinstance(row, Row)]
    offered = {row.external_id: {segment for offer in row.record.offers for segment in offer.segments} for row in rows}
    right = [row for row in verdicts if row["format"] == "siae" and row["right"] == "1"]
    found = [row for row in right if set(row["segments"].split()) <= offered[row["external_id"]]]
    assert len(found) >= 0.95 * len(right)
