"""A supplier's own page, in a real browser: what it does is said in few taps, and found by the next match.

With scripts and without, on a phone; what is wrong is told at its field, and nothing that was filled in is lost.
"""

import asyncio
import re
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of

from tests.accessibility import violations
from tests.api.campaigns.steps import campaigner, put_unknown
from tests.api.desk.window import Windows, appears, arrive, assert_fits, refused, text_of, waiting
from tests.api.exchanges.steps import BROWSER, keyless
from tests.api.sync.factories import Client, path_of, put_record


async def link_of(client: Client, source: str, **fields: Any) -> tuple[str, str]:
    """A supplier at Pontivy of which no trade is known, and the path of its own page."""
    stored = await put_record(client, source, "1", **({"name": f"ESAT {source}", "offers": []} | fields))
    await client.services.directory.wait_beyond(stored["data_version"] - 1, 60)
    made = await client.post(f"/suppliers/{stored['supplier_id']}/links", json={})
    assert made.status_code == 201, made.text
    return stored["supplier_id"], httpx.URL(made.json()["url"]).path


async def found_for(client: Client, segment: str) -> list[str]:
    """The ids of the suppliers that a need for this segment at Pontivy finds."""
    need = {"territory": {"codes": ["commune:56178"]}, "lots": [{"id": "1", "segments": [segment]}], "limit": 100}
    answer = await client.post("/match", json=need)
    return [each["supplier"]["id"] for each in answer.json()["lots"][0]["candidates"]]


async def assert_found(client: Client, segment: str, supplier: str, *, is_so: bool = True) -> None:
    """Whether needs for this segment find the supplier, with the changes that follow in a moment."""
    directory = client.services.directory
    while (supplier in await found_for(client, segment)) != is_so:
        version = directory.index.data_version
        await directory.wait_beyond(version, 60)
        assert directory.index.data_version > version


async def page_of(client: Client, path: str, **form: Any) -> httpx.Response:
    """The page as a browser gets it, by its form where fields are given."""
    if not form:
        return await keyless(client, "GET", path, headers=BROWSER)
    return await keyless(client, "POST", path, headers=BROWSER, data=form)


class Phone:
    """A window 390 pixels wide, whose taps are counted."""

    def __init__(self, window: Chrome) -> None:
        self.window, self.taps = window, 0

    def tap(self, element: WebElement) -> None:
        self.window.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        self.taps += 1

    def tick(self, name: str, value: str) -> None:
        self.tap(appears(self.window, f"[name={name}][value='{value}']"))

    def press(self, value: str) -> None:
        self.tap(self.window.find_element(By.CSS_SELECTOR, f"button[value={value}]"))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_a_supplier_says_what_it_does_in_a_dozen_taps_and_is_found(
    served: Client, source: str, windows: Windows, address: str, scripts: bool
) -> None:
    supplier, path = await link_of(served, source)
    phone = Phone(windows.open(390, scripts=scripts))
    await asyncio.to_thread(fill_in, phone, f"{address}{path}", scripts)
    assert phone.taps <= 12
    said = (await keyless(served, "GET", path)).json()["declaration"]
    assert set(said["offers"][0]["segments"]) == {"ev-entretien", "lt-blanchisserie"}
    assert said["offers"][0]["service_area"]["radius_km"] == 20
    assert said["yearly_capacity_eur"]["max"] == 40_000
    assert said["contact"] == {"email": "contact@exemple.fr", "phone": None, "website": None}
    await assert_found(served, "lt-blanchisserie", supplier)


def fill_in(phone: Phone, url: str, scripts: bool) -> None:
    """Words are looked up, results ticked, then where, how much, contact, and sent."""
    window = phone.window
    window.get(url)
    assert_fits(window)
    assert not scripts or violations(window) == []
    words = window.find_element(By.ID, "mots")
    phone.tap(words)
    fetched = "return performance.getEntriesByType('resource').some(each => each.name.endsWith('?'))"
    waiting(window).until(lambda page: not scripts or page.execute_script(fetched))  # it tells that somebody is there
    window.execute_cdp_cmd("Input.insertText", {"text": "tonte, blanchisserie"})  # at once: results come once
    if not scripts:
        phone.press("chercher")
        waiting(window).until(staleness_of(words))  # another page, in the place of the one before
    phone.tick("metier", "ev-entretien")
    phone.tick("metier", "lt-blanchisserie")
    phone.tick("zone", "km:20")
    phone.tick("montant", "40000")
    phone.tick("avec", "oui")
    mail = window.find_element(By.ID, "courriel")
    phone.tap(mail)
    mail.send_keys("contact@exemple.fr")
    phone.press("envoyer")
    waiting(window).until(lambda page: "fait=envoi" in page.current_url)
    told = text_of(window, "#fait")
    assert "Blanchisserie" in told
    assert "20 km" in told
    assert_fits(window)
    assert not scripts or violations(window) == []
    assert refused(window) == []


async def test_what_is_wrong_is_told_at_its_field_and_nothing_is_stored_or_lost(served: Client, source: str) -> None:
    _, path = await link_of(served, source)
    wrong = await page_of(served, path, metier="ev-entretien", courriel="nulle part", lieu="Saint-Martin", avec="oui")
    assert wrong.status_code == 422
    for part in ('id="lieu-erreur"', 'value="nulle part"', 'value="ev-entretien" checked', 'value="oui" checked'):
        assert part in wrong.text
    again = await page_of(served, path, metier="ev-entretien", courriel="nulle part")
    assert 'id="courriel-erreur"' in again.text
    assert (await keyless(served, "GET", path)).json()["declaration"] is None


