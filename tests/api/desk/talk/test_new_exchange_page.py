"""Suppliers are written to by letters to begin with, by e-mail and by hand; what some lack is made up for."""

import re
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.desk.talk.new_exchange_page import TEMPLATES, fill_template
from api.web.content_negotiation import HTML
from domain.exchanges.letter import OutgoingMessage, letter, purchase_name
from domain.exchanges.rules import placeholders_in
from domain.needs.need import Lot, PlannedNeed
from domain.text.bilingual import Language
from matching.reference import Reference
from tests.api.desk.steps import TWO, WORDS, Browser, Desk, DeskWith, said
from tests.api.exchanges.steps import Opened, create_exchange, keyless
from tests.api.mailbox import PUBLIC_URL, all_sent, emailing
from tests.api.needs.steps import change, new_buyer
from tests.api.sync.factories import Client
from tests.domain.needs.words_of_lots import words_of_lots

NEED = PlannedNeed(
    title="Entretien du parc", lots=(Lot(id="1", title="Tonte"), Lot(id="2", segments=("ev-entretien",)))
)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(("name", "left"), [("contact", 0), ("activite", 0), ("invitation", 3), ("tous", 2)])
def test_all_that_a_template_leaves_to_be_filled_in_is_found(name: str, left: int, language: Language) -> None:
    subject, body = fill_template(name, NEED, language)
    assert ("{" in subject + body, "\n" in subject) == (False, False)
    assert len(placeholders_in(f"{subject}\n{body}")) == left
    assert name in TEMPLATES
    assert len(TEMPLATES) == 4
    assert "- Tonte\n- lot 2" in fill_template("invitation", NEED, "fr")[1]


@given(words_of_lots(), st.booleans())
def test_no_text_for_suppliers_tells_the_terms_or_the_doubts(words: tuple[str, str], of_lot: bool) -> None:
    """The object survives whole; of the terms there is nothing, so that the texts are those about the object alone."""
    bought, said = words
    assert texts_about(said, of_lot) == texts_about(bought, of_lot)
    assert all(bought in each for each in texts_about(said, of_lot)[-2:])


def texts_about(words: str, of_lot: bool) -> list[str]:
    """The texts for suppliers about a need, or its lot, with this title: templates, a letter, a subject."""
    need = PlannedNeed(lots=(Lot(id="1", title=words),)) if of_lot else PlannedNeed(title=words, lots=(Lot(id="1"),))
    templates = ["\n".join(fill_template(name, need, "fr")) for name in TEMPLATES]
    message = OutgoingMessage(
        buyer="Rennes", purchase=purchase_name(need), subject="Tonte", body="Oui ?", is_first=True
    )
    return [*templates, letter(message, None, "fr", by_server=False).text, fill_template("tous", need, "fr")[0]]


async def test_vivier_writes_to_those_whose_address_is_known(database_url: str, reference: Reference) -> None:
    async with emailing(database_url, reference) as (client, mailbox), Browser(client.app, PUBLIC_URL) as browser:
        buyer = await new_buyer(client)
        known = await buyer.supplier("annuaire", "1", name="Avec adresse", contact={"email": "anne@anne.example"})
        await buyer.supplier("annuaire", "2", name="Sans adresse")
        desk = Desk(buyer, browser, (await buyer.keep())["need"]["id"], {"Avec adresse": known})
        await browser.be_signed_in(desk.key)
        await desk.open("echanges/nouveau")
        await desk.send("echanges/nouveau", faire="relire", **WORDS)
        assert "par courriel, à anne@anne.example" in browser.page
        assert "Vivier écrit à 1 d’entre eux par courriel" in browser.page
        await desk.send("echanges/nouveau", faire="envoyer")
        assert list(desk.links()) == ["Sans adresse"]
        await desk.open("echanges/nouveau")
        await desk.send("echanges/nouveau", faire="relire", a="choisis", fournisseur=known, **WORDS)
        answer = await desk.send("echanges/nouveau", faire="envoyer")
        assert answer.url.params.get("parti") == "1"
        (exchange, _) = (await buyer.get(f"/{desk.api}/exchanges")).json()["items"]
        first = Opened(Client(client.app, buyer.headers["Authorization"].removeprefix("Bearer ")), exchange, [known])
        shown = await all_sent(first)
        states = {each["supplier_id"]: each["state"] for each in shown["messages"][0]["deliveries"]}
        assert (states[known], set(states.values())) == ("sent", {"sent", "to_be_delivered_by_you"})
        assert {mail["To"] for mail in mailbox.received} == {"anne@anne.example"}
        await desk.open(f"echanges/{exchange['id']}")
        assert "Courriel envoyé le" in browser.page


