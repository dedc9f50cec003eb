"""Every page of the desk in a browser, in its states: it fits, axe finds nothing, no other has its title.

A page with a form is looked at once it was sent with a mistake, or with what it does: all that it had is still there.

At 1280 and 320 pixels with scripts, and at 320 without where scripts change what is seen; some in English.
See `take_picture` for pictures.
"""

import asyncio
import json
import re
from collections import defaultdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from sqlalchemy import insert

from api.desk.frame import visit
from api.desk.frame.layout import TEMPLATES, render
from api.desk.frame.visit import COOKIE
from api.desk.pages import PAGES
from api.desk.sign_in import begin_session_of_invited
from api.people_settings import mail_server
from db.api_keys import ensure_organisation
from db.core.engine import transaction
from db.invitations import find_invited, invite, secret_digest
from db.schema.person_tables import sign_in_mails
from tests.accessibility import OF_WIDTH, RULES, unnamed, violations
from tests.api.desk.file_with_all import FILE, PAYMENTS, file_with_all, take_picture
from tests.api.desk.steps import Browser, sign_in_as
from tests.api.desk.window import Windows, enter, is_gone, refused, waiting
from tests.api.organisations import member
from tests.api.sync.factories import Client
from tests.browser import show_at
from tests.conftest import ROOT
from tests.oidc_provider import connect


class View(NamedTuple):
    """A page, and what is done there first: texts `typed` into fields, then a button `pressed`, each by its selector.

    `seen`: what there is once all has come; else what comes is another page. `by`: who looks.
    """

    name: str
    path: str
    pressed: str = ""
    typed: dict[str, str] = {}  # noqa: RUF012 - never written to
    seen: str = ""
    by: str = "anne"


