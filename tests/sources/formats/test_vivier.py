"""Our own record as NDJSON, JSON array and CSV, and suppliers as rows of the CSV of which the same records are made.

The Table Schema of suppliers as CSV is held against the rules of Table Schema and against tables as they are given.
"""

import csv
import io
import tracemalloc
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.source import Row, RowError
from domain.suppliers.supplier import (
    Address,
    Approval,
    Contact,
    Flag,
    Offer,
    Placement,
    Point,
    ServiceArea,
    StaffSize,
    Supplier,
    SupplierRecord,
    SupplierSize,
)
from domain.text.labels import GIVEN_ALONE
from sources.file_reader import CSV, JSON, NDJSON
from sources.file_types.csv_cells import Dialect, csv_of, neutralised_text
from sources.formats.vivier import read_csv, read_ndjson, rows_of_supplier
from sources.formats.vivier_columns import COLUMNS, HEADER, NEVER_GIVEN, table_schema
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import CONTEXT, RECORDS, Endless, read

GOOD = b'{"external_id": "7", "name": "Les Jardins du Blavet", "siret": "80746931700018"}'


def located(rows: list[Row | RowError]) -> list[tuple[int, str | None, str]]:
    """Line, id, and what became of each row: its name, or the code and place of its fault."""
    return [
        (row.line, row.external_id, row.record.name if isinstance(row, Row) else f"{row.code} {row.pointer}".strip())
        for row in rows
    ]


def test_lines_and_the_elements_of_an_array_are_judged_one_by_one() -> None:
    """Blank lines, CRLF and a byte order mark are no rows."""
    data = b"\xef\xbb\xbf\r\n" + GOOD + b"\r\n  \n" + GOOD
    assert [row[0] for row in located(read(data, NDJSON))] == [2, 4]
    data = b"[" + GOOD + b',\n{"external_id": "8"},\n12,\n' + GOOD + b"]"
    assert located(read(data, JSON)) == [
        (1, "7", "Les Jardins du Blavet"),
        (2, "8", "missing_field /name"),
        (3, None, "wrong_type"),
        (4, "7", "Les Jardins du Blavet"),
    ]


@pytest.mark.parametrize(
    ("row", "external_id", "fault"),
    [
        (b'{"external_id": "1", "name": "A", "employees": "4"}', "1", "wrong_type /employees"),
        (b'{"external_id": "1", "name": "A", "offers": [{"cpv": ["", 3]}]}', "1", "wrong_length /offers/0/cpv/0"),
        (b'{"external_id": "1", "name": "A", "nme": "B"}', "1", "unknown_field /nme"),
        (b'{"external_id": "1"}', "1", "missing_field /name"),
        (b'{"name": "A"}', None, "missing_field /external_id"),
        (b'{"external_id": "", "name": "A"}', None, "wrong_length /external_id"),
        (b'{"external_id": 1, "name": "A"}', None, "wrong_type /external_id"),
        (b'{"external_id": "1", "name": "A", "name": "B"}', "1", "duplicate_key /name"),
        (b'{"external_id": "1", "external_id": "2", "name": "A"}', None, "duplicate_key /external_id"),
        (b'{"external_id": "1", "name": "A", "offers": [{"cpv": [], "cpv": []}]}', "1", "duplicate_key /offers/0/cpv"),
        (b'{"external_id": "1", "name": "A", "siret": "123"}', "1", "invalid_siret /siret"),
        (b'{"external_id": "1", "name": "A", "siret": "1\\u0000"}', "1", "null_character /siret"),
        (b'{"external_id": "1", "name": "A", "legal_form": "\\u0000"}', "1", "null_character /legal_form"),
        (b'{"external_id": "1", "name": "\xe9"}', "1", "not_utf8"),
        (b'{"external_id": "1", "name": "A\x00"}', None, "malformed_json"),
        (b'{"external_id": "1", "name": "A"', None, "malformed_json"),
        (b'{"external_id": "1", "name": "A"} {}', None, "malformed_json"),
        (b'{"external_id": "1", "name": "A", "location": {"lat": NaN, "lon": 0}}', None, "malformed_json"),
        (b"[" * 100_000, None, "wrong_type"),
        (b"null", None, "wrong_type"),
    ],
)  # fmt: skip
def test_a_bad_row_is_located_and_does_not_stop_the_next(row: bytes, external_id: str | None, fault: str) -> None:
    expected = [(1, external_id, fault), (2, "7", "Les Jardins du Blavet")]
    assert located(read(row + b"\n" + GOOD, NDJSON)) == expected


