"""Dated approvals that join suppliers by their SIRET."""

import gzip
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.suppliers.source import Row
from domain.suppliers.supplier import Approval
from sources.file_reader import CSV, read_rows
from sources.formats import conventions
from sources.rows import UnreadableFile
from tests.sources.formats.conftest import CONTEXT, outcome

SIRET = "80746931700018"
HEADER = "siret,kind,valid_from,valid_until,reference,is_active"
CONVENTIONS = "convention_pk,kind,siret_signature,asp_id,is_active,deactivated_at"
ANNEXES = "annex_pk,convention_pk,number,state,start_at,end_at"
JANUARY, JUNE, DECEMBER = date(2025, 1, 1), date(2025, 6, 30), date(2025, 12, 31)


def read(*lines: str) -> list[Any]:
    data = "".join(f"{line}\r\n" for line in lines).encode()
    return list(read_rows("conventions", io.BytesIO(data), CSV, CONTEXT))


def one(*lines: str) -> Any:
    (row,) = read(*lines)
    assert isinstance(row, Row), row
    return row


def test_a_row_is_an_approval() -> None:
    """It may name itself and its supplier. A French spreadsheet may have saved it."""
    row = one(HEADER, f"{SIRET},ACI,2025-01-01,2025-12-31,ACI035,true")
    assert (row.line, row.external_id) == (2, f"{SIRET}/ACI/2025-01-01/ACI035")
    assert (row.record.name, row.record.siret, row.record.active) == (f"SIRET {SIRET}", SIRET, True)
    assert row.record.approvals == (Approval("ACI", JANUARY, DECEMBER, "ACI035"),)
    assert (row.record.offers, row.record.address, row.record.location) == ((), None, None)
    assert one(HEADER.replace(",", ";"), f"{SIRET};ACI;01/01/2025;31/12/2025;ACI035;VRAI") == row
    row = one("external_id,name,siret,kind", f"c-1,Les Jardins,{SIRET},ESUS")
    assert (row.external_id, row.record.name, row.record.approvals) == ("c-1", "Les Jardins", (Approval("ESUS"),))


@pytest.mark.parametrize(
    ("ending", "until"),
    [
        ("true,", DECEMBER),
        ("true,2025-06-30", DECEMBER),  # active again
        ("false,2025-06-30T12:00:00+02:00", JUNE),
        ("False,2026-06-30", DECEMBER),
        # nothing is left of one that ended nobody knows when or before it began; the record says so all the same
        ("false,", None),
        ("false,2024-12-31", None),
    ],
)
def test_an_approval_ends_when_it_was_deactivated(ending: str, until: date | None) -> None:
    row = one(
        "siret,kind,valid_from,valid_until,is_active,deactivated_at", f"{SIRET},EI,2025-01-01,2025-12-31,{ending}"
    )
    assert row.record.approvals == (until and (Approval("EI", JANUARY, until),))


def test_a_convention_has_an_approval_for_each_period_of_its_annexes() -> None:
    """Annexes follow in the same file; those that never were in force, or would be once it ended, give nothing."""
    rows = read(
        CONVENTIONS,
        f"1,EI,{SIRET},9,True,",
        "2,ACI,35600000000048,8,True,",
        f"3,EI,{SIRET},9,False,2025-06-30",
        ANNEXES,
        "10,1,EI-A,VALIDE,2025-01-01,2025-06-30",
        "11,2,ACI-A,ANNULE,2025-01-01,2025-12-31",
        "12,1,EI-B,HISTORISE,2025-01-01,2025-06-30",
        "13,1,EI-C,PROVISOIRE,2025-07-01,2025-12-31",
        "14,3,EI-D,VALIDE,2025-01-01,2025-12-31",
        "15,3,EI-E,VALIDE,2026-01-01,2026-12-31",
    )
    first, second, ended = (row for row in rows if isinstance(row, Row))
    assert (first.line, first.external_id) == (2, "1")
    assert first.record.approvals == (
        Approval("EI", JANUARY, JUNE, "EI-A, EI-B"),
        Approval("EI", date(2025, 7, 1), DECEMBER, "EI-C"),
    )
    assert (second.line, second.record.approvals) == (3, None)
    assert ended.record.approvals == (Approval("EI", JANUARY, JUNE, "EI-D"),)


