"""The templates of the desk, in `api/desk/templates`; their filters are those of the report."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from api.desk.frame.assets import asset_path
from api.desk.frame.main_pages import main_pages
from api.desk.frame.refusal_words import REFUSALS
from api.reports.html import filters
from api.web.html_templates import html_environment
from domain.exchanges.deliveries import delivery_words
from domain.text import labels
from domain.text.bilingual import SEMICOLON, Language, Text
from domain.text.typography import typeset

FOLDER = Path(__file__).parents[1] / "templates"
COLON = Text("\N{NO-BREAK SPACE}: ", ": ")


def rendered(template: str, language: Language, **shown: Any) -> bytes:
    """A page in one language."""
    return _environment(language).get_template(template).render(**shown).encode()


@cache
def _environment(language: Language) -> Environment:
    environment = html_environment(FileSystemLoader(FOLDER))
    tables = {name: value for name, value in vars(labels).items() if name.isupper() and not name.startswith("_")}
    environment.globals |= tables | {"language": language, "asset": asset_path, "REFUSALS": REFUSALS}
    environment.globals["main_pages"] = main_pages
    environment.globals["colon"], environment.globals["semicolon"] = (
        COLON.to(language),
        typeset(SEMICOLON.to(language), language),
    )
    environment.filters |= filters(language)
    environment.filters["drawing"] = Markup
    environment.filters["delivered"] = lambda each: typeset(delivery_words(each).to(language), language)
    return environment
