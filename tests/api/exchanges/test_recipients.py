"""Recipients are contacted by what happened, and of unknown trade they are asked what they do."""

import re
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.api.desk.steps import Browser
from tests.api.exchanges.steps import Opened, move, opened, opening
from tests.api.mailbox import PUBLIC_URL, PostOffice, all_sent
from tests.api.needs.steps import create
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, path_of, put_record

TODAY_IN_FRENCH = re.compile(r"\d+(?:er)? \w+ \d{4}")


async def confirm(
    exchange: Opened, message: int = 0, headers: dict[str, str] | None = None, **said: Any
) -> httpx.Response:
    shown = await exchange.shown()
    path = f"{exchange.path}/messages/{shown['messages'][message]['id']}/deliveries"
    return await exchange.client.post(path, json=said, headers=headers)


def assert_problem(answer: httpx.Response, status: int, slug: str, code: str, pointer: str) -> None:
    assert_refused(answer, status, slug)
    (problem,) = answer.json()["errors"]
    assert (problem["code"], problem["pointer"]) == (code, pointer)


async def mixed(client: Client) -> Opened:
    """Three with an address, four without: of the letters one was posted, and one supplier was called instead."""
    stored = [
        await put_record(
            client, "mixte", n, name=f"Mixte {n}", contact={"email": f"{n}@mixte.example"} if n < "4" else {}
        )
        for n in "1234567"
    ]
    await client.services.directory.wait_beyond(stored[-1]["data_version"] - 1, 60)
    need = await create(client)
    exchange = opened(client, await opening(client, f"/needs/{need['id']}", [each["supplier_id"] for each in stored]))
    await all_sent(exchange)
    letters = [each["supplier_id"] for each in (await exchange.shown())["recipients"] if each["email"] is None]
    assert (await confirm(exchange, recipients=letters[:1], way="letter")).status_code == 200
    assert (await confirm(exchange, recipients=letters[3:], way="phone")).status_code == 200
    return exchange


def tally(rows: list[dict[str, Any]], state: str = "state") -> dict[tuple[str, str], int]:
    return Counter((each["way"], each[state]) for each in rows)


MIXED = {
    ("email", "sent"): 2,
    ("email", "undeliverable"): 1,
    ("letter", "posted"): 1,
    ("letter", "to_post"): 2,
    ("phone", "told"): 1,
}


async def test_a_mixed_exchange_is_told_as_it_happened(office: PostOffice) -> None:
    """In the exchange, the matrix, the report as JSON and HTML, and on the pages of the desk."""
    client, mailbox, _ = office
    mailbox.refusals, mailbox.stage = ["550 5.1.1 No such user"], "RCPT"
    exchange = await mixed(client)
    shown = await exchange.shown()
    assert tally(shown["recipients"]) == MIXED
    assert tally(shown["messages"][0]["deliveries"], "delivery_state") == MIXED
    assert {each["since"] is None for each in shown["recipients"] if each["state"] == "to_post"} == {True}

    matrix = (await client.get(f"{exchange.need}/equal-treatment")).json()
    contacts = [each for each in matrix["suppliers"] if each["contact"]["state"]]
    assert tally([each["contact"] for each in contacts]) == MIXED
    assert sorted(each["contacted"] for each in contacts) == [False] * 3 + [True] * 4
    gaps = {(gap["code"], len(gap["suppliers"])) for gap in matrix["gaps"] if gap["code"] != "not_contacted"}
    assert gaps == {("not_delivered", 1), ("not_yet_delivered", 2)}

    report = (await client.get(f"{exchange.need}/report")).json()
    assert tally([*report["contacted"], *report["other_recipients"]]) == MIXED
    assert (len(report["contacted"]), len(report["other_recipients"])) == (4, 3)
    page = TODAY_IN_FRENCH.sub("J", (await client.get(f"{exchange.need}/report", headers={"Accept": "text/html"})).text)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "4 contactés" in text
    for words in (
        "courriel envoyé : 2",
        "lettre à envoyer par vos soins, envoi à confirmer : 2",
        "joint par téléphone : 1",
    ):
        assert words in text
    assert text.count("Courriel non remis (adresse refusée)") == 1

    async with Browser(client.app, PUBLIC_URL) as browser:
        await browser.sign_in(client.headers["Authorization"].removeprefix("Bearer "))
        need, path = exchange.answer["need_id"], f"/besoins/{exchange.answer['need_id']}"
        for part, most in ((f"echanges/{exchange.answer['id']}", 2), ("egalite", 2)):
            await browser.open(f"{path}/{part}")
            told = TODAY_IN_FRENCH.sub("J", browser.page).casefold()
            assert told.count("lettre postée le j") >= 1, (need, part)
            assert told.count("lettre à envoyer par vos soins, envoi à confirmer") >= most
            assert told.count("joint par téléphone le j") >= 1
            assert told.count("courriel non remis (adresse refusée)") >= 1