async def test_the_page_is_changed_withdrawn_and_silenced(served: Client, source: str) -> None:
    supplier, path = await link_of(served, source)
    sent = await page_of(served, path, metier="de-bio", zone="france", faire="envoyer")
    assert sent.status_code == 303, sent.text
    assert sent.headers["location"] == "?fait=envoi#fait"
    shown = (await page_of(served, f"{path}?fait=envoi")).text
    assert "toute la France" in shown
    assert 'value="de-bio" checked' in shown
    await assert_found(served, "de-bio", supplier)
    await page_of(served, path, faire="silence")
    said = (await keyless(served, "GET", path)).json()["declaration"]
    assert (said["ask_again"], said["offers"][0]["segments"]) == (False, ["de-bio"])
    await page_of(served, path, faire="retirer")
    assert (await keyless(served, "GET", path)).json()["declaration"] is None
    await assert_found(served, "de-bio", supplier, is_so=False)


async def test_an_operators_reason_is_read_on_the_page(served: Client, source: str) -> None:
    supplier, path = await link_of(served, source)
    await page_of(served, path, metier="de-bio")
    reason = {"reason": "Cet atelier a fermé <en mai>."}
    assert (await served.post(f"/suppliers/{supplier}/declaration/withdrawal", json=reason)).status_code == 200
    assert "Cet atelier a fermé &lt;en mai&gt;." in (await page_of(served, path)).text


async def test_the_page_keeps_its_address_secret(served: Client, source: str) -> None:
    _, path = await link_of(served, source)
    for answer in (await page_of(served, path), await page_of(served, f"{path}x"), await page_of(served, "/fiche")):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "set-cookie" not in answer.headers
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


async def test_a_link_that_leads_nowhere_says_what_to_do(
    served: Client, source: str, windows: Windows, address: str
) -> None:
    _, path = await link_of(served, source, name="Établissement et service d'aide par le travail")
    gone = await page_of(served, f"/fiche/{'x' * 43}")
    assert gone.status_code == 404
    assert "est plus valable" in gone.text

    def look(window: Chrome) -> None:
        window.get(f"{address}/fiche/{'x' * 43}")
        assert violations(window) == []
        window.find_element(By.TAG_NAME, "a").click()
        arrive(window, f"{address}/fiche")
        assert_fits(window)
        assert violations(window) == []
        window.get(f"{address}{path}")
        window.find_element(By.CSS_SELECTOR, "summary").send_keys(Keys.ENTER)
        assert_fits(window)
        assert violations(window) == []

    await asyncio.to_thread(look, windows.open(320))


async def test_what_is_known_is_shown_with_its_source(served: Client, source: str) -> None:
    await served.put(f"/sources/{source}", json={"label": "Registre FINESS"})
    _, path = await link_of(served, source, contact={"phone": "02 97 00 00 00"})
    shown = (await page_of(served, path)).text
    assert "Selon le registre FINESS" in shown
    assert "Déjà connu : 02 97 00 00 00" in shown


async def test_what_a_campaign_asks_about_is_the_first_to_tick(served: Client, source: str) -> None:
    known = {"offers": [{"segments": ["te-secretariat"]}], "approvals": [{"kind": "ESAT"}]}
    await put_record(served, source, "known", **known)
    supplier = await put_unknown(served, source, source)
    buyer = await campaigner(served)
    made = await buyer.plan(segments=["te-secretariat"])
    table = (await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")).text
    opened = {link: (await keyless(served, "GET", link)).json() for link in re.findall(r"/fiche/[\w-]+", table)}
    (path,) = [link for link, page in opened.items() if page["supplier"]["id"] == supplier]
    ticks = re.findall(r'name="metier" value="([\w-]+)"', (await page_of(served, path)).text)
    await served.delete(path_of(source, source))
    assert ticks[0] == "te-secretariat"


async def test_several_areas_are_told_each_with_its_trade_and_left_untouched(served: Client, source: str) -> None:
    _, path = await link_of(served, source)
    said = {
        "offers": [
            {"segments": ["ev-entretien"], "service_area": {"radius_km": 20}},
            {"segments": ["de-bio"], "service_area": {"codes": ["departement:56"]}},
        ]
    }
    assert (await keyless(served, "PUT", path, json=said)).status_code == 200
    shown = (await page_of(served, path)).text
    assert "une zone pour chaque activité" in shown
    sent = await page_of(served, path, metier=["ev-entretien", "de-bio"], zone="garder", faire="envoyer")
    assert sent.status_code == 303
    stored = (await keyless(served, "GET", path)).json()["declaration"]["offers"]
    assert [each["service_area"].get("radius_km") for each in stored] == [20, None]


async def test_the_page_is_in_english_for_who_prefers_it(served: Client, source: str) -> None:
    _, path = await link_of(served, source)
    english = BROWSER | {"Accept-Language": "en"}
    shown = (await keyless(served, "GET", path, headers=english)).text
    assert '<html lang="en">' in shown
    words = ("What do you do?", "around Pontivy", "Que faites-vous")
    assert [each in shown for each in words] == [True, True, False]
    refused = await keyless(served, "POST", path, headers=english, data={"zone": "km:20", "faire": "envoyer"})
    assert (refused.status_code, "Tick at least one trade" in refused.text) == (422, True)
    gone = await keyless(served, "GET", f"{path}x", headers=english)
    assert (gone.status_code, "This link no longer works" in gone.text) == (404, True)
    start = await keyless(served, "GET", "/fiche", headers=english)
    assert "You have neither link nor letter" in start.text
    wrong = await keyless(served, "POST", "/fiche", headers=english, data={"siret": "1"})
    assert "A SIRET has 14 digits" in wrong.text
