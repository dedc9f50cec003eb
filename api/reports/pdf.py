"""The sourcing report as a PDF to put on file: tagged, with its fonts in it (PDF/A-2a, PDF/UA-1)."""

import subprocess
import sys
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from api.reports import typst_process
from api.reports.font_coverage import printable, with_glyphs
from api.reports.svg import drawings
from domain.report.blocks import Document
from domain.report.model import Report
from domain.report.typography import PARIS
from domain.text.bilingual import Text
from matching.geo.report_map import MapSheets

FONT = "Libertinus Serif"
LONGEST_SECONDS = 120
MARKS = {"full": Text("Version intégrale", "Full version"), "redacted": Text("Version expurgée", "Redacted version")}


def sheet(report: Report, document: Document, sheets: MapSheets) -> bytes:
    """The document as PDF; the same document makes the same bytes. Raises RuntimeError where it cannot be set."""
    figures = drawings(report, sheets, FONT)
    made = report.generated_at.astimezone(PARIS)
    data = {
        "document": _printable(msgspec.to_builtins(document)),
        "mark": MARKS[report.variant].to(report.language),
        "date": {"year": made.year, "month": made.month, "day": made.day},
        "figures": {
            name: {
                "parts": [with_glyphs(part) for part in drawing.parts],
                "insets": [with_glyphs(part) for part in drawing.insets],
                "keys": [{"sign": key.sign, "text": key.text} for key in drawing.keys],
                "note": drawing.note,
            }
            for name, drawing in figures.items()
        },
    }
    return _set(msgspec.json.encode(data).decode(), int(report.generated_at.timestamp()))


def _set(data: str, moment: int) -> bytes:
    asked = msgspec.json.encode({"template": _template(), "data": data, "moment": moment})
    command = [sys.executable, "-I", typst_process.__file__]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, check=False, env={}, timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"a report took more than {LONGEST_SECONDS} s to set") from None
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        # what it says may quote the report
        kind = done.stderr.decode(errors="replace").strip().rpartition("\n")[2].partition(":")[0][:80]
        raise RuntimeError(f"a report could not be set: {done.returncode} {kind}")
    return done.stdout


@cache
def _template() -> str:
    return (files("api.reports") / "report.typ").read_text(encoding="utf-8")


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: _printable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    return value
