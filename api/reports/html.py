"""The sourcing report as a page: all in one file, without scripts, to be read on any screen and printed."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from api.reports.svg import as_markup, drawings
from domain.report.blocks import Document
from domain.report.model import Report
from matching.geo.report_map import MapSheets

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The page loads nothing and runs nothing."""


def page(report: Report, document: Document, sheets: MapSheets) -> bytes:
    """The document as HTML."""
    figures = drawings(report, sheets, None)
    return _template().render(document=document, figures=figures, variant=report.variant).encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("api.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawing"] = as_markup
    environment.filters["kind"] = lambda block: type(block).__struct_config__.tag
    return environment.get_template("report.html.jinja")