PLAN = "Objet;Montant HT;Lieu\nTonte de pelouses;40 000 €;Rennes\nNettoyage de bureaux;90 000 €;Rennes\n"
SEND, ASK = "main form button[type=submit]:not(.hidden)", "button[formaction$='besoin/resultat']"
ANSWER = "besoin/resultat?territoire=departement:35&lot-1-objet=compostage&lot-2-objet=papiers&lot-2-reserve=iae"
VIEWS = (
    View("sign-in", "connexion", by="nobody"),
    View("sign-in-wrong", "connexion", "main form[action$=connexion] button", {"#cle": "viv_0"}, by="nobody"),
    View("sign-in-used-link", "connexion/abc", by="nobody"),
    View("sign-in-refused", "connexion/retour?state=x", by="nobody"),
    View("code", "connexion", "form[action$=code] button", {"#adresse": "lea@chu.example"}, by="nobody"),
    View("invitation", "invitation/{invitation}", by="nobody"),
    View("access", "acces", by="lea"),
    View("accessibility", "accessibilite", by="nobody"),
    View("legal-notice", "mentions", by="nobody"),
    View("site-map", "plan"),
    View("reply-wrong", "{reply}", "main form button", by="nobody"),
    View("reply-nowhere", "replies/nobody", by="nobody"),
    View("need-filled", "besoin?exemple=1"),
    View("need-wrong", "besoin", ASK),
    View("need-understood", "besoin?lieu=Saint-Denis&lot-1-objet=compostage"),
    View("result", ANSWER),
    View("addresses", ANSWER, "[value=adresses-1]"),
    View("result-nobody", "besoin/resultat?territoire=commune:97411&lot-1-objet=compostage&lot-1-distance=1"),
    View("allotment-compared", "lotissement?exemple=1", "button[formaction$=lotissement]"),
    View("spending-wrong", "depenses", "main form button", {"#fichier": "{file}"}),
    View("spending", "depenses", "main form button", {"#fichier": "{payments}"}),
    View("needs", "besoins"),
    View("needs-empty", "besoins", by="beginner"),
    View("need", "{need}"),
    View("need-fresh", "{fresh}"),
    View("need-change", "{need}/changer"),
    View("need-state", "{need}/etat?vers=sourcing"),
    View("need-delete", "{fresh}/supprimer"),
    View("need-journal", "{need}/journal"),
    View("versions", "{need}/versions?de=1&a=2"),
    View("version", "{need}/versions/1"),
    View("decisions-wrong", "{need}/decisions", ".decide button[type=submit]"),
    View(
        "decisions-retain",
        "{need}/decisions",
        ".decide button[type=submit]",
        {"[name=fournisseur]": " ", "[name=decision][value=kept]": " ", "#lot-1-motif": "Trie déjà nos papiers"},
    ),
    View("decisions-empty", "{fresh}/decisions"),
    View("awards-wrong", "{need}/attributions", "details button"),
    View("award-withdrawal", "{need}/attributions/{award}"),
    View("notice", "{need}/avis"),
    View("programme", "programmation", "main form button", {"#tableau": "{plan}"}),
    View("networks", "reseaux?lieu=departement:35"),
    View("networks-kept", "admin/reseaux"),
    View("hours", "heures?montant=100000&metier=pr-locaux"),
    View("open-data", "donnees"),
    View("report", "{need}/rapport?version=1&lire=integral"),
    View("report-file", "{need}/rapport/1/integral.html"),
    View("exchanges", "{need}/echanges"),
    View("mail-choices", "mes-courriels"),
    View("exchanges-empty", "{fresh}/echanges"),
    View("exchange-wrong", "{need}/echanges/{exchange}", "[name=faire][value=relire]"),
    View(
        "exchange-preview", "{need}/echanges/{exchange}", "[name=faire][value=relire]", {"#texte": "Le parc fait 3 ha."}
    ),
    View("exchange-new-wrong", "{need}/echanges/nouveau?modele=contact", ".actions [name=faire]"),
    View("letters", "{need}/echanges/{exchange}/lettres?envoi={letters}"),
    View("letter", "{need}/echanges/{exchange}/messages/{message}"),
    View("link", "{need}/echanges/{exchange}/lien?envoi={link}"),
    View("note", "{need}/echanges/{exchange}/offres/{supplier}"),
    View("note-in-directory", "annuaire/{supplier}/note"),
    View("note-in-meeting", "{need}/rencontres/{meeting}/offres/{invited}"),
    View("equal-treatment", "{need}/egalite"),
    View("equal-treatment-empty", "{fresh}/egalite"),
    View("missing-message", "{need}/egalite", ".gaps li:nth-child(3) button"),
    View("meetings", "rencontres"),
    View("meetings-empty", "rencontres", by="beginner"),
    View("need-meetings", "{need}/rencontres"),
    View("meeting-wrong", "{need}/rencontres/nouvelle", ".actions [name=faire]"),
    View("meeting", "{need}/rencontres/{meeting}"),
    View("campaigns", "campagnes"),
    View("campaign-wrong", "campagnes/nouvelle", SEND),
    View("campaign", "campagnes/{campaign}"),
    View("directory", "annuaire"),
    View("directory-found", "annuaire?lieu=Rennes&mots=rance"),
    View("directory-unclear", "annuaire?lieu=Saint-Denis&mots=xyzzy"),
    View("supplier", "annuaire/{supplier}"),
    View("event-wrong", "rencontres/nouvelle?territoire=departement:35", ".actions [name=faire]"),
    View("event", "rencontres/{event}"),
    View("territories-unclear", "territoires?lieu=Saint-Denis"),
    View("territory", "territoires/departement:35"),
    View(
        "territory-compared",
        "territoires/epci:243500741?niveau=commune&avec=commune:97411&lieu=Saint-Denis&reserve=iae",
    ),
    View("sources", "sources"),
    View("declarations", "sources/declarations"),
    View("source-tried", "sources/{source}", "[value=essayer]", {"#fichier": "{file}"}, seen="#essai"),
    View("import", "sources/{source}/envois/{import}"),
    View("admin-wrong", "admin", SEND),
    View("admin-journal", "admin/journal"),
    View("organisation", "admin/organisations/{organisation}"),
    View("keys-wrong", "admin/cles", SEND),
    View("key-new", "admin/cles", SEND, {"#nom": "Portail", "[value=match]": " "}),
    View("key", "admin/cles/{key}"),
    View("people", "admin/personnes"),
    View("person", "admin/personnes/{person}"),
    View("docs", "docs", seen=".opblock-summary, noscript p", by="nobody"),
)
ENGLISH = {"sign-in", "need-filled", "result", "needs", "need", "exchange-preview", "directory", "territory"}
"""Views that are looked at in English, as another of the same template is in French."""
SCRIPTED = {
    *("allotment-compared", "decisions-wrong", "docs", "key-new", "letters", "meeting-wrong", "need-wrong", "result")
}
"""A view of each template that says, or is as high as, something else without scripts."""
UNSEEN = {"record/need_crossed.html", "frame/send_again.html", "signing_in/signed_out.html"}
"""Templates of which there is no picture: of two people at once, of a session that ended, of a sign-out elsewhere."""
OF_OTHERS = {"docs"}
"""Views whose elements are those of a library: Swagger UI has violations of its own."""
ALIKE = {"link"}
"""Views of a page with the title of another, of which they are a part."""
NO_PAGES = {
    "/connexion/fournisseur": "leads to the provider",
    "/embed/search/{token}": "a part of a portal's page, looked at in its own test",
    "/bureau/{digest}/{name}": "stylesheets and scripts",
    "/contours/{version}/{code}/{kind}": "outlines for the map",
    "/besoins/{id}/rencontres/{meeting_id}/agenda.ics": "a calendar",
    "/rencontres/{meeting_id}/agenda.ics": "the same",
    "/rencontres/{meeting_id}/badges": "sheets to print",
    "/territoires/{code}/etat-des-lieux.pdf": "a handout to print",
    "/annuaire/tableau": "a table to download",
    "/campagnes/{id}/destinataires": "the same",
    "/besoins/{need_id}/avis/{name}": "the same",
    "/donnees/vivier.zip": "the same",
    "/sources/{source}/fiches": "the same",
    "/sources/{source}/modele": "the same",
    "/sources/{source}/envois/{import_id}/rejets": "the same",
}
"""Paths of the desk that show nothing to look at."""


