"""The words and the layout of all pages: templates with the filters of the report, stylesheets, scripts, menu.

Scripts are plain files, each small and of one matter, beside the two libraries: htmx 2.0.11 (Zero-Clause BSD) fetches
parts of pages, Leaflet 1.9.4 (BSD 2-Clause) draws maps. Their files are unchanged, their licences beside them.
"""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from api.declarations.link_pages import FRAME_STYLE
from api.reports.html_and_pdf import template_filters
from api.web.html_pages import html_environment
from domain.exchanges.deliveries import delivery_words
from domain.exchanges.letter import bought_name
from domain.organisation import Client, Scope
from domain.text import labels
from domain.text.bilingual import SEMICOLON, Language, Text, typeset


def words_in(path: Path) -> dict[str, dict[str, Text]]:
    """The texts in a TOML file, in both languages, by table and name."""
    return msgspec.convert(tomllib.loads(path.read_text("utf-8")), dict[str, dict[str, Text]])


CODE_WORDS = words_in(Path(__file__).parents[1] / "words.toml")
"""The words for codes, by what the codes are of; templates know each table by its name."""
SAID = CODE_WORDS.pop("said")
"""Sentences on what is wrong, or not there, by their names in the code."""


ASSETS = Path(__file__).parents[1] / "assets"
OF_LIBRARIES = ("leaflet.css",)
YEAR = 365 * 86_400
"""The seconds for which a browser holds what its address names to the very version."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@cache
def assets() -> dict[str, bytes]:
    """Each stylesheet and script by file name; `bureau.css` joins the reply page's style and all that are ours."""
    files = {file.name: file.read_bytes() for file in sorted(ASSETS.iterdir()) if file.suffix in MEDIA_TYPES}
    own = [content for name, content in files.items() if name.endswith(".css") and name not in OF_LIBRARIES]
    return files | {"bureau.css": b"".join([FRAME_STYLE.encode(), *own])}


@cache
def asset_path(name: str) -> str:
    """The path of a stylesheet or script, relative to `/`; it changes with the content, so caches never err."""
    return f"bureau/{hashlib.sha256(assets()[name]).hexdigest()[:12]}/{name}"


MENU: dict[str, tuple[Scope, ...]] = {
    "besoin": ("match",),
    "besoins": ("needs",),
    "lotissement": ("match",),
    "programmation": ("match",),
    "depenses": ("match",),
    "annuaire": ("read", "admin"),
    "territoires": ("match",),
    "campagnes": ("needs",),
    "sources": ("sync", "admin"),
    "admin": ("admin",),
}
"""The pages that the menu and the site map lead to, with the rights that open them."""


PARENTS = {
    "heures": "besoin",
    "reseaux": "territoires",
    "rencontres": "besoins",
    "mes-courriels": "acces",
    **dict.fromkeys(("acces", "donnees", "mentions", "accessibilite"), "plan"),
}
"""The page above each that stands at the first level and is not in the menu."""


def main_pages(client: Client | None) -> list[tuple[str, Text, Text]]:
    """The path, the name and the use of each page that a client may open, in the order of the menu."""
    allowed = [path for path, scopes in MENU.items() if client is not None and client.may(*scopes)]
    return [(path, CODE_WORDS["menu"][path], CODE_WORDS["menu_uses"][path]) for path in allowed]


def current_page(path: str) -> str | None:
    """The entry of the menu to which the page at a path belongs; None where it belongs to none."""
    first = path.strip("/").partition("/")[0]
    return next((each for each in (first, PARENTS.get(first)) if each in MENU), None)


def pages_above(path: str) -> list[tuple[str, Text]]:
    """The path and the name of each page above the one at `path`, the first one first."""
    parts = path.strip("/").split("/")
    names = CODE_WORDS["menu"] | CODE_WORDS["pages_above"]
    firsts = [parts[:length] for length in range(1, len(parts))]
    if parts[0] in PARENTS:
        firsts.insert(0, [PARENTS[parts[0]]])
    return [("/".join(own), names[each]) for own in firsts for each in names if _fits(own, each.split("/"))]


def _fits(parts: list[str], pattern: list[str]) -> bool:
    """Whether the parts of a path are those of a pattern, whose `*` is any part."""
    return len(parts) == len(pattern) and all(
        wanted in {"*", part} for part, wanted in zip(parts, pattern, strict=True)
    )


TEMPLATES = Path(__file__).parents[1] / "templates"
NEAR_KM = 100
"""The distance of a supplier, at most, who is said to be near the criteria; twice what is asked for, where more."""
COLON = Text("\N{NO-BREAK SPACE}: ", ": ")


def render(template: str, language: Language, **shown: Any) -> bytes:
    """The HTML of a page, made from its template in one language."""
    return _template_environment(language).get_template(template).render(**shown).encode()


@cache
def _template_environment(language: Language) -> Environment:
    environment = html_environment(FileSystemLoader(TEMPLATES))
    tables = {name: value for name, value in vars(labels).items() if name.isupper() and not name.startswith("_")}
    signs = {"colon": COLON.to(language), "semicolon": typeset(SEMICOLON.to(language), language)}
    others: dict[str, Any] = {"language": language, "NEAR_KM": NEAR_KM, "asset": asset_path, "main_pages": main_pages}
    others |= {"current_page": current_page, "pages_above": pages_above}
    environment.globals |= CODE_WORDS | tables | signs | others
    environment.filters |= template_filters(language)
    environment.filters["drawing"] = Markup
    environment.filters["bought"] = bought_name
    environment.filters["delivered"] = lambda each: typeset(delivery_words(each).to(language), language)
    return environment
