"""The sourcing report as a page: all in one file, without scripts, to be read on any screen and printed."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
from jinja2 import PackageLoader, Template
from markupsafe import Markup

from api.drawings import Bar, Pin, bar_chart, map_drawing
from api.reports.font_coverage import printable, with_glyphs
from api.web.html_templates import STYLE, html_environment
from domain.exchanges.deliveries import ARRIVED, state_words
from domain.report.model import Report
from domain.text import bilingual, labels, typography
from domain.text.bilingual import AND, Language, Text
from matching.geo.map_sheets import MapSheets

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The page loads nothing and runs nothing."""
FONT = "Libertinus Serif"
"""Of drawings on paper; on a screen they have the letters of the page."""
COVERAGE = (
    Text("candidats", "candidates"),
    Text("dont peuvent répondre", "of these may answer"),
    Text("dont sur place", "of these local"),
)
"""The meanings of a bar of candidates."""


def html_page(report: Report, maps: MapSheets) -> bytes:
    """The report as HTML."""
    return markup(report, maps, printed=False).encode()


def markup(report: Report, maps: MapSheets, *, printed: bool) -> str:
    """The report as HTML that is XML too.

    `printed`: for paper; characters that the typefaces lack are replaced, and drawings are `img` elements.
    """
    font = FONT if printed else None
    pins = [Pin(each.standing) for each in report.placement.suppliers]
    barriers = [Bar(labels.BARRIERS[each.barrier].to(report.language), each.suppliers) for each in report.barriers]
    figures = {
        "map": map_drawing(pins, report.need.title or "", report.language, maps, font),
        "coverage": bar_chart(list(_coverage(report)), report.language, font, COVERAGE),
        "barriers": bar_chart(barriers, report.language, font),
    }
    return _template(report.language, printed=printed).render(report=report, figures=figures)


def _coverage(report: Report) -> Iterator[Bar]:
    """A row per lot and activity."""
    for lot in report.lots:
        activities = {each.segment: each.label for each in lot.requested}
        for each in lot.coverage:
            label = f"Lot {lot.id} – {activities.get(each.segment, '')}"
            yield Bar(label, each.candidates, each.eligible, each.local)


@cache
def _template(language: Language, *, printed: bool) -> Template:
    environment = html_environment(PackageLoader("api.reports", "."))
    environment.add_extension("jinja2.ext.do")
    if printed:
        environment.finalize = _drawable
    environment.filters |= filters(language)
    environment.filters["drawing"] = _image if printed else Markup
    tables = {name: value for name, value in vars(labels).items() if name.isupper() and not name.startswith("_")}
    environment.globals |= tables | {"OR": bilingual.OR, "ARRIVED": ARRIVED, "style": Markup(STYLE)}  # noqa: S704 - ours
    return environment.get_template("report.html.jinja")


def filters(language: Language) -> dict[str, Callable[..., Any]]:
    """The filters of the templates; None is written as nothing."""

    def say(text: Sequence[str], *values: object) -> str:
        """The sentence of a pair, (French, English), with these values."""
        return typography.typeset(Text(*text).to(language).format(*values), language)

    def label(code: str, table: dict[str, Any], form: str | None = None) -> str:
        """A code in words; `form`: which of its names."""
        return say(getattr(table[code], form) if form else table[code])

    def listed(parts: Iterable[str], last: Text = AND) -> str:
        return bilingual.listed(list(parts), last).to(language)

    def filter_of(write: Callable[[Any, Language], str]) -> Callable[[Any], str]:
        return lambda value: "" if value is None else write(value, language)

    return {
        "say": say,
        "label": label,
        "listed": listed,
        "delivery_words": lambda told: say(state_words(*told)),
        "whole_number": filter_of(typography.count),
        "day": filter_of(typography.day),
        "euros": filter_of(typography.euros),
        "kilometres": filter_of(typography.kilometres),
        "time_of_day": filter_of(typography.time_of_day),
        "typeset": filter_of(typography.typeset),
        "abbreviations": abbreviations,
        "lot_width": lot_width,
        "capital": lambda text: text[:1].upper() + text[1:],
        "uncapital": lambda text: text[:1].lower() + text[1:],
        "sentence": lambda text: text if text.endswith((".", "?", "!", "…")) else f"{text}.",
    }


def abbreviations(report: Report) -> list[str]:
    """The abbreviations that a report uses."""
    used = set(re.findall(r"[A-Z]{2,6}", msgspec.json.encode(report).decode())) | {"HT"}
    return sorted(used & labels.ABBREVIATIONS.keys())


def lot_width(lot_ids: Iterable[str]) -> int:
    """The width of a column of lots: words as ids ("mobilier") stay whole, beside columns of some 50 together."""
    return min(8, max(3, (3 * max(map(len, lot_ids), default=0) + 3) // 4))


def _drawable(value: object) -> object:
    """A value as a template writes it, before it is escaped; markup is passed on as it is."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _image(svg: str) -> Markup:
    return Markup('<img alt="" src="{}"/>').format(with_glyphs(svg))
