"""A result as people read it; the guide shows the newest one."""

import xml.etree.ElementTree as ET

import msgspec
import pytest

from bench.results import newest
from bench.tables import CURVE, GUIDE, curve, guide, report, with_ratios


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


def test_the_guide_needs_a_place_for_figures() -> None:
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