SAID = "Entretien des espaces verts de 12 collèges du Finistère, 4 ans, 300 000 €, réservé aux ESAT ?"
OBJECT = "Entretien des espaces verts de 12 collèges du Finistère"
WITHOUT_TITLE: dict[str, Any] = {"title": None, "lots": [{"id": "1", "title": SAID, "segments": ["ev-entretien"]}]}


async def test_the_words_of_a_lot_do_not_betray_the_estimate(
    desk_with: DeskWith, served: Client, browser: Browser
) -> None:
    """Letters, templates and the page to reply on name what is bought; more is told where it is ticked."""
    desk = await desk_with(*TWO, **WITHOUT_TITLE)
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="modele", modele="contact")
    await desk.send("echanges/nouveau", faire="relire")
    assert f"prépare un achat, « {OBJECT} », et interroge" in said(browser.page)
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


async def test_nothing_goes_under_a_name_that_is_none(served: Client, own: Browser, source: str) -> None:
    """The API goes on, and says “Un acheteur public”; the pages ask for the name, which the need can give."""
    exchange = await create_exchange(served, source)
    assert "Un acheteur public prépare un achat" in exchange.answer["to_be_delivered_by_you"][0]["text"]
    need = exchange.need.removeprefix("/needs/")
    path, named = f"besoins/{need}/echanges/nouveau", "Le message partirait sans le nom de l'acheteur"
    await own.open(f"/{path}")
    for act in ("relire", "envoyer"):
        refused = await own.submit(path, faire=act, a="choisis", fournisseur=exchange.suppliers[0], **WORDS)
        assert (refused.status_code, named in said(own.page)) == (422, True)
    thread = f"besoins/{need}/echanges/{exchange.answer['id']}"
    await own.open(f"/{thread}")
    for act in ("relire", "message"):
        refused = await own.submit(thread, faire=act, texte="Et le samedi ?")
        assert (refused.status_code, named in said(own.page)) == (422, True)
    await change(served, exchange.need, {"buyer": {"name": "Ville de Vannes"}})
    await own.submit(thread, faire="relire", texte="Et le samedi ?")
    assert "Ville de Vannes vous écrit :" in said(own.page)


THREE = ("Atelier A", "Bois B", "Chantier C")


async def gaps(desk: Desk) -> list[tuple[str, list[str]]]:
    """The gaps of the need, each with who lacks the thing."""
    found = (await desk.buyer.get(f"/{desk.api}/equal-treatment")).json()["gaps"]
    return [(each["code"], sorted(one["name"] for one in each["suppliers"])) for each in found]


async def make_up(desk: Desk) -> None:
    """Open the page and press the button of its first gap."""
    await desk.open("egalite")
    await desk.send("egalite/message")


def row_of(page: str, name: str) -> list[str]:
    """The cells of a supplier in the matrix."""
    row = re.search(rf'<th scope="row">{re.escape(name)}<.*?</tr>', page, re.DOTALL)
    return [unescape(each) for each in re.findall(r"<td[^>]*>(.*?)</td>", row[0], re.DOTALL)] if row else []


async def test_who_was_not_contacted_is_told_the_same_words(desk_with: DeskWith, browser: Browser) -> None:
    desk = await desk_with(*THREE)
    await desk.open("egalite")
    assert "Aucun message envoyé" in browser.page
    await desk.write(a="choisis", fournisseur=desk.suppliers[THREE[0]])
    assert await gaps(desk) == [("not_contacted", ["Bois B", "Chantier C"])]
    await make_up(desk)
    assert "Ne modifiez ni l" in browser.page
    await desk.send("echanges/nouveau", faire="relire")
    await desk.send("echanges/nouveau", faire="envoyer")
    await desk.confirm_all()
    assert await gaps(desk) == []
    await desk.open("egalite")
    assert "Aucun écart" in browser.page


