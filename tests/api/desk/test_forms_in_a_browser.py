"""Forms and answers in a real browser: what is understood as it is typed, the map, a file; what changes in its place.

Nothing typed is lost by a reload, a way back or the end of a session, and nobody else is offered it.
"""

import asyncio
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from api.desk.frame.visit import COOKIE
from tests.accessibility import violations
from tests.api.conftest import ADMIN_KEY
from tests.api.desk.need.test_need_form import TRADES
from tests.api.desk.need.test_need_page import NOTICE
from tests.api.desk.steps import Browser, Desk, desk_of, put_all
from tests.api.desk.window import Windows, appears, assert_fits, enter, hit, log, press, says, type_into, value, waiting
from tests.api.sync.factories import Client


def assert_nothing_was_blocked(window: Chrome) -> None:
    assert [each for each in log(window) if "Content Security Policy" in each or "Error" in each] == []


def type_a_need(window: Chrome, address: str) -> None:
    """What is understood appears while it is typed."""
    window.get(f"{address}/besoin")
    window.find_element(By.ID, "lot-1-objet").send_keys("tonte de pelouses")
    appears(window, "[name=lot-1-metier][value=ev-entretien]:checked")
    status = window.find_element(By.ID, "annonce")
    waiting(window).until(lambda _: "Entretien" in str(status.get_property("textContent")))
    window.find_element(By.ID, "lieu").send_keys("Pontiv")
    type_into(window, "territoire-commune:56178", Keys.SPACE)
    appears(window, "[id='territoire-commune:56178']:checked:not(.possible)")
    assert value(window, "lieu") == ""
    appears(window, "[id='territoire-commune:56178']:focus")
    window.find_element(By.ID, "rayon").send_keys("20", Keys.TAB)
    says(window, "#lieux .circle", "20 km")
    window.find_element(By.ID, "lot-1-ajout").send_keys("blanchisserie", Keys.TAB)
    appears(window, "[name=lot-1-metier][value=lt-blanchisserie]:checked")
    waiting(window).until(lambda _: value(window, "lot-1-ajout") == "")
    counted = "return document.querySelector('#compte p')?.textContent ?? ''"
    waiting(window).until(lambda page: re.search("fournisseur|supplier", page.execute_script(counted)))
    assert_fits(window)
    assert_nothing_was_blocked(window)


def choose_on_the_map(window: Chrome, address: str) -> None:
    """A departement by a click; an area by its corners, in its place; a circle; a departement by the keyboard."""
    window.get(f"{address}/besoin")
    window.find_element(By.CSS_SELECTOR, "#carte summary").send_keys(Keys.ENTER)
    appears(window, ".place-map path.leaflet-interactive")
    laid_out = "return getComputedStyle(document.querySelector('.place-map .leaflet-pane')).position"
    waiting(window).until(lambda page: page.execute_script(laid_out) == "absolute")  # its stylesheet has come
    board = window.find_element(By.CSS_SELECTOR, ".place-map")
    window.execute_script("arguments[0].scrollIntoView({block: 'center'})", board)
    ActionChains(window).move_to_element(board).click().perform()
    appears(window, "#lieux [name=territoire]:checked[id^='territoire-departement:']")
    window.find_element(By.CSS_SELECTOR, "[name=outil][value=trace]").click()
    for right, down in ((-60, -60), (60, -60), (60, 60)):
        ActionChains(window).move_to_element_with_offset(board, right, down).click().perform()
    appears(window, "[data-do=fermer]:not([hidden])").click()
    appears(window, "#lieux [id=trace]:checked")
    assert window.find_elements(By.CSS_SELECTOR, "#lieux [name=territoire]:checked") == []
    says(window, "#lieux", "(3 ")
    window.find_element(By.CSS_SELECTOR, "[name=outil][value=centre]").click()
    ActionChains(window).move_to_element(board).click().perform()
    says(window, "#lieux .circle", "20 km")
    assert window.find_elements(By.CSS_SELECTOR, "#lieux [name=trace]:checked") == []
    window.find_element(By.CSS_SELECTOR, "[name=outil][value=departement]").send_keys(Keys.SPACE)
    board.send_keys(Keys.ENTER)
    appears(window, "#lieux [name=territoire]:checked[id^='territoire-departement:']")
    assert_nothing_was_blocked(window)


