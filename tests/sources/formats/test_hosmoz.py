"""The list of ESAT and EA of the network Hosmoz."""

from dataclasses import replace
from io import BytesIO
from typing import Any

from domain.suppliers.source import SourceMapping
from domain.suppliers.supplier import Address, Approval, PlacesSize
from sources.file_reader import CSV, read_rows
from tests.sources.formats.conftest import CONTEXT

HEADER = (
    "Raison Sociale,Siret,Catégorie,Adresse,Code Postal,Ville,Tel public,Email,"
    "Nombre de travailleurs dans la structure (en ETP),Pôles de compétences,Adhérent Hosmoz,URL\n"
)


def read(*lines: str, header: str = HEADER, **mapping: Any) -> list[Any]:
    context = replace(CONTEXT, mapping=SourceMapping(**mapping))
    return list(read_rows("hosmoz", BytesIO((header + "\n".join(lines) + "\n").encode()), CSV, context))


def test_a_row_is_an_establishment_with_its_kind_workers_and_poles() -> None:
    line = (
        "ESAT du Blavet,913 109 336 00010,Établissement et service d'aide par le travail,3 rue du Port,56300,Pontivy,"
        '297000000,,"62,5","Blanchisserie, pressing, Espaces verts, Aquariophilie",Oui,'
    )
    (row,) = read(line)
    record = row.record
    assert (row.external_id, row.joins, record.siret) == ("91310933600010", None, "91310933600010")
    assert (record.name, record.contact.phone) == ("ESAT du Blavet", "0297000000")
    assert record.address == Address("3 rue du Port", "56300", "Pontivy", "56178")
    assert (record.employees, record.size and record.size.places) == (None, PlacesSize(62))
    assert record.approvals == (Approval("ESAT"),)
    (offer,) = record.offers
    assert (offer.segments, offer.basis) == (("lt-blanchisserie", "ev-entretien"), "declared")
    assert [flag.detail for flag in row.flags] == ["Aquariophilie"]
    (row,) = read(line, categories={"Aquariophilie": ["so-jeunesse"], "Espaces verts": []})
    assert ([offer.segments for offer in row.record.offers], row.flags) == ([("lt-blanchisserie", "so-jeunesse")], ())


def test_a_row_without_a_name_adds_to_the_supplier_with_its_siret() -> None:
    header = "Siret;Catégorie;Nombre de travailleurs;Pôles de compétences\n"
    named, unknown, bad = read(
        "91310933600010;Entreprise adaptée;40;Nettoyage", "91310933600010;;;", "91310933600010;EZAT;x;", header=header
    )
    assert (named.joins, named.record.employees, named.record.approvals) == ("91310933600010", 40, (Approval("EA"),))
    assert (unknown.record.approvals, unknown.record.employees, unknown.record.offers) == (None, None, ())
    assert (bad.pointer, "ESAT" in bad.detail) == ("/approvals/0/kind", True)
