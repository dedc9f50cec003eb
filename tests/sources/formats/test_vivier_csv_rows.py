"""Suppliers as rows of our own CSV, and the records that an import makes of them again."""

import csv
import io
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.rows import Row
from domain.suppliers.supplier import (
    Address,
    Contact,
    Flag,
    Offer,
    Placement,
    Point,
    ServiceArea,
    Supplier,
    SupplierRecord,
)
from sources.formats.csv_writer import Dialect, csv_of
from sources.formats.vivier_csv import read_csv
from sources.formats.vivier_csv_rows import HEADER, rows_of_supplier
from tests.sources.formats.conftest import new_context
from tests.sources.formats.expressible_records import RECORDS

CONTEXT = new_context()
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ON = NOW.date()
DIALECTS: tuple[Dialect, ...] = ("plain", "excel")


def supplier_of(record: SupplierRecord, external_id: str = "1") -> Supplier:
    """The supplier that the record alone describes, where it says."""
    placement = Placement(record.location, record.address.commune if record.address else None)
    return assemble(UUID(int=1), [StoredRecord("annuaire", external_id, record, placement, UUID(int=1), NOW, NOW)])


def table_of(supplier: Supplier, dialect: Dialect = "plain") -> list[dict[str, str]]:
    written = csv_of(HEADER, rows_of_supplier(supplier, ON, "annuaire"), dialect).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(written, newline=""), delimiter=";" if dialect == "excel" else ","))


def given_out(record: SupplierRecord) -> SupplierRecord:
    """The record without the person to contact."""
    contact = record.contact and msgspec.structs.replace(record.contact, person=None)
    return msgspec.structs.replace(record, contact=None if contact == Contact() else contact)


@given(st.lists(RECORDS, max_size=3), st.sampled_from(DIALECTS))
def test_a_table_makes_the_same_records_again(records: list[SupplierRecord], dialect: Dialect) -> None:
    suppliers = [supplier_of(record, str(position)) for position, record in enumerate(records)]
    rows = (row for each in suppliers for row in rows_of_supplier(each, ON, "annuaire"))
    read = read_csv(io.BytesIO(csv_of(HEADER, rows, dialect)), CONTEXT)
    known = [(row.external_id, row.record if isinstance(row, Row) else row) for row in read]
    assert known == [(str(position), given_out(each)) for position, each in enumerate(records)]


def test_a_supplier_has_a_row_for_each_offer_alike_but_for_it() -> None:
    record = SupplierRecord("A", offers=(Offer(("pr-locaux",), basis="inferred"), Offer(("ev-entretien",))))
    first, second = table_of(supplier_of(record))
    assert (first["segments"], first["basis"]) == ("pr-locaux", "inferred")
    assert (second["segments"], second["basis"]) == ("ev-entretien", "declared")
    assert {name for name in first if first[name] != second[name]} == {"segments", "basis"}


def test_an_offer_that_is_told_twice_has_one_row() -> None:
    """A row repeated as it is would be rejected as a duplicate."""
    once = Offer(("pr-locaux",), service_area=ServiceArea(radius_km=40))
    assert len(table_of(supplier_of(SupplierRecord("A", offers=(once, once))))) == 1


def test_an_id_is_that_of_the_record_at_the_source_asked_for() -> None:
    supplier = supplier_of(SupplierRecord("A"), "42")
    ids = [next(rows_of_supplier(supplier, ON, source))[HEADER.index("external_id")] for source in ("annuaire", None)]
    assert ids == ["42", str(supplier.id)]


def test_the_point_of_a_commune_is_given_and_does_not_become_the_suppliers_own() -> None:
    commune = CONTEXT.territories.communes[CONTEXT.territories.commune_ordinal("56178") or 0]
    placed = Placement(Point(commune.lat or 0, commune.lon or 0), "56178", (Flag("placed_at_commune", "56178"),))
    record = SupplierRecord("A", address=Address(commune="56178"))
    supplier = assemble(UUID(int=1), [StoredRecord("annuaire", "1", record, placed, UUID(int=1), NOW, NOW)])
    (row,) = table_of(supplier)
    assert float(row["location.lat"]) == commune.lat
    table = csv_of(HEADER, rows_of_supplier(supplier, ON, "annuaire"))
    assert list(read_csv(io.BytesIO(table), CONTEXT)) == [Row(2, "1", record)]
    # one that somebody put in its place is taken
    moved = table.replace(row["location.lat"].encode(), b"48.07")
    (read,) = read_csv(io.BytesIO(moved), CONTEXT)
    assert isinstance(read, Row)
    assert read.record.location == Point(48.07, commune.lon or 0)


def test_a_spreadsheet_keeps_the_digits_of_texts_and_gets_decimal_commas() -> None:
    record = SupplierRecord(
        "A;B",
        siret="80746931700018",
        address=Address(postal_code="01000", commune="56178"),
        location=Point(48.1, -1.7),
        contact=Contact(phone="+33297010203"),
        turnover_eur=850_000.0,
    )
    table = csv_of(HEADER, rows_of_supplier(supplier_of(record), ON, "annuaire"), "excel")
    assert table.startswith(b"\xef\xbb\xbfid;external_id;")
    assert table.endswith(b"\r\n")
    (row,) = table_of(supplier_of(record), "excel")
    kept = [row[name] for name in ("siret", "address.postal_code", "contact.phone", "address.commune", "external_id")]
    assert kept == ["'80746931700018", "'01000", "'+33297010203", "56178", "1"]
    assert (row["location.lat"], row["turnover_eur"]) == ("48,1", "850000")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "'=1"])
def test_no_cell_is_a_formula(name: str, dialect: Dialect) -> None:
    (row,) = table_of(supplier_of(SupplierRecord(name, description=name)), dialect)
    assert (row["name"], row["description"]) == (f"'{name}", f"'{name}")


def test_the_person_to_contact_is_not_given() -> None:
    (row,) = table_of(supplier_of(SupplierRecord("A", contact=Contact(person="Anne Personne"))))
    assert "contact.person" not in row
    assert "Anne" not in str(row)
