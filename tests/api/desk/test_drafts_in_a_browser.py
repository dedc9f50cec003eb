"""Long texts in a real browser: nothing typed is lost by a reload, a way back or the end of a session."""

import asyncio
from typing import Any

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By

from tests.api.desk.steps import Browser, Desk, desk_of
from tests.api.desk.window import Windows, appears, log, press, sign_in, type_into, value, waiting
from tests.api.sync.factories import Client

WORDS = "Pourriez-vous passer deux fois par mois ?"
MINUTES = "Les candidats demandent des lots plus petits."


async def test_what_is_typed_stays_until_it_is_sent(
    served: Client, browser: Browser, source: str, windows: Windows, address: str
) -> None:
    desk = await desk_of(served, browser, source, "Jardins du Blavet", "Paysages de l'Oust")
    await desk.write()
    exchange = await desk.exchange()
    await asyncio.to_thread(write_and_leave, windows.open(), address, desk, exchange["id"])
    sent = (await desk.exchange())["messages"][-1]
    assert sent["body"] == f"{WORDS} Merci."
    assert (await desk.buyer.get(f"/meetings?need={desk.need_id}")).json()["items"] == []


def write_and_leave(window: Chrome, address: str, desk: Desk, exchange: str) -> None:
    """A message left and come back to, and its preview; then minutes that another session took."""
    need = f"{address}/{desk.path}"
    sign_in(window, f"{address}/connexion", desk.key)
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
    assert WORDS in window.find_element(By.CSS_SELECTOR, ".letter").text
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
    """A form with something to be corrected is there after a reload too; signing out leaves nothing behind."""
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
    window.execute_script("document.querySelector('.leave button').click()")
    appears(window, "#cle")
    assert window.execute_script("return sessionStorage.getItem('vivier-saisies')") is None


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

    await asyncio.to_thread(note_minutes, windows.open(), address, desk, planned["id"], cross)


def note_minutes(window: Chrome, address: str, desk: Desk, meeting: str, cross: Any) -> None:
    sign_in(window, f"{address}/connexion", desk.key)
    window.get(f"{address}/{desk.path}/rencontres/{meeting}")
    type_into(window, "compte-rendu", MINUTES)
    window.find_element(By.ID, "compte-rendu").send_keys(Keys.TAB)
    cross()
    window.refresh()
    assert MINUTES in appears(window, ".draft .words").text
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
