"""What suppliers read of a purchase written on the desk: its object and who asks, and what the buyer chose to tell."""

from typing import Any

from api.web.content_negotiation import HTML
from tests.api.desk.steps import WORDS, Browser, desk_of, said
from tests.api.exchanges.steps import create_exchange, keyless
from tests.api.needs.steps import change
from tests.api.sync.factories import Client

TWO = ("Jardins d'Arvor", "Ateliers du Scorff")
SAID = "Entretien des espaces verts de 12 collèges du Finistère, 4 ans, 300 000 €, réservé aux ESAT ?"
OBJECT = "Entretien des espaces verts de 12 collèges du Finistère"
WITHOUT_TITLE: dict[str, Any] = {"title": None, "lots": [{"id": "1", "title": SAID, "segments": ["ev-entretien"]}]}


async def test_the_words_of_a_lot_do_not_betray_the_estimate(served: Client, browser: Browser, source: str) -> None:
    """Letters, templates and the page to reply on name what is bought; no more unless it is ticked."""
    desk = await desk_of(served, browser, source, *TWO, **WITHOUT_TITLE)
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="modele", modele="contact")
    await desk.send("echanges/nouveau", faire="relire")
    assert f"prépare un achat, « {OBJECT} », et consulte" in said(browser.page)
    await desk.send("echanges/nouveau", faire="envoyer")
    title, _, page = said(browser.page).partition("</title>")
    letters = title + page.partition('class="sheet"')[2]
    link = desk.links()[TWO[0]]
    behind = await keyless(served, "GET", link)
    shown = await keyless(served, "GET", link, headers={"Accept": HTML})
    assert behind.json()["need_title"] == OBJECT
    for text in (letters, said(behind.text), said(shown.text)):
        assert OBJECT in text
        assert not any(each in text for each in ("300 000", "4 ans", "aux ESAT", "ESAT ?"))


async def test_what_is_ticked_is_told_and_shown_before(served: Client, browser: Browser, source: str) -> None:
    desk = await desk_of(served, browser, source, *TWO, **WITHOUT_TITLE)
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="relire", dire=["value", "reserved"], **WORDS)
    told = "Le montant est estimé à 300 000 € hors taxe.\nUne réservation est envisagée : travail adapté et protégé"
    assert f"{WORDS['texte']}\n\n{told}" in said(browser.page)
    await desk.send("echanges/nouveau", faire="modifier")
    assert browser.fields(f"{desk.path}/echanges/nouveau")["dire"] == ["value", "reserved"]
    await desk.send("echanges/nouveau", faire="relire")
    await desk.send("echanges/nouveau", faire="envoyer")
    (first,) = (await desk.exchange())["messages"]
    assert (told in first["body"], "48 mois" in first["body"]) == (True, False)


async def test_nothing_goes_under_a_name_that_is_none(served: Client, browser: Browser, source: str) -> None:
    """The API goes on, and says “Un acheteur public”; the pages ask for the name, which the need can give."""
    exchange = await create_exchange(served, source)
    assert "Un acheteur public prépare un achat" in exchange.answer["to_be_delivered_by_you"][0]["text"]
    await browser.sign_in()
    need = exchange.need.removeprefix("/needs/")
    path, named = f"besoins/{need}/echanges/nouveau", "Le message partirait sans le nom de l'acheteur"
    await browser.open(f"/{path}")
    for act in ("relire", "envoyer"):
        refused = await browser.submit(path, faire=act, a="choisis", fournisseur=exchange.suppliers[0], **WORDS)
        assert (refused.status_code, named in said(browser.page)) == (422, True)
    thread = f"besoins/{need}/echanges/{exchange.answer['id']}"
    await browser.open(f"/{thread}")
    for act in ("relire", "message"):
        refused = await browser.submit(thread, faire=act, texte="Et le samedi ?")
        assert (refused.status_code, named in said(browser.page)) == (422, True)
    await change(served, exchange.need, {"buyer": {"name": "Ville de Vannes"}})
    await browser.submit(thread, faire="relire", texte="Et le samedi ?")
    assert "Ville de Vannes vous écrit :" in said(browser.page)
