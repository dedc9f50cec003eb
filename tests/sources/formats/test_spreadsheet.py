"""Networks' own tables: French titles, words for activities, numbers of spreadsheets, and faults at their places.

The rejected rows of a table are given back as they were written, with what is wrong, and can be sent again.
"""

from typing import Any

import pytest

from domain.suppliers.source import RowError
from domain.suppliers.supplier import Approval
from sources.file_reader import CSV
from sources.formats.spreadsheet import TITLES, rejected_rows, template_rows
from sources.formats.vivier_columns import COLUMNS
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import read

HEADER = "N°;Raison sociale;N° SIRET;CP;Ville;Activité;Effectif;CA;Type\n"


def rows(*lines: str, header: str = HEADER) -> list[Any]:
    return read((header + "\n".join(lines) + "\n").encode(), CSV, "spreadsheet")


def test_a_row_with_french_titles_becomes_a_record() -> None:
    line = (
        "1;Les Jardins du Blavet;913 109 336 00010;56300;PONTIVY CEDEX;"
        'Entretien d\'espaces verts, maraîchage;12;"1 234,5";esat'
    )
    (row,) = rows(line)
    record = row.record
    assert (row.external_id, record.name, record.address.commune) == ("1", "Les Jardins du Blavet", "56178")
    assert [(offer.segments, offer.basis) for offer in record.offers] == [(("ev-entretien", "ev-vegetal"), "declared")]
    assert (record.siret, record.employees, record.turnover_eur) == ("91310933600010", 12, 1234.5)
    assert record.approvals == (Approval("ESAT"),)


def test_titles_may_stand_below_the_name_of_the_table_but_one_is_of_names() -> None:
    """The SIRET serves where there is no id; without it and a commune, nine digits may be a Belgian's telephone."""
    (row,) = rows("1;Ferme de Séné;;56860;Séné;;;;", header=f"Annuaire du réseau;;;;;;;;\n;;;;;;;;\n{HEADER}")
    assert row.line == 4
    row, other = rows("Un;91310933600010;297000000;", "Deux;;498123456;2", header="Nom;SIRET;Téléphone;Id\n")
    assert (row.external_id, row.record.contact.phone) == ("91310933600010", "0297000000")
    assert other.record.contact.phone == "498123456"
    with pytest.raises(UnreadableFile, match="names of the suppliers"):
        rows("1;2", header="a;b\n")


def test_an_activity_that_is_no_segment_is_flagged() -> None:
    (row,) = rows('1;Un nom;;;;"Yoga aérien ; traiteur";;;')
    assert [flag.detail for flag in row.flags] == ["Yoga aérien"]
    assert [offer.segments for offer in row.record.offers] == [("rs-traiteur",)]


@pytest.mark.parametrize(("city", "commune"), [("Vannes", "56260"), ("Saint-Denis", None), ("56260", "56260")])
def test_a_city_alone_is_a_commune_where_france_has_only_one(city: str, commune: str | None) -> None:
    (row,) = rows(f"1;Un nom;;;{city};;;;")
    assert row.record.address.commune == commune


@pytest.mark.parametrize(
    ("line", "pointer", "code"),
    [
        (";Un nom;;;;;;;", "/external_id", "missing_field"),
        ("1;;;56300;Pontivy;;;;", "/name", "missing_field"),
        ("1;Un nom;123;56300;Pontivy;;;;", "/siret", "invalid_siret"),
        ("1;Un nom;;;;;#REF!;;", "/employees", "formula_error"),
        ("1;Un nom;;;;#N/A;;;", "/activities", "formula_error"),
        ("1;Un nom;;5630;Pontivy;;;;", "/address/postal_code", "unknown_code"),
        ("1;Un nom;;;;;;;EI et Coopérative", "/approvals/1/kind", "unknown_value"),
    ],
)
def test_a_faulty_cell_is_rejected_at_its_place(line: str, pointer: str, code: str) -> None:
    row, other = rows(line, "2;Deux;;5630;Pontivy;;#REF!;;Club")
    assert (row.line, row.pointer, row.code) == (2, pointer, code)
    told = [said in other.detail for said in ("Unknown kind: “Club”", "of this city: 56300")]
    assert (other.pointer, *told) == ("/employees", True, True)


def test_the_model_is_read_as_it_is_given() -> None:
    table = "\n".join(";".join(row) for row in template_rows()).replace(
        "Entretien d'espaces verts ;", "\"Entretien d'espaces verts ;"
    )
    (row,) = read(table.replace("Maraîchage;", 'Maraîchage";').encode(), CSV, "spreadsheet")
    assert row.record.contact is not None
    assert len(row.record.offers[0].segments) == 2
    assert {*TITLES} - {*COLUMNS} == {"activities", "departement"}


def corrected(table: bytes, format_: str, wrong: str, right: str) -> list[Any]:
    """What the rejected rows become once what is wrong in them was put right."""
    said = {row.line: row.detail for row in read(table, CSV, format_) if isinstance(row, RowError)}
    return read(rejected_rows(table, format_, {}, said).replace(wrong.encode(), right.encode()), CSV, format_)


def test_rejected_rows_are_corrected_and_sent_again() -> None:
    """All rows of a record are given back, and the faults of before are replaced."""
    table = "Liste;;\nNom;SIRET;Effectif\nUn;91310933600010;#REF!\nDeux;54941009000019;3\n=Trois;03021234567891;#N/A\n"
    (first, second) = corrected(table.encode(), "spreadsheet", "#REF!", "12")
    assert (first.record.name, first.record.employees) == ("Un", 12)
    assert isinstance(second, RowError)
    assert second.external_id == "03021234567891"
    table = "external_id,name,segments\n1,Un,ev-entretien\n1,Un,ev-crreation\n2,Deux,ev-entretien\n"
    (row,) = corrected(table.encode(), "vivier", "ev-crreation", "ev-creation")
    assert [offer.segments for offer in row.record.offers] == [("ev-entretien",), ("ev-creation",)]
    before = "Nom;SIRET;à corriger\nUn;12;Le SIRET a 14 chiffres\n".encode()
    assert rejected_rows(before, "spreadsheet", {}, {2: "autre chose"}).decode("utf-8-sig") == (
        "Nom;SIRET;à corriger\r\nUn;12;autre chose\r\n"
    )
