"""Suppliers written to, read, told what they lack and met, in a real browser: with scripts and without."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.desk.steps import Browser
from tests.api.desk.talk.talking import Desk, desk_of
from tests.api.exchanges.test_reply_page import assert_fits, text_of, waiting
from tests.api.sync.factories import Client
from tests.browser import browsing, installed, on_a_socket

ASKER, OTHER = "Jardins d'Arvor", "Ateliers du Scorff"


def press(window: Chrome, selector: str) -> None:
    """Press a button or follow a link, and wait until another page has come."""
    before = window.find_element(By.TAG_NAME, "html")
    window.find_element(By.CSS_SELECTOR, selector).send_keys(Keys.ENTER)
    waiting(window).until(lambda _: is_gone(before))
    waiting(window).until(lambda page: page.execute_script("return document.readyState") == "complete")
    assert_fits(window)


def is_gone(page: Any) -> bool:
    try:
        page.is_enabled()
    except Exception:  # noqa: BLE001 - drivers say in several ways that the page is another one
        return True
    return False


def type_into(window: Chrome, field: str, text: str) -> None:
    window.find_element(By.ID, field).send_keys(text)


def sign_in(window: Chrome, base: str, desk: Desk) -> None:
    window.get(f"{base}/connexion")
    type_into(window, "cle", desk.buyer.headers["Authorization"].removeprefix("Bearer "))
    press(window, "main button[type=submit]")


@pytest.mark.parametrize(("width", "scripts"), [(320, False), (1280, True)], ids=["phone-without-scripts", "desktop"])
async def test_from_the_first_message_to_the_meeting(
    served: Client, browser: Browser, source: str, tmp_path: Path, width: int, scripts: bool
) -> None:
    installed()
    desk = await desk_of(served, browser, source, ASKER, OTHER)
    async with on_a_socket(served.app) as base:
        await asyncio.to_thread(talk, base, desk, tmp_path, width, scripts)
    gaps = (await desk.buyer.get(f"/{desk.api}/equal-treatment")).json()["gaps"]
    assert [each["code"] for each in gaps] == ["not_invited"]
    (meeting,) = (await desk.buyer.get(f"/meetings?need={desk.need_id}")).json()["items"]
    assert [each["organisation"] for each in meeting["participants"]] == [ASKER]


def talk(base: str, desk: Desk, folder: Path, width: int, scripts: bool) -> None:
    with browsing(folder, width, scripts=scripts) as window:
        sign_in(window, base, desk)
        link = write_to_all(window, f"{base}/{desk.path}")
        confirm_the_letters(window, f"{base}/{desk.path}")
        answer_as_supplier(window, base + link)
        publish_its_question(window, f"{base}/{desk.path}")
        tell_one_then_the_other(window, f"{base}/{desk.path}", desk)
        meet(window, f"{base}/{desk.path}", scripts)
        log = window.get_log("browser")  # type: ignore[no-untyped-call]
        assert [entry for entry in log if "Content Security Policy" in entry["message"]] == []


def write_to_all(window: Chrome, need: str, name: str = ASKER) -> str:
    """Write to the whole list by a template; the path of the link that one of them gets."""
    window.get(f"{need}/echanges")
    press(window, "a.button")
    window.find_element(By.CSS_SELECTOR, "#modele [value=contact]").click()
    press(window, "[name=faire][value=modele]")
    press(window, ".actions [name=faire]")
    press(window, "[name=faire][value=envoyer]")
    (letter,) = (each for each in window.find_elements(By.CSS_SELECTOR, ".sheet") if name in each.text)
    letter.find_element(By.TAG_NAME, "summary").click()
    found = re.search(r"/replies/[\w-]+", letter.find_element(By.CSS_SELECTOR, ".letter").text)
    assert found
    return found[0]


def confirm_the_letters(window: Chrome, need: str) -> None:
    """Both letters were posted today."""
    window.get(f"{need}/echanges")
    press(window, "section[aria-labelledby=tous] a")
    window.find_element(By.CSS_SELECTOR, ".exchange summary").click()
    for each in window.find_elements(By.CSS_SELECTOR, "fieldset[id^=pour-] input"):
        each.click()
    press(window, "button[value^=remis-]")
    assert text_of(window, ".done")
    assert not window.find_elements(By.CSS_SELECTOR, "fieldset[id^=pour-]")


def answer_as_supplier(window: Chrome, link: str) -> None:
    window.get(link)
    window.find_element(By.CSS_SELECTOR, "[name=stance][value=question]").send_keys(Keys.SPACE)
    type_into(window, "body", "Les bacs sont-ils fournis ?")
    press(window, "button[type=submit]")


def publish_its_question(window: Chrome, need: str, name: str = ASKER) -> None:
    window.get(f"{need}/echanges")
    assert name in text_of(window, "section[aria-labelledby=a-lire]")
    press(window, "section[aria-labelledby=questions] a")
    window.find_element(By.CSS_SELECTOR, ".exchange .supplier summary").click()
    (answer,) = window.find_elements(By.CSS_SELECTOR, "textarea[name^=reponse-]")
    answer.send_keys("Oui, sur place.")
    press(window, "button[value^=publier-]")
    assert "Oui, sur place." in text_of(window, ".exchange li:last-child")


def tell_one_then_the_other(window: Chrome, need: str, desk: Desk) -> None:
    """What one was told alone is a gap of the other, which a button closes."""
    window.find_element(By.CSS_SELECTOR, f"#a [value='{desk.suppliers[ASKER]}']").click()
    type_into(window, "texte", "Le parc fait 4 hectares.")
    press(window, "[name=faire][value=relire]")
    assert ASKER in text_of(window, "table")
    press(window, "[name=faire][value=message]")
    window.get(f"{need}/egalite")
    press(window, ".gaps button")
    assert OTHER in text_of(window, "fieldset")
    press(window, "[name=faire][value=envoyer]")
    assert not window.find_elements(By.CSS_SELECTOR, ".gaps")


def meet(window: Chrome, need: str, scripts: bool) -> None:
    """A meeting to which one is invited; the gap leads to the form in which the other is ticked."""
    window.get(f"{need}/rencontres")
    press(window, "a.button")
    window.find_element(By.CSS_SELECTOR, f'label[data-name="{ASKER}"] input').click()
    hours = [each.text for each in window.find_elements(By.CLASS_NAME, "hours")]
    assert hours[:3] == (["09:00 – 10:15", "10:15 – 10:30", "10:30 – 12:00"] if scripts else [])
    press(window, ".actions [name=faire]")
    assert "date" in text_of(window, ".wrong")
    french = window.execute_script("return navigator.language").startswith("fr")
    type_into(window, "jour", "16032027" if french else "03162027")
    press(window, ".actions [name=faire]")
    assert "1 " in text_of(window, "dl")
    assert window.find_elements(By.CSS_SELECTOR, "a.button[href$='/agenda.ics']")
    window.get(f"{need}/egalite")
    press(window, ".gaps button")
    ticked = window.find_elements(By.CSS_SELECTOR, "[name=fournisseur]:checked")
    assert len(ticked) == 1
