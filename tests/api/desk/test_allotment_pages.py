"""The page that compares divisions says what POST /allotment answers, and fills in the form with one of them."""

import re
from html import unescape
from typing import Any

from domain.text.normalise import fold
from tests.api.desk.steps import Browser, Fields, heading, put_all
from tests.api.desk.test_answer_pages import request_on
from tests.api.sync.factories import Client

TYPED = {
    "territoire": ["departement:35", "departement:56"],
    "lot-1-objet": "tonte de pelouses et nettoyage de bureaux",
    "acheteur": "local",
    "lot-1-valeur": "100 000",
    "lot-1-duree": "24",
}
TRADES = ("ev-entretien", "pr-locaux")


async def compared(served: Client, browser: Browser, source: str) -> dict[str, Any]:
    """What POST /allotment answers to the need that the page asked for; the page is that of the comparison."""
    area = {"codes": ["departement:56"]}
    offers = [{"offers": [{"segments": [segment], "service_area": area}]} for segment in TRADES * 3]
    await put_all(served, source, *({"name": f"Atelier {source} {n}"} | each for n, each in enumerate(offers)))
    await browser.sign_in()
    await browser.submit("besoin", TYPED, to="besoin/resultat")
    asked = request_on(browser.page)
    await browser.open("/lotissement")
    assert heading(browser.page) == "Allotissement"
    answer = await browser.submit("lotissement", TYPED)
    assert (answer.status_code, heading(browser.page)) == (200, "Allotissements comparés")
    found: dict[str, Any] = (await served.post("/allotment", json=asked)).json()
    return found


async def test_the_page_has_the_proposals_of_the_api(served: Client, browser: Browser, source: str) -> None:
    """A proposal fills in the form; the suppliers then asked for are as many as it said of each lot."""
    found = await compared(served, browser, source)
    assert len(found["proposals"]) > 1
    text = fold(unescape(browser.page))
    for proposal in found["proposals"]:
        for told in (*proposal["reasons"], *proposal["advice"]):
            assert fold(told["message"]) in text
        for lot in proposal["lots"]:
            assert fold(lot["title"]) in text
            for reason in lot["reasons"]:
                assert fold(reason["message"]) in text
    row = re.search(
        r'<th scope="row">Lots ayant assez de fournisseurs potentiels</th>\s*<td>(\d+)</td>\s*<td[^>]*>(\d+)',
        browser.page,
    )
    assert row is not None
    figures = (found["as_given"]["with_competition"], found["proposals"][0]["summary"]["with_competition"])
    assert (int(row[1]), int(row[2])) == figures
    proposal = next(each for each in found["proposals"] if len(each["lots"]) > 1)
    start = browser.page.index(f'id="proposition-{proposal["rank"]}"')
    fields = Fields(browser.page[start:].partition("</section>")[0]).forms["besoin"]
    await browser.open("/besoin")
    await browser.submit("besoin", {**fields, "jeton": browser.fields("besoin")["jeton"]}, faire="comprendre")
    assert "À corriger" not in browser.page
    assert browser.fields("besoin")["lot-2-objet"] == [proposal["lots"][1]["title"]]
    await browser.submit("besoin", to="besoin/resultat")
    matched = (await served.post("/match", json=request_on(browser.page))).json()
    assert [lot["total"] for lot in matched["lots"]] == [lot["total"] for lot in proposal["lots"]]
    for asked, lot in zip(request_on(browser.page)["lots"], proposal["lots"], strict=True):
        assert (asked.get("reserved", []), asked["duration_months"]) == (lot["reserved"], 24)


async def test_rules_and_amounts_by_trade_change_the_comparison(served: Client, browser: Browser, source: str) -> None:
    await compared(served, browser, source)
    amounts = {f"montant-1-{trade}": text for trade, text in zip(TRADES, ("60 000", "40 000"), strict=True)}
    await browser.submit("lotissement", amounts | {"par-lieu": ""})
    assert "60\N{NARROW NO-BREAK SPACE}000" in browser.page or "60 000" in fold(browser.page)
    assert browser.fields("lotissement")["par-lieu"] == [""]
    await browser.submit("lotissement", {"par-lieu": "epci", "lots": "3"})
    assert browser.fields("lotissement")["par-lieu"] == ["epci"]
    assert "fournisseurs potentiels pour cette partie sans reservation" in fold(browser.page)
    wrong = {"lots": "beaucoup", "candidats": "0", f"montant-1-{TRADES[0]}": "cher"}
    assert (await browser.submit("lotissement", wrong)).status_code == 422
    fields = browser.fields("lotissement")
    for name, text in wrong.items():
        assert f'<a href="#{name}">' in browser.page
        assert fields[name] == [text]
    assert fields["lot-1-objet"] == [TYPED["lot-1-objet"]]
    too_much = {"lots": "20", "candidats": "3", f"montant-1-{TRADES[0]}": "2 000 000 000 000"}
    assert (await browser.submit("lotissement", too_much)).status_code == 422
    assert '<a href="#lot-1-valeur">' in browser.page
    await browser.submit("lotissement", lots="beaucoup", faire="ajouter")
    assert browser.fields("lotissement")["lots"] == ["beaucoup"]
    assert (heading(browser.page), "lot-2-objet" in browser.fields("lotissement")) == ("Allotissement", True)
    await browser.open("/lotissement")
    assert (await browser.submit("lotissement", {"lot-1-objet": "tonte", "lots": "0"})).status_code == 422
    assert ('<a href="#lieu">' in browser.page, '<a href="#lots">' in browser.page) == (True, True)


async def test_lots_of_the_same_words_have_amounts_of_their_own_and_none_is_lost(own: Browser) -> None:
    """Of more than ten lots the page asks for the amounts of those that it shows."""
    words = TYPED["lot-1-objet"]
    lots = {f"lot-{number}-objet": words for number in range(1, 13)}
    await own.open("/lotissement")
    await own.submit("lotissement", {**TYPED, **lots}, faire="comprendre")
    assert f"montant-2-{TRADES[0]}" in own.fields("lotissement")
    await own.submit("lotissement", {f"montant-2-{TRADES[0]}": "60 000"}, faire="lots-11")
    assert f'id="montant-12-{TRADES[0]}"' in own.page
    assert f'id="montant-2-{TRADES[0]}"' not in own.page
    await own.submit("lotissement", faire="lots-1")
    assert own.fields("lotissement")[f"montant-2-{TRADES[0]}"] == ["60 000"]
