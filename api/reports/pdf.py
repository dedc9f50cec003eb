"""The sourcing report as a PDF to put on file: tagged, with its fonts in it (PDF/A-2a, PDF/UA-1).

typst sets the report's page, element by element: `report.typ` says how each of them looks on paper.
"""

import subprocess
import sys
from functools import cache
from importlib.resources import files

import msgspec

from api.reports import typst_process
from api.reports.html import markup
from domain.report.model import Report
from matching.geo.report_map import MapSheets

LONGEST_SECONDS = 120


def pdf(report: Report, maps: MapSheets) -> bytes:
    """The report as PDF; the same report makes the same bytes. Raises RuntimeError where it cannot be set."""
    return _typeset(markup(report, maps, printed=True), int(report.generated_at.timestamp()))


def _typeset(page: str, moment: int) -> bytes:
    request = msgspec.json.encode({"template": _template(), "page": page, "moment": moment})
    command = [sys.executable, "-I", typst_process.__file__]
    try:
        done = subprocess.run(command, input=request, capture_output=True, check=False, env={}, timeout=LONGEST_SECONDS)
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
