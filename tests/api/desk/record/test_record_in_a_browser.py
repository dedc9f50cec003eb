"""The record in a real browser, from the answer to the report: with scripts and without, on small screens and large."""

import asyncio
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.api.desk.record.test_record import key_of
from tests.api.exchanges.test_reply_page import assert_fits, text_of, waiting
from tests.api.needs.steps import new_buyer
from tests.api.sync.factories import Client, put_record
from tests.browser import browsing, installed, on_a_socket


async def stocked(served: Client, source: str) -> str:
    """The key of a buyer, once gardeners can be found at Pontivy."""
    for number in range(2):
        stored = await put_record(served, source, str(number), name=f"Jardin {number}")
        await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    return key_of(await new_buyer(served))


@pytest.mark.parametrize(("width", "scripts"), [(320, False), (1280, True)])
async def test_a_buyer_goes_from_the_answer_to_the_report(
    served: Client, source: str, tmp_path: Path, width: int, scripts: bool
) -> None:
    installed()
    key = await stocked(served, source)
    async with on_a_socket(served.app) as base:
        await asyncio.to_thread(follow, base, key, tmp_path, width, scripts)


def follow(base: str, key: str, folder: Path, width: int, scripts: bool) -> None:
    """By the keyboard: keep the need, freeze it again, decide without a reason and with one, award, read the report."""
    with browsing(folder, width, scripts=scripts) as window:
        keep(window, base, key)
        assert_fits(window)
        go(window, "versions")
        press(window, "main form button")
        arrive(window, "/versions/2")
        assert_fits(window)
        go(window, "decisions")
        boxes = window.find_elements(By.NAME, "fournisseur")
        if scripts:
            press(window, "[data-tick-all] button")
            assert all(box.is_selected() for box in boxes)
            press(window, "[data-tick-all] button")
        assert not any(box.is_selected() for box in boxes)
        for box in boxes[:2]:
            box.send_keys(Keys.SPACE)
        window.find_element(By.CSS_SELECTOR, "[name=decision][value=kept]").send_keys(Keys.SPACE)
        press(window, ".decide button[type=submit]")
        waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".wrong a"))
        assert_fits(window)
        window.find_element(By.CSS_SELECTOR, ".wrong a").send_keys(Keys.ENTER)
        window.switch_to.active_element.send_keys("Tond nos parcs")
        press(window, ".decide button[type=submit]")
        waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".decision.kept"))
        assert len(window.find_elements(By.CSS_SELECTOR, ".decision.kept")) == 2
        assert_fits(window)
        award(window)
        go(window, "rapport")
        assert_fits(window)
        window.find_element(By.CSS_SELECTOR, ".reports .go").send_keys(Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.TAG_NAME, "iframe"))
        window.switch_to.frame(window.find_element(By.TAG_NAME, "iframe"))
        waiting(window).until(lambda page: page.find_elements(By.TAG_NAME, "h1"))
        assert "Tond nos parcs" in text_of(window, "main")
        log = window.get_log("browser")  # type: ignore[no-untyped-call]
        assert [entry for entry in log if "Content Security Policy" in entry["message"]] == []


def keep(window: Chrome, base: str, key: str) -> None:
    """Sign in, say a need, look at its answer and keep it."""
    window.get(f"{base}/connexion")
    window.find_element(By.ID, "cle").send_keys(key, Keys.ENTER)
    waiting(window).until(lambda page: page.find_elements(By.ID, "lot-1-objet"))
    window.find_element(By.ID, "lot-1-objet").send_keys("tonte de pelouses")
    window.find_element(By.ID, "lieu").send_keys("Pontivy")
    press(window, "button[formaction$='besoin/resultat']")
    waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".keep button"))
    press(window, ".keep button")
    arrive(window, "fait=garde")


def award(window: Chrome) -> None:
    """Enter the award of the lot to the first that was kept."""
    go(window, "attributions")
    window.find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    Select(window.find_element(By.ID, "lot-1-titulaire")).select_by_index(1)
    window.find_element(By.ID, "lot-1-montant").send_keys("58 400", Keys.ENTER)
    arrive(window, "fait=note")
    assert_fits(window)


def go(window: Chrome, part: str) -> None:
    """Follow the link to a part of the need."""
    window.find_element(By.CSS_SELECTOR, f".parts a[href$='/{part}']").send_keys(Keys.ENTER)
    arrive(window, f"/{part}")


def press(window: Chrome, button: str) -> None:
    window.find_element(By.CSS_SELECTOR, button).send_keys(Keys.ENTER)


def arrive(window: Chrome, address: str) -> None:
    waiting(window).until(lambda page: address in page.current_url and page.find_elements(By.TAG_NAME, "h1"))
