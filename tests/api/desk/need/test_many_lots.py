"""A need of many lots is filled in ten lots at a time, and answered one lot at a time."""

import asyncio
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from api.desk.need.need_form import MOST_LOTS
from tests.api.desk.answer.test_result_page import names, request_on
from tests.api.desk.steps import Browser, said
from tests.api.desk.window import Windows, assert_fits, sign_in, waiting
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client, put_record

TRADES = ("tonte de pelouses", "nettoyage de bureaux", "blanchisserie du linge hospitalier", "collecte de biodéchets")
LARGEST_PAGE = 200_000


@pytest.fixture
async def buyer(served: Client, browser: Browser, source: str) -> Buyer:
    """An organisation of its own, signed in, with 25 gardeners to be found at Pontivy."""
    stored: dict[str, Any] = {}
    for number in range(25):
        stored = await put_record(served, source, str(number), name=f"Jardin {source}-{number}")
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    buyer = await new_buyer(served)
    await browser.sign_in(buyer.headers["Authorization"].removeprefix("Bearer "))
    return buyer


def lots(count: int) -> list[dict[str, Any]]:
    """Lots as a large contract has them."""
    return [
        {
            "id": str(number),
            "title": f"{TRADES[number % len(TRADES)].capitalize()} du secteur {number}, sites de l'établissement",
            "value_eur": 90_000 + number,
            "duration_months": 24,
            "reserved": ["handicap", "iae"] if number % 2 else [],
        }
        for number in range(1, count + 1)
    ]


def need(count: int) -> dict[str, Any]:
    return {"title": "Entretien du patrimoine", "territory": {"codes": ["commune:56178"]}, "lots": lots(count)}


def without_drawings(page: str) -> int:
    """The bytes of a page, but those of its maps."""
    return len(re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).encode())