async def test_who_lacks_an_answer_given_to_one_lacks_it_in_the_matrix(desk_with: DeskWith, browser: Browser) -> None:
    desk = await desk_with(*THREE)
    await desk.write()
    exchange, asker = (await desk.exchange())["id"], desk.suppliers[THREE[0]]
    asked: dict[str, Any] = {"author": "supplier", "supplier_id": asker, "body": "Combien ?", "stance": "question"}
    question = (await desk.buyer.post(f"/exchanges/{exchange}/messages", asked)).json()["id"]
    await desk.open("egalite")
    assert f"echanges/{exchange}?partager={question}#partager" in browser.page
    told: dict[str, Any] = {"author": "buyer", "supplier_id": asker, "body": "Dix tonnes.", "answers": [question]}
    await desk.buyer.post(f"/exchanges/{exchange}/messages", told)
    assert await gaps(desk) == [
        ("not_yet_delivered", ["Bois B", "Chantier C"]),
        ("answer_not_shared", ["Bois B", "Chantier C"]),
    ]
    await desk.open("egalite")
    assert [row_of(browser.page, each)[2] for each in THREE] == [
        "lettre à envoyer par vos soins, envoi à confirmer",
        "manque",
        "manque",
    ]
    (link,) = re.findall(r'href="[./]*/(besoins/[^"]*partager=[^"]*)"', browser.page)
    await browser.open(f"/{link}")
    (opened,) = re.findall(r'<details id="partager" open>.*?name="(question-[^"]*)"', browser.page, re.DOTALL)
    assert opened == f"question-{question}"


async def test_what_some_lack_is_sent_to_each_once(desk_with: DeskWith, browser: Browser) -> None:
    desk = await desk_with(*THREE)
    await desk.write()
    exchange = (await desk.exchange())["id"]
    told: dict[str, Any] = {"author": "buyer", "body": "Le parc fait 4 ha.", "supplier_id": desk.suppliers[THREE[0]]}
    await desk.buyer.post(f"/exchanges/{exchange}/messages", told)
    assert await gaps(desk) == [("missed_information", ["Bois B", "Chantier C"])]
    await desk.open("egalite")
    assert row_of(browser.page, "Bois B")[2] == "manque"
    assert row_of(browser.page, "Atelier A")[2] == "lettre à envoyer par vos soins, envoi à confirmer"
    await make_up(desk)
    await desk.send("egalite/message", faire="envoyer", fournisseur=[])
    assert "aucun destinataire n" in browser.page
    await make_up(desk)
    form = browser.page
    await desk.send("egalite/message", faire="envoyer")
    assert "Le tableau ci-dessous est à jour" in browser.page
    assert await gaps(desk) == []
    assert row_of(browser.page, "Bois B")[2] == "lettre à envoyer par vos soins, envoi à confirmer"
    browser.page = form
    await desk.send("egalite/message", faire="envoyer")
    assert len((await desk.exchange())["messages"]) == 4


async def test_a_message_says_until_when_to_answer_and_whom_to_ask(desk: Desk) -> None:
    await desk.open("echanges/nouveau")
    await desk.send("echanges/nouveau", faire="relire", reponse="2020-01-01", contact="Anne Roux", **WORDS)
    shown = said(desk.browser.page)
    assert "Cette date est passée" in shown
    assert "Une adresse électronique ou un numéro de téléphone est attendu" in shown
    by: dict[str, Any] = {"reponse": "2099-03-31", "contact": "Anne Roux", "telephone": "02 99 00 00 00"}
    await desk.send("echanges/nouveau", faire="relire", **by)
    await desk.send("echanges/nouveau", faire="envoyer")
    exchange = await desk.exchange()
    assert exchange["reply_by"] == "2099-03-31"
    assert exchange["contact"] == {"name": "Anne Roux", "email": None, "phone": "02 99 00 00 00"}
    for told in ("Réponse souhaitée avant le 31 mars 2099", "Une question ? Anne Roux, 02 99 00 00 00"):
        assert said(desk.browser.page).count(told) == len(TWO)
    link = next(iter(desk.links().values()))
    seen = await keyless(desk.buyer.client, "GET", link, headers={"Accept": HTML})
    assert "31 mars 2099" in said(seen.text)
    assert "Anne Roux, 02 99 00 00 00" in said(seen.text)
    assert (await keyless(desk.buyer.client, "GET", link)).json()["contact"]["name"] == "Anne Roux"
    await desk.open("echanges/nouveau")
    assert desk.browser.fields(f"{desk.path}/echanges/nouveau")["telephone"] == ["02 99 00 00 00"]
