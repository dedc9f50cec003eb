"""The desk in a real browser, from the key to the answer: with scripts and without, on small screens and large."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By

from tests.api.conftest import ADMIN_KEY
from tests.api.exchanges.test_reply_page import assert_fits, text_of, waiting
from tests.api.sync.factories import Client, put_record
from tests.browser import browsing, installed, on_a_socket


async def stocked(served: Client, source: str) -> None:
    # where no other test has suppliers
    island: dict[str, Any] = {"address": {"commune": "22016"}, "location": {"lat": 48.846, "lon": -3.0}}
    stored = await put_record(served, source, name="Les Jardins de Bréhat", **island)
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)


@pytest.mark.parametrize(("width", "scripts"), [(320, False), (1280, True)])
async def test_a_buyer_goes_from_the_key_to_the_answer(
    served: Client, source: str, tmp_path: Path, width: int, scripts: bool
) -> None:
    installed()
    await stocked(served, source)
    async with on_a_socket(served.app) as base:
        await asyncio.to_thread(buy, base, tmp_path, width, scripts)


def buy(base: str, folder: Path, width: int, scripts: bool) -> None:
    """By the keyboard: sign in, search too early, say where, search, change the reservation, sign out."""
    with browsing(folder, width, scripts=scripts) as window:
        window.get(f"{base}/")
        assert_fits(window)
        window.find_element(By.ID, "cle").send_keys(ADMIN_KEY, Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.ID, "lot-1-objet"))
        assert_fits(window)
        window.find_element(By.ID, "lot-1-objet").send_keys("tonte de pelouses")
        window.find_element(By.CSS_SELECTOR, "button[formaction]").send_keys(Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".wrong a"))
        assert_fits(window)
        window.find_element(By.CSS_SELECTOR, ".wrong a").send_keys(Keys.ENTER)
        assert window.switch_to.active_element.get_attribute("id") == "lieu"
        window.switch_to.active_element.send_keys("Île-de-Bréhat")
        window.find_element(By.CSS_SELECTOR, "button[formaction]").send_keys(Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".answer"))
        assert "Les Jardins de Bréhat" in text_of(window, ".answer table")
        assert_fits(window)
        window.find_element(By.CSS_SELECTOR, "[name=changer][value=reserver-1-iae]").send_keys(Keys.ENTER)
        waiting(window).until(lambda page: "reserver-1-iae" not in page.page_source)
        assert_fits(window)
        window.find_element(By.CSS_SELECTOR, ".leave button").send_keys(Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.ID, "cle"))
        log = window.get_log("browser")  # type: ignore[no-untyped-call]
        assert [entry for entry in log if "Content Security Policy" in entry["message"]] == []
