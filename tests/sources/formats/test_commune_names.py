"""Communes by the names that postal addresses give them."""

import pytest

from domain.reference import territory
from sources.formats.commune_names import CommuneNames

NAMES = CommuneNames(territory.load())


@pytest.mark.parametrize(
    ("postal_code", "city", "departement", "commune"),
    [
        ("35600", "REDON", "35", "35236"),
        ("22300", "Lannion", "22", "22113"),
        ("22305", "LANNION CEDEX", "22", "22113"),
        ("62501", "Saint-Omer Cedex", "62", "62765"),
        ("18200", "ST AMAND MONTROND", "18", "18197"),
        ("75012", "PARIS 12", "75", "75056"),
        ("69003", "Lyon 3e Arrondissement", "69", "69123"),
        ("13010", "Marseille", "13", "13055"),
        ("20000", "AJACCIO", "2A", "2A004"),
    ],
)
def test_a_name_with_its_postal_code_or_departement(
    postal_code: str, city: str, departement: str, commune: str
) -> None:
    assert NAMES.find(postal_code, city, departement) == commune


def test_a_postal_code_alone_is_no_commune() -> None:
    assert NAMES.find("35600", "", "35") is None
    assert NAMES.find("62223", "Mulhouse", "62") is None