async def test_a_stored_need_of_the_most_lots_is_changed_ten_at_a_time(browser: Browser, buyer: Buyer) -> None:
    stored = (await buyer.post("/needs", need(MOST_LOTS))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    assert "200 lots, dont ceux du 1er au 10e sont ici" in said(browser.page)
    assert without_drawings(browser.page) < LARGEST_PAGE
    await browser.submit("besoin", {"lot-3-valeur": "1 000"}, faire="lots-141")
    assert browser.fields("besoin")["lot-141-valeur"] == ["90 141"]
    await browser.submit("besoin", {"lot-142-objet": "tonte du parc", "lot-145-reserve": []}, faire="retirer-150")
    assert "199 lots" in said(browser.page)
    await browser.submit("besoin", to=f"besoins/{stored['id']}/changer")
    changed = (await buyer.get(f"/needs/{stored['id']}")).json()["lots"]
    expected = {lot["id"]: lot for lot in stored["lots"] if lot["id"] != "150"}
    expected["3"]["value_eur"] = 1_000
    expected["142"]["title"] = "tonte du parc"
    expected["145"]["reserved"] = []
    assert changed == list(expected.values())


async def test_what_is_wrong_in_lots_of_other_pages_is_said_and_shown_first(browser: Browser, buyer: Buyer) -> None:
    stored = (await buyer.post("/needs", need(30))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    await browser.submit("besoin", {"lot-2-valeur": "cher"}, faire="lots-11")
    assert "À corriger" not in said(browser.page)
    await browser.submit("besoin", {"lot-12-duree": "longue"}, faire="lots-21")
    answer = await browser.submit("besoin", to="besoin/resultat")
    assert answer.status_code == 422
    assert '<a href="#lot-2-valeur">' in browser.page
    assert "#lot-12-duree" not in browser.page
    assert "À corriger aussi, dans des lots d'autres pages : 12." in said(browser.page)
    await browser.submit("besoin", {"lot-2-valeur": "1"}, to="besoin/resultat")
    assert '<a href="#lot-12-duree">' in browser.page


async def test_a_lot_that_is_added_is_shown(browser: Browser, buyer: Buyer) -> None:
    stored = (await buyer.post("/needs", need(20))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    await browser.submit("besoin", faire="ajouter")
    assert set(browser.fields("besoin")) & {"lot-20-objet", "lot-21-objet"} == {"lot-21-objet"}


async def test_of_many_lots_one_is_open_with_the_suppliers_of_the_api(browser: Browser, buyer: Buyer) -> None:
    stored = (await buyer.post("/needs", need(MOST_LOTS))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    await browser.submit("besoin", to="besoin/resultat")
    others = re.findall(r'name="voir" value="(\d+)"[^>]*>Lot \d', browser.page)
    assert (browser.page.count('class="answer"'), len(others)) == (1, MOST_LOTS - 1)
    assert without_drawings(browser.page) < LARGEST_PAGE
    await browser.submit("besoin/resultat", voir="172")
    asked = request_on(browser.page)
    answered = (await buyer.post("/match", asked)).json()["lots"]
    assert names(browser.page) == [each["supplier"]["name"] for each in answered[171]["candidates"]]
    assert 'id="reponse-172"' in browser.page
    await browser.submit("besoin/resultat", changer="reserver-172-iae")
    assert request_on(browser.page)["lots"][171]["reserved"] == ["iae"]
    assert 'id="reponse-172"' in browser.page
    await browser.submit("besoin/resultat", to="besoin", faire="comprendre")
    assert browser.fields("besoin")["lot-172-reserve"] == ["iae"]


async def test_a_script_gets_the_one_lot_that_it_opens(browser: Browser, buyer: Buyer) -> None:
    stored = (await buyer.post("/needs", need(12))).json()["need"]
    await browser.open(f"/besoins/{stored['id']}/changer")
    await browser.submit("besoin", to="besoin/resultat")
    fields = {**browser.fields("besoin/resultat"), "voir": "7"}
    part = (await browser.post("/besoin/resultat", data=fields, headers={"hx-target": "ouvert"})).text
    assert re.findall(r'<section [^>]*id="reponse-(\d+)"', part) == ["7"]
    assert '<input type="hidden" name="debut" value="7">' in part
    assert "<html" not in part


async def test_candidates_beyond_the_first_are_a_button_away(browser: Browser, buyer: Buyer) -> None:
    """Twenty at a time, in the order of the API, and on the map as well."""
    await browser.open("/besoin")
    typed = {"lieu": "commune:56178", "lot-1-objet": "tonte de pelouses"}
    await browser.submit("besoin", typed, to="besoin/resultat")
    asked = request_on(browser.page)
    (lot,) = (await buyer.post("/match", asked | {"limit": 100})).json()["lots"]
    expected = [each["supplier"]["name"] for each in lot["candidates"]]
    assert lot["total"] >= 25
    pages = [expected[first : first + 20] for first in range(0, len(expected), 20)]
    for number, page in enumerate(pages):
        assert names(browser.page) == page
        more = re.search(r'id="suite-1" class="plain" name="changer" value="([^"]+)"', browser.page)
        assert (more is None) == (number == len(pages) - 1)
        if more:
            await browser.submit("besoin/resultat", changer=more[1])
    await browser.submit("besoin/resultat", changer="suite-1-1")
    assert names(browser.page) == pages[0]


async def test_in_a_browser_a_lot_opens_in_place_and_reading_goes_on_there(
    buyer: Buyer, windows: Windows, address: str
) -> None:
    await asyncio.to_thread(open_lots, windows.open(320), address, buyer.headers["Authorization"].split()[-1])


def open_lots(window: Chrome, address: str, key: str) -> None:
    """By the keyboard: another lot, then its next candidates; the page stays the same."""
    titles = {f"lot-{number}-objet": TRADES[number % 2] for number in range(1, 7)}
    sign_in(window, f"{address}/connexion", key)
    window.get(f"{address}/besoin/resultat?{urlencode({'lieu': 'commune:56178'} | titles)}")
    (page_heading,) = window.find_elements(By.TAG_NAME, "h1")
    window.find_element(By.CSS_SELECTOR, "[name=voir][value='6']").send_keys(Keys.ENTER)
    waiting(window).until(lambda page: page.execute_script("return document.activeElement.id") == "lot-6")
    assert window.find_elements(By.ID, "reponse-1") == []
    window.find_element(By.ID, "suite-6").send_keys(Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.ID, "avant-6"))
    focused = "return document.activeElement.getAttribute('aria-labelledby')"
    waiting(window).until(lambda page: page.execute_script(focused) == "candidats-6")
    assert page_heading.is_displayed()
    assert_fits(window)
