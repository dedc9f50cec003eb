"""The page of equal treatment: gaps of many suppliers on one line, each with the message that closes it."""

import re
from html import unescape
from typing import Any

from tests.api.desk.steps import Browser, Desk, desk_of
from tests.api.sync.factories import Client

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


async def test_who_was_not_contacted_is_told_the_same_words(served: Client, browser: Browser, source: str) -> None:
    desk = await desk_of(served, browser, source, *THREE)
    await desk.open("egalite")
    assert "encore été dit" in browser.page
    await desk.write(a="choisis", fournisseur=desk.suppliers[THREE[0]])
    assert await gaps(desk) == [("not_contacted", ["Bois B", "Chantier C"])]
    await make_up(desk)
    assert "Gardez l" in browser.page
    await desk.send("echanges/nouveau", faire="relire")
    await desk.send("echanges/nouveau", faire="envoyer")
    await desk.confirm_all()
    assert await gaps(desk) == []
    await desk.open("egalite")
    assert "Aucun écart" in browser.page


async def test_who_lacks_an_answer_given_to_one_lacks_it_in_the_matrix(
    served: Client, browser: Browser, source: str
) -> None:
    desk = await desk_of(served, browser, source, *THREE)
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
        "lettre à poster, envoi non confirmé",
        "manque",
        "manque",
    ]
    (link,) = re.findall(r'href="[./]*/(besoins/[^"]*partager=[^"]*)"', browser.page)
    await browser.open(f"/{link}")
    (opened,) = re.findall(r'<details id="partager" open>.*?name="(question-[^"]*)"', browser.page, re.DOTALL)
    assert opened == f"question-{question}"


async def test_what_some_lack_is_sent_to_each_once(served: Client, browser: Browser, source: str) -> None:
    desk = await desk_of(served, browser, source, *THREE)
    await desk.write()
    exchange = (await desk.exchange())["id"]
    told: dict[str, Any] = {"author": "buyer", "body": "Le parc fait 4 ha.", "supplier_id": desk.suppliers[THREE[0]]}
    await desk.buyer.post(f"/exchanges/{exchange}/messages", told)
    assert await gaps(desk) == [("missed_information", ["Bois B", "Chantier C"])]
    await desk.open("egalite")
    assert row_of(browser.page, "Bois B")[2] == "manque"
    assert row_of(browser.page, "Atelier A")[2] == "lettre à poster, envoi non confirmé"
    await make_up(desk)
    await desk.send("egalite/message", faire="envoyer", fournisseur=[])
    assert "aucun destinataire n" in browser.page
    await make_up(desk)
    form = browser.page
    await desk.send("egalite/message", faire="envoyer")
    assert "Ce que chacun a reçu est à jour" in browser.page
    assert await gaps(desk) == []
    assert row_of(browser.page, "Bois B")[2] == "lettre à poster, envoi non confirmé"
    browser.page = form
    await desk.send("egalite/message", faire="envoyer")
    assert len((await desk.exchange())["messages"]) == 4
