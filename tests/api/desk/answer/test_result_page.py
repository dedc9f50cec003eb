"""The page of an answer says what POST /match answers, and changes it at a click."""

import json
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import pytest

from domain.text.labels import TENSIONS
from domain.text.normalise import fold
from tests.api.desk.steps import FORM, Browser, counted_in_words, heading, said
from tests.api.exchanges.test_reply_page import Outline
from tests.api.sync.factories import Client, put_record

MOWING = {"lieu": "commune:56178", "lot-1-objet": "tonte de pelouses"}
BY_STATE: list[dict[str, Any]] = [
    {"name": "Atelier du Blavet", "approvals": [{"kind": "ESAT"}]},
    {"name": "Chantier <du> Scorff", "approvals": [{"kind": "ACI", "valid_until": "2020-01-01"}]},
    {"name": "Ferme lointaine", "location": {"lat": 47.2, "lon": -1.55}},
    {"name": "Paysages de Pontivy", "approvals": []},
]


async def answered(served: Client, browser: Browser, source: str, **typed: Any) -> str:
    """The page of an answer, on suppliers of its own."""
    for number, of_record in enumerate(BY_STATE):
        stored = await put_record(served, source, str(number), **of_record)
        await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    await browser.sign_in()
    fields: dict[str, Any] = {**MOWING, **{name.replace("_", "-"): text for name, text in typed.items()}}
    answer = await browser.submit("besoin", fields, to="besoin/resultat")
    assert (answer.status_code, heading(browser.page)) == (200, "Qui pourrait répondre")
    return browser.page


def request_on(page: str) -> dict[str, Any]:
    found = re.search(r'<pre id="demande">(.*?)</pre>', page, re.DOTALL)
    body: dict[str, Any] = json.loads(unescape(found[1])) if found else {}
    return body


def names(page: str) -> list[str]:
    row = r'<th scope="row" role="rowheader">\s*<span class="supplier">(?:<a href="[^"]+">)?(.*?)(?:</a>)?</span>'
    return [unescape(name) for name in re.findall(row, page)]


async def test_the_page_has_the_suppliers_of_the_api_in_their_order(
    served: Client, browser: Browser, source: str
) -> None:
    page = await answered(served, browser, source, lot_1_reserve=["handicap", "iae"], lot_1_valeur="240 000")
    asked = request_on(page)
    assert asked["lots"][0]["value_eur"] == 240_000
    (lot,) = (await served.post("/match", json=asked)).json()["lots"]
    expected = [each["supplier"]["name"] for each in lot["candidates"]]
    assert len(expected) > 1
    assert names(page) == expected
    text = unescape(page)
    for row in lot["candidates"]:
        for told in (*row["reasons"], *row["eligibility"]):
            assert fold(told["message"]) in fold(text)
    for row in lot["near_misses"]:
        assert fold(row["message"]) in fold(text)
    assert fold(f"Concurrence : {TENSIONS[lot['tension']['level']].fr}") in fold(text)


async def test_another_reservation_or_radius_is_a_button_away(served: Client, browser: Browser, source: str) -> None:
    page = await answered(served, browser, source, lot_1_reserve=["handicap"])
    (lot,) = (await served.post("/match", json=request_on(page))).json()["lots"]
    assert f"Ouvert à tous</span> <b>{counted_in_words(lot['alternatives']['reserved']['none'])}</b>" in said(page)
    await browser.submit("besoin/resultat", changer="reserver-1-")
    assert "reserved" not in request_on(browser.page)["lots"][0]
    assert len(names(browser.page)) == min(20, lot["alternatives"]["reserved"]["none"])
    await browser.submit("besoin/resultat", changer="rayon-1-10")
    assert request_on(browser.page)["lots"][0]["max_distance_km"] == 10
    await browser.submit("besoin/resultat", {"rayon-1": "35"}, changer="rayon-1")
    assert request_on(browser.page)["lots"][0]["max_distance_km"] == 35
    await browser.submit("besoin/resultat", {"rayon-1": "45"}, changer="distances")
    assert request_on(browser.page)["lots"][0]["max_distance_km"] == 45
    await browser.submit("besoin/resultat", changer="rayon-1-")
    assert "max_distance_km" not in request_on(browser.page)["lots"][0]


