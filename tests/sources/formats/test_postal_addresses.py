"""Postal addresses in one line."""

import pytest

from sources.formats.postal_addresses import PostalAddress, departement_of, split_address


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
