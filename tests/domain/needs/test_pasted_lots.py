"""Lots pasted from a document or a spreadsheet are told apart; the words of one lot stay one."""

import pytest

from domain.needs.pasted_lots import pasted_lots

SHOWN = ("Nettoyage des collèges", "Tonte, 12 500,00 €", "Repas")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lot 1 : Nettoyage des collèges\nLot 2 : Tonte, 12 500,00 €\nLot n°3 - Repas", SHOWN),
        ("Lot 1 : Nettoyage des collèges ; Lot 2 : Tonte, 12 500,00 €. Lot 3 – Repas", SHOWN),
        ("N°\tObjet\tMontant HT\n1\tNettoyage des collèges\t\n2\tTonte\t12 500,00 €\n3\tRepas\t", SHOWN),
        ("Objet\tMontant\nTonte\t12500\nRepas\t900", ("Tonte, 12500 €", "Repas")),
        ("entretien du lot 3 et nettoyage du lot 4", ()),
        ("Lot 1 : tonte", ()),
        ("un seul lot\nsur deux lignes", ()),
        ("", ()),
    ],
)
def test_lots_of_a_list_or_table(text: str, expected: tuple[str, ...]) -> None:
    assert pasted_lots(text) == expected