async def test_a_lot_may_be_called_anything(served: Client, browser: Browser, source: str) -> None:
    """Ids of the page are by the position of the lot; a distance is typed with a comma."""
    page = await answered(served, browser, source, lot_1_id="Lot 1.a")
    ids = Outline(page).ids
    assert [each for each in ids if each and re.search(r"[ .]", each)] == []
    assert {"reponse-1", "lot-1", "rayon-1"} <= set(ids)
    for pressed in ("rayon-Lot 1.a", "distances"):
        await browser.submit("besoin/resultat", {"rayon-Lot 1.a": "12,5"}, changer=pressed)
        assert request_on(browser.page)["lots"][0]["max_distance_km"] == 12.5
        await browser.submit("besoin/resultat", changer="rayon-Lot 1.a-")


async def test_the_map_lies_on_the_tiles_of_a_server(
    served: Client, browser: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiles = "https://tuiles.example.org/{z}/{x}/{y}.png"
    settings = replace(served.services.settings, tiles_url=tiles, tiles_credit="© Auteur")
    monkeypatch.setattr(served.services, "settings", settings)
    page = unescape(await answered(served, browser, source))
    assert f'data-tiles="{tiles}" data-credit="© Auteur"' in page


async def test_a_script_gets_the_lot_it_changes_and_what_follows_from_it(
    served: Client, browser: Browser, source: str
) -> None:
    page = await answered(served, browser, source, lot_2_objet="nettoyage de bureaux")
    fields = {**browser.fields("besoin/resultat"), "changer": "reserver-2-iae"}
    of_script = {"hx-request": "true", "hx-target": "reponse-2", **FORM}
    part = await browser.post("/besoin/resultat", content=urlencode(fields, doseq=True), headers=of_script)
    await browser.submit("besoin/resultat", changer="reserver-2-iae")
    assert re.findall(r'<section [^>]*id="reponse-(\d)"', part.text) == ["2"]
    assert request_on(browser.page) != request_on(page)
    asked = re.search(r'<pre id="demande"[^>]*>(.*?)</pre>', part.text, re.DOTALL)
    assert asked is not None
    assert json.loads(unescape(asked[1])) == request_on(browser.page)
    assert names(part.text) == names(browser.page.partition('id="reponse-2"')[2])
    assert 'name="lot-2-reserve" value="iae"' in part.text


async def test_a_trade_without_a_candidate_does_not_contradict_the_candidates_of_the_others(
    served: Client, browser: Browser, source: str
) -> None:
    page = said(await answered(served, browser, source, lot_1_objet="tonte de pelouses", lot_1_ajout="imprimerie"))
    (lot,) = (await served.post("/match", json=request_on(page))).json()["lots"]
    assert lot["total"] > 0
    assert lot["tension"]["level"] == "none"
    assert f"{lot['total']} candidats. Un métier sans candidat." in re.sub("<[^>]*>", "", page)
    assert "aucun candidat, dont 0" not in page


async def test_an_address_gives_the_answer_again(served: Client, browser: Browser, source: str) -> None:
    page = await answered(served, browser, source, lot_1_reserve=["iae"])
    address = urlencode(browser.fields("besoin/resultat"), doseq=True)
    await browser.open(f"/besoin/resultat?{address}")
    assert request_on(browser.page) == request_on(page)
    assert names(browser.page) == names(page)


async def test_signs_on_the_map_lead_to_rows(served: Client, browser: Browser, source: str) -> None:
    await put_record(served, source, "unknown", name="Nul ne sait", offers=[])
    page = await answered(served, browser, source)
    assert "<title>Nul ne sait</title><text" in page
    targets = re.findall(r'<a href="#(f-1-[^"]+)" tabindex="-1"', page)
    assert len(targets) > 1
    assert set(targets) <= set(Outline(page).ids)


async def test_who_lacks_little_is_asked_for_it(served: Client, browser: Browser, source: str) -> None:
    page = await answered(served, browser, source, lot_1_reserve=["handicap"])
    (lot,) = (await served.post("/match", json=request_on(page))).json()["lots"]
    lacking = {each["excluded_by"] for each in lot["near_misses"]}
    assert lacking
    assert page.count('class="ask"') == len(lacking) + bool(lot["unknown_trade"]["total"])


async def test_the_law_comes_gravest_first_with_its_article(served: Client, browser: Browser, source: str) -> None:
    page = await answered(served, browser, source, lot_1_reserve=["handicap", "ess"], lot_1_valeur="300000")
    of_lot = page.partition('class="answer"')[2].partition('class="whole"')[0]
    graves = re.findall(r'<details class="law (\w+)">', of_lot)
    order = ["blocking", "warning", "info"]
    assert graves[0] == "blocking"
    assert all(order.index(one) <= order.index(other) for one, other in pairwise(graves))
    assert "Article L2113-14" in page


async def test_the_law_is_that_of_the_planned_day(served: Client, browser: Browser, source: str) -> None:
    """Suppliers are those of the day of evaluation; the page says both days, and what the law changes between them."""
    days = {"publication": "2027-01-15", "date": "2026-11-29"}
    page = await answered(
        served, browser, source, lot_1_nature="works", lot_1_valeur="120 000", acheteur="local", **days
    )
    assert (request_on(page)["planned_publication_on"], request_on(page)["on"]) == ("2027-01-15", "2026-11-29")
    assert "Règles applicables au 15 janvier 2027, jour prévu de publication." in said(page)
    assert "tel qu'il s'applique au 15 janvier 2027" in said(page)
    assert "Les règles du 15/01/2027, jour prévu de publication, diffèrent de celles du 29/11/2026" in said(page)
    without = await browser.submit("besoin/resultat", {"publication": ""})
    assert "Règles applicables" not in said(without.text)


async def test_the_page_can_be_read_aloud_and_draws_its_map(served: Client, browser: Browser, source: str) -> None:
    page = await answered(served, browser, source, lot_1_reserve=["iae"])
    outline = Outline(page)
    assert (len(outline.of("h1")), len(outline.of("main"))) == (1, 1)
    assert len(outline.ids) == len(set(outline.ids))
    for name in ("aria-labelledby", "aria-describedby", "for"):
        referred = [(each.get(name) or "").split() for _, each in outline.elements]
        assert {one for each in referred for one in each} <= set(outline.ids)
    assert len(outline.of("svg")) > 1
    assert "<circle" in page
    assert "<du>" not in page
    assert " style=" not in page
    assert len(page.encode()) < 200_000 + len("".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)))