def test_a_line_of_a_hundred_megabytes_is_rejected_without_being_held() -> None:
    stream = io.BufferedReader(Endless(b'{"name": "', b"x", 100_000_000, b'"}\n' + GOOD))
    tracemalloc.start()
    try:
        rows = list(read_ndjson(stream, CONTEXT))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert located(rows) == [(1, None, "line_too_long"), (2, "7", "Les Jardins du Blavet")]
    assert held < 20_000_000


@given(RECORDS)
def test_a_record_comes_back_as_it_was_sent(record: SupplierRecord) -> None:
    line = msgspec.json.encode(msgspec.to_builtins(record) | {"external_id": "1"})
    assert list(read_ndjson(io.BytesIO(line), CONTEXT)) == [Row(1, "1", record)]


def one(columns: str, cells: str) -> Any:
    (row,) = read(f"external_id,name,{columns}\n1,A,{cells}\n".encode(), CSV)
    return row


def record_of(row: Row | RowError) -> SupplierRecord:
    assert isinstance(row, Row), row
    return row.record


@pytest.mark.parametrize(
    ("columns", "cells", "known"),
    [
        ("siret,ess,approvals,location.lat,segments,active", ",,,,,", {}),
        (
            "segments,cpv,area_codes,national",
            "pr-locaux|ev-entretien,90910000-9,departement:35|commune:56178,false",
            {
                "offers": (
                    Offer(
                        ("pr-locaux", "ev-entretien"),
                        ("90910000-9",),
                        service_area=ServiceArea(codes=("departement:35", "commune:56178")),
                    ),
                )
            },
        ),
        # kind, from and until, with open bounds empty
        (
            "approvals",
            "ACI:45658:31/12/2027|EI::|ESAT",
            {"approvals": (Approval("ACI", date(2025, 1, 1), date(2027, 12, 31)), Approval("EI"), Approval("ESAT"))},
        ),
        ("approvals", "none", {"approvals": ()}),
        *(("employees", cell, {"employees": 1200}) for cell in ("1200.5", "1 200 salariés")),
        *(("employees", cell, {"size": SupplierSize(StaffSize(10, 19))}) for cell in ("10 à 19", "10-19")),
        ("address.postal_code,address.commune", "1000,1053", {"address": Address(None, "01000", None, "01053")}),
        (
            "siret,contact.phone",
            "5580501400101,297000000",
            {"siret": "05580501400101", "contact": Contact(phone="0297000000")},
        ),
        *(("ess,in_prison", f"{yes},0", {"ess": True, "in_prison": False}) for yes in ("true", "VRAI", "Oui", " 1 ")),
        *(("ess,in_prison", f"FAUX,{yes}", {"ess": False, "in_prison": True}) for yes in ("true", "VRAI")),
    ],
)
def test_cells_say_what_they_say_and_an_empty_one_nothing(columns: str, cells: str, known: dict[str, Any]) -> None:
    assert record_of(one(columns, cells)) == SupplierRecord("A", **known)


@pytest.mark.parametrize(
    ("column", "cell", "fault"),
    [
        ("location.lat", '"1,234.5"', "wrong_format /location/lat"),
        ("location.lat", "91", "out_of_range /location/lat"),
        ("ess", "peut-être", "wrong_format /ess"),
        ("location.lat,location.lon,address.postal_code", "x,2,99999", "wrong_format /location/lat"),
        ("approvals", "ACI:2025", "wrong_format /approvals/0"),
        ("approvals", "ACI:2025-13-01:", "wrong_format /approvals/0/valid_from"),
        ("approvals", "ACI:2026-01-01:2025-01-01", "invalid_period /approvals/0/valid_until"),
        ("segments", "pr-locaux||ev-entretien", "wrong_length /offers/0/segments/1"),
        ("radius_km", "30", "no_object /offers/0"),
        ("evidence", "award:2024", "wrong_format /offers/0/evidence/0"),
        ("evidence", "rumour::::", "unknown_value /offers/0/evidence/0/kind"),
        ("basis", "guessed", "unknown_value /offers/0/basis"),
        ("siret", "807 469 317 000", "invalid_siret /siret"),
        ("legal_form", "asso", "unknown_value /legal_form"),
        ("labels", "x" * 201, "wrong_length /labels/0"),
    ],
)
def test_a_bad_cell_is_located_in_the_record(column: str, cell: str, fault: str) -> None:
    row = one(column, cell)
    assert (row.line, row.external_id, f"{row.code} {row.pointer}") == (2, "1", fault)


