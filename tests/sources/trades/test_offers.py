"""Offers by licences and certificates, and by the name that a structure bears."""

import csv
from pathlib import Path
from typing import get_args

import pytest

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.source import Row
from domain.suppliers.supplier import Kind
from sources.formats.registry import CSV, read_rows
from sources.rows import Context
from sources.trades.inference import WORDS, Licence, offer_of_licence, offers_by_name, offers_by_network


@pytest.mark.parametrize("licence", get_args(Licence))
def test_each_licence_names_a_segment_and_tells_why(licence: Licence) -> None:
    offer = offer_of_licence(licence, "annuaire")
    assert set(offer.segments) <= taxonomy.load().segments.keys()
    assert (offer.basis, offer.evidence[0].kind, offer.evidence[0].source) == ("inferred", "register", "annuaire")


REGIE = ("pr-locaux", "ev-entretien")


@pytest.mark.parametrize(
    ("name", "kind", "segments"),
    [
        ("REGIE DE QUARTIER DE VITRE", "ACI", [REGIE]),
        ("ASS REGIE DES QUARTIERS", None, [REGIE]),
        ("REGIE RURALE DU PLATEAU", "ACI", [REGIE]),
        ("REGIE RURALE DU PLATEAU", None, []),
        ("REGIE DES EAUX", "EI", []),
        ("EMMAUS 35", None, [("re-ressourcerie",)]),
        ("EMMAUS SOLIDARITE", None, []),
        ("ENVIE 35", "EI", [("re-ressourcerie",)]),
        ("ENVIE 2E BRETAGNE", "EI", [("de-deee",)]),
        ("ENVIE TRANSPORT BRETAGNE", "EI", []),
        ("L'ENVIE DE CHANTER", None, []),
        ("EBS LE RELAIS BRETAGNE", "EI", [("de-textile",)]),
        ("LE RELAIS DU COEUR", "ACI", []),
        ("PAIN ET PARTAGE", None, [("rs-denrees",)]),
        ("PAIN CONTRE LA FAIM", "ACI", []),
    ],
)
def test_a_network_tells_what_its_members_do(name: str, kind: Kind | None, segments: list[tuple[str, ...]]) -> None:
    assert [offer.segments for offer in offers_by_network(name, kind, "siae")] == segments


@pytest.mark.parametrize(
    ("name", "kind", "segments"),
    [
        ("LES JARDINS DU BLAVET", "ACI", [("ev-vegetal",)]),
        ("JARDIN D'ENFANTS", None, []),
        ("ESAT LA FERME DE CHOSAL", "ESAT", [("ev-vegetal",)]),
        ("FERME AUBERGE", None, []),
        ("AGATE PAYSAGES", "EI", [("ev-entretien", "ev-creation")]),
        ("CENTRE SOCIAL CITE VERTE", "ACI", []),
        ("STENAY ENVIRONNEMENT", "ACI", []),
        ("ASSOC RESTAURATION VIEILLES PIERRES", "ACI", [("bt-maconnerie",)]),
        ("CURSUS VOILE ET PATRIMOINE", "ACI", []),
        ("ASSOC INSERCYCLES", "ACI", [("lo-vehicules",)]),
        ("SYND DU CYCLE DE L EAU", "ACI", []),
        ("INSERTION PAR LA RESTAURATION", "ACI", [("rs-traiteur", "rs-collective")]),
        ("LES RESTAURANTS DU COEUR", "ACI", []),
        ("TRI D'UNION", "EI", []),
        ("TRI SERVICE", "EI", [("de-5flux",)]),
    ],
)
def test_an_inclusion_structure_is_called_by_its_trade(
    name: str, kind: Kind | None, segments: list[tuple[str, ...]]
) -> None:
    assert [offer.segments for offer in offers_by_name(name, kind, "siae")] == segments


def test_every_name_names_segments_of_the_taxonomy() -> None:
    assert {
        segment for naming in WORDS.networks + WORDS.names for segment in naming.segments
    } <= taxonomy.load().segments.keys()


VERDICTS = list(csv.DictReader((Path(__file__).parent / "offer_verdicts.csv").read_text("utf-8").splitlines()))
PRECISION = 0.9


def test_nine_of_ten_offers_are_right() -> None:
    assert len(VERDICTS) == 150
    assert sum(row["right"] == "1" for row in VERDICTS) / len(VERDICTS) >= PRECISION
    assert {segment for row in VERDICTS for segment in row["segments"].split()} <= taxonomy.load().segments.keys()


def test_what_was_right_is_still_found(shared_data: Path) -> None:
    context = Context(territory.load(), taxonomy.load(), cpv.load())
    with (shared_data / "suppliers" / "siae_2020_iae.csv").open("rb") as stream:
        rows = [row for row in read_rows("siae", stream, CSV, context) if isinstance(row, Row)]
    offered = {row.external_id: {segment for offer in row.record.offers for segment in offer.segments} for row in rows}
    right = [row for row in VERDICTS if row["format"] == "siae" and row["right"] == "1"]
    found = [row for row in right if set(row["segments"].split()) <= offered[row["external_id"]]]
    assert len(found) >= 0.95 * len(right)
