"""The layout of all pages: their templates with the filters of the report, stylesheets, scripts, menu, refusals.

Scripts are plain files, each small and of one matter, beside the two libraries: htmx 2.0.11 (Zero-Clause BSD) fetches
parts of pages, Leaflet 1.9.4 (BSD 2-Clause) draws maps. Their files are unchanged, their licences beside them.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from api.exchanges.reply_page import STYLE as REPLY_STYLE
from api.reports.html import filters
from api.web.html_templates import html_environment
from domain.exchanges.deliveries import delivery_words
from domain.organisation import Client, Scope
from domain.text import labels
from domain.text.bilingual import SEMICOLON, Language, Text
from domain.text.typography import typeset

ASSETS = Path(__file__).parents[1] / "assets"
OF_LIBRARIES = ("leaflet.css",)
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@cache
def assets() -> dict[str, bytes]:
    """The content of each file, by its name; `bureau.css`, the style of every page, begins as the reply page's."""
    files = {file.name: file.read_bytes() for file in sorted(ASSETS.iterdir()) if file.suffix in MEDIA_TYPES}
    own = [content for name, content in files.items() if name.endswith(".css") and name not in OF_LIBRARIES]
    return files | {"bureau.css": b"".join([REPLY_STYLE.encode(), *own])}


@cache
def asset_path(name: str) -> str:
    """The path of a file, from the first page: it changes with the file, so that browsers never hold an old one."""
    return f"bureau/{hashlib.sha256(assets()[name]).hexdigest()[:12]}/{name}"


_PAGES: tuple[tuple[tuple[Scope, ...], str, Text, Text], ...] = (
    (
        ("match",),
        "besoin",
        Text("Nouveau besoin", "New need"),
        Text(
            "dire ce que l'on pense acheter, et voir qui pourrait répondre.",
            "say what you mean to buy, see who may answer.",
        ),
    ),
    (
        ("needs",),
        "besoins",
        Text("Besoins", "Needs"),
        Text(
            "les dossiers de l'organisation : listes, décisions, échanges, rencontres, attributions, rapport.",
            "the files of the organisation: shortlists, decisions, exchanges, meetings, awards, report.",
        ),
    ),
    (
        ("match",),
        "lotissement",
        Text("Découper en lots", "Cut into lots"),
        Text("comparer des découpages d'un achat.", "compare divisions of a purchase."),
    ),
    (
        ("read", "admin"),
        "annuaire",
        Text("Annuaire", "Directory"),
        Text("chercher un fournisseur, et lire sa fiche.", "look for a supplier, and read its record."),
    ),
    (
        ("match",),
        "territoires",
        Text("Un territoire", "A territory"),
        Text(
            "qui pourrait répondre dans un territoire, métier par métier.",
            "who may answer in a territory, trade by trade.",
        ),
    ),
    (
        ("sync", "admin"),
        "sources",
        Text("Sources", "Sources"),
        Text("d'où viennent les fournisseurs, et envoyer un fichier.", "where suppliers come from, and send a file."),
    ),
    (
        ("admin",),
        "admin",
        Text("Administration", "Administration"),
        Text("organisations, clés et personnes.", "organisations, keys and people."),
    ),
)


def main_pages(client: Client | None) -> list[tuple[str, tuple[str, str], tuple[str, str]]]:
    """The path, the name and the use of each page that a client may open, in the order of the menu."""
    return [
        (path, (name.fr, name.en), (use.fr, use.en))
        for scopes, path, name, use in _PAGES
        if client is not None and client.may(*scopes)
    ]


REFUSALS: dict[str, Text] = {
    "missing-scope": Text(
        "Vos droits n'ouvrent pas cette page : demandez-les à qui administre les clés de votre organisation.",
        "Your rights do not open this page: ask the person who manages the keys of your organisation for them.",
    ),
    "storage-quota": Text(
        "Les besoins, listes, échanges et réunions de votre organisation occupent toute la place qu'elle a : rien n'a "
        "été enregistré. Effacez des brouillons, ou voyez avec l'exploitant du service.",
        "The needs, shortlists, exchanges and meetings of your organisation take all the room that it has: nothing was "
        "stored. Delete drafts, or see the operator of the service.",
    ),
    "stale-version": Text(
        "Quelqu'un d'autre a changé cela depuis que vous l'avez ouvert : ouvrez-le à nouveau, puis refaites votre "
        "changement.",
        "Somebody else changed this since you opened it: open it again, then make your change once more.",
    ),
    "body-too-large": Text(
        "Ce que vous envoyez est plus volumineux que ce service n'en reçoit, et rien n'a été enregistré. Revenez à la "
        "page précédente, où votre saisie est gardée, et enregistrez-la en plusieurs fois.",
        "What you send is larger than this service takes, and nothing was stored. Go back to the page before, where "
        "what you typed is kept, and save it in several parts.",
    ),
    "email-quota": Text(
        "Votre organisation a envoyé autant de courriels qu'elle le peut en 24 heures : écrivez à moins de "
        "destinataires, par un autre moyen, ou recommencez plus tard.",
        "Your organisation has sent as many e-mails as it may in 24 hours: write to fewer recipients, by other means, "
        "or try again later.",
    ),
    "internal-error": Text(
        "Le service a échoué, et l'incident est journalisé. Recommencez ; s'il se répète, dites à l'exploitant du "
        "service à quelle heure, et ce que vous faisiez.",
        "The service failed, and the incident is logged. Try again; if it happens once more, tell the operator of the "
        "service at what time, and what you were doing.",
    ),
    "stopping": Text(
        "Le service redémarre et n'a pas fini : recommencez dans un instant.",
        "The service restarts and has not finished: try again in a moment.",
    ),
    "query-not-finished": Text(
        "La base de données n'a pas fini à temps : recommencez plus tard.",
        "The database did not finish in time: try again later.",
    ),
    "database-away": Text(
        "La base de données ne répond pas : recommencez dans un instant. La recherche de fournisseurs fonctionne "
        "encore.",
        "The database does not answer: try again in a moment. The search for suppliers still works.",
    ),
    "storage-full": Text(
        "Le service n'a plus de place, et rien n'a été enregistré : recommencez plus tard. Son exploitant en est "
        "averti.",
        "The service has no room left, and nothing was stored: try again later. Its operator is told.",
    ),
    "not-ready": Text(
        "Le service démarre et charge les fournisseurs : recommencez dans un instant.",
        "The service is starting and loading the suppliers: try again in a moment.",
    ),
}
"""By the slug of the type of problem; of the other types the detail is said as it is."""


TEMPLATES = Path(__file__).parents[1] / "templates"
COLON = Text("\N{NO-BREAK SPACE}: ", ": ")


def rendered(template: str, language: Language, **shown: Any) -> bytes:
    """A page in one language."""
    return _environment(language).get_template(template).render(**shown).encode()


@cache
def _environment(language: Language) -> Environment:
    environment = html_environment(FileSystemLoader(TEMPLATES))
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
