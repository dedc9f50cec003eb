"""Inclusion structures as le marché de l'inclusion lists them."""

import csv
import io
from pathlib import Path

import pytest

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import Address, Approval, Contact, Point
from sources.formats.registry import CSV, read_rows
from sources.formats.siae import COLUMNS
from sources.rows import Context, UnreadableFile
from sources.validation import siret_passes_check
from tests.sources.formats.conftest import Read, new_context

KNOWN = {
    "id": "12", "kind": "ACI", "siret": "75187049400026", "naf": "8899B", "name": "LA COLLECTERIE", "city": "Montreuil",
    "post_code": "93100", "department": "93", "lon": "2.455023", "lat": "48.865024",
}  # fmt: skip


def table(*rows: dict[str, str]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, (*COLUMNS, "commune_pip"))
    writer.writeheader()
    writer.writerows(dict.fromkeys(COLUMNS, "") | KNOWN | row for row in rows)
    return out.getvalue().encode()


def one(read: Read, **cells: str) -> Row | RowError:
    (row,) = read(table(cells), CSV, "siae")
    return row


def test_a_row_becomes_a_record_with_an_approval_of_unknown_dates(read: Read) -> None:
    row = one(read, brand="La Collecterie", address="18 rue Saint-Antoine", website="https://example.org")
    assert isinstance(row, Row)
    assert (row.line, row.external_id, row.record.name) == (2, "12", "LA COLLECTERIE")
    assert row.record.trade_name == "La Collecterie"
    assert row.record.approvals == (Approval("ACI"),)
    assert row.record.address == Address("18 rue Saint-Antoine", "93100", "Montreuil", "93048")
    assert row.record.location == Point(48.865024, 2.455023)
    assert row.record.contact == Contact(website="https://example.org")
    assert (row.record.legal_form, row.record.ess, row.record.offers) == (None, None, ())


def test_the_commune_is_not_taken_from_what_was_derived_from_the_point(read: Read) -> None:
    row = one(read, city="Nulle-Part", commune_pip="93048")
    assert isinstance(row, Row)
    assert row.record.address is not None
    assert row.record.address.commune is None


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"kind": "ETI"}, "unknown_value /approvals/0/kind"),
        ({"lat": ""}, "missing_field /location"),
        ({"lat": "48°"}, "wrong_format /location/lat"),
        ({"lat": "488.65"}, "out_of_range /location/lat"),
        ({"siret": "7518704940002"}, "invalid_siret /siret"),
        ({"name": ""}, "wrong_length /name"),
    ],
)
def test_a_row_that_cannot_be_right_is_rejected(read: Read, cells: dict[str, str], fault: str) -> None:
    row = one(read, **cells)
    assert isinstance(row, RowError)
    assert (row.line, row.external_id, f"{row.code} {row.pointer}") == (2, "12", fault)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(UnreadableFile, match="post_code"):
        list(read_rows("siae", io.BytesIO(table().replace(b"post_code", b"zip")), CSV, new_context()))


def test_the_real_file_comes_in(shared_data: Path, context: Context) -> None:
    """3,853 rows, at most 3 % rejected; the bad SIRETs and the point on the Greenwich meridian are kept."""
    with (shared_data / "suppliers" / "siae_2020_iae.csv").open("rb") as stream:
        rows = list(read_rows("siae", stream, CSV, context))
    records = [row.record for row in rows if isinstance(row, Row)]
    assert len(rows) == 3853
    assert len(records) >= 3853 * 0.97
    assert sum(record.siret is not None and not siret_passes_check(record.siret) for record in records) == 13
    assert sum(record.location is None for record in records) == 32
    assert any(record.location is not None and record.location.lon == 2.4e-05 for record in records)


def test_what_the_real_rows_are_said_to_offer(shared_data: Path, context: Context) -> None:
    """All AI and ETTI make staff available; some 800 rows have a telling NAF code; most others say nothing."""
    with (shared_data / "suppliers" / "siae_2020_iae.csv").open("rb") as stream:
        rows = [row for row in read_rows("siae", stream, CSV, context) if isinstance(row, Row)]
    offers = [offer for row in rows for offer in row.record.offers]
    assert {offer.basis for offer in offers} == {"inferred"}
    assert sum("so-mad" in offer.segments for offer in offers) == 620 + 299
    assert 760 <= sum((offer.label or "").startswith("Déduit du code NAF") for offer in offers) <= 840
    assert sum(not row.record.offers for row in rows) > 1500
