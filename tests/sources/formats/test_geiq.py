"""Labelled groups of employers and their branches."""

from collections import Counter
from pathlib import Path

from domain.suppliers.rows import Row, RowError
from sources.formats.registry import CSV
from tests.sources.formats.conftest import Read


def test_a_group_or_branch_is_a_record_of_that_kind(read: Read) -> None:
    data = b"label_id,name,siret,postal_code,city,branch_of\n7,GEIQ BTP 35,,35000,Rennes,\n8,,,35000,Rennes,7\n"
    first, second = read(data, CSV, "geiq")
    assert isinstance(first, Row)
    assert (first.external_id, first.record.offers) == ("7", ())
    assert [approval.kind for approval in first.record.approvals or ()] == ["GEIQ"]
    assert first.record.address is not None
    assert first.record.address.commune == "35238"
    assert isinstance(second, RowError)


def test_branches_are_numbered_apart_from_groups(read: Read) -> None:
    """As a French spreadsheet saves the list."""
    data = "label_id;name;siret;postal_code;city;branch_of\r\n99;GEIQ 2SMS;;;;\r\n99;Antenne de Béziers;;;;152\r\n"
    group, branch = read(data.encode("cp1252"), CSV, "geiq")
    assert isinstance(branch, Row)
    assert (group.external_id, branch.external_id, branch.record.name) == ("99", "152/99", "Antenne de Béziers")


def test_the_real_list_comes_in(read: Read, shared_data: Path) -> None:
    rows = read((shared_data / "geiq" / "geiq_label.csv").read_bytes(), CSV, "geiq")
    assert Counter(row.code for row in rows if isinstance(row, RowError)) == {"wrong_length": 1, "invalid_siret": 1}
    placed = sum(bool(row.record.address and row.record.address.commune) for row in rows if isinstance(row, Row))
    assert (len(rows), len({row.external_id for row in rows}), placed) == (440, 440, 417)