def leave_and_come_back(window: Chrome, address: str) -> None:
    """Nothing typed is lost, and nobody else is offered it."""
    window.get(f"{address}/besoin")
    window.find_element(By.ID, "lot-1-objet").send_keys("imprimerie")
    window.find_element(By.ID, "lot-1-valeur").send_keys("12 000", Keys.TAB)
    window.refresh()
    waiting(window).until(lambda _: value(window, "lot-1-valeur") == "12 000")
    assert value(window, "lot-1-objet") == "imprimerie"
    window.find_element(By.ID, "lot-1-duree").send_keys("24", Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".notice.wrong"))
    window.refresh()
    waiting(window).until(lambda _: value(window, "lot-1-duree") == "24")
    window.get(f"{address}/territoires")
    window.get(f"{address}/besoin")
    appears(window, ".draft button").click()
    waiting(window).until(lambda _: value(window, "lot-1-objet") == "imprimerie")
    window.execute_script("document.querySelector('.leave button').click()")
    key = appears(window, "#cle")
    assert window.execute_script("return sessionStorage.getItem('vivier-saisies')") is None, "nothing is left behind"
    key.send_keys(ADMIN_KEY, Keys.ENTER)
    appears(window, "#lot-1-objet")
    assert not window.find_elements(By.CSS_SELECTOR, ".draft")
    kept = '{"of": "another key", "sent": null, "forms": {"besoin": {"fields": [["titre", "secret"]]}}}'
    window.execute_script("sessionStorage.setItem('vivier-saisies', arguments[0])", kept)
    window.get(f"{address}/besoin")
    appears(window, "#lot-1-objet")
    assert not window.find_elements(By.CSS_SELECTOR, ".draft")
    assert window.execute_script("return sessionStorage.getItem('vivier-saisies')") is None


def go_on_after_all(window: Chrome, address: str) -> None:
    """Back from the answer to an example that was changed; on from a session that ended while words were typed."""
    window.get(f"{address}/besoin?exemple=1")
    window.find_element(By.ID, "lot-1-valeur").clear()
    window.find_element(By.ID, "lot-1-valeur").send_keys("12 345")
    window.find_element(By.CSS_SELECTOR, "button[formaction$=resultat]").click()
    appears(window, ".answer")
    window.back()
    waiting(window).until(lambda _: value(window, "lot-4-objet") and value(window, "lot-1-valeur") == "12 345")
    window.delete_all_cookies()
    window.find_element(By.ID, "lot-2-objet").send_keys(" et des lycées")
    lost = window.find_element(By.ID, "formulaire").get_attribute("data-lost")
    assert appears(window, "#annonce.notice").text == lost
    window.find_element(By.CSS_SELECTOR, "button[formaction$=resultat]").click()
    appears(window, "#cle").send_keys(ADMIN_KEY, Keys.ENTER)
    waiting(window).until_not(lambda page: page.find_elements(By.ID, "cle"))
    appears(window, "main form button").click()
    appears(window, ".answer")
    waiting(window).until(lambda page: "et des lycées" in page.page_source)


LOTS = "besoin?lieu=Pontivy&lot-1-objet=tonte+de+pelouses&lot-2-objet=nettoyage+de+bureaux"