def test_a_convention_without_annexes_has_an_approval_without_dates_and_is_named_once() -> None:
    assert one(CONVENTIONS, f"1,EI,{SIRET},9,True,").record.approvals == (Approval("EI"),)
    deactivated = one(CONVENTIONS, f"1,EI,{SIRET},9,False,2025-06-30")
    assert deactivated.record.approvals == (Approval("EI", valid_until=JUNE),)
    reject, row = read(CONVENTIONS, f"1,EI,{SIRET},9,True,", f"1,AI,{SIRET},9,True,")
    assert (reject.line, reject.code) == (3, "duplicate_external_id")
    assert isinstance(row, Row)


def test_a_faulty_annex_does_not_leave_its_convention_without_an_end() -> None:
    reject, row = read(CONVENTIONS, f"1,EI,{SIRET},9,True,", ANNEXES, "10,1,EI-A,VALIDE,2025-01-01,2025-12-32")
    assert (reject.line, reject.external_id, reject.code, reject.pointer) == (4, "1", "wrong_format", "/end_at")
    assert row.record.approvals is None


ANNEXED = (CONVENTIONS, f"1,EI,{SIRET},9,True,", ANNEXES)


@pytest.mark.parametrize(
    ("above", "line", "fault"),
    [
        ((HEADER,), ",ACI,,,,", "missing_field /siret"),
        ((HEADER,), "123,ACI,,,,", "invalid_siret /siret"),
        ((HEADER,), f"{SIRET},ACIE,,,,", "unknown_value /approvals/0/kind"),
        ((HEADER,), f"{SIRET},ACI,2025,,,", "wrong_format /valid_from"),
        ((HEADER,), f"{SIRET},ACI,2025-12-31,2025-01-01,,", "invalid_period /approvals/0/valid_until"),
        ((HEADER,), f"{SIRET},ACI,,,,peut-être", "wrong_format /is_active"),
        ((HEADER,), f"{SIRET},ACI", "cell_count"),
        (ANNEXED, "10,7,X,VALIDE,2025-01-01,2025-12-31", "unknown_code /convention_pk"),
        (ANNEXED, "10,1,X,NEUF,2025-01-01,2025-12-31", "unknown_value /state"),
        (ANNEXED, "10,1,X,VALIDE,,2025-12-31", "missing_field /start_at"),
        (ANNEXED, "10,1,X,VALIDE,2025-12-31,2025-01-01", "invalid_period /end_at"),
    ],
)
def test_a_faulty_row_is_rejected_at_its_line(above: tuple[str, ...], line: str, fault: str) -> None:
    reject, *_ = read(*above, line)
    assert (reject.line, outcome(reject, fault)) == (len(above) + 1, fault)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("siret,kind,valid_to",), "unknown_column"),  # an end that is passed over would be no end
        (("kind,valid_from",), "missing_column"),
        ((ANNEXES, "10,1,X,VALIDE,2025-01-01,2025-12-31", CONVENTIONS), "wrong_order"),
        ((HEADER, f"{SIRET},ACI,,,,", ANNEXES), "wrong_order"),
    ],
)
def test_a_file_of_another_shape_is_refused(lines: tuple[str, ...], code: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read(*lines)
    assert refused.value.problems[0].code == code


def test_what_is_joined_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conventions, "MOST_JOINED", 2)
    lines = [f"{number},EI,{SIRET},9,True," for number in range(3)]
    with pytest.raises(UnreadableFile):
        read(CONVENTIONS, *lines)
    with pytest.raises(UnreadableFile):
        read(CONVENTIONS, lines[0], ANNEXES, *["10,0,X,VALIDE,2025-01-01,2025-12-31"] * 3)


def test_the_real_files_come_in_one_after_the_other(shared_data: Path) -> None:
    """3,676 conventions with their 11,100 annexes, every SIRET of them one of the structures' file."""
    folder = shared_data / "suppliers"
    files = ("siae_conventions_3676.csv.gz", "siae_financial_annexes_11100.csv.gz")
    data = gzip.decompress(b"".join((folder / name).read_bytes() for name in files))
    rows = list(read_rows("conventions", io.BytesIO(data), CSV, CONTEXT))
    records = [row.record for row in rows if isinstance(row, Row)]
    assert len(rows) == len(records) == 3676
    assert {len(record.approvals or ()) for record in records} == {1, 3}
    assert {approval.valid_until for record in records for approval in record.approvals or ()} == {
        date(2019, 12, 31),
        date(2020, 12, 31),
        date(2021, 12, 31),
    }
    with (folder / "siae_2020_iae.csv").open("rb") as stream:
        listed = [row.record.siret for row in read_rows("siae", stream, CSV, CONTEXT) if isinstance(row, Row)]
    assert {record.siret for record in records} <= set(listed)
