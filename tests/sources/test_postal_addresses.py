"""Postal addresses in one line, and the communes that they mean."""

import pytest

from sources.postal_addresses import CommuneNames, PostalAddress, commune_names, departement_of, split_address
from tests.factories import reference


@pytest.fixture(scope="module")
def names() -> CommuneNames:
    return commune_names(reference().territories)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("19 RUE DE LA POSTE 31700 CORNEBARRIEU", ("19 RUE DE LA POSTE", "31700", "CORNEBARRIEU")),
        ("5 rue Proust,  79120 Chenay, France", ("5 rue Proust", "79120", "Chenay")),
        ("BP 12345 35000 Rennes", ("BP 12345", "35000", "Rennes")),
        ("35000 Rennes", ("", "35000", "Rennes")),
        ("Place du marché", ("Place du marché", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_line_falls_into_its_parts(line: str, parts: tuple[str, str, str]) -> None:
    assert split_address(line) == PostalAddress(*parts)


@pytest.mark.parametrize(
    ("postal_code", "departement"),
    [("35000", "35"), ("20000", "2A"), ("20200", "2B"), ("97410", "974"), ("98800", "988"), ("", "")],
)
def test_a_postal_code_begins_with_its_departement(postal_code: str, departement: str) -> None:
    assert departement_of(postal_code) == departement


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
    names: CommuneNames, postal_code: str, city: str, departement: str, commune: str
) -> None:
    assert names.find(postal_code, city, departement) == commune


def test_a_postal_code_alone_is_no_commune(names: CommuneNames) -> None:
    assert names.find("35600", "", "35") is None
    assert names.find("62223", "Mulhouse", "62") is None