def change_lots(window: Chrome, address: str) -> None:
    """A change of a lot comes at once, and can be taken back; what a button would have done outlives the session."""
    window.get(f"{address}/{LOTS}")
    window.find_element(By.CSS_SELECTOR, "button[formaction]").send_keys(Keys.ENTER)
    appears(window, ".map.live")
    other = window.find_element(By.ID, "reponse-2")
    button = window.find_element(By.ID, "choix-1-iae")
    number, *_ = button.find_element(By.TAG_NAME, "b").text.split()
    button.send_keys(Keys.ENTER)
    told = window.find_element(By.ID, "annonce")
    waiting(window).until(lambda _: re.search(rf"Lot 1\s?: {number} ", str(told.get_property("textContent"))))
    waiting(window).until(lambda page: "lot-1-reserve=iae" in page.current_url)
    appears(window, "#choix-1-iae[aria-pressed=true]")
    appears(window, "#choix-1-iae:focus")
    assert other.is_displayed(), "the other lot is the one that was there before"
    window.back()
    appears(window, "#choix-1-none[aria-pressed=true]")
    window.refresh()
    appears(window, "#choix-1-none[aria-pressed=true]")
    sign = appears(window, "#reponse-1 .map .sign")
    window.execute_script("arguments[0].click()", sign)
    row = window.switch_to.active_element
    assert (row.get_attribute("id") or "").startswith("f-1-"), "a sign on the map leads to its row, and the row back"
    row.find_element(By.CSS_SELECTOR, ".seek").send_keys(Keys.ENTER)
    assert window.find_elements(By.CSS_SELECTOR, "#reponse-1 .leaflet-tooltip")
    assert_fits(window)
    assert [each for each in log(window) if "favicon" not in each] == []
    type_into(window, "rayon-1", "35", Keys.ENTER)
    waiting(window).until(lambda page: "lot-1-distance=35" in page.current_url)
    waiting(window).until(lambda _: value(window, "rayon-1") == "35")
    window.delete_all_cookies()
    hit(window, "#choix-1-handicap")
    appears(window, "#cle").send_keys(ADMIN_KEY, Keys.ENTER)
    appears(window, "[value=reserver-1-handicap]")
    hit(window, "main button")
    waiting(window).until(lambda page: "lot-1-reserve=handicap" in page.current_url)
    appears(window, "#reponse-1")


def reach_a_supplier_by_tab(window: Chrome, address: str) -> None:
    """By eight presses at most, however much was read of the words: arrows lead from chip to chip."""
    says = f"ville de Pontivy : nettoyage de bureaux, collecte de papiers et {SENTENCE}, reconductible un an"
    window.get(f"{address}/besoin/resultat?{urlencode({'lieu': 'commune:56178', 'lot-1-objet': says})}")
    chips = appears(window, ".chips[role=toolbar]").find_elements(By.TAG_NAME, "button")
    names = []
    for _ in range(8):
        ActionChains(window).send_keys(Keys.TAB).perform()
        names.append(window.switch_to.active_element.get_attribute("name"))
    assert "choix" in names
    chips[0].send_keys(Keys.ARROW_LEFT)
    assert window.switch_to.active_element == chips[7:][-1]
    hit(window, "#sans-1-duree")
    waiting(window).until(lambda page: page.switch_to.active_element.text == "Pontivy")


def open_lots(window: Chrome, address: str) -> None:
    """By the keyboard: another lot, then its next candidates; the page stays the same."""
    titles = {f"lot-{number}-objet": TRADES[number % 2] for number in range(1, 7)}
    window.get(f"{address}/besoin/resultat?{urlencode({'lieu': 'commune:56178'} | titles)}")
    (page_heading,) = window.find_elements(By.TAG_NAME, "h1")
    hit(window, "[name=voir][value='6']")
    appears(window, "#lot-6:focus")
    assert window.find_elements(By.ID, "reponse-1") == []
    hit(window, "#suite-6")
    appears(window, "#avant-6")
    appears(window, "[aria-labelledby='candidats-6']:focus")
    assert page_heading.is_displayed()
    assert_fits(window)


