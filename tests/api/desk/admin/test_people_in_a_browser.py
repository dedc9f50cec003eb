"""Signing in without a key, the directory, sources and administration in a real browser.

Without scripts where they are of no use: a new key is seen whole on a small screen.
"""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.desk.steps import key_of
from tests.api.desk.window import Windows, appears, assert_fits, hit, press, refused, sign_in, text_of, waiting
from tests.api.organisations import member
from tests.api.sync.factories import Client, put_record
from tests.oidc_provider import connect, make_person, provider

ROWS = """external_id;name;siret;address.commune;segments
1;Les Jardins du Loch;;56178;ev-entretien
2;Atelier du Scorff;123;56178;ev-entretien
"""
ANNE = {"name": "Anne Le Goff", "email": "anne@morbihan.example", "email_verified": True}


async def test_a_person_signs_in_at_the_provider_reads_the_directory_and_signs_out(
    served: Client, source: str, windows: Windows, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = await member(served, "needs")
    name = f"Les Jardins {uuid4().hex[:8]}"
    await put_record(served, source, name=name)
    with provider() as issuer:
        await make_person(issuer, "anne", **ANNE)
        members = (("@morbihan.example", str(organisation.organisation_id)),)
        connect(served.services, monkeypatch, issuer, address, oidc_members=members)
        await asyncio.to_thread(read, windows.open(), address, issuer, name)


def read(window: Chrome, address: str, issuer: str, name: str) -> None:
    window.get(f"{address}/annuaire?mots={name.rsplit(maxsplit=1)[-1]}")
    assert_fits(window)
    hit(window, "a.button")
    appears(window, "[name=sub]")
    assert window.current_url.startswith(issuer)
    window.find_element(By.CSS_SELECTOR, "[name=sub]").send_keys("anne", Keys.ENTER)
    appears(window, "#mots")
    assert window.current_url == f"{address}/annuaire?mots={name.rsplit(maxsplit=1)[-1]}"
    assert "Anne Le Goff" in text_of(window, ".leave")
    press(window, "tbody th a")
    appears(window, "#provenance")
    assert name in text_of(window, "h1")
    assert_fits(window)
    hit(window, ".leave button")
    waiting(window).until(lambda page: page.current_url.startswith(issuer))
    window.get(f"{address}/annuaire")
    appears(window, "#cle")
    assert refused(window) == []


async def test_an_integrator_tries_a_file_and_imports_it(
    served: Client, source: str, windows: Windows, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "fiches.csv"
    file.write_text(ROWS, encoding="cp1252")
    await asyncio.to_thread(import_file, windows.open(), f"{address}/sources/{source}", file)
    assert (await served.get(f"/sources/{source}")).json()["records"] == 1


def import_file(window: Chrome, address: str, file: Path) -> None:
    downloads = {"behavior": "allow", "downloadPath": str(file.parent)}
    window.execute_cdp_cmd("Browser.setDownloadBehavior", downloads)
    sign_in(window, address)
    appears(window, "#fichier")
    assert_fits(window)
    window.find_element(By.ID, "fichier").send_keys(str(file))
    hit(window, "[value=essayer]")
    appears(window, "#rejets")
    assert_fits(window)
    assert "siret" in text_of(window, "#resultat table")
    importing = "#resultat [value=importer]"
    waiting(window).until(lambda page: page.find_element(By.CSS_SELECTOR, importing).is_enabled())
    hit(window, "#resultat [value=corriger]")
    waiting(window).until(lambda _: list(file.parent.glob("vivier-a-corriger*.csv")))
    assert text_of(window, "#resultat tbody th") == "3"
    assert not window.find_element(By.ID, "attente").is_displayed()
    hit(window, importing)
    waiting(window).until(lambda page: "/envois/" in page.current_url and page.find_elements(By.ID, "rejets"))
    assert_fits(window)
    assert text_of(window, "tbody th") == "3"
    assert refused(window) == []


async def test_an_administrator_makes_a_key_and_revokes_it(served: Client, windows: Windows, address: str) -> None:
    boss = await member(served, "match", "admin")
    made = await asyncio.to_thread(make_and_revoke, windows.open(320, scripts=False), address, key_of(boss))
    assert (await served.get("/keys", headers={"Authorization": f"Bearer {made}"})).status_code == 401


WHOLE = "const key = document.getElementById('secret'); return key.scrollHeight <= key.clientHeight;"


def make_and_revoke(window: Chrome, address: str, secret: str) -> str:
    sign_in(window, f"{address}/admin", secret)
    appears(window, ".parts")
    assert_fits(window)
    window.get(f"{address}/admin/cles")
    assert_fits(window)
    window.find_element(By.ID, "nom").send_keys("Portail", Keys.ENTER)
    appears(window, ".wrong a")
    hit(window, ".wrong a")
    window.find_element(By.CSS_SELECTOR, "[name=portee][value=match]").send_keys(Keys.SPACE)
    window.find_element(By.ID, "nom").send_keys(Keys.ENTER)
    appears(window, "#secret")
    assert_fits(window)
    assert window.execute_script(WHOLE), "a key of which a part is out of sight"
    made = window.find_element(By.ID, "secret").get_attribute("value") or ""
    window.get(f"{address}/admin/cles")
    window.find_element(By.LINK_TEXT, "Portail").send_keys(Keys.ENTER)
    appears(window, ".facts")
    assert_fits(window)
    press(window, "main form button")
    appears(window, "#nouvelle")
    window.find_element(By.LINK_TEXT, "Portail").send_keys(Keys.ENTER)
    appears(window, ".facts")
    assert window.find_elements(By.CSS_SELECTOR, "main form") == []
    assert refused(window) == []
    return made
