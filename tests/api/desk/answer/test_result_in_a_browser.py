"""The answer in a real browser: a change of a lot comes at once, and the map and the table lead to each other."""

import asyncio

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.conftest import ADMIN_KEY
from tests.api.exchanges.test_reply_page import assert_fits, waiting
from tests.api.sync.factories import Client, put_record
from tests.browser import Windows, log

NEED = "besoin?lieu=Pontivy&lot-1-objet=tonte+de+pelouses&lot-2-objet=nettoyage+de+bureaux"


async def test_a_change_of_a_lot_comes_at_once(served: Client, source: str, windows: Windows, address: str) -> None:
    stored = await put_record(served, source)
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    await asyncio.to_thread(change, windows.open(), address)


def change(window: Chrome, base: str) -> None:
    window.get(f"{base}/connexion")
    window.find_element(By.ID, "cle").send_keys(ADMIN_KEY, Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.ID, "lot-1-objet"))
    window.get(f"{base}/{NEED}")
    window.find_element(By.CSS_SELECTOR, "button[formaction]").send_keys(Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".map.live"))
    before = "return getComputedStyle(document.querySelector('.notice .count'), '::before').content"
    assert window.execute_script(before) == "none", "the parentheses of ticked suppliers are not for candidates"
    other = window.find_element(By.ID, "reponse-2")
    button = window.find_element(By.ID, "choix-1-iae")
    number = button.find_element(By.TAG_NAME, "b").text
    button.send_keys(Keys.ENTER)
    waiting(window).until(lambda page: f"Lot 1 : {number} " in said(page) or f"Lot 1: {number} " in said(page))
    waiting(window).until(lambda page: "lot-1-reserve=iae" in page.current_url)
    assert is_pressed(window, "choix-1-iae")
    assert window.switch_to.active_element.get_attribute("id") == "choix-1-iae"
    assert other.is_displayed(), "the other lot is the one that was there before"
    window.back()
    waiting(window).until(lambda page: is_pressed(page, "choix-1-none"))
    window.refresh()
    waiting(window).until(lambda page: is_pressed(page, "choix-1-none"))
    lead_to_each_other(window)
    assert_fits(window)
    assert [each for each in log(window) if "favicon" not in each] == []
    type_a_distance(window)
    lose_the_session(window)


def is_pressed(window: Chrome, button: str) -> bool:
    return bool(window.find_elements(By.CSS_SELECTOR, f"#{button}[aria-pressed=true]"))


def said(window: Chrome) -> str:
    return window.find_element(By.ID, "annonce").get_attribute("textContent") or ""


def lead_to_each_other(window: Chrome) -> None:
    """From a supplier on the map to its row, and back."""
    signs = waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, "#reponse-1 .map .sign"))
    window.execute_script("arguments[0].click()", signs[0])
    row = window.switch_to.active_element
    assert (row.get_attribute("id") or "").startswith("f-1-")
    row.find_element(By.CSS_SELECTOR, ".seek").send_keys(Keys.ENTER)
    assert window.find_elements(By.CSS_SELECTOR, "#reponse-1 .leaflet-tooltip")


def type_a_distance(window: Chrome) -> None:
    """By the keyboard alone."""
    window.find_element(By.ID, "rayon-1").send_keys("35", Keys.ENTER)
    waiting(window).until(lambda page: "lot-1-distance=35" in page.current_url)
    assert window.find_element(By.ID, "rayon-1").get_attribute("value") == "35"


def lose_the_session(window: Chrome) -> None:
    """What a button would have changed comes back once signed in."""
    window.delete_all_cookies()
    window.find_element(By.ID, "choix-1-handicap").send_keys(Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.ID, "cle"))
    window.find_element(By.ID, "cle").send_keys(ADMIN_KEY, Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, "[value=reserver-1-handicap]"))
    window.find_element(By.CSS_SELECTOR, "main button").send_keys(Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.ID, "reponse-1"))
    assert "lot-1-reserve=handicap" in window.current_url
