"""The page behind a reply link: for everybody, in any browser, with scripts or without."""

import asyncio
import re

import httpx
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import title_contains, title_is

from api.declarations.link_pages import FOLDER, OF_EXCHANGES, STYLE
from tests.accessibility import violations
from tests.api.exchanges.steps import BROWSER, Opened, create_exchange, keyless, move
from tests.api.sync.factories import Client
from tests.browser import Windows, waiting

BUYER = "Un acheteur public"


def test_every_class_of_the_page_has_a_style() -> None:
    """`done` but says which notice it is."""
    templates = [file.read_text() for folder in (FOLDER, OF_EXCHANGES) for file in folder.glob("*.html")]
    classes = {one for text in templates for each in re.findall(r'class="([\w -]+)"', text) for one in each.split()}
    styled = set(re.findall(r"\.([a-z]+)", STYLE))
    assert classes - styled == {"done"}


@pytest.mark.parametrize(("width", "scripts"), [(320, False), (1200, True)], ids=["phone-without-scripts", "desktop"])
async def test_a_supplier_reads_and_answers_in_a_browser(
    served: Client, source: str, windows: Windows, address: str, width: int, scripts: bool
) -> None:
    exchange = await create_exchange(served, source, 1, body="Pourriez-vous tondre " + "partout " * 40)
    window = windows.open(width, scripts=scripts, language="fr")
    await asyncio.to_thread(visit, window, f"{address}{exchange.links[0]}", scripts)
    (_, kept) = (await exchange.shown())["messages"]
    assert (kept["body"], kept["stance"]) == ("Deux fois par mois\nau plus", "interested")
    assert (kept["barriers"], kept["barriers_note"], kept["confidential"]) == (["distance", "other"], "le pont", False)


def visit(window: Chrome, url: str, scripts: bool) -> None:
    """Read, send too early, mend, send, see the answer; load the page again, which sends nothing."""
    window.get("data:text/html,<title>off</title><script>document.title='on'</script>")
    assert window.title == ("on" if scripts else "off")
    window.get(url)
    assert window.find_element(By.TAG_NAME, "h1").text == "Tonte"
    assert "Pourriez-vous tondre" in text_of(window, "main")
    assert_fits(window)
    assert not scripts or violations(window) == []
    window.find_element(By.CSS_SELECTOR, "button[value=envoyer]").click()
    waiting(window).until(title_contains("Erreur"))
    waiting(window).until(lambda page: "wrong" in (page.switch_to.active_element.get_attribute("class") or ""))
    assert_fits(window)
    assert not scripts or violations(window) == []
    window.find_element(By.CSS_SELECTOR, ".wrong a").send_keys(Keys.ENTER)
    waiting(window).until(lambda page: page.switch_to.active_element.get_attribute("id") == "body")
    fill_in(window)
    waiting(window).until(title_is(f"Tonte – {BUYER}"))
    assert "bien été envoyée" in text_of(window, "[role=status]")
    told = text_of(window, "li.supplier")
    assert ("au plus" in told, "le pont" in told) == (True, True)
    assert_fits(window)
    assert not scripts or violations(window) == []
    window.refresh()
    assert len(window.find_elements(By.CSS_SELECTOR, "li.supplier")) == 1
    log = window.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry for entry in log if "Content Security Policy" in entry["message"]] == []


def fill_in(window: Chrome) -> None:
    """By the keyboard alone, from the message on."""
    body = window.switch_to.active_element
    body.send_keys("Deux fois par mois\nau plus")
    window.find_element(By.CSS_SELECTOR, "[name=stance][value=interested]").send_keys(Keys.SPACE)
    for value in ("distance", "other"):
        window.find_element(By.CSS_SELECTOR, f"[name=barriers][value={value}]").send_keys(Keys.SPACE)
    window.switch_to.active_element.send_keys(Keys.TAB)
    note = window.switch_to.active_element
    assert note.get_attribute("name") == "barriers_note"
    note.send_keys("le pont", Keys.ENTER)


def text_of(window: Chrome, selector: str) -> str:
    """The text of the first element of a selector, once there is one."""
    return waiting(window).until(lambda page: [page.find_element(By.CSS_SELECTOR, selector).text])[0]


def assert_fits(window: Chrome) -> None:
    """Nothing is cut off or to be scrolled to sideways."""
    page = "document.documentElement"
    wide, room = window.execute_script(f"return [{page}.scrollWidth, {page}.clientWidth]")
    assert wide <= room


