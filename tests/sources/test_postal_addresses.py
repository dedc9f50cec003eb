"""Postal addresses in one line, and the communes that they mean."""

import pytest

from domain.suppliers.supplier import Address, Point, SupplierRecord
from sources.postal_addresses import (
    CommuneNames,
    PostalAddress,
    commune_names,
    complete_address,
    departement_of,
    split_address,
)
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
        ("69003", "Lyon 3e Arrondissement", "69", "69123"),
        ("38760", "VARCES", "38", "38524"),
        ("75007", "PARIS 7ème", "75", "75056"),
        ("13115", "Saint-Paul-lez-Durance", "13", "13099"),
        ("69003", "Lyon 3e", "", "69123"),
        ("20000", "AJACCIO", "2A", "2A004"),
        ("1000", "Bourg-en-Bresse", "", "01053"),
        ("1005", "BOURG EN BRESSE CEDEX", "1", "01053"),
        ("1000", "Bruxelles", "", None),
        ("35600", "", "35", None),
        ("62223", "Mulhouse", "62", None),
    ],
)
def test_a_name_with_its_postal_code_or_departement_but_no_postal_code_alone(
    names: CommuneNames, postal_code: str, city: str, departement: str, commune: str | None
) -> None:
    """A first zero, which spreadsheets take off, is back where the commune has it."""
    found = names.document(PostalAddress("", postal_code, city), departement)
    assert (found["commune"], found["postal_code"]) == (commune, postal_code.zfill(5) if commune else postal_code)


@pytest.mark.parametrize(
    ("postal_code", "city", "commune"),
    [
        ("56300", "Pontivy", "56178"),
        ("22305", "Lannion Cedex", "22113"),
        ("56 300", "PONTIVY", "56178"),
        ("35600", None, None),
        ("56300", "Nulle-Part", None),
        (None, "Pontivy", None),
    ],
)
def test_the_commune_of_an_address_is_looked_up(postal_code: str | None, city: str | None, commune: str | None) -> None:
    sent = SupplierRecord("A", address=Address(postal_code=postal_code, city=city))
    record, problems = complete_address(sent, reference().territories)
    assert (record.address and record.address.commune, problems) == (commune, ())


@pytest.mark.parametrize(
    ("postal_code", "city", "right"),
    [
        ("99999", "Pontivy", "56300"),
        ("5630", "Pontivy", "56300"),
        ("vannes", None, "cinq chiffres"),
        ("00500", "", "cinq"),
    ],
)
def test_what_is_no_postal_code_is_told_with_what_would_be_right(
    postal_code: str, city: str | None, right: str
) -> None:
    sent = SupplierRecord("A", address=Address(postal_code=postal_code, city=city))
    _, (problem,) = complete_address(sent, reference().territories)
    assert (problem.pointer, problem.code, right in problem.detail.fr) == ("/address/postal_code", "unknown_code", True)


def test_a_supplier_with_a_point_may_be_abroad() -> None:
    sent = SupplierRecord("A", address=Address(postal_code="1000", city="Bruxelles"), location=Point(50.85, 4.35))
    assert complete_address(sent, reference().territories) == (sent, ())
    named = SupplierRecord("A", address=Address(postal_code="x", city="Pontivy", commune="56178"))
    assert complete_address(named, reference().territories) == (named, ())
