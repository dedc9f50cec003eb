"""A notice that is chosen as a file fills in the form, and says what was not read."""

import json

import pytest

from tests.api.desk.answer.test_result_page import request_on
from tests.api.desk.steps import Browser, said, send_file
from tests.api.sync.factories import Client
from tests.sources.notices.conftest import FNSIMPLE, boamp, eforms, eforms_lot, project, reserved

NOTICE = eforms(eforms_lot("LOT-0001", reserved("res-ws") + project()))


async def test_the_form_says_what_the_notice_says(served: Client, browser: Browser) -> None:
    """The answer to the form that it fills in is asked for with the need that POST /notices reads."""
    await browser.sign_in()
    answer = await send_file(browser, "besoin", "avis", NOTICE, faire="avis")
    assert answer.status_code == 200
    assert "Avis lu" in browser.page
    read = await served.post("/notices", content=NOTICE, headers={"Content-Type": "application/xml"})
    need, unread = read.json()["need"], read.json()["unread"]
    assert unread
    await browser.submit("besoin", to="besoin/resultat")
    asked = request_on(browser.page)
    for name in ("title", "reference", "territory", "contract"):
        assert asked.get(name) == need.get(name)
    assert asked["buyer"]["siret"] == need["buyer"]["siret"]
    (lot,), (of_notice,) = asked["lots"], need["lots"]
    for name in ("title", "cpv", "reserved", "value_eur", "duration_months", "renewal_months", "nature"):
        assert lot[name] == of_notice[name]


async def test_a_record_of_boamp_is_read_too(browser: Browser) -> None:
    await browser.sign_in()
    record = b"\xef\xbb\xbf" + json.dumps(boamp(FNSIMPLE)).encode()
    answer = await send_file(browser, "besoin", "avis", record, faire="avis")
    assert (answer.status_code, browser.fields("besoin")["lot-1-objet"] != [""]) == (200, True)


async def test_what_it_replaces_can_come_back(browser: Browser) -> None:
    await browser.sign_in()
    typed = {"lot-1-objet": "imprimerie", "lieu": "Pontivy", "lot-1-valeur": "12 000"}
    await send_file(browser, "besoin", "avis", NOTICE, faire="avis", **typed)
    before = browser.page.partition("Revenir à ce que")[0].rpartition("<form")[2]
    for name, text in typed.items():
        assert f'name="{name}" value="{text}"' in before
    await browser.open("/besoin")
    await send_file(browser, "besoin", "avis", NOTICE, faire="avis")
    assert "Revenir à ce que" not in browser.page, "nothing was typed"


@pytest.mark.parametrize(
    "content",
    [b"", b"  ", b"bonjour", b"{", b"[]", b"<a/>", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', b"\xff\xfe"],
)
async def test_a_file_that_is_no_notice_is_a_mistake_and_nothing_typed_is_lost(
    browser: Browser, content: bytes
) -> None:
    await browser.sign_in()
    answer = await send_file(browser, "besoin", "avis", content, faire="avis", **{"lot-1-objet": "imprimerie"})
    assert answer.status_code == 422
    assert '<a href="#avis">' in browser.page
    assert browser.fields("besoin")["lot-1-objet"] == ["imprimerie"]


async def test_all_lots_of_a_long_notice_are_taken_over(browser: Browser) -> None:
    lots = "".join(eforms_lot(f"LOT-{number:04}", project()) for number in range(1, 41))
    await browser.sign_in()
    await send_file(browser, "besoin", "avis", eforms(lots), faire="avis")
    assert "40 lots, dont ceux du 1er au 10e sont ici" in said(browser.page)
    await browser.submit("besoin", to="besoin/resultat")
    assert len(request_on(browser.page)["lots"]) == 40


async def test_the_file_of_a_form_of_another_browser_is_not_read(browser: Browser) -> None:
    await browser.sign_in()
    answer = await browser.post("/besoin", data={"faire": "avis", "jeton": "x"}, files={"avis": ("avis.xml", NOTICE)})
    assert answer.status_code == 403


async def test_other_pages_take_no_files(browser: Browser) -> None:
    await browser.sign_in()
    token = browser.fields("besoin")["jeton"]
    answer = await browser.post("/besoin/resultat", data={"jeton": token}, files={"avis": ("avis.xml", NOTICE)})
    assert answer.status_code in {400, 403}
