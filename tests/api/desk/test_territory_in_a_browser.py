"""The pages of territories in a real browser: they fit on small screens, and axe finds nothing, all unfolded."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.conftest import ADMIN_KEY
from tests.api.desk.test_in_a_browser import RULES
from tests.api.exchanges.test_reply_page import assert_fits, waiting
from tests.api.sync.factories import Client, put_record
from tests.browser import browsing, installed, on_a_socket

PATHS = (
    "territoires?lieu=Saint-Denis",
    "territoires/departement:56?avec=commune:97411&lieu=Saint-Denis&reserve=iae",
    "territoires/epci:243500741?niveau=commune",
    "besoin/resultat?territoire=departement:56&lot-1-objet=tonte&lot-1-reserve=iae&lot-2-objet=tonte&lot-2-distance=9",
)


@pytest.mark.parametrize("width", [320, 1280])
async def test_the_pages_fit_and_axe_finds_nothing(served: Client, source: str, tmp_path: Path, width: int) -> None:
    installed()
    stored = await put_record(served, source)
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    async with on_a_socket(served.app) as base:
        found = await asyncio.to_thread(looked_at, base, tmp_path, width)
    assert found == {}


def looked_at(base: str, folder: Path, width: int) -> dict[str, Any]:
    """What axe finds wrong, by page, where AXE_SCRIPT names it."""
    axe = os.environ.get("AXE_SCRIPT")
    found = {}
    with browsing(folder, width, scripts=True) as window:
        window.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        window.get(f"{base}/connexion")
        window.find_element(By.ID, "cle").send_keys(ADMIN_KEY, Keys.ENTER)
        waiting(window).until(lambda page: page.find_elements(By.ID, "lot-1-objet"))
        for path in PATHS:
            window.get(f"{base}/{path}")
            waiting(window).until(is_drawn)
            window.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
            assert_fits(window)
            if axe is None:
                continue
            window.execute_script(Path(axe).read_text(encoding="utf-8"))
            told = window.execute_async_script("axe.run(document, {runOnly: arguments[0]}).then(arguments[1])", RULES)
            if told["violations"]:
                found[path] = [(each["id"], each["nodes"][0]["html"]) for each in told["violations"]]
    return found


def is_drawn(window: Chrome) -> bool:
    """Whether all maps are there, the next of which is scrolled to; a page may have none."""
    return bool(
        window.execute_script(
            "const next = document.querySelector('figure.map:not(.live)');"
            "if (next) next.scrollIntoView();"
            "return document.readyState === 'complete' && !next"
        )
    )