def print_an_answer(window: Chrome, address: str) -> None:
    """Twenty suppliers of each of two lots and what the law says, on three A4 sheets."""
    lots = {"lot-1-objet": SENTENCE, "lot-2-objet": "tonte de pelouses, 3 ans, 90 000 €"}
    window.get(f"{address}/besoin/resultat?{urlencode({'lieu': 'commune:56178'} | lots)}")
    appears(window, ".map .leaflet-container")
    sheets = window.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert len(re.findall(rb"/Type\s*/Page\b", b64decode(sheets["data"]))) <= 3


SENTENCE = "entretien des espaces verts de 12 collèges, 4 ans, 300 000 €, une partie réservée aux ESAT"


@pytest.fixture(scope="module")
async def mowers(served: Client) -> None:
    """25 suppliers to be found at Pontivy."""
    await put_all(served, "mowers", *({"name": f"Jardin {number}"} for number in range(25)))


@pytest.mark.parametrize(
    ("told", "width"),
    [
        (type_a_need, 320),
        (choose_on_the_map, 1280),
        (leave_and_come_back, 1280),
        (go_on_after_all, 1280),
        (change_lots, 1280),
        (open_lots, 320),
        (reach_a_supplier_by_tab, 390),
        (print_an_answer, 1280),
    ],
)
async def test_a_need_is_understood_placed_kept_and_answered(
    mowers: None, own: Browser, windows: Windows, address: str, told: Callable[[Chrome, str], None], width: int
) -> None:
    await asyncio.to_thread(told, enter(windows.open(width), address, own.cookies[COOKIE]), address)


async def test_a_notice_fills_in_the_form_and_lots_are_compared(
    own: Browser, windows: Windows, address: str, tmp_path: Path
) -> None:
    (tmp_path / "avis.xml").write_bytes(NOTICE)
    window = enter(windows.open(), address, own.cookies[COOKIE])
    await asyncio.to_thread(start_from_a_notice, window, address, tmp_path / "avis.xml")


def start_from_a_notice(window: Chrome, address: str, notice: Path) -> None:
    window.get(f"{address}/besoin")
    window.find_element(By.CSS_SELECTOR, "#avis-depot summary").send_keys(Keys.ENTER)
    window.find_element(By.ID, "avis").send_keys(str(notice))
    window.find_element(By.CSS_SELECTOR, "[name=faire][value=avis]").click()
    waiting(window).until(lambda _: value(window, "lot-1-objet") == "Nettoyage des locaux")
    window.find_element(By.CSS_SELECTOR, "#carte summary").send_keys(Keys.ENTER)
    appears(window, ".place-map path.leaflet-interactive")
    assert violations(window) == []
    window.find_element(By.CSS_SELECTOR, "button[formaction$=lotissement]").send_keys(Keys.ENTER)
    appears(window, "#changer")
    window.find_element(By.CSS_SELECTOR, "#changer summary").send_keys(Keys.ENTER)
    assert_fits(window)


WORDS = "Pourriez-vous passer deux fois par mois ?"
MINUTES = "Les candidats demandent des lots plus petits."


async def test_what_is_typed_stays_until_it_is_sent(
    served: Client, browser: Browser, source: str, windows: Windows, address: str
) -> None:
    desk = await desk_of(served, browser, source, "Jardins du Blavet", "Paysages de l'Oust")
    await desk.write()
    exchange = await desk.exchange()
    window = enter(windows.open(), address, browser.cookies[COOKIE])
    await asyncio.to_thread(write_and_leave, window, address, desk, exchange["id"])
    sent = (await desk.exchange())["messages"][-1]
    assert sent["body"] == f"{WORDS} Merci."
    assert (await desk.buyer.get(f"/meetings?need={desk.need_id}")).json()["items"] == []


