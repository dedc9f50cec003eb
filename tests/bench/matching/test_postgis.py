"""The searches in PostGIS that Vivier is compared with."""

from pathlib import Path

import pytest

from bench.matching.postgis import DEBIAN, measure
from bench.needs import KINDS, needs
from tests.factories import reference


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    found = measure(tmp_path / "nowhere", 10, needs(20, 7, reference()), 1, reference(), 0.0)
    assert "nowhere" in found["not_measured"]


def test_both_searches_find_suppliers_for_needs_of_every_kind() -> None:
    if not DEBIAN.is_dir():
        pytest.skip(f"no PostgreSQL 17 in {DEBIAN}")
    found = measure(None, 2_000, needs(len(KINDS), 7, reference()), 10, reference(), 0.0)
    if "not_measured" in found:
        pytest.skip(found["not_measured"])
    for search in ("plain", "lemarche"):
        assert found[search]["needs"] == len(KINDS)
        assert found[search]["rows_of_a_lot"]["max"] > 0
