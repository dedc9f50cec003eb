"""How the PDF is set: in a process of its own, whose failures say nothing of what was to be set."""

import asyncio
import signal
import subprocess
import sys
from io import BytesIO
from queue import Queue
from typing import Any

import msgspec
import pytest
from pypdf import PdfReader

from api.reports import html_and_pdf as reports
from api.runtime.processes.match_work import run_in_thread
from matching.geo.map_sheets import MapSheets
from tests.domain.exchanges.samples import exchange, message
from tests.domain.report.samples import facts, made

EVIL = '#panic("x") $x$ <b>gras</b> &amp; ]]> <!-- \\ *a* @b ]] {{ 1 }} " \' 😀'


def test_what_cannot_be_set_is_told_without_quoting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "TEMPLATE", '#panic("prix de revient")')
    with pytest.raises(RuntimeError, match=r"^a report could not be set: 1 typst\.TypstError$"):
        reports.pdf_of(reports.TEMPLATE, "", 0)


def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "LONGEST_SECONDS", 0)
    with pytest.raises(RuntimeError, match="more than 0 s"):
        reports.pdf_of(reports.TEMPLATE, "", 0)


def test_a_long_page_is_set_however_late_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the process reads it seconds after it was started."""
    monkeypatch.setattr(reports, "LOOK_SECONDS", 0.001)
    page = f'<html lang="fr"><head><title>Rapport</title></head><body><!-- {"-".join("x" * 100_000)} --></body></html>'
    monkeypatch.setattr(reports, "TEMPLATE", f'#set document(title: "x")\n{len(page)}')
    assert reports.pdf_of(reports.TEMPLATE, page, 0).startswith(b"%PDF")


async def test_the_process_of_a_report_that_is_given_up_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go on for nobody, for a minute where the report is long."""
    endless = "import sys, time; sys.stdin.read(); time.sleep(600)"
    begun: Queue[subprocess.Popen[bytes]] = Queue()

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, _: object, **given: Any) -> None:
            super().__init__([sys.executable, "-c", endless], **given)
            begun.put(self)

    monkeypatch.setattr("subprocess.Popen", Watched)
    setting = asyncio.create_task(run_in_thread(None, lambda: reports.pdf_of(reports.TEMPLATE, "", 0)))
    process = await asyncio.to_thread(begun.get, timeout=60)
    setting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await setting
    assert await asyncio.to_thread(process.wait, 30) == -signal.SIGKILL


def test_nothing_is_read_as_markup() -> None:
    """Neither of the page nor of typst: title, reference and running head, description, a quotation, a buyer."""
    known = facts(exchanges=(exchange(message(1, "buyer", body=EVIL), subject=EVIL),), organisation=EVIL)
    content = msgspec.structs.replace(known.need.content, title=EVIL, reference=EVIL, description=EVIL)
    report = made(msgspec.structs.replace(known, need=msgspec.structs.replace(known.need, content=content)))
    with PdfReader(BytesIO(reports.report_pdf(report, MapSheets((), 0)))) as reader:
        text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
        assert reader.metadata is not None
        written = EVIL.replace("😀", "□")
        assert reader.metadata.title == f"Rapport de sourcing – {written}"
        assert reader.metadata.author == written
    assert text.count(written.split(" {{")[0]) >= 5


def test_what_a_supplier_writes_is_set_however_long_and_wherever_it_breaks() -> None:
    bodies = ["x" * 20_000, "https://exemple.fr/une-page " * 200, "a\n" * 1_000]
    said = [message(number, "supplier", "A", body) for number, body in enumerate(bodies, 2)]
    report = made(facts(exchanges=(exchange(message(1, "buyer"), *said),)))
    with PdfReader(BytesIO(reports.report_pdf(report, MapSheets((), 0)))) as reader:
        text = "".join("".join(page.extract_text() for page in reader.pages).split())
    for letter in "xha":
        assert text.count(letter) >= "".join(bodies).count(letter)
