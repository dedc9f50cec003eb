"""Imports are measured on a database of their own."""

from pathlib import Path

from bench.serving.imports import measure
from bench.suppliers import PoolFile
from tests.factories import reference


def test_each_import_takes_every_row(tmp_path: Path) -> None:
    pool = PoolFile(tmp_path, 300, reference())
    found = measure(pool.of(100), reference())
    assert {
        name: found[name]["rows"] for name in ("raw_copy", "new", "unchanged", "of_known_suppliers")
    } == dict.fromkeys(("raw_copy", "new", "unchanged", "of_known_suppliers"), 100)
    assert found["new"]["added"] == 100
    assert found["unchanged"]["added"] == 0
    assert found["share_of_raw_copy"] > 0
