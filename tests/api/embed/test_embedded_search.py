"""The search in portals: who may open one, what its address shows, and a portal made of it in a browser."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from api.embed.routes import Ticket, open_ticket
from api.runtime.auth import NOT_STORED
from api.runtime.rate_limits import EMBEDDED_SEARCHES, Limits
from tests.accessibility import Outline, violations
from tests.api.conftest import take_all
from tests.api.desk.steps import Browser, assert_refers_to_itself, put_all, said
from tests.api.desk.window import Windows, appears, assert_fits, refused, says, waiting
from tests.api.organisations import Member, member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client
from tests.browser import show_at
from tests.conftest import ROOT
from tests.faults.postgres import free_port

PORTAL = "https://portail.example.org"
REACHES_PAUL = {"kind": "words", "label": "Tonte : Paul, 06 12 34 56 78, paul@pres.example"}
ASKED = {"lot-1-objet": "réfection de toiture", "lieu": "Pontivy"}
ROOFS = [{"segments": ["bt-couverture"], "service_area": {"radius_km": 40}}]


@pytest.fixture
async def portal(served: Client, monkeypatch: pytest.MonkeyPatch) -> Member:
    """A portal that the server allows, with its key, and suppliers to be found."""
    settings = replace(served.services.settings, embed_origins=(PORTAL, "http://127.0.0.1:1"))
    monkeypatch.setattr(served.services, "settings", settings)
    await put_all(
        served,
        "in-a-portal",
        {
            "name": "Atelier <du> Portail",
            "contact": {"email": "a@b.example", "website": "https://atelier.example"},
            "offers": ROOFS,
        },
        {"name": "Marie Indépendante", "approvals": [{"kind": "TIH"}], "offers": ROOFS},
        {
            "name": "Les Prés",
            "offers": [
                {"segments": ["bt-couverture"], "basis": "inferred", "evidence": [REACHES_PAUL, {"kind": "kind"}]}
            ],
        },
    )
    return await member(served, "match")


async def opened(portal: Member, origin: str = PORTAL) -> str:
    """The path of a search that was opened for the portal."""
    answer = await portal.post("/embed/searches", {"origin": origin})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["url"]).removeprefix("http://testserver.local")


async def test_an_address_finds_suppliers_with_evidence_and_credits(portal: Member, browser: Browser) -> None:
    """In pages of the portal alone, without a cookie; neither addresses nor persons are shown."""
    path = await opened(portal)
    empty = await browser.get(path)
    answer = await browser.get(path, params=ASKED)
    page = said(answer.text)
    assert (empty.status_code, answer.status_code, answer.headers.get("set-cookie")) == (200, 200, None)
    assert f"frame-ancestors {PORTAL}" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert 'name="lieu" value="Pontivy"' in page
    for words in ("ne sont pas nommés", "Atelier <du> Portail", "Pontivy", "https://atelier.example", "in-a-portal"):
        assert words in page
    assert "Les Prés" in page
    persons = "a@b.example", "Marie Indépendante", "mailto:", "paul@pres.example", "06 12 34"
    assert [words for words in persons if words in page] == []
    outline = Outline(answer.text)
    assert_refers_to_itself(outline)
    assert list(outline.unlabelled()) == []
    english = await browser.get(path, params=ASKED, headers={"Accept-Language": "en"})
    assert "Find a supplier" in english.text


async def test_what_is_not_understood_is_said_where_it_stands(portal: Member, browser: Browser) -> None:
    path = await opened(portal)
    for asked, status, words in (
        ({"lot-1-objet": "tonte", "lieu": "Nullepartville"}, 422, 'id="lieu-erreur"'),
        ({"lot-1-objet": "tonte", "lieu": "Saint Jean de"}, 422, 'name="territoire"'),
        ({"lot-1-objet": "tonte", "territoire": "commune:99999"}, 422, 'id="lieu-erreur"'),
    ):
        answer = await browser.get(path, params=asked)
        assert (answer.status_code, words in answer.text) == (status, True), asked


async def test_only_origins_that_the_operator_allows_are_opened(portal: Member, served: Client) -> None:
    """By a key that may match."""
    refusal = await portal.post("/embed/searches", {"origin": "https://elsewhere.example"})
    assert_refused(refusal, 422, "invalid-content")
    assert refusal.json()["errors"][0]["pointer"] == "/origin"
    other = await member(served, "read")
    assert_refused(await other.post("/embed/searches", {"origin": PORTAL}), 403, "missing-scope")


async def test_an_address_ends_with_its_hour_its_key_or_its_origin(
    portal: Member, served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal's page is told so; of a token that this server did not seal nothing is told."""
    path, services = await opened(portal), served.services
    token = path.rpartition("/")[2]
    for forged in (token[:-3] + "AAA", "x", "é", Ticket(NOT_STORED, PORTAL, 2**40).sealed_with(b"another key")):
        answer = await browser.get(f"/embed/search/{forged}")
        assert (answer.status_code, "frame-ancestors 'none'" in answer.headers["content-security-policy"]) == (
            404,
            True,
        )
    ticket = open_ticket(token, services.embed_key)
    assert ticket is not None
    past = ticket._replace(until=int((services.now() - timedelta(seconds=1)).timestamp()))
    elsewhere = ticket._replace(origin="https://was-allowed.example")
    revoked = await opened(key := await member(served, "match"))
    await served.delete(f"/keys/{key.key.id}")
    ended = [f"/embed/search/{each.sealed_with(services.embed_key)}" for each in (past, elsewhere)] + [revoked]
    for each in ended:
        answer = await browser.get(each)
        assert (answer.status_code, "data-ended" in answer.text) == (404, True), each


