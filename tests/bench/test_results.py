"""Figures are summed up as they say, kept under their day, and told as people read them; the guide shows the newest."""

import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results import growth, newest, rounded, save, spread
from bench.tables import CURVE, GUIDE, curve, guide, report, with_ratios


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_a_spread_is_of_values_that_were_measured(values: list[float]) -> None:
    found = spread(values)
    assert {found["p50"], found["p99"], found["max"]} <= set(values)
    assert sum(value < found["p50"] for value in values) <= len(values) / 2
    assert sum(value > found["p99"] for value in values) <= max(1, len(values) / 50)
    assert found["mean"] == pytest.approx(sum(values) / len(values))


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


def measured(cost: float) -> dict[str, object]:
    load = {"per_second": 30.0, "latency_ms": {"p50": 500.0, "p99": 4400.0}}
    return {
        "search": {"warm": {"server_cpu_ms": cost, "latency_ms": {"p50": cost, "p99": 3 * cost}}, "load": load},
        "postgis": {"plain": {"ms": {"p50": 8.0}, "cpu_ms": {"mean": 8.0}}},
    }


RESULT = {
    "at": "2026-11-26T14:00:00+01:00",
    "commit": "c0ffee",
    "machine": {"processor": "P", "cores": 2, "memory_gb": 25, "system": "S", "load_before": 0.1},
    "versions": {"python": "3.11", "postgresql": 18},
    "extent": {"rotation": 200, "seconds": 20.0},
    "sizes": {"13500": measured(4.0), "220000": measured(32.0)},
}


def test_the_report_says_what_was_measured_and_nothing_else() -> None:
    said = report(RESULT)
    assert "| three lots, needs asked before: server CPU, ms | 4 | 32 |" in said
    assert "| – ÷ server CPU of a need asked before | 2 | 0.25 |" in said
    assert "| needs asked before | 0.745 |" in said
    assert "memory" not in said
    assert "PostGIS is" not in said


def test_the_report_says_why_postgis_was_not_measured() -> None:
    assert "no PostGIS here" in report(RESULT | {"sizes": {"10": {"postgis": {"not_measured": "no PostGIS here"}}}})


def test_ratios_follow_from_what_was_measured() -> None:
    assert with_ratios(measured(4.0))["visitors"] == 300
    assert with_ratios({}) == {}


def test_the_curve_has_a_point_for_each_figure() -> None:
    drawing = ET.fromstring(curve(RESULT))
    assert len(drawing.findall("{http://www.w3.org/2000/svg}circle")) == 4
    with pytest.raises(ValueError, match="two sizes"):
        curve(RESULT | {"sizes": {"13500": measured(4.0)}})


def test_what_is_not_there_is_named() -> None:
    """Figures to sum up, and a place for them in the guide."""
    with pytest.raises(ValueError, match="nothing"):
        spread([])
    with pytest.raises(ValueError, match="between"):
        guide("# Nothing\n", RESULT)


def test_the_guide_shows_the_newest_result() -> None:
    """`python -m bench --publish` writes it again."""
    path = newest()
    assert path is not None
    result = msgspec.json.decode(path.read_bytes())
    text = GUIDE.read_text(encoding="utf-8")
    assert guide(text, result) == text
    assert curve(result) == CURVE.read_text(encoding="utf-8")
    assert path.with_suffix(".md").read_text(encoding="utf-8") == report(result)