def test_every_page_has_a_picture() -> None:
    """A view shows the page whose path fits it with the fewest parameters."""
    pages = {page.opt["page"].path for page in PAGES if page.opt["page"].method == "GET"}
    shown = {
        next(iter(sorted((each for each in pages if fits(each, view.path)), key=lambda each: each.count("{"))), None)
        for view in VIEWS
    }
    assert pages - shown == NO_PAGES.keys()


def fits(page: str, path: str) -> bool:
    """Whether a view's path is one of a page."""
    inner = re.sub("{need}|{fresh}", "besoins/x", path.partition("?")[0])
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", page), f"/{inner}") is not None


class Screen(NamedTuple):
    """Screens so wide, with scripts or without, in a language, and the names of the views that are looked at there."""

    widths: tuple[int, ...]
    scripts: bool
    language: str
    names: set[str]

    def __str__(self) -> str:
        return self.language + ("" if self.scripts else "-without-scripts")


SCREENS = (
    Screen((1280, 320), True, "fr", {each.name for each in VIEWS} - ENGLISH),
    Screen((320,), False, "fr", SCRIPTED),
    Screen((1280, 320), True, "en", ENGLISH),
)


def longest(named: dict[str, Any]) -> dict[str, Any]:
    """What has the five longest names: Swagger UI would take seconds for all."""
    return dict(sorted(named.items(), key=lambda each: len(each[0]))[-5:])


