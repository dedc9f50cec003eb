"""The sourcing report as a PDF to put on file: tagged, with its fonts in it (PDF/A-2a, PDF/UA-1)."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import typst

from api.reports.figures import drawings
from api.reports.glyphs import printable, with_glyphs
from domain.document import Document
from domain.report import Report
from domain.typography import PARIS
from domain.wording import Text
from matching.map_sheet import MapSheets

FONT = "Libertinus Serif"
STANDARDS: list[Any] = ["a-2a", "ua-1"]
MARKS = {"full": Text("Version intégrale", "Full version"), "redacted": Text("Version expurgée", "Redacted version")}


def sheet(report: Report, document: Document, sheets: MapSheets) -> bytes:
    """The document as PDF; the same document makes the same bytes."""
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
    return _compiled(msgspec.json.encode(data).decode(), report.generated_at)


def _compiled(data: str, moment: datetime) -> bytes:
    """Raises RuntimeError where typst breaks down: its panics are no Exception, and would end more than the request."""
    try:
        return typst.compile(
            _template(),
            format="pdf",
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": data},
            pdf_standards=STANDARDS,
            timestamp=int(moment.timestamp()),
        )
    except BaseException as failure:
        if type(failure).__name__ == "PanicException":
            raise RuntimeError(f"typst: {failure}") from None
        raise


@cache
def _template() -> bytes:
    return (files("api.reports") / "report.typ").read_bytes()


@cache
def _fonts() -> typst.Fonts:
    """Those of the library alone: the same document anywhere."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {name: _printable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    return value
