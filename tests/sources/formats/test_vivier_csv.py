"""Our own record as CSV."""

from datetime import date

import pytest

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Address, Approval, Offer, Point, ServiceArea, SupplierRecord
from sources.formats.csv_cells import neutralised
from sources.formats.registry import CSV
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import Read


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
        ("location.lat", '"1,234.5"', "wrong_format /location/lat"),
        ("location.lat", "91", "out_of_range /location/lat"),
        ("ess", "peut-être", "wrong_format /ess"),
        ("employees", "4.5", "wrong_format /employees"),
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
        ("external_id;name;segmnts", "segments"),
        ("name", "external_id"),
    ],
)
def test_a_wrong_header_says_what_would_be_right(read: Read, header: str, hint: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read(f"{header}\n".encode(), CSV)
    assert hint in raised.value.problems[0].detail.en


FORMULAS = ["=1+1", '=HYPERLINK("https://a.example")', "@SUM(A1)", "+A1", "-A1", "\t=1", "'=1", "''=1"]
FORMULAS += ["\uff1d1+1", "\uff0bA1", "\uff0dA1", "\uff20SUM(A1)", "'\uff1d1"]


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


HEADER = (
    "external_id;name;siret;ess;approvals;address.commune;location.lat;location.lon;segments;radius_km;turnover_eur"
)
SAVED = f"""{HEADER}
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
        "Atelier\r\ndu Scorff",
        ess=False,
        address=Address(commune="56121"),
        offers=(Offer(("lt-blanchisserie",)),),
    ),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("named", ["", "sep=;\n"], ids=["as it is", "with sep="])
def test_what_a_french_spreadsheet_saves_is_read_as_it_is(read: Read, encoding: str, named: str) -> None:
    saved = (named + SAVED).replace("\n", "\r\n").encode(encoding)
    assert [record_of(row) for row in read(saved, CSV)] == READ


def test_columns_may_be_set_apart_by_tabs(read: Read) -> None:
    (row,) = read(b"external_id\tname\tlocation.lat\tlocation.lon\n1\tA, B; C\t48,1\t-1.7\n", CSV)
    assert record_of(row) == SupplierRecord("A, B; C", location=Point(48.1, -1.7))


def test_empty_rows_and_columns_beyond_the_table_are_none(read: Read) -> None:
    first, second = read(b"external_id;name;;\n1;A;;\n;;;\n2;B;;;;\n;;;\n", CSV)
    assert (first.line, record_of(first).name, second.line, record_of(second).name) == (2, "A", 4, "B")


def test_what_stands_beyond_the_table_is_not_dropped(read: Read) -> None:
    (row,) = read(b"external_id;name;\n1;A;lost\n", CSV)
    assert isinstance(row, RowError)
    assert row.code == "cell_count"


@pytest.mark.parametrize("written", ["true", "VRAI", "Oui", " 1 "])
def test_yes_is_written_in_several_ways(read: Read, written: str) -> None:
    assert record_of(one(read, "ess,in_prison", f"{written},0")).ess is True
    assert record_of(one(read, "ess,in_prison", f"FAUX,{written}")).ess is False


@pytest.mark.parametrize(
    ("written", "said"),
    [("8,07469E+13", "made a number"), ("8.07E13", "made a number"), ("5784300012345", "zeros"), ("123", "14 digits")],
)
def test_a_siret_that_a_spreadsheet_spoiled_says_so(read: Read, written: str, said: str) -> None:
    row = one(read, "siret", f'"{written}"')
    assert isinstance(row, RowError)
    assert (row.code, row.pointer) == ("invalid_siret", "/siret")
    assert said in row.detail


def test_approvals_that_are_not_held_are_told_from_those_not_known(read: Read) -> None:
    assert record_of(one(read, "approvals", "none")).approvals == ()
    assert record_of(one(read, "approvals", "")).approvals is None


def test_rows_that_follow_each_other_are_the_offers_of_one_record(read: Read) -> None:
    table = b"external_id,name,segments,radius_km\n1,A,ev-entretien,40\n1,A,pr-locaux,\n2,B,,\n"
    first, second = read(table, CSV)
    assert [offer.segments for offer in record_of(first).offers] == [("ev-entretien",), ("pr-locaux",)]
    assert (first.line, second.line, record_of(second).offers) == (2, 4, ())


@pytest.mark.parametrize(
    "second", ["1,B,pr-locaux", "1,A,ev-entretien", "1,A,"], ids=["another name", "the same offer", "no offer"]
)
def test_a_row_that_repeats_an_id_and_tells_no_other_offer_is_a_row_of_its_own(read: Read, second: str) -> None:
    rows = read(f"external_id,name,segments\n1,A,ev-entretien\n{second}\n".encode(), CSV)
    assert [(row.line, row.external_id) for row in rows] == [(2, "1"), (3, "1")]


def test_a_fault_in_a_further_offer_is_located_in_it(read: Read) -> None:
    (row,) = read(b"external_id,name,segments,radius_km\n1,A,ev-entretien,40\n1,A,pr-locaux,far\n", CSV)
    assert isinstance(row, RowError)
    assert (row.line, row.pointer) == (2, "/offers/1/service_area/radius_km")


def test_one_record_holds_a_bounded_number_of_rows(read: Read) -> None:
    offers = "".join(f"1,A,pr-locaux,{radius}\n" for radius in range(1, 404))
    rows = read(f"external_id,name,segments,radius_km\n{offers}".encode(), CSV)
    assert [(row.line, row.external_id, type(row)) for row in rows][:2] == [(2, "1", RowError), (203, "1", RowError)]