async def test_the_form_of_a_need_can_be_read_aloud(browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/besoin", "/besoin?exemple=1", "/besoin?lieu=Saint-Denis"):
        await browser.open(path)
        outline = Outline(browser.page)
        assert list(outline.unlabelled()) == []
        assert len(outline.ids) == len(set(outline.ids))
        for name in ("aria-labelledby", "aria-describedby", "for"):
            referred = [(each.get(name) or "").split() for _, each in outline.elements]
            assert {one for each in referred for one in each} <= set(outline.ids)
        anchors = [each["href"] or "" for each in outline.of("a")]
        assert {each.partition("#")[2] for each in anchors if each.startswith("#")} <= set(outline.ids)


async def test_a_need_that_is_not_in_order_is_corrected_on_its_form(browser: Browser) -> None:
    await browser.sign_in()
    answer = await browser.submit("besoin", {"lot-1-objet": "tonte"}, to="besoin/resultat")
    assert (answer.status_code, heading(browser.page)) == (422, "Votre besoin")
    assert '<a href="#lieu">' in browser.page
    assert browser.fields("besoin")["lot-1-objet"] == ["tonte"]


async def test_the_example_is_answered(served: Client, browser: Browser, source: str) -> None:
    await put_record(served, source)
    await browser.sign_in(path="/besoin?exemple=1")
    answer = await browser.submit("besoin", to="besoin/resultat")
    assert (answer.status_code, browser.page.count('class="answer"')) == (200, 4)


async def test_a_reload_by_address_leads_to_the_form(browser: Browser) -> None:
    await browser.sign_in()
    assert (await browser.open("/besoin/resultat")).url.path == "/besoin"
