"""Signing in without a key, the directory, sources and administration in a real browser, with scripts and without."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.conftest import ADMIN_KEY
from tests.api.exchanges.test_reply_page import assert_fits, text_of, waiting
from tests.api.organisations import member
from tests.api.sync.factories import Client, put_record
from tests.browser import browsing, installed, on_a_socket
from tests.oidc_provider import connect, make_person, provider

ROWS = """external_id;name;siret;address.commune;segments
1;Les Jardins du Loch;;56178;ev-entretien
2;Atelier du Scorff;123;56178;ev-entretien
"""
ANNE = {"name": "Anne Le Goff", "email": "anne@morbihan.example", "email_verified": True}
WAYS = pytest.mark.parametrize(("width", "scripts"), [(320, False), (1280, True)])


def press(window: Chrome, selector: str) -> None:
    """Press a button or follow a link by the keyboard."""
    window.find_element(By.CSS_SELECTOR, selector).send_keys(Keys.ENTER)


def wait_for(window: Chrome, selector: str) -> None:
    waiting(window).until(lambda page: page.find_elements(By.CSS_SELECTOR, selector))


def refusals(window: Chrome) -> list[dict[str, Any]]:
    """The messages of the browser about what the policy of the pages refused."""
    log: list[dict[str, Any]] = window.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry for entry in log if "Content Security Policy" in entry["message"]]


@WAYS
async def test_a_person_signs_in_at_the_provider_reads_the_directory_and_signs_out(
    served: Client, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, scripts: bool
) -> None:
    installed()
    organisation = await member(served, "needs")
    name = f"Les Jardins {uuid4().hex[:8]}"
    await put_record(served, source, name=name)
    with provider() as issuer:
        await make_person(issuer, "anne", **ANNE)
        async with on_a_socket(served.app) as base:
            members = (("@morbihan.example", str(organisation.organisation_id)),)
            connect(served.services, monkeypatch, issuer, base, oidc_members=members)
            await asyncio.to_thread(read, base, issuer, tmp_path, width, scripts, name)


def read(base: str, issuer: str, folder: Path, width: int, scripts: bool, name: str) -> None:
    with browsing(folder, width, scripts=scripts) as window:
        window.get(f"{base}/annuaire?mots={name.rsplit(maxsplit=1)[-1]}")
        assert_fits(window)
        press(window, "a.button")
        wait_for(window, "[name=sub]")
        assert window.current_url.startswith(issuer)
        window.find_element(By.CSS_SELECTOR, "[name=sub]").send_keys("anne", Keys.ENTER)
        wait_for(window, "#mots")
        assert window.current_url == f"{base}/annuaire?mots={name.rsplit(maxsplit=1)[-1]}"
        assert "Anne Le Goff" in text_of(window, ".leave")
        assert_fits(window)
        press(window, "tbody th a")
        wait_for(window, "#provenance")
        assert name in text_of(window, "h1")
        assert_fits(window)
        press(window, ".leave button")
        waiting(window).until(lambda page: page.current_url.startswith(issuer))
        window.get(f"{base}/annuaire")
        wait_for(window, "#cle")
        assert refusals(window) == []


@WAYS
async def test_an_integrator_tries_a_file_and_imports_it(
    served: Client, source: str, tmp_path: Path, width: int, scripts: bool
) -> None:
    installed()
    file = tmp_path / "fiches.csv"
    file.write_text(ROWS, encoding="cp1252")
    async with on_a_socket(served.app) as base:
        await asyncio.to_thread(import_file, base, tmp_path / "profile", width, scripts, source, file)
    assert (await served.get(f"/sources/{source}")).json()["records"] == 1


def import_file(base: str, folder: Path, width: int, scripts: bool, source: str, file: Path) -> None:
    with browsing(folder, width, scripts=scripts) as window:
        downloads = {"behavior": "allow", "downloadPath": str(folder.parent)}
        window.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
        window.get(f"{base}/sources/{source}")
        window.find_element(By.ID, "cle").send_keys(ADMIN_KEY, Keys.ENTER)
        wait_for(window, "#fichier")
        assert_fits(window)
        window.find_element(By.ID, "fichier").send_keys(str(file))
        press(window, "[value=essayer]")
        wait_for(window, "#rejets")
        assert_fits(window)
        assert "siret" in text_of(window, "#resultat table")
        if not scripts:  # with them, the file is still chosen
            window.find_element(By.ID, "fichier").send_keys(str(file))
        importing = "#resultat [value=importer]"
        waiting(window).until(lambda page: page.find_element(By.CSS_SELECTOR, importing).is_enabled())
        press(window, "#resultat [value=corriger]")
        waiting(window).until(lambda _: list(folder.parent.glob("vivier-a-corriger*.csv")))
        assert text_of(window, "#resultat tbody th") == "3"
        assert not window.find_element(By.ID, "attente").is_displayed()
        press(window, importing)
        waiting(window).until(lambda page: "/envois/" in page.current_url and page.find_elements(By.ID, "rejets"))
        assert_fits(window)
        assert text_of(window, "tbody th") == "3"
        assert refusals(window) == []


@WAYS
async def test_an_administrator_makes_a_key_and_revokes_it(
    served: Client, tmp_path: Path, width: int, scripts: bool
) -> None:
    installed()
    boss = await member(served, "match", "admin")
    secret = boss.headers["Authorization"].removeprefix("Bearer ")
    async with on_a_socket(served.app) as base:
        made = await asyncio.to_thread(make_and_revoke, base, tmp_path, width, scripts, secret)
    assert (await served.get("/keys", headers={"Authorization": f"Bearer {made}"})).status_code == 401


WHOLE = "const key = document.getElementById('secret'); return key.scrollHeight <= key.clientHeight;"


def make_and_revoke(base: str, folder: Path, width: int, scripts: bool, secret: str) -> str:
    with browsing(folder, width, scripts=scripts) as window:
        window.get(f"{base}/admin")
        window.find_element(By.ID, "cle").send_keys(secret, Keys.ENTER)
        wait_for(window, ".parts")
        assert_fits(window)
        window.get(f"{base}/admin/cles")
        assert_fits(window)
        window.find_element(By.ID, "nom").send_keys("Portail", Keys.ENTER)
        wait_for(window, ".wrong a")
        press(window, ".wrong a")
        window.find_element(By.CSS_SELECTOR, "[name=portee][value=match]").send_keys(Keys.SPACE)
        window.find_element(By.ID, "nom").send_keys(Keys.ENTER)
        wait_for(window, "#secret")
        assert_fits(window)
        assert window.execute_script(WHOLE), "a key of which a part is out of sight"
        made = window.find_element(By.ID, "secret").get_attribute("value") or ""
        window.get(f"{base}/admin/cles")
        window.find_element(By.LINK_TEXT, "Portail").send_keys(Keys.ENTER)
        wait_for(window, ".facts")
        assert_fits(window)
        press(window, "main form button")
        wait_for(window, "#nouvelle")
        window.find_element(By.LINK_TEXT, "Portail").send_keys(Keys.ENTER)
        wait_for(window, ".facts")
        assert window.find_elements(By.CSS_SELECTOR, "main form") == []
        assert refusals(window) == []
        return made
