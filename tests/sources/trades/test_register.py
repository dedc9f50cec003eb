"""Offers by the main activity under which a supplier is registered."""

import pytest

from domain.reference import taxonomy
from domain.suppliers.supplier import Kind
from sources.trades.register import registered, telling

TAXONOMY = taxonomy.load()


def test_a_telling_code_is_an_offer_and_its_evidence() -> None:
    (offer,) = registered(TAXONOMY, "81.21Z", "sirene")
    assert offer.segments == ("pr-locaux",)
    assert (offer.evidence[0].kind, offer.evidence[0].reference) == ("register", "81.21Z")
    assert registered(TAXONOMY, "94.99Z", "sirene") == registered(TAXONOMY, None, "sirene") == ()


def test_of_two_vintages_the_one_that_names_a_trade_counts() -> None:
    assert telling(TAXONOMY, "94.99Z", "81.21Y") == "81.21Y"
    assert telling(TAXONOMY, "94.99Z", None) == "94.99Z"
    assert telling(TAXONOMY, None, "") is None


@pytest.mark.parametrize(
    ("naf", "name", "kind", "segments"),
    [
        ("38.32Z", "SAS TRIALP", "EI", ("de-5flux",)),
        ("38.32Z", "RESSOURCERIE DES BISCOTTES", "ACI", ("de-encombrants",)),
        ("38.32Z", "ENVIE 2E FRANCHE COMTE", "EI", ("de-deee",)),
        ("8559A", "GRIT FORMATION", None, ("so-formation",)),
        ("85.59A", "ADREP", None, ("so-formation",)),
        ("8559A", "GRETA STRASBOURG EUROPE", "ACI", ("so-formation",)),
        ("8559A", "GOHELLE ENVIRONNEMENT", "EI", ()),
        ("85.59G", "GOHELLE ENVIRONNEMENT", "EI", ()),
        ("93.19Z", "COMITE REGIONAL HANDISPORT", None, ("so-jeunesse",)),
        ("93.19Z", "SOCIETE COMMUNALE DE CHASSE", None, ()),
    ],
)
def test_a_name_tells_what_a_code_of_several_trades_means(
    naf: str, name: str, kind: Kind | None, segments: tuple[str, ...]
) -> None:
    assert [offer.segments for offer in registered(TAXONOMY, naf, "sirene", name, kind)] == [segments] * bool(segments)