def write_and_leave(window: Chrome, address: str, desk: Desk, exchange: str) -> None:
    """A message left and come back to, and its preview; then minutes that another session took."""
    need = f"{address}/{desk.path}"
    window.get(f"{need}/echanges/{exchange}")
    type_into(window, "texte", WORDS)
    window.refresh()
    waiting(window).until(lambda _: value(window, "texte") == WORDS)
    window.get(f"{address}/besoins")
    window.get(f"{need}/echanges/{exchange}")
    assert value(window, "texte") == ""
    appears(window, ".draft button").click()
    assert value(window, "texte") == WORDS
    window.delete_all_cookies()
    type_into(window, "texte", " Merci.")
    press(window, "[name=faire][value=relire]")
    type_into(window, "cle", desk.key)
    press(window, "main button[type=submit]")
    press(window, "main form button")
    says(window, ".letter", WORDS)
    window.back()
    window.get(f"{need}/echanges/{exchange}")
    appears(window, ".draft button").click()
    assert value(window, "texte") == f"{WORDS} Merci."
    press(window, "[name=faire][value=relire]")
    press(window, "[name=faire][value=message]")
    window.get(f"{need}/echanges/{exchange}")
    assert_nothing_is_offered(window, "what was sent is no draft any more")
    mistake_and_reload(window, need)
    assert_nothing_was_blocked_but_the_session(window)


def mistake_and_reload(window: Chrome, need: str) -> None:
    """A form with something to be corrected is there after a reload too."""
    window.get(f"{need}/rencontres/nouvelle")
    window.find_element(By.NAME, "fournisseur").send_keys(Keys.SPACE)
    window.find_element(By.ID, "titre").clear()
    type_into(window, "lieu", "Salle du conseil")
    press(window, ".actions [name=faire]")
    appears(window, ".notice.wrong")
    type_into(window, "lieu", ", 2e étage")
    window.refresh()
    waiting(window).until(lambda _: value(window, "lieu") == "Salle du conseil, 2e étage")
    assert value(window, "titre") == ""
    assert window.find_element(By.NAME, "fournisseur").is_selected()


async def test_minutes_that_crossed_a_colleagues_are_shown_to_be_copied(
    served: Client, browser: Browser, source: str, windows: Windows, address: str
) -> None:
    desk = await desk_of(served, browser, source, "Jardins du Blavet")
    meeting: dict[str, Any] = {
        "need_ids": [desk.need_id],
        "format": "online",
        "title": "Point",
        "starts_at": "2027-03-16T09:00:00+01:00",
        "ends_at": "2027-03-16T10:00:00+01:00",
    }
    planned = (await desk.buyer.post("/meetings", meeting)).json()

    async def colleague() -> None:
        answer = await desk.buyer.patch(f"/meetings/{planned['id']}", {"minutes": "Déjà notés."})
        assert answer.status_code == 200, answer.text

    loop = asyncio.get_running_loop()

    def cross() -> None:
        asyncio.run_coroutine_threadsafe(colleague(), loop).result()

    window = enter(windows.open(), address, browser.cookies[COOKIE])
    await asyncio.to_thread(note_minutes, window, address, desk, planned["id"], cross)


def note_minutes(window: Chrome, address: str, desk: Desk, meeting: str, cross: Any) -> None:
    window.get(f"{address}/{desk.path}/rencontres/{meeting}")
    type_into(window, "compte-rendu", MINUTES)
    window.find_element(By.ID, "compte-rendu").send_keys(Keys.TAB)
    cross()
    window.refresh()
    says(window, ".draft .words", MINUTES)
    assert value(window, "compte-rendu") == "Déjà notés."
    appears(window, ".draft button").click()
    window.refresh()
    assert_nothing_is_offered(window, "what was discarded is not offered again")


def assert_nothing_is_offered(window: Chrome, why: str) -> None:
    appears(window, "main h1")
    assert not window.find_elements(By.CSS_SELECTOR, ".draft"), why


def assert_nothing_was_blocked_but_the_session(window: Chrome) -> None:
    unexpected = [each for each in log(window) if "401" not in each and "422" not in each]
    assert [each for each in unexpected if "Error" in each or "Policy" in each] == []