async def test_every_page_fits_and_axe_finds_nothing(
    served: Client,
    browser: Browser,
    source: str,
    windows: Windows,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    templates: set[str] = set()

    def noted(template: str, *its: Any, **shown: Any) -> bytes:
        templates.add(template)
        return render(template, *its, **shown)

    monkeypatch.setattr(visit, "render", noted)
    document = json.loads((ROOT / "openapi" / "openapi.json").read_text(encoding="utf-8"))
    document["paths"] = longest(document["paths"])
    document["components"]["schemas"] = longest(document["components"]["schemas"])
    monkeypatch.setitem(served.app.state, "openapi", json.dumps(document).encode())
    facts = await file_with_all(served, browser, source)
    templates.clear()
    files = {"file": FILE, "payments": PAYMENTS, "plan": PLAN}
    for name, content in files.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    async with Browser(served.app) as other:
        connect(served.services, monkeypatch, "http://localhost:1", address, smtp=mail_server("smtp://localhost"))
        await sign_in_as(other, await member(served, "match", "needs", organisation=f"Mairie de {source}"))
        cookies = {"anne": browser.cookies[COOKIE], "beginner": other.cookies[COOKIE]}
        facts["invitation"], cookies["lea"] = await invited(served, f"Mairie de {source}")
        gallery = Gallery(windows, address, cookies, facts | {name: str(tmp_path / f"{name}.csv") for name in files})
        await asyncio.to_thread(gallery.visit_all)
    assert gallery.found == {}
    files = {
        file.relative_to(TEMPLATES).as_posix(): file.read_text(encoding="utf-8") for file in TEMPLATES.rglob("*.html")
    }
    whole = {name for name, text in files.items() if 'extends "frame/layout.html"' in text}
    assert whole - templates == UNSEEN


async def invited(served: Client, organisation: str) -> tuple[str, str]:
    """The token of a link that invites somebody, and that of a session of theirs."""
    services, token, now = served.services, uuid4().hex, served.services.now()
    async with transaction(services.database) as connection:
        of = await ensure_organisation(connection, organisation, now)
        person_id = await invite(connection, of, "lea@chu.example", "Léa Morvan", ["match", "needs"], now)
        person = await find_invited(connection, person_id)
        assert person is not None
        session = await begin_session_of_invited(connection, services, person, "code", "fr")
        row = {"id": uuid4(), "person_id": person_id, "language": "fr", "status": "sent", "queued_at": now}
        link = {"digest": secret_digest(token), "expires_at": now + timedelta(days=1)}
        await connection.execute(insert(sign_in_mails).values(row | link))
    return token, session


SEEN = """
const page = document.documentElement, key = document.getElementById("secret");
for (const each of document.querySelectorAll("details")) each.open = true;
return [innerWidth, page.scrollWidth <= page.clientWidth, !key || key.scrollHeight <= key.clientHeight];
"""


def seen_at(window: Chrome, *, width: int) -> list[bool]:
    """Whether the page fits and a key is seen whole, all unfolded; nothing where the browser has zoomed out of it."""
    found: list[Any] = window.execute_script(SEEN)
    if found[0] == width:
        return found[1:]
    show_at(window, width)
    return []


class Gallery:
    """All pages on all screens. `cookies`: of who looks at them, by name; `facts`: what the paths name.

    `found`: what is wrong, by picture; `titles`: the paths of the pages that have each.
    """

    def __init__(self, windows: Windows, base: str, cookies: dict[str, str], facts: dict[str, str]) -> None:
        self.windows, self.base, self.cookies, self.facts = windows, base, cookies, facts
        self.found: dict[str, Any] = {}
        self.titles = defaultdict[str, set[str]](set)

    def visit_all(self) -> None:
        for screen in SCREENS:
            window = self.windows.open(scripts=screen.scripts, language=screen.language)
            self.titles.clear()
            for view in (each for each in VIEWS if each.name in screen.names):
                self.look_at(window, view, screen)
            self.note(f"titles-{screen}", [each for each in self.titles.items() if len(each[1]) > 1])
            self.note(f"log-{screen}", refused(window))

    def note(self, where: str, wrong: list[Any]) -> None:
        if wrong:
            self.found[where] = wrong

    def look_at(self, window: Chrome, view: View, screen: Screen) -> None:
        """Leave a picture; note what is wrong, once all is unfolded."""
        with_axe = screen.scripts and view.name not in OF_OTHERS
        for width in screen.widths:
            name = f"{view.name}-at-{width}-{screen}"
            show_at(window, width)
            if width == screen.widths[0]:
                self.open(window, view)
            take_picture(window, name)
            seen = waiting(window).until(partial(seen_at, width=width), f"{name} is not {width} pixels wide")
            assert seen == [True, True], f"{name} does not fit, or only a part of a key is in sight"
            if with_axe:
                self.note(name, violations(window, RULES if width == screen.widths[0] else OF_WIDTH))
        if with_axe:
            self.note(f"names-of-{view.name}-{screen}", unnamed(window))

    def open(self, window: Chrome, view: View) -> None:
        """Open the page, fill in and press the button; wait until all has come."""
        enter(window, self.base, self.cookies.get(view.by))
        window.get(f"{self.base}/{view.path.format(**self.facts)}")
        if view.name not in ALIKE:
            self.titles[window.title].add(view.path.partition("?")[0])
        soon = waiting(window)
        if view.pressed:
            window.execute_script(SEEN)
            for field, text in view.typed.items():
                window.find_element(By.CSS_SELECTOR, field).send_keys(text.format(**self.facts))
            before = window.find_element(By.TAG_NAME, "html")
            window.find_element(By.CSS_SELECTOR, view.pressed).send_keys(Keys.ENTER)
            soon.until(lambda page: view.seen or is_gone(before))
        soon.until(lambda page: is_complete(page) and page.find_elements(By.CSS_SELECTOR, view.seen or "body"))


def is_complete(window: Chrome) -> bool:
    """Whether nothing is fetched any more, and all maps are drawn, which are when they are scrolled to."""
    return bool(
        window.execute_script(
            "if (document.readyState !== 'complete' || document.querySelector('.htmx-request')) return false;"
            "if (!window.htmx) return true;"
            "const maps = [...document.querySelectorAll('figure.map:not(.live) .drawing svg[data-frame]')];"
            "const next = maps.find(each => each.checkVisibility());"
            "(next ?? document.documentElement).scrollIntoView();"
            "return !next"
        )
    )
