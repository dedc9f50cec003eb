"""How long, for how much and reserved to whom is understood from a lot's words, and corrected by a click."""

from tests.api.desk.answer.test_result_page import request_on
from tests.api.desk.steps import FORM, Browser, said

WORDS = "nettoyage des collèges, 3 ans, réservé aux ESAT ?"
TYPED = {"lieu": "commune:56178", "lot-1-objet": WORDS}


async def test_what_the_words_say_fills_in_the_form_and_what_they_ask_is_left_to_decide(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/besoin")
    await browser.submit("besoin", TYPED, faire="comprendre")
    fields = browser.fields("besoin")
    assert fields["lot-1-duree"] == ["36"]
    assert "lot-1-reserve" not in fields
    assert "Réservé au handicap" in said(browser.page)
    await browser.submit("besoin", {"lot-1-dit": "reserved:handicap"}, to="besoin/resultat")
    (lot,) = request_on(browser.page)["lots"]
    assert (lot["duration_months"], lot["reserved"]) == (36, ["handicap"])


async def test_what_was_emptied_stays_empty(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/besoin")
    await browser.submit("besoin", TYPED, faire="comprendre")
    await browser.submit("besoin", {"lot-1-duree": ""}, faire="comprendre")
    assert browser.fields("besoin")["lot-1-duree"] == [""]
    await browser.submit("besoin", to="besoin/resultat")
    assert "duration_months" not in request_on(browser.page)["lots"][0]


async def test_a_field_prevails_over_the_words(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/besoin")
    await browser.submit("besoin", {**TYPED, "lot-1-duree": "12"}, faire="comprendre")
    assert browser.fields("besoin")["lot-1-duree"] == ["12"]


async def test_terms_appear_while_words_are_typed(browser: Browser) -> None:
    """Ticked where they are said, not where they are asked."""
    await browser.sign_in()
    await browser.open("/besoin")
    fields = {**browser.fields("besoin"), **TYPED, "montrer": "lot-1-metiers"}
    part = (await browser.post("/besoin/compris", data=fields, headers=FORM)).text
    assert 'name="lot-1-dit" value="months:36" checked' in part
    assert 'name="lot-1-dit" value="reserved:handicap">' in part