async def test_beside_its_answer_a_supplier_says_what_it_does_in_one_send(served: Client, alone: Opened) -> None:
    """Told apart: the message is the buyer's, the declaration everybody's; what was left alone is not sent."""
    shown = (await browse(served, alone.links[0])).text
    for part in ('name="metier" value="ev-entretien"', "Et les autres acheteurs", 'name="fiche"'):
        assert part in shown
    first = await browse(served, alone.links[0], body="Bonjour", fiche="oui", **untouched(shown))
    assert (first.status_code, "declared" in first.headers["location"]) == (303, False)
    wrong = await browse(served, alone.links[0], fiche="oui", metier="de-bio", courriel="nulle part")
    assert wrong.status_code == 422
    assert 'id="body-erreur"' in wrong.text
    wrong = await browse(served, alone.links[0], body="Oui", fiche="oui", metier="de-bio", courriel="nulle part")
    assert (wrong.status_code, 'id="courriel-erreur"' in wrong.text) == (422, True)
    looked = await browse(served, alone.links[0], body="Oui", fiche="oui", mots="blanchisserie", faire="chercher")
    assert (looked.status_code, 'value="lt-blanchisserie"' in looked.text, ">\nOui</textarea>" in looked.text) == (
        200,
        True,
        True,
    )
    assert [each["body"] for each in (await alone.shown())["messages"][1:]] == ["Bonjour"]
    sent = await browse(served, alone.links[0], body="Oui", fiche="oui", metier="de-bio", zone="france")
    assert sent.status_code == 303
    told = (await browse(served, alone.links[0] + sent.headers["location"].partition("#")[0])).text
    assert "Votre fiche est dans l'annuaire" in told
    assert "toute la France" in told
    known = (await served.get(f"/suppliers/{alone.suppliers[0]}")).json()
    assert ["de-bio"] in [each["segments"] for each in known["offers"]]
    await move(served, alone.need, "sourcing", "published")
    closed = (await browse(served, alone.links[0])).text
    assert ('id="repondre"' in closed, 'value="retirer"' in closed) == (False, True), "what it said can go at any time"
    await browse(served, alone.links[0], faire="retirer")
    known = (await served.get(f"/suppliers/{alone.suppliers[0]}")).json()
    assert ["de-bio"] not in [each["segments"] for each in known["offers"]]
    assert [each["body"] for each in (await alone.shown())["messages"][1:]] == ["Bonjour", "Oui"]


async def test_who_is_not_to_be_asked_again_stays_so_when_it_declares_beside_an_answer(
    served: Client, alone: Opened
) -> None:
    link = (await served.post(f"/suppliers/{alone.suppliers[0]}/links", json={})).json()
    path = httpx.URL(link["url"]).path
    await browse(served, path, faire="silence")
    await browse(served, path, faire="retirer")
    sent = await browse(served, alone.links[0], body="Oui", fiche="oui", metier="de-bio", zone="france")
    assert sent.status_code == 303
    assert (await keyless(served, "GET", path)).json()["declaration"]["ask_again"] is False
    assert (await keyless(served, "DELETE", path)).status_code == 204


async def test_an_answer_in_json_takes_a_declaration_wholly_or_not_at_all(served: Client, alone: Opened) -> None:
    unknown = {"offers": [{"segments": ["de-nothing"]}]}
    refused = await keyless(served, "POST", alone.links[0], json={"body": "Oui", "declaration": unknown})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/declaration/offers/0/segments/0")
    assert len((await alone.shown())["messages"]) == 1
    said = {"offers": [{"segments": ["de-bio"]}]}
    assert (await keyless(served, "POST", alone.links[0], json={"body": "Oui", "declaration": said})).status_code == 201
    known = (await served.get(f"/suppliers/{alone.suppliers[0]}")).json()
    assert ["de-bio"] in [each["segments"] for each in known["offers"]]


async def test_a_reply_link_declares_some_times_a_day(
    served: Client, alone: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of one time too many is not stored either; answers alone go on."""
    monkeypatch.setattr("api.declarations.declare.SENDS_A_DAY", 2)
    body = {"body": "Oui", "declaration": {"offers": [{"segments": ["de-bio"]}]}}
    answers = [await keyless(served, "POST", alone.links[0], json=body) for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 24 * 3600
    assert (await keyless(served, "POST", alone.links[0], json={"body": "Oui"})).status_code == 201
    assert len((await alone.shown())["messages"]) == 4


async def test_the_page_is_in_english_for_who_prefers_it(served: Client, alone: Opened) -> None:
    english = BROWSER | {"Accept-Language": "en"}
    shown = (await keyless(served, "GET", alone.links[0], headers=english)).text
    told = ('<html lang="en">', "Your answer", "What do you do?", "The time limits", "Votre réponse", "Les délais")
    assert [each in shown for each in told] == [True] * 4 + [False] * 2
    wrong = await keyless(served, "POST", alone.links[0], headers=english, data={"faire": "envoyer"})
    assert (wrong.status_code, "Your answer is not sent yet" in wrong.text) == (422, True)
    gone = await keyless(served, "GET", f"{alone.links[0]}x", headers=english)
    assert (gone.status_code, "This link does not work" in gone.text) == (404, True)


async def test_what_is_known_is_shown_with_its_source_beside_the_answer(served: Client, source: str) -> None:
    await served.put(f"/sources/{source}", json={"label": "Registre FINESS"})
    exchange = await create_exchange(served, source, 1)
    shown = (await browse(served, exchange.links[0])).text
    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>[^<]+<small>([^<]+)</small>", shown))
    assert {facts[name] for name in ("Nom", "SIRET", "Type")} == {"Registre FINESS"}


async def test_once_closed_the_page_prepares_nothing_but_the_withdrawal(
    served: Client, alone: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = {"body": "Oui", "declaration": {"offers": [{"segments": ["de-bio"]}]}}
    assert (await keyless(served, "POST", alone.links[0], json=declared)).status_code == 201
    await move(served, alone.need, "sourcing", "published")
    monkeypatch.setattr("api.exchanges.reply_routes.page_of_document", None)
    closed = await browse(served, alone.links[0])
    assert (closed.status_code, 'value="retirer"' in closed.text) == (200, True)


async def browse(client: Client, path: str, **form: str) -> httpx.Response:
    """The page as a browser gets it, by its form where fields are given."""
    method, data = ("POST", form) if form else ("GET", None)
    return await keyless(client, method, path, headers=BROWSER, data=data)


def untouched(shown: str) -> dict[str, str]:
    """The fields of the part for all buyers as they are first shown."""
    zone = re.search(r'name="zone" value="([^"]+)" checked', shown)
    until = re.search(r'name="jusqu" value="([^"]+)"', shown)
    return {"zone": zone[1] if zone else "", "jusqu": until[1] if until else ""}