async def test_one_visitor_searches_so_often_and_the_quota_of_the_key_holds(
    portal: Member, served: Client, browser: Browser, limits: Limits
) -> None:
    """Refusals are shown where the portal shows the page."""
    poor = await opened(await member(served, "match", rate_per_minute=2))
    assert [(await browser.get(poor)).status_code for _ in range(2)] == [200, 429]  # opened by the first request
    path = await opened(portal)
    take_all(limits, EMBEDDED_SEARCHES, but=2)
    answer = await browser.get(path)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, True)
    assert f"frame-ancestors {PORTAL}" in answer.headers["content-security-policy"]


async def test_the_element_is_for_pages_of_every_origin(served: Client) -> None:
    answer = await served.get("/embed/search.js", headers={"Authorization": "", "Origin": PORTAL})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.fixture
def portal_address(served: Client, address: str, portal: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example of a portal, which runs on an origin of its own that the server allows."""
    origin = f"http://127.0.0.1:{free_port()}"
    settings = replace(served.services.settings, embed_origins=(origin,))
    monkeypatch.setattr(served.services, "settings", settings)
    command = [sys.executable, str(ROOT / "clients/portal/portal.py"), origin, origin.rpartition(":")[2]]
    key = portal.headers["Authorization"].removeprefix("Bearer ")
    with subprocess.Popen(command, env=os.environ | {"VIVIER": address, "KEY": key}, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert origin.encode() in running.stdout.readline()  # it listens
        yield origin
        running.terminate()


async def test_a_portal_shows_the_search_in_its_page(windows: Windows, portal_address: str) -> None:
    """On an origin of its own, at 1280 and 320 pixels; axe finds nothing, and the key is nowhere in the page."""
    await asyncio.to_thread(search_in_the_portal, windows, portal_address)


def search_in_the_portal(windows: Windows, origin: str) -> None:
    window = windows.open()
    for width in (1280, 320):
        show_at(window, width)
        window.get(origin)
        window.switch_to.frame(appears(window, "vivier-search iframe"))
        appears(window, "#lieu").send_keys("Pontivy")
        window.find_element(By.ID, "lot-1-objet").send_keys("réfection de toiture", Keys.ENTER)
        says(window, "#trouves + p + ol", "Atelier <du> Portail")
        assert_fits(window)
        assert violations(window) == []
        high = window.execute_script("return document.documentElement.scrollHeight")
        window.switch_to.default_content()
        frame = appears(window, "vivier-search iframe")
        waiting(window).until(partial(is_as_high, frame, high))
        assert_fits(window)
        assert "viv_" not in window.page_source
    assert refused(window) == []


def is_as_high(frame: WebElement, high: int, _: Chrome) -> bool:
    return int(frame.size["height"]) >= high


async def test_no_other_page_frames_it(served: Client, windows: Windows, address: str, portal: Member) -> None:
    """The browser refuses what another origin frames."""
    path = await opened(portal)
    await asyncio.to_thread(frame_elsewhere, windows, address + path)


def frame_elsewhere(windows: Windows, url: str) -> None:
    window = windows.open()
    window.execute_script(
        "document.body.append(document.createElement('iframe')); frames[0].location = arguments[0]", url
    )
    waiting(window).until(refused)
