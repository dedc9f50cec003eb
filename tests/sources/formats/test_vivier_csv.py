"""Our own record as CSV."""

import csv
import io

import pytest
from hypothesis import given

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Approval, ServiceArea, SupplierRecord
from sources.formats.csv_cells import neutralised
from sources.formats.registry import CSV
from sources.formats.vivier_csv import COLUMNS, read_csv
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Read, new_context
from tests.sources.formats.expressible_records import RECORDS

CONTEXT = new_context()


def one(read: Read, columns: str, cells: str) -> Row | RowError:
    (row,) = read(f"external_id,name,{columns}\n1,A,{cells}\n".encode(), CSV)
    return row


def record_of(row: Row | RowError) -> SupplierRecord:
    assert isinstance(row, Row), row
    return row.record


def test_an_empty_cell_is_not_known(read: Read) -> None:
    row = one(read, "siret,ess,approvals,location.lat,segments,active", ",,,,,")
    assert record_of(row) == SupplierRecord("A")


def test_one_offer_is_told_by_its_columns(read: Read) -> None:
    row = one(
        read, "segments,cpv,area_codes,national", "pr-locaux|ev-entretien,90910000-9,departement:35|commune:56178,false"
    )
    (offer,) = record_of(row).offers
    assert offer.segments == ("pr-locaux", "ev-entretien")
    assert offer.cpv == ("90910000-9",)
    assert offer.service_area == ServiceArea(codes=("departement:35", "commune:56178"))


def test_approvals_are_written_kind_from_until_with_open_bounds_empty(read: Read) -> None:
    approvals = record_of(one(read, "approvals", "ACI:2025-01-01:2027-12-31|EI::|ESAT")).approvals
    assert approvals is not None
    assert [str(approval.valid_until) for approval in approvals] == ["2027-12-31", "None", "None"]
    assert approvals[1:] == (Approval("EI"), Approval("ESAT"))


@pytest.mark.parametrize(
    ("column", "cell", "fault"),
    [
        ("location.lat", '"48,1"', "wrong_format /location/lat"),
        ("location.lat", "91", "out_of_range /location/lat"),
        ("ess", "oui", "wrong_format /ess"),
        ("employees", "4.5", "wrong_format /employees"),
        ("approvals", "ACI:2025", "wrong_format /approvals/0"),
        ("approvals", "ACI:2025-13-01:", "wrong_format /approvals/0/valid_from"),
        ("approvals", "ACI:2026-01-01:2025-01-01", "invalid_period /approvals/0/valid_until"),
        ("segments", "pr-locaux||ev-entretien", "wrong_length /offers/0/segments/1"),
        ("radius_km", "30", "no_object /offers/0"),
        ("evidence", "award:2024", "wrong_format /offers/0/evidence/0"),
        ("evidence", "rumour::::", "unknown_value /offers/0/evidence/0/kind"),
        ("basis", "guessed", "unknown_value /offers/0/basis"),
        ("siret", "807 469 317 00018", "invalid_siret /siret"),
        ("legal_form", "asso", "unknown_value /legal_form"),
        ("labels", "x" * 201, "wrong_length /labels/0"),
    ],
)
def test_a_bad_cell_is_located_in_the_record(read: Read, column: str, cell: str, fault: str) -> None:
    row = one(read, column, cell)
    assert isinstance(row, RowError)
    assert (row.line, row.external_id, f"{row.code} {row.pointer}") == (2, "1", fault)


def test_a_row_without_external_id_is_rejected(read: Read) -> None:
    first, second = read(b"name,external_id\nA,\nB,2\n", CSV)
    assert isinstance(first, RowError)
    assert (first.line, first.pointer) == (2, "/external_id")
    assert record_of(second).name == "B"


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("external_id,name,segmnts", "segments"),
        ("external_id,name,lat", "location.lat"),
        ("external_id;name;siret", "commas"),
        ("name", "external_id"),
    ],
)
def test_a_wrong_header_says_what_would_be_right(read: Read, header: str, hint: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(f"{header}\n".encode(), CSV)
    assert hint in raised.value.problems[0].detail.en


def csv_of(record: SupplierRecord) -> bytes:
    """The record as a CSV file, written the slow and obvious way."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerow(neutralised(cell(column, record)) for column in COLUMNS)
    return out.getvalue().encode()


def cell(column: str, record: SupplierRecord) -> str:
    offer = record.offers[0] if record.offers else None
    area = offer.service_area if offer else None
    match column:
        case "external_id":
            return "1"
        case "approvals":
            return "|".join(f"{a.kind}:{a.valid_from or ''}:{a.valid_until or ''}" for a in record.approvals or ())
        case "segments" | "cpv":
            value = getattr(offer, column, None)
        case "basis":
            value = offer.basis if offer else None
        case "evidence":
            found = offer.evidence if offer else ()
            value = tuple(f"{e.kind}:{e.on or ''}:{e.source or ''}:{e.reference or ''}:{e.label or ''}" for e in found)
        case "radius_km" | "national":
            value = getattr(area, column, None)
        case "area_codes":
            value = area.codes if area else None
        case _:
            value = record
            for name in column.split("."):
                value = getattr(value, name, None)
    if isinstance(value, bool):
        return str(value).lower()
    return "|".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


@given(RECORDS)
def test_a_record_comes_back_as_it_was_written(record: SupplierRecord) -> None:
    assert list(read_csv(io.BytesIO(csv_of(record)), CONTEXT)) == [Row(2, "1", record)]


FORMULAS = ["=1+1", '=HYPERLINK("https://a.example")', "@SUM(A1)", "+A1", "-A1", "\t=1", "'=1", "''=1"]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_only_text_to_a_spreadsheet_and_comes_back(read: Read, name: str) -> None:
    written = neutralised(name)
    assert written == f"'{name}"
    quoted = written.replace('"', '""')
    (row,) = read(f'external_id,name\n"{quoted}","{quoted}"\n'.encode(), CSV)
    assert (row.external_id, record_of(row).name) == (name.strip(), name)


@pytest.mark.parametrize("text", ["Jardin", "L'Atelier", "'ndaman", "", "+33 2 97 01 02 03", "-2.96", "a=b", "'"])
def test_other_texts_are_written_and_read_as_they_are(read: Read, text: str) -> None:
    assert neutralised(text) == text
    assert record_of(one(read, "description", text)).description == (text or None)
