"""The sourcing report as a page and as a PDF.

The page is one file without scripts, to be read on any screen and printed. The PDF is one to put on file: tagged, with
its fonts in it (PDF/A-2a, PDF/UA-1); typst sets the page, `report.typ` says how each element looks on paper.
"""

import re
import subprocess
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import Any

import msgspec
from jinja2 import PackageLoader, Template
from markupsafe import Markup

from api.draw_maps_and_charts import Bar, Pin, bar_chart, map_drawing
from api.reports import typst_process
from api.web.html_pages import STYLE, html_environment
from domain.computations import raise_if_given_up
from domain.exchanges.deliveries import ARRIVED, state_words
from domain.exchanges.letter import bought_name
from domain.report.lots import (
    advice_in_words,
    competition_in_words,
    main_reasons,
    reminders_in_words,
    suppliers_in_words,
)
from domain.report.model import Report
from domain.text import bilingual, labels
from domain.text.bilingual import (
    AND,
    Language,
    Text,
    day,
    printed_count,
    printed_euros,
    printed_kilometres,
    time_of_day,
    typeset,
)
from matching.geo.map_sheets import MapSheets

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The page loads nothing and runs nothing."""
FONT = "Libertinus Serif"
"""Of drawings on paper; on a screen they have the letters of the page."""
COVERAGE = (
    Text("fournisseurs repérés", "suppliers found"),
    Text("dont peuvent répondre", "of these may answer"),
    Text("dont implantés", "of these local"),
)
"""The meanings of a bar of candidates."""


def markup(report: Report, maps: MapSheets, *, printed: bool) -> str:
    """The report as HTML that is well-formed XML too; `printed`: for the PDF, else for a browser.

    For the PDF, characters that the typefaces lack are replaced, and drawings are `img` elements.
    """
    font = FONT if printed else None
    pins = [Pin(each.standing) for each in report.placement.suppliers]
    # a row per lot and activity
    activities = {(lot.id, each.segment): each.label for lot in report.lots for each in lot.requested}
    coverage = [
        Bar(f"Lot {lot.id} – {activities.get((lot.id, each.segment), '')}", each.candidates, each.eligible, each.local)
        for lot in report.lots
        for each in lot.coverage
    ]
    barriers = [Bar(labels.BARRIERS[each.barrier].to(report.language), each.suppliers) for each in report.barriers]
    figures = {
        "map": map_drawing(pins, report.need.title or "", report.language, maps, font),
        "coverage": bar_chart(coverage, report.language, font, COVERAGE),
        "barriers": bar_chart(barriers, report.language, font),
    }
    return _template(report.language, printed=printed).render(report=report, figures=figures)


@cache
def _template(language: Language, *, printed: bool) -> Template:
    environment = html_environment(PackageLoader("api.reports", "."))
    environment.add_extension("jinja2.ext.do")
    environment.filters |= template_filters(language) | {"drawing": Markup, "bought": bought_name}
    if printed:
        # markup stays as it is
        environment.finalize = lambda value: printable_text(value) if type(value) is str else value
        environment.filters["drawing"] = lambda svg: Markup('<img alt="" src="{}"/>').format(with_glyphs(svg))
    tables = {name: value for name, value in vars(labels).items() if name.isupper() and not name.startswith("_")}
    environment.globals |= tables | {"OR": bilingual.OR, "ARRIVED": ARRIVED, "reminders": reminders_in_words}
    environment.globals |= {"style": Markup(STYLE)}  # noqa: S704 - ours
    return environment.get_template("report.html.jinja")


def template_filters(language: Language) -> dict[str, Callable[..., Any]]:
    """The filters of the templates in a language, by name."""

    def say(text: Sequence[str], *values: object) -> str:
        """The sentence in this language, of a pair (French, English), with these values."""
        return typeset(Text(*text).to(language).format(*values), language)

    def label(code: str, table: dict[str, Any], form: str | None = None) -> str:
        """A code in words; `form`: the attribute of its words in `table` that is taken, such as `long`."""
        return say(getattr(table[code], form) if form else table[code])

    def listed(parts: Iterable[str], last: Text = AND) -> str:
        """The parts as “a, b and c”, in this language; `last`: the word before the last part."""
        return bilingual.listed(list(parts), last).to(language)

    def filter_of(write: Callable[[Any, Language], str]) -> Callable[[Any], str]:
        """A filter that writes a value in this language, and None as nothing."""
        return lambda value: "" if value is None else write(value, language)

    return {
        "say": say,
        "label": label,
        "listed": listed,
        "delivery_words": lambda told: say(state_words(*told)),
        "found": lambda number, unknown=0: say(suppliers_in_words(number, unknown)),
        "competition": lambda lot: say(competition_in_words(lot)),
        "advice": lambda given: typeset(advice_in_words(given, language), language),
        "before_tax": lambda said: bilingual.printed_before_tax(Text(said, said)).to(language),
        "main_reasons": main_reasons,
        "whole_number": filter_of(printed_count),
        "known_count": lambda known, unknown: say(bilingual.known_count(known, unknown)),
        "day": filter_of(day),
        "euros": filter_of(printed_euros),
        "kilometres": filter_of(printed_kilometres),
        "time_of_day": filter_of(time_of_day),
        "typeset": filter_of(typeset),
        "abbreviations": abbreviations_of,
        "lot_width": lot_column_width,
        "capital": lambda text: text[:1].upper() + text[1:],
        "uncapital": lambda text: text[:1].lower() + text[1:],
        "sentence": lambda text: text if text.endswith((".", "?", "!", "…")) else f"{text}.",
    }


def abbreviations_of(report: Report) -> list[str]:
    """The abbreviations that a report uses, in order of the alphabet."""
    used = set(re.findall(r"[A-Z]{2,6}", msgspec.json.encode(report).decode())) | {"HT"}
    return sorted(used & labels.ABBREVIATIONS.keys())


def lot_column_width(lot_ids: Iterable[str]) -> int:
    """The relative width of the column of lot ids (the others have 50 together), so that no word is broken."""
    return min(8, max(3, (3 * max(map(len, lot_ids), default=0) + 3) // 4))


_RANGES = """
20-7e a0-ac ae-2ff 370-377 37a-37f 384-38a 38c-38c 38e-3a1 3a3-482 48a-4ff 510-513 51a-51d 1e00-1f15 1f18-1f1d
1f20-1f45 1f48-1f4d 1f50-1f57 1f59-1f59 1f5b-1f5b 1f5d-1f5d 1f5f-1f7d 1f80-1fb4 1fb6-1fc4 1fc6-1fd3 1fd6-1fdb
1fdd-1fef 1ff2-1ff4 1ff6-1ffe 2000-200a 2010-2027 202f-2040 2042-2042 2044-2052 2054-205f 2070-2071 2074-208e
2090-209c 20a0-20c0 2100-211e 2120-2120 2122-2122 2124-2124 2126-2151 2153-2184 2189-2189 2190-23ff 2422-2423
2460-262f 2638-268b 2690-269c 26a0-26a7 26aa-26b2 2701-2704 2706-2709 270c-2727 2729-274b 274d-274d 274f-2752
2756-2756 2758-275e 2761-277f 2794-2794 2798-27af 27b1-2b73 2b76-2b95 2b97-2bff fb00-fb06 fffd-fffd
"""
"""First and last code point of each range, in hexadecimal: what Libertinus Serif and DejaVu Sans Mono, as typst has
them, hold of Latin, Greek, Cyrillic and signs. Marks that combine and scripts that need shaping are left out: typst
0.15 breaks down on some of them where a typeface stands in for another."""
_BOUNDS = [int(bound, 16) + (place % 2) for place, bound in enumerate(re.split(r"[-\s]+", _RANGES.strip()))]
_MISSING = "\N{WHITE SQUARE}"
_LONG_WORD = re.compile(r"\S{24,}")
LONGEST_RUN = 12


def is_drawable(character: str) -> bool:
    """Whether the fonts of reports can draw a character."""
    return bisect_right(_BOUNDS, ord(character)) % 2 == 1


def with_glyphs(text: str) -> str:
    """The text in normal form (NFC), with a replacement for each character that the fonts cannot draw."""

    def drawable_or_replacement(character: str) -> str:
        if character == "\n" or is_drawable(character):
            return character
        kind = unicodedata.category(character)
        return " " if kind in {"Cc", "Zl", "Zp"} else "" if kind == "Cf" or kind.startswith("M") else _MISSING

    return "".join(map(drawable_or_replacement, unicodedata.normalize("NFC", text)))


def printable_text(text: str) -> str:
    """The text as the fonts can print it, with places to break very long words."""
    pieces = re.compile(f".{{1,{LONGEST_RUN}}}")
    return _LONG_WORD.sub(lambda word: "\N{ZERO WIDTH SPACE}".join(pieces.findall(word[0])), with_glyphs(text))


LONGEST_SECONDS, LOOK_SECONDS = 120, 0.1
TEMPLATE = (files("api.reports") / "report.typ").read_text(encoding="utf-8")


def report_pdf(report: Report, maps: MapSheets) -> bytes:
    """The report as PDF; the same report gives the same bytes. Raises RuntimeError where it cannot be set."""
    return pdf_of(TEMPLATE, markup(report, maps, printed=True), int(report.generated_at.timestamp()))


def pdf_of(template: str, page: str, moment: int) -> bytes:
    """The PDF of a page, set by typst as `template` says; `moment`: its date, in seconds since 1970.

    The template reads the page as `sys.inputs.page`. Raises RuntimeError where it cannot be set.
    """
    return pdf_of_process({"template": template, "page": page, "moment": moment})


def pdf_of_process(request: dict[str, Any]) -> bytes:
    """The PDF that `typst_process` makes of a request, in its own process. Raises RuntimeError where it makes none."""
    command = [sys.executable, "-I", typst_process.__file__]
    with TemporaryFile() as asked:  # not a pipe: `communicate` forgets what it had not yet written when it gives up
        asked.write(msgspec.json.encode(request))
        asked.seek(0)
        with subprocess.Popen(command, stdin=asked, stdout=PIPE, stderr=PIPE, env={}) as process:
            try:
                for _ in range(round(LONGEST_SECONDS / LOOK_SECONDS)):
                    raise_if_given_up()
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
