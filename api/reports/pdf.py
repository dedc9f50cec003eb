"""The sourcing report as a PDF to put on file: tagged, with its fonts in it (PDF/A-2a, PDF/UA-1).

typst sets the report's page, element by element: `report.typ` says how each of them looks on paper.
"""

import subprocess
import sys
from contextlib import suppress
from importlib.resources import files
from subprocess import PIPE
from tempfile import TemporaryFile

import msgspec

from api.reports import typst_process
from api.reports.html import markup
from domain.report.model import Report
from matching.geo.map_sheets import MapSheets
from matching.lot_query import require_wanted

LONGEST_SECONDS, LOOK_SECONDS = 120, 0.1
TEMPLATE = (files("api.reports") / "report.typ").read_text(encoding="utf-8")


def report_pdf(report: Report, maps: MapSheets) -> bytes:
    """The report as PDF; the same report gives the same bytes. Raises RuntimeError where it cannot be set."""
    return _typeset(markup(report, maps, printed=True), int(report.generated_at.timestamp()))


def _typeset(page: str, moment: int) -> bytes:
    request = msgspec.json.encode({"template": TEMPLATE, "page": page, "moment": moment})
    command = [sys.executable, "-I", typst_process.__file__]
    with TemporaryFile() as asked:  # not a pipe: `communicate` forgets what it had not yet written when it gives up
        asked.write(request)
        asked.seek(0)
        with subprocess.Popen(command, stdin=asked, stdout=PIPE, stderr=PIPE, env={}) as process:
            try:
                for _ in range(round(LONGEST_SECONDS / LOOK_SECONDS)):
                    require_wanted()
                    with suppress(subprocess.TimeoutExpired):
                        written, said = process.communicate(timeout=LOOK_SECONDS)
                        break
                else:
                    raise RuntimeError(f"a report took more than {LONGEST_SECONDS} s to set")
            finally:
                process.kill()  # as where the report is given up
    if process.returncode or not written.startswith(b"%PDF"):
        # what it says may quote the report
        kind = said.decode(errors="replace").strip().rpartition("\n")[2].partition(":")[0][:80]
        raise RuntimeError(f"a report could not be set: {process.returncode} {kind}")
    return written