async def test_a_confirmation_said_again_changes_nothing_and_another_day_corrects_it(
    served: Client, exchange: Opened
) -> None:
    today = served.services.now()
    first, again = [await confirm(exchange, recipients="waiting") for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    read = await served.get(exchange.path, headers={"Accept-Encoding": "identity"})  # a compressed one has another tag
    assert first.headers["etag"] == again.headers["etag"] == read.headers["etag"]
    tomorrow = today + timedelta(days=1)
    usual, served.services.now = served.services.now, lambda: tomorrow
    try:
        one = exchange.suppliers[:1]
        corrected = await confirm(exchange, recipients=one, on=tomorrow.date().isoformat(), way="in_person")
    finally:
        served.services.now = usual
    told = {each["supplier_id"]: (each["way"], each["since"]) for each in corrected.json()["recipients"]}
    assert told[one[0]] == ("in_person", tomorrow.date().isoformat())
    entries = (await served.get(f"/audit?object=exchange:{exchange.answer['id']}")).json()["items"]
    noted = [each["detail"] for each in entries if each["action"] == "message.handed_over"]
    assert [each["way"] for each in noted] == ["letter", "letter", "in_person"]
    assert {each["supplier_id"] for each in noted} == {*exchange.suppliers}


async def test_what_cannot_be_confirmed_is_refused(served: Client, exchange: Opened) -> None:
    shown, today = await exchange.shown(), served.services.now()
    for days, code in ((2, "in_the_future"), (-2, "before_the_message")):
        day = (today + timedelta(days=days)).date().isoformat()
        refused = await confirm(exchange, recipients="waiting", on=day)
        assert_problem(refused, 422, "invalid-content", code, "/on")
    nobody = await confirm(exchange, recipients=[exchange.answer["id"]])
    assert_problem(nobody, 422, "invalid-content", "unknown_recipient", "/recipients/0")
    assert (await confirm(exchange, headers={"If-Match": '"old"'}, recipients="waiting")).status_code == 412
    reply = await exchange.reply(0)
    path = f"{exchange.path}/messages/{reply['id']}/deliveries"
    assert (await served.post(path, json={"recipients": "waiting"})).status_code == 404
    assert {each["delivery_state"] for each in shown["messages"][0]["deliveries"]} == {"to_post"}


async def test_what_was_posted_before_the_notice_can_be_said_after_it(served: Client, exchange: Opened) -> None:
    """Until the record is closed."""
    await move(served, exchange.need, "sourcing", "published")
    assert (await confirm(exchange, recipients=exchange.suppliers[:1])).status_code == 200
    await move(served, exchange.need, "closed")
    assert_refused(await confirm(exchange, recipients="waiting"), 409, "conflict")


async def test_a_later_message_waits_for_its_own_letter(exchange: Opened) -> None:
    await confirm(exchange, recipients="waiting")
    await exchange.write(body="Et en mai ?")
    shown = await exchange.shown()
    assert {each["state"] for each in shown["recipients"]} == {"posted"}
    assert {each["delivery_state"] for each in shown["messages"][1]["deliveries"]} == {"to_post"}
    assert {each["state"] for each in shown["messages"][1]["deliveries"]} == {"to_be_delivered_by_you"}


async def test_of_who_was_reached_later_the_report_says_what_did_not_arrive(office: PostOffice) -> None:
    """The first message too, and by the exchange that it is of; until a letter of it is posted."""
    client, mailbox, _ = office
    mailbox.refusals, mailbox.stage = ["550 5.1.1 No such user"], "RCPT"
    exchange = await mixed(client)
    by_state = {each["state"]: each for each in (await exchange.shown())["recipients"]}
    refused = by_state["undeliverable"]
    again = await opening(client, exchange.need, [refused["supplier_id"]], subject="Calendrier", channel="phone")
    assert again.status_code == 201, again.text
    page = (await client.get(f"{exchange.need}/report", headers={"Accept": "text/html"})).text
    row = page.partition("Comment")[2].partition(f"<strong>{refused['name']}<")[2].partition("</tr>")[0]
    text = TODAY_IN_FRENCH.sub("J", re.sub(r"[\s\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]+", " ", row))
    assert "Joint par téléphone" in text
    assert "« Tonte », J : courriel non remis (adresse refusée)" in text
    assert_refused(await confirm(exchange, recipients=[by_state["sent"]["supplier_id"]]), 409, "conflict")
    posted = await confirm(exchange, recipients=[refused["supplier_id"]])
    states = {each["supplier_id"]: (each["way"], each["state"]) for each in posted.json()["recipients"]}
    assert states[refused["supplier_id"]] == ("letter", "posted")


# Where no other test has suppliers.
AT_CORTE: dict[str, Any] = {
    "address": {"city": "Corte", "commune": "2B096"},
    "location": {"lat": 42.3061, "lon": 9.1497},
}
AROUND_CORTE: dict[str, Any] = {
    "territory": {"near": {"commune": "2B096"}, "radius_km": 1},
    "lots": [{"id": "1", "segments": ["ev-entretien"], "reserved": ["iae"]}],
}


@pytest.fixture
async def silent(served: Client, source: str) -> list[str]:
    """Three insertion structures at Corte of which no trade is known, once those of other tests are gone."""
    for each in (await served.get("/suppliers", params={"territory": "commune:2B096"})).json()["items"]:
        for one in (await served.get(f"/suppliers/{each['id']}")).json()["sources"]:
            await served.delete(path_of(one["source"], one["external_id"]))
    stored = [await put_record(served, source, str(n), name=f"ACI {n}", offers=[], **AT_CORTE) for n in range(3)]
    await served.services.directory.catch_up()
    return [each["supplier_id"] for each in stored]


async def test_they_are_recipients_where_the_buyer_chooses(served: Client, silent: list[str]) -> None:
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    lot = (await served.get(f"{need}/shortlists/latest")).json()["lots"][0]
    assert (lot["tension"]["level"], lot["unknown_trade"]["eligible"]) == ("unknown", 3)
    assert lot["unknown_trade"]["by_kind"] == {"ACI": 3}
    assert (lot["tension"]["unknown"], lot["alternatives"]["unknown_trade"]["iae"]) == (3, 3)
    assert {one["code"] for row in lot["unknown_trade"]["nearest"] for one in row["reasons"]} <= {
        "kind_offers", "kind_never_offers", "presence_local"
    }  # fmt: skip
    refused = await opening(served, need, "shortlist")
    assert_refused(refused, 409, "conflict")
    assert "activité non renseignée" in refused.json()["detail"]
    answer = await opening(served, need, "shortlist", include_unknown_trade=True, lot_ids=["1"])
    assert answer.status_code == 201, answer.text
    assert {each["supplier_id"]: each["why"] for each in answer.json()["recipients"]} == dict.fromkeys(
        silent, "unknown_trade"
    )
    assert (await opening(served, need, silent[:1])).status_code == 201
    meaningless = await opening(served, need, silent, include_unknown_trade=True)
    assert_refused(meaningless, 422, "invalid-content")
    assert [(error["pointer"], error["code"]) for error in meaningless.json()["errors"]] == [
        ("/include_unknown_trade", "only_with_shortlist")
    ]


async def test_structures_of_one_legal_unit_at_one_address_get_one_letter(
    served: Client, source: str, silent: list[str]
) -> None:
    """The others of the address count as told, too."""
    numbers = ["81234567700016", "81234567700024", "81234567700032"]
    streets = "3, rue du Four", "3 R DU FOUR", "4 rue du Four"
    houses = [
        await put_record(
            served,
            source,
            f"at {number}",
            siret=number,
            **AT_CORTE | {"address": AT_CORTE["address"] | {"street": street, "postal_code": "20250"}},
        )
        for number, street in zip(numbers, streets, strict=True)
    ]
    await served.services.directory.catch_up()
    ids = [each["supplier_id"] for each in houses]
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    exchange = (await opening(served, need, "shortlist")).json()
    told = {each["supplier_id"]: each.get("joined", []) for each in exchange["recipients"]}
    assert len(told) == 2
    assert {frozenset((to, *others)) for to, others in told.items()} == {frozenset(ids[:2]), frozenset(ids[2:])}
    table = (await served.get(f"{need}/equal-treatment")).json()["suppliers"]
    assert {row["supplier_id"] for row in table} == told.keys()