def test_a_size_that_is_not_understood_is_flagged_and_a_reject_names_everything_that_is_wrong() -> None:
    assert one("employees", "2019-10-01").flags == (Flag("not_understood", "2019-10-01"),)
    row = one("address.postal_code,address.city,address.commune,segments,ess", "56300,Pontivy,99999,pr-locau,peut-être")
    assert (row.pointer, row.detail.count("perhaps 56178"), row.detail.count("pr-locaux")) == ("/ess", 1, 1)


def test_a_row_without_external_id_is_rejected() -> None:
    first, second = read(b"name,external_id\nA,\nB,2\n", CSV)
    assert (first.line, first.pointer) == (2, "/external_id")
    assert record_of(second).name == "B"


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("external_id,name,segmnts", "segments"),
        ("external_id,name,lat", "location.lat"),
        ("external_id;name;segmnts", "segments"),
        ("name", "external_id"),
    ],
)
def test_a_wrong_header_says_what_would_be_right(header: str, hint: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(f"{header}\n".encode(), CSV)
    assert hint in raised.value.problems[0].detail.en


FORMULAS = ["=1+1", '=HYPERLINK("https://a.example")', "@SUM(A1)", "+A1", "-A1", "\t=1", "\r=1", "'=1", "''=1"]
FORMULAS += ["\uff1d1+1", "\uff0bA1", "\uff0dA1", "\uff20SUM(A1)", "'\uff1d1"]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_only_text_to_a_spreadsheet_and_comes_back(name: str) -> None:
    written = neutralised_text(name)
    assert written == f"'{name}"
    quoted = written.replace('"', '""')
    (row,) = read(f'external_id,name\n"{quoted}","{quoted}"\n'.encode(), CSV)
    assert (row.external_id, record_of(row).name) == (name.strip(), name)
    for dialect in DIALECTS:
        (cells,) = table_of(supplier_of(SupplierRecord(name, description=name)), dialect)
        assert (cells["name"], cells["description"]) == (written, written)


@pytest.mark.parametrize("text", ["Jardin", "L'Atelier", "'ndaman", "", "+33 2 97 01 02 03", "-2.96", "a=b", "'"])
def test_other_texts_are_written_and_read_as_they_are(text: str) -> None:
    assert neutralised_text(text) == text
    assert record_of(one("description", text)).description == (text or None)


SAVED_HEADER = (
    "external_id;name;siret;ess;approvals;address.commune;location.lat;location.lon;segments;radius_km;turnover_eur"
)
SAVED = f"""{SAVED_HEADER}
42;Bœuf & Évêché;807 469 317 00018;VRAI;ACI:01/02/2025:;56178;48,0683;-2,9629;ev-entretien;40,5;850\u00a0000,50
43;"Atelier
du Scorff";;non;;56121;;;lt-blanchisserie;;
"""
READ = [
    SupplierRecord(
        "Bœuf & Évêché",
        siret="80746931700018",
        ess=True,
        approvals=(Approval("ACI", date(2025, 2, 1), None),),
        address=Address(commune="56178"),
        location=Point(48.0683, -2.9629),
        offers=(Offer(("ev-entretien",), service_area=ServiceArea(radius_km=40.5)),),
        turnover_eur=850_000.5,
    ),
    SupplierRecord(
        "Atelier\r\ndu Scorff", ess=False, address=Address(commune="56121"), offers=(Offer(("lt-blanchisserie",)),)
    ),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("named", ["", "sep=;\n"], ids=["as it is", "with sep="])
def test_what_a_french_spreadsheet_saves_is_read_as_it_is(encoding: str, named: str) -> None:
    saved = (named + SAVED).replace("\n", "\r\n").encode(encoding)
    assert [record_of(row) for row in read(saved, CSV)] == READ


def test_columns_are_set_apart_by_tabs_and_empty_ones_beyond_the_table_are_none() -> None:
    """Nor are empty rows; what stands there is not dropped."""
    (row,) = read(b"external_id\tname\tlocation.lat\tlocation.lon\n1\tA, B; C\t48,1\t-1.7\n", CSV)
    assert record_of(row) == SupplierRecord("A, B; C", location=Point(48.1, -1.7))
    first, second = read(b"external_id;name;;\n1;A;;\n;;;\n2;B;;;;\n;;;\n", CSV)
    assert (first.line, record_of(first).name, second.line, record_of(second).name) == (2, "A", 4, "B")
    (row,) = read(b"external_id;name;\n1;A;lost\n", CSV)
    assert row.code == "cell_count"


@pytest.mark.parametrize(
    ("written", "said"),
    [("8,07469E+13", "made a number"), ("8.07E13", "made a number"), ("5784300012345", "zeros"), ("123", "14 digits")],
)
def test_a_siret_that_a_spreadsheet_spoiled_says_so(written: str, said: str) -> None:
    row = one("siret", f'"{written}"')
    assert (row.code, row.pointer) == ("invalid_siret", "/siret")
    assert said in row.detail


def test_rows_that_follow_each_other_are_the_offers_of_one_record() -> None:
    """It holds a bounded number of them."""
    table = "external_id,name,segments,radius_km\n1,A,ev-entretien,40\n1,A,pr-locaux,{}\n2,B,,\n"
    first, second = read(table.format("").encode(), CSV)
    assert [offer.segments for offer in record_of(first).offers] == [("ev-entretien",), ("pr-locaux",)]
    assert (first.line, second.line, record_of(second).offers) == (2, 4, ())
    faulty, _ = read(table.format("far").encode(), CSV)
    assert (faulty.line, faulty.pointer) == (2, "/offers/1/service_area/radius_km")
    offers = "".join(f"1,A,pr-locaux,{radius}\n" for radius in range(1, 404))
    rows = read(f"external_id,name,segments,radius_km\n{offers}".encode(), CSV)
    assert [(row.line, row.external_id, type(row)) for row in rows][:2] == [(2, "1", RowError), (203, "1", RowError)]


@pytest.mark.parametrize(
    "second", ["1,B,pr-locaux", "1,A,ev-entretien", "1,A,"], ids=["another name", "the same offer", "no offer"]
)
def test_a_row_that_repeats_an_id_and_tells_no_other_offer_is_a_row_of_its_own(second: str) -> None:
    rows = read(f"external_id,name,segments\n1,A,ev-entretien\n{second}\n".encode(), CSV)
    assert [(row.line, row.external_id) for row in rows] == [(2, "1"), (3, "1")]


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
    """The record without the person to contact; what it declares is said to be a directory's word."""
    contact = record.contact and msgspec.structs.replace(record.contact, person=None)
    offers = tuple(
        msgspec.structs.replace(each, declared_by="network" if each.basis == "declared" else None)
        for each in record.offers
    )
    return msgspec.structs.replace(record, contact=None if contact == Contact() else contact, offers=offers)


@given(st.lists(RECORDS, max_size=3), st.sampled_from(DIALECTS))
def test_a_table_makes_the_same_records_again(records: list[SupplierRecord], dialect: Dialect) -> None:
    suppliers = [supplier_of(record, str(position)) for position, record in enumerate(records)]
    rows = (row for each in suppliers for row in rows_of_supplier(each, ON, "annuaire"))
    read = read_csv(io.BytesIO(csv_of(HEADER, rows, dialect)), CONTEXT)
    known = [(row.external_id, row.record if isinstance(row, Row) else row) for row in read]
    assert known == [(str(position), given_out(each)) for position, each in enumerate(records)]


def test_a_supplier_has_a_row_for_each_offer_alike_but_for_it() -> None:
    """One that is told twice has one: a row repeated as it is would be rejected. The person to contact is not given."""
    inferred, declared = Offer(("pr-locaux",), basis="inferred"), Offer(("ev-entretien",))
    record = SupplierRecord("A", offers=(inferred, declared, inferred), contact=Contact(person="Anne Personne"))
    first, second = table_of(supplier_of(record))
    assert (first["segments"], first["basis"]) == ("pr-locaux", "inferred")
    assert (second["segments"], second["basis"]) == ("ev-entretien", "declared")
    assert {name for name in first if first[name] != second[name]} == {"segments", "basis", "declared_by"}
    assert "contact.person" not in first
    assert "Anne" not in str(first)


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


SCHEMA: dict[str, Any] = msgspec.to_builtins(table_schema("fr"))
FIELDS: dict[str, dict[str, Any]] = {field["name"]: field for field in SCHEMA["fields"]}
# of the specification: the constraints that apply to each type of values
CONSTRAINTS = {
    "string": {"required", "minLength", "maxLength", "pattern", "enum"},
    "number": {"required", "minimum", "maximum", "enum"},
    "integer": {"required", "minimum", "maximum", "enum"},
    "boolean": {"required", "enum"},
}


def test_the_descriptor_is_a_table_schema() -> None:
    assert set(SCHEMA) == {"fields", "missingValues", "fieldsMatch"}
    assert len(FIELDS) == len(SCHEMA["fields"])
    for field in FIELDS.values():
        known = {"name", "type", "title", "description", "constraints"}
        assert set(field) <= known | ({"trueValues", "falseValues"} if field["type"] == "boolean" else set())
        assert field["description"]
        assert set(field.get("constraints", {})) <= CONSTRAINTS[field["type"]]


def test_it_has_the_columns_that_are_given_and_taken() -> None:
    assert tuple(FIELDS) == (*HEADER, NEVER_GIVEN)
    assert set(FIELDS) == {*COLUMNS, *GIVEN_ALONE}
    assert {name for name, field in FIELDS.items() if field.get("constraints", {}).get("required")} == {
        "external_id",
        "name",
    }


def test_bounds_are_those_of_the_record() -> None:
    assert FIELDS["location.lat"]["constraints"] == {"minimum": -90, "maximum": 90}
    assert FIELDS["shares.disabled"]["constraints"] == {"minimum": 0, "maximum": 1}
    assert set(FIELDS["basis"]["constraints"]["enum"]) == {"declared", "awarded", "inferred"}
    assert FIELDS["address.postal_code"]["constraints"] == {"maxLength": 20}


def fault(cell: str, field: dict[str, Any]) -> str | None:
    """The first rule of the field that the cell breaks."""
    bounds = field.get("constraints", {})
    if cell in SCHEMA["missingValues"]:
        return "required" if bounds.get("required") else None
    if field["type"] == "boolean":
        return None if cell in (*field["trueValues"], *field["falseValues"]) else "boolean"
    if "enum" in bounds and cell not in bounds["enum"]:
        return "enum"
    value = int(cell) if field["type"] == "integer" else float(cell) if field["type"] == "number" else len(cell)
    low, high = ("minLength", "maxLength") if field["type"] == "string" else ("minimum", "maximum")
    return None if bounds.get(low, value) <= value <= bounds.get(high, value) else f"{low} or {high}"


@given(RECORDS)
def test_a_table_that_is_given_is_valid(record: SupplierRecord) -> None:
    table = csv_of(HEADER, rows_of_supplier(supplier_of(record), ON)).decode()
    for row in csv.DictReader(io.StringIO(table, newline="")):
        assert [(name, wrong) for name in HEADER if (wrong := fault(row[name], FIELDS[name]))] == []


@pytest.mark.parametrize(
    ("name", "cell", "rule"),
    [("name", "", "required"), ("ess", "peut-être", "boolean"), ("location.lat", "91", "minimum or maximum")],
)
def test_a_table_that_would_be_rejected_is_not(name: str, cell: str, rule: str) -> None:
    assert fault(cell, FIELDS[name]) == rule
