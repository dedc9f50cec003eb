"""Figures are summed up as they say, and kept under their day."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results import growth, newest, rounded, save, spread


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_a_spread_is_of_values_that_were_measured(values: list[float]) -> None:
    found = spread(values)
    assert {found["p50"], found["p99"], found["max"]} <= set(values)
    assert sum(value < found["p50"] for value in values) <= len(values) / 2
    assert sum(value > found["p99"] for value in values) <= max(1, len(values) / 50)
    assert found["mean"] == pytest.approx(sum(values) / len(values))


def test_nothing_measured_has_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing"):
        spread([])


@given(st.floats(-2, 2), st.floats(0.001, 1000))
def test_growth_finds_the_power_that_costs_were_made_with(power: float, factor: float) -> None:
    found = growth({size: factor * size**power for size in (13_500, 220_000, 1_000_000)})
    assert found["a"] == pytest.approx(factor, rel=1e-6)
    assert found["b"] == pytest.approx(power, abs=1e-9)


def test_the_newest_of_the_results_is_found_by_its_day(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    for day in ("2026-12-01", "2026-11-26"):
        save({"at": f"{day}T10:00:00+01:00", "figure": 1 / 3}, tmp_path)
    assert newest(tmp_path) == tmp_path / "2026-12-01.json"
    assert "0.3333" in (tmp_path / "2026-12-01.json").read_text()
    assert rounded({"many": [123456.7, 3], 5: True}) == {"many": [123500.0, 3], "5": True}
