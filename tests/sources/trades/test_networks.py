"""Offers by the network whose name a structure bears."""

import pytest

from domain.reference import taxonomy
from domain.suppliers.supplier import Kind
from sources.trades.networks import NETWORKS, networked


@pytest.mark.parametrize(
    ("name", "kind", "segments"),
    [
        ("REGIE DE QUARTIER DE VITRE", "ACI", [("pr-locaux", "ev-entretien")]),
        ("ASS REGIE DES QUARTIERS", None, [("pr-locaux", "ev-entretien")]),
        ("REGIE DES EAUX", None, []),
        ("EMMAUS 35", None, [("re-ressourcerie",)]),
        ("ENVIE 35", "EI", [("re-ressourcerie",)]),
        ("ENVIE 2E BRETAGNE", "EI", [("de-deee",)]),
        ("L'ENVIE DE CHANTER", None, []),
        ("EBS LE RELAIS BRETAGNE", "EI", [("de-textile",)]),
        ("LE RELAIS DU COEUR", "ACI", []),
        ("LES JARDINS DU BLAVET", "ACI", [("ev-vegetal",)]),
        ("JARDIN D'ENFANTS", None, []),
    ],
)
def test_a_network_tells_what_its_members_do(name: str, kind: Kind | None, segments: list[tuple[str, ...]]) -> None:
    assert [offer.segments for offer in networked(name, kind, "siae")] == segments


def test_every_network_names_segments_of_the_taxonomy() -> None:
    assert {segment for network in NETWORKS for segment in network.segments} <= taxonomy.load().segments.keys()
