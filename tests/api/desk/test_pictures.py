"""Every page of the desk in a browser, in its states: it fits, axe finds nothing, no other has its title.

At 1280 and 320 pixels with scripts, and at 320 without where scripts change what is seen; the main ones in English too.
See `take_picture` for pictures.
"""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from api.desk.frame import visit
from api.desk.frame.layout import TEMPLATES, render
from api.desk.frame.visit import COOKIE
from api.desk.pages import PAGES
from tests.accessibility import OF_WIDTH, RULES, unnamed, violations
from tests.api.desk.file_with_all import FILE, file_with_all, take_picture
from tests.api.desk.steps import Browser, sign_in_as
from tests.api.desk.window import Windows, assert_fits, is_gone, refused, waiting
from tests.api.organisations import member
from tests.api.sync.factories import Client
from tests.browser import show_at
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


SEND, ASK = "main form button[type=submit]:not(.hidden)", "button[formaction$='besoin/resultat']"
ANSWER = "besoin/resultat?territoire=departement:35&lot-1-objet=compostage&lot-2-objet=papiers&lot-2-reserve=iae"
VIEWS = (
    View("sign-in", "connexion", by="nobody"),
    View("sign-in-wrong", "connexion", "main form button", {"#cle": "viv_0"}, by="nobody"),
    View("sign-in-used-link", "connexion/abc", by="nobody"),
    View("sign-in-refused", "connexion/retour?state=x", by="nobody"),
    View("accessibility", "accessibilite", by="nobody"),
    View("site-map", "plan"),
    View("reply", "{reply}", by="nobody"),
    View("reply-wrong", "{reply}", "main form button", by="nobody"),
    View("reply-nowhere", "replies/nobody", by="nobody"),
    View("need-empty", "besoin"),
    View("need-filled", "besoin?exemple=1"),
    View("need-wrong", "besoin", ASK),
    View("need-understood", "besoin?lieu=Saint-Denis&lot-1-objet=compostage"),
    View("result", ANSWER),
    View("result-nobody", "besoin/resultat?territoire=commune:97411&lot-1-objet=compostage&lot-1-distance=1"),
    View("allotment", "lotissement?exemple=1"),
    View("allotment-compared", "lotissement?exemple=1", "button[formaction$=lotissement]"),
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
    View("decisions", "{need}/decisions"),
    View("decisions-wrong", "{need}/decisions", ".decide button[type=submit]"),
    View("decisions-empty", "{fresh}/decisions"),
    View("awards", "{need}/attributions"),
    View("awards-wrong", "{need}/attributions", "details button"),
    View("award-withdrawal", "{need}/attributions/{award}"),
    View("report", "{need}/rapport?version=1&lire=integral"),
    View("report-file", "{need}/rapport/1/integral.html"),
    View("exchanges", "{need}/echanges"),
    View("exchanges-empty", "{fresh}/echanges"),
    View("exchange", "{need}/echanges/{exchange}"),
    View("exchange-wrong", "{need}/echanges/{exchange}", "[name=faire][value=relire]"),
    View(
        "exchange-preview",
        "{need}/echanges/{exchange}",
        "[name=faire][value=relire]",
        {"#texte": "Le parc fait 3 ha."},
    ),
    View("exchange-new", "{need}/echanges/nouveau?modele=contact"),
    View("exchange-new-wrong", "{need}/echanges/nouveau", ".actions [name=faire]"),
    View("letters", "{need}/echanges/{exchange}/lettres?envoi={letters}"),
    View("letter", "{need}/echanges/{exchange}/messages/{message}"),
    View("link", "{need}/echanges/{exchange}/lien?envoi={link}"),
    View("offer", "{need}/echanges/{exchange}/offres/{supplier}"),
    View("equal-treatment", "{need}/egalite"),
    View("equal-treatment-empty", "{fresh}/egalite"),
    View("missing-message", "{need}/egalite", ".gaps li:nth-child(3) button"),
    View("meetings", "rencontres"),
    View("meetings-empty", "rencontres", by="beginner"),
    View("need-meetings", "{need}/rencontres"),
    View("need-meetings-empty", "{fresh}/rencontres"),
    View("meeting-new", "{need}/rencontres/nouvelle"),
    View("meeting-wrong", "{need}/rencontres/nouvelle", ".actions [name=faire]"),
    View("meeting", "{need}/rencontres/{meeting}"),
    View("directory", "annuaire"),
    View("directory-found", "annuaire?lieu=Rennes&mots=rance"),
    View("directory-unclear", "annuaire?lieu=Saint-Denis&mots=xyzzy"),
    View("supplier", "annuaire/{supplier}"),
    View("territories", "territoires"),
    View("territories-unclear", "territoires?lieu=Saint-Denis"),
    View("territory", "territoires/departement:35"),
    View("territory-compared", "territoires/departement:56?avec=commune:97411&lieu=Saint-Denis&reserve=iae"),
    View("territory-communes", "territoires/epci:243500741?niveau=commune"),
    View("sources", "sources"),
    View("source", "sources/{source}"),
    View("source-tried", "sources/{source}", "[value=essayer]", {"#fichier": "{file}"}, seen="#essai"),
    View("import", "sources/{source}/envois/{import}"),
    View("admin", "admin"),
    View("admin-wrong", "admin", SEND),
    View("admin-journal", "admin/journal"),
    View("organisation", "admin/organisations/{organisation}"),
    View("keys", "admin/cles"),
    View("keys-wrong", "admin/cles", SEND),
    View("key-new", "admin/cles", SEND, {"#nom": "Portail", "[value=match]": " "}),
    View("key", "admin/cles/{key}"),
    View("people", "admin/personnes"),
    View("person", "admin/personnes/{person}"),
    View("docs", "docs", seen=".opblock-summary, noscript p", by="nobody"),
)
ENGLISH = {"sign-in", "need-filled", "result", "needs", "need", "exchange", "directory", "territory"}
CHANGED_BY_SCRIPTS = (
    *("allotment", "decisions", "decisions-wrong", "docs", "letter", "letters", "link", "meeting", "meeting-new"),
    *("meeting-wrong", "need-change", "need-empty", "need-filled", "need-understood", "need-wrong", "result"),
    "result-nobody",
)
"""Views that say, or are as high as, something else without scripts; all others are the same, sign by sign."""
UNSEEN = {"record/need_crossed.html", "frame/send_again.html", "signing_in/signed_out.html"}
"""Templates of which there is no picture: of two people at once, of a session that ended, of a sign-out elsewhere."""
OF_OTHERS = {"docs"}
"""Views whose elements are those of a library: Swagger UI has violations of its own."""
ALIKE = {"link"}
"""Views of a page with the title of another, of which they are a part."""
NO_PAGES = {
    "/connexion/fournisseur": "leads to the provider",
    "/bureau/{digest}/{name}": "stylesheets and scripts",
    "/contours/{version}/{code}/{kind}": "outlines for the map",
    "/besoins/{id}/rencontres/{meeting_id}/agenda.ics": "a calendar",
    "/annuaire/tableau": "a table to download",
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
    """Screens so wide, with scripts or without, in a language; axe looks at the page or not."""

    widths: tuple[int, ...]
    scripts: bool
    language: str
    axe: bool

    def __str__(self) -> str:
        return self.language + ("" if self.scripts else "-without-scripts")

    def views(self) -> Iterator[View]:
        names = [each.name for each in VIEWS] if self.scripts else CHANGED_BY_SCRIPTS
        return (each for each in VIEWS if each.name in (names if self.language == "fr" else ENGLISH))


SCREENS = (
    Screen((1280, 320), True, "fr", axe=True),
    Screen((320,), False, "fr", axe=False),
    Screen((1280,), True, "en", axe=False),
)


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
    facts = await file_with_all(served, browser, source)
    templates.clear()
    (tmp_path / "fiches.csv").write_text(FILE, encoding="utf-8")
    async with Browser(served.app) as other:
        connect(served.services, monkeypatch, "http://localhost:1", address)
        await sign_in_as(other, await member(served, "match", "needs", organisation=f"Mairie de {source}"))
        cookies = {"anne": browser.cookies[COOKIE], "beginner": other.cookies[COOKIE]}
        gallery = Gallery(windows, address, cookies, facts | {"file": str(tmp_path / "fiches.csv")})
        await asyncio.to_thread(gallery.visit_all)
    assert gallery.found == {}
    files = {
        file.relative_to(TEMPLATES).as_posix(): file.read_text(encoding="utf-8") for file in TEMPLATES.rglob("*.html")
    }
    whole = {name for name, text in files.items() if 'extends "frame/layout.html"' in text}
    assert whole - templates == UNSEEN


def is_shown_at(window: Chrome, *, width: int) -> bool:
    """Whether the page is so wide; it is asked to be so again where the browser has zoomed out of it."""
    if window.execute_script("return innerWidth") == width:
        return True
    show_at(window, width)
    return False


class Gallery:
    """All pages on all screens. `cookies`: of who looks at them, by name; `facts`: what the paths name.

    `found`: what is wrong, by picture.
    """

    def __init__(self, windows: Windows, base: str, cookies: dict[str, str], facts: dict[str, str]) -> None:
        self.windows, self.base, self.cookies, self.facts = windows, base, cookies, facts
        self.found: dict[str, Any] = {}

    def visit_all(self) -> None:
        for screen in SCREENS:
            window = self.windows.open(scripts=screen.scripts)
            agent = window.execute_script("return navigator.userAgent")
            override = {"userAgent": agent, "acceptLanguage": screen.language}
            window.execute_cdp_cmd("Emulation.setUserAgentOverride", override)
            titles: dict[str, set[str]] = {}
            for view in screen.views():
                self.look_at(window, view, screen)
                if not view.pressed and view.name not in ALIKE:
                    titles.setdefault(window.title, set()).add(view.path.partition("?")[0])
            self.note(f"titles-{screen}", [each for each in titles.items() if len(each[1]) > 1])
            self.note(f"log-{screen}", refused(window))

    def note(self, where: str, wrong: list[Any]) -> None:
        if wrong:
            self.found[where] = wrong

    def look_at(self, window: Chrome, view: View, screen: Screen) -> None:
        """Leave a picture; note what is wrong, once all is unfolded."""
        with_axe = screen.axe and view.name not in OF_OTHERS
        for width in screen.widths:
            name = f"{view.name}-at-{width}-{screen}"
            show_at(window, width)
            if width == screen.widths[0]:
                self.open(window, view)
            take_picture(window, name)
            unfold(window)
            waiting(window).until(partial(is_shown_at, width=width))
            assert_fits(window)
            if with_axe:
                self.note(name, violations(window, RULES if width == screen.widths[0] else OF_WIDTH))
        if with_axe:
            self.note(f"names-of-{view.name}-{screen}", unnamed(window))

    def open(self, window: Chrome, view: View) -> None:
        """Open the page, fill in and press the button; wait until all has come."""
        window.delete_all_cookies()
        if cookie := self.cookies.get(view.by):
            window.execute_cdp_cmd("Network.setCookie", {"name": COOKIE, "value": cookie, "url": self.base})
        window.get(f"{self.base}/{view.path.format(**self.facts)}")
        soon = waiting(window)
        if view.pressed:
            unfold(window)
            for field, text in view.typed.items():
                window.find_element(By.CSS_SELECTOR, field).send_keys(text.format(**self.facts))
            before = window.find_element(By.TAG_NAME, "html")
            window.find_element(By.CSS_SELECTOR, view.pressed).send_keys(Keys.ENTER)
            soon.until(lambda page: view.seen or is_gone(before))
        soon.until(lambda page: is_complete(page) and page.find_elements(By.CSS_SELECTOR, view.seen or "body"))


def unfold(window: Chrome) -> None:
    window.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")


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
