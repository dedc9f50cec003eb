"""The rejected rows of a table are given back as they were written, with what is wrong, and can be sent again."""

from domain.suppliers.rows import Row, RowError
from sources.formats.registry import CSV
from sources.formats.rejected_rows import rejected_rows
from tests.sources.formats.conftest import Read


def corrected(read: Read, table: bytes, format_: str, wrong: str, right: str) -> list[Row | RowError]:
    """What the rejected rows become once what is wrong in them was put right."""
    said = {row.line: row.detail for row in read(table, CSV, format_) if isinstance(row, RowError)}
    return read(rejected_rows(table, format_, {}, said).replace(wrong.encode(), right.encode()), CSV, format_)


def test_rows_of_a_network_are_corrected_and_sent_again(read: Read) -> None:
    table = "Annuaire;;\nNom;SIRET;Effectif\nUn;91310933600010;douze\nDeux;54941009000019;3\n=Trois;03021234567891;x\n"
    (first, second) = corrected(read, table.encode(), "spreadsheet", "douze", "12")
    assert isinstance(first, Row)
    assert (first.record.name, first.record.employees) == ("Un", 12)
    assert isinstance(second, RowError)
    assert second.external_id == "03021234567891"


def test_all_rows_of_a_rejected_record_are_given_back(read: Read) -> None:
    table = "external_id,name,segments\n1,Un,ev-entretien\n1,Un,ev-crreation\n2,Deux,ev-entretien\n"
    (row,) = corrected(read, table.encode(), "vivier", "ev-crreation", "ev-creation")
    assert isinstance(row, Row)
    assert [offer.segments for offer in row.record.offers] == [("ev-entretien",), ("ev-creation",)]


def test_the_faults_of_before_are_replaced(read: Read) -> None:
    table = "Nom;SIRET;à corriger\nUn;12;Le SIRET a 14 chiffres\n".encode()
    assert rejected_rows(table, "spreadsheet", {}, {2: "autre chose"}).decode("utf-8-sig") == (
        "Nom;SIRET;à corriger\r\nUn;12;autre chose\r\n"
    )
