"""Our own record as NDJSON and as a JSON array."""

import io
import tracemalloc

import msgspec
import pytest
from hypothesis import given

from domain.suppliers.rows import Row, RowError
from domain.suppliers.supplier import SupplierRecord
from sources.formats.registry import JSON, NDJSON
from sources.formats.vivier import read_ndjson
from tests.sources.formats.conftest import Endless, Read, new_context
from tests.sources.formats.expressible_records import RECORDS

CONTEXT = new_context()

GOOD = b'{"external_id": "7", "name": "Les Jardins du Blavet", "siret": "80746931700018"}'


def located(rows: list[Row | RowError]) -> list[tuple[int, str | None, str]]:
    """Line, id, and what became of each row: its name, or the code and place of its fault."""
    return [
        (row.line, row.external_id, row.record.name if isinstance(row, Row) else f"{row.code} {row.pointer}".strip())
        for row in rows
    ]


def test_blank_lines_crlf_and_a_byte_order_mark_are_no_rows(read: Read) -> None:
    data = b"\xef\xbb\xbf\r\n" + GOOD + b"\r\n  \n" + GOOD
    assert [row[0] for row in located(read(data, NDJSON))] == [2, 4]


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
def test_a_bad_row_is_located_and_does_not_stop_the_next(
    read: Read, row: bytes, external_id: str | None, fault: str
) -> None:
    expected = [(1, external_id, fault), (2, "7", "Les Jardins du Blavet")]
    assert located(read(row + b"\n" + GOOD, NDJSON)) == expected


def test_the_elements_of_an_array_are_judged_one_by_one(read: Read) -> None:
    data = b"[" + GOOD + b',\n{"external_id": "8"},\n12,\n' + GOOD + b",]"
    assert located(read(data, JSON)) == [
        (1, "7", "Les Jardins du Blavet"),
        (2, "8", "missing_field /name"),
        (3, None, "wrong_type"),
        (4, "7", "Les Jardins du Blavet"),
        (4, None, "malformed_json"),
    ]


def test_a_reject_names_everything_that_is_wrong_with_the_content(read: Read) -> None:
    row = b'{"external_id": "1", "name": "A", "siret": "1", "offers": [{"segments": ["pr-locau"]}]}'
    (found,) = read(row, NDJSON)
    assert isinstance(found, RowError)
    assert found.pointer == "/siret"
    assert "/offers/0/segments/0" in found.detail
    assert "pr-locaux" in found.detail


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
