"""Exchanges with suppliers: opened, added to, read by their organisation alone, and closed by publication."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from db.core.engine import transaction
from tests.api.exchanges.steps import Opened, create_exchange, move, opened, opening, some_suppliers
from tests.api.needs.steps import NEED, change, create
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, path_of

# Where no other test has suppliers, so that a shortlist of all who are there has room for them.
AT_BRIANCON: dict[str, Any] = {
    "address": {"city": "Briançon", "commune": "05023"},
    "location": {"lat": 44.8996, "lon": 6.6436},
}
AROUND_BRIANCON = {"near": {"commune": "05023"}, "radius_km": 1}


async def test_an_exchange_is_opened_read_and_listed(served: Client, source: str) -> None:
    exchange = await create_exchange(served, source, lot_ids=["1"])
    shown = await exchange.shown()
    assert (shown["subject"], shown["channel"], shown["lot_ids"]) == ("Tonte", "email", ["1"])
    assert [each["supplier_id"] for each in shown["recipients"]] == sorted(exchange.suppliers)
    (first,) = shown["messages"]
    assert (first["author"], first["supplier_id"], first["body"]) == ("buyer", None, "Pourriez-vous tondre ?")
    assert exchange.answer | {"messages": [first]} == exchange.answer
    second = opened(served, await opening(served, exchange.need, exchange.suppliers))
    first_page = (await served.get(f"{exchange.need}/exchanges?limit=1")).json()
    rest = (await served.get(f"{exchange.need}/exchanges?cursor={first_page['next_cursor']}")).json()
    ids = [each["id"] for each in (*first_page["items"], *rest["items"])]
    assert (ids, rest["next_cursor"]) == ([shown["id"], second.answer["id"]], None)


async def test_links_are_shown_once_in_texts_to_be_sent(served: Client, exchange: Opened) -> None:
    """Each recipient has its own, and they are nowhere else: without a mail server the buyer sends the texts."""
    urls = {each["supplier_id"]: each["url"] for each in exchange.answer["reply_links"]}
    assert (set(urls), len(set(exchange.links))) == (set(exchange.suppliers), 2)
    texts = {each["supplier_id"]: each["text"] for each in exchange.answer["to_be_delivered_by_you"]}
    assert texts.keys() == urls.keys()
    assert all(urls[each] in texts[each] and "Pourriez-vous tondre ?" in texts[each] for each in texts)
    (first,) = exchange.answer["messages"]
    assert {each["state"] for each in first["deliveries"]} == {"to_be_delivered_by_you"}
    letter = (await served.get(f"{exchange.path}/messages/{first['id']}/letter")).json()
    assert "Pourriez-vous tondre ?" in letter["text"]
    assert "http" not in letter["text"]
    later = (await served.get(exchange.path)).text
    assert not [link for link in exchange.links if link.rpartition("/")[2] in later]
    assert all(each["reply_link_expires_at"] for each in (await exchange.shown())["recipients"])


async def test_the_shortlist_is_asked_less_those_set_aside(served: Client, source: str) -> None:
    """Who left the directory too, but nobody is written to whose address is not kept any more."""
    gone, aside = await some_suppliers(served, source, contact={"email": "parti@example.org"}, **AT_BRIANCON)
    need = await create(served, territory=AROUND_BRIANCON, limit=100)
    path = f"/needs/{need['id']}"
    decision = {"lot_id": "1", "decision": "set_aside"}
    assert (await change(served, f"{path}/shortlists/1/suppliers/{aside}", decision)).status_code == 200
    assert (await served.delete(path_of(source))).status_code == 204
    answer = await opening(served, path, "shortlist")
    assert answer.status_code == 201, answer.text
    asked = {each["supplier_id"]: (each["why"], each["email"]) for each in answer.json()["recipients"]}
    assert (asked[gone], aside in asked) == (("shortlist", None), False)


async def test_suppliers_made_one_are_asked_once(served: Client, source: str) -> None:
    first, second = await some_suppliers(served, source)
    merged = await served.post("/suppliers/merge", json={"ids": [first, second]})
    assert merged.status_code == 200, merged.text
    need = await create(served)
    answer = await opening(served, f"/needs/{need['id']}", [second, first, second])
    assert [each["supplier_id"] for each in answer.json()["recipients"]] == [first]


async def test_an_opening_that_will_not_do_is_refused_with_all_that_is_wrong(served: Client, alone: Opened) -> None:
    """The subject becomes a header of e-mails; what was not filled in is found in messages too, of the buyer alone."""
    (known,) = alone.suppliers
    for fields, expected in (
        ({"recipients": "everybody"}, [("/recipients", "unknown_value")]),
        ({"lot_ids": ["1", "2"]}, [("/lot_ids/1", "unknown_lot"), ("/recipients/1", "unknown_supplier")]),
        ({"subject": "Tonte\r\nBcc: a@exemple.fr"}, [("/subject", "control_character")]),
        ({"subject": "a\u2028b"}, [("/subject", "control_character")]),
        ({"subject": "Le [date]", "body": "Au [lieu]"}, [(f"/{n}", "placeholder_left") for n in ("subject", "body")]),
    ):
        recipients = [known, str(uuid4())] if "lot_ids" in fields else [known]
        answer = await opening(served, alone.need, **{"recipients": recipients} | fields)
        assert_refused(answer, 422, "invalid-content")
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == expected
    assert (await alone.write(body="Au [lieu]")).json()["errors"][0]["code"] == "placeholder_left"
    noted = await alone.write(author="supplier", supplier_id=known, body="À [lieu] ?")
    assert noted.status_code == 201


async def test_an_opening_sent_twice_is_answered_twice_alike(served: Client, source: str) -> None:
    """Also at once; with the same links, which the database does not know."""
    suppliers = await some_suppliers(served, source)
    need = await create(served)
    key = {"Idempotency-Key": source}
    path = f"/needs/{need['id']}"
    answers = await asyncio.gather(*(opening(served, path, suppliers, headers=key) for _ in range(3)))
    answers.append(await opening(served, path, suppliers, headers=key))
    assert len({answer.content for answer in answers}) == 1
    assert len((await served.get(f"{path}/exchanges")).json()["items"]) == 1
    exchange = opened(served, answers[1])
    await exchange.reply(0)
    other = await opening(served, path, suppliers, body="Autre chose", headers=key)
    assert other.json()["errors"][0]["code"] == "idempotency_key_reused"


async def test_another_key_of_the_organisation_gets_no_links_that_were_given(served: Client, source: str) -> None:
    suppliers = await some_suppliers(served, source, 1)
    one = await member(served, "needs")
    another = await member(served, "needs", organisation=one.key.organisation)
    need = (await one.post("/needs", NEED)).json()["need"]
    path = f"/needs/{need['id']}/exchanges"
    body = {"subject": "x", "body": "x", "channel": "email", "recipients": suppliers}
    first = await one.post(path, body, **{"Idempotency-Key": "k"})
    again = await another.post(path, body, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert (again.json()["reply_links"], again.json()["to_be_delivered_by_you"]) == ([], [])


async def test_no_token_is_kept_anywhere(served: Client, source: str) -> None:
    """Not in any column of any table: not in answers kept for what is sent twice, nor in names of what was sent to."""
    suppliers = await some_suppliers(served, source)
    need = await create(served)
    answer = await opening(served, f"/needs/{need['id']}", suppliers, headers={"Idempotency-Key": source})
    exchange = opened(served, answer)
    path = f"{exchange.path}/recipients/{exchange.suppliers[0]}/reply-link"
    new = await served.post(path, headers={"Idempotency-Key": source})
    await exchange.reply(0)
    tokens = [link.rpartition("/")[2] for link in (*exchange.links, new.json()["url"])]
    dump = await everything_kept(served)
    assert "Pourriez-vous tondre" in dump
    assert [token for token in tokens if token in dump] == []


async def everything_kept(client: Client) -> str:
    """All rows of all tables as text; bytes that are a text as that text."""
    async with transaction(client.services.database) as connection:
        tables = (
            await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars()
        rows = [row for table in tables for row in await connection.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value) for row in rows for value in row
    )


async def test_an_answer_to_one_says_which_question_it_answers(exchange: Opened) -> None:
    one, other = exchange.suppliers
    asked = (await exchange.write(author="supplier", supplier_id=one, body="Combien ?", stance="question")).json()["id"]
    refused = await exchange.write(body="Dix tonnes", supplier_id=other, answers=[asked])
    assert_refused(refused, 422, "invalid-content")
    told = await exchange.write(body="Dix tonnes", supplier_id=one, answers=[asked])
    assert (told.status_code, told.json()["answers"]) == (201, [asked])
    assert "answers" not in (await exchange.seen(0))["messages"][-1]


async def test_messages_go_to_one_or_all_and_note_what_was_said(exchange: Opened) -> None:
    one, other = exchange.suppliers
    told = await exchange.write(body="À vous seul", supplier_id=one)
    noted = await exchange.write(
        author="supplier",
        supplier_id=other,
        body="Par téléphone",
        stance="declined",
        barriers=["price"],
        channel="phone",
    )
    assert (told.status_code, noted.status_code) == (201, 201)
    assert [each["supplier_id"] for each in told.json()["deliveries"]] == [one]
    assert "À vous seul" in told.json()["letter"]["text"]
    assert (noted.json()["deliveries"], noted.json()["letter"], noted.json()["channel"]) == ([], None, "phone")
    bodies = [each["body"] for each in (await exchange.shown())["messages"]]
    assert bodies == ["Pourriez-vous tondre ?", "À vous seul", "Par téléphone"]
    assert [each["body"] for each in (await exchange.seen(0))["messages"]] == bodies[:2]
    assert [each["body"] for each in (await exchange.seen(1))["messages"]] == [bodies[0], bodies[2]]


async def test_a_correction_is_a_message_of_its_own(exchange: Opened) -> None:
    first = exchange.answer["messages"][0]["id"]
    assert (await exchange.write(body="Pardon : en avril", corrects=first)).json()["corrects"] == first
    answer = await exchange.write(body="x", corrects=str(uuid4()))
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/corrects"]
    answer = await exchange.write(author="supplier", supplier_id=exchange.suppliers[0], body="x", corrects=first)
    assert answer.json()["errors"][0]["code"] == "other_audience"


async def test_a_question_and_its_answer_go_to_all(exchange: Opened) -> None:
    asked = await exchange.reply(0, body="Qui fournit les bacs ?", stance="question")
    answer = await exchange.publish(asked["id"], answer="L'hôpital.")
    assert answer.status_code == 201, answer.text
    assert (answer.json()["publishes"], answer.json()["question"]) == (asked["id"], "Qui fournit les bacs ?")
    for number in (0, 1):
        last = (await exchange.seen(number))["messages"][-1]
        assert (last["body"], last["question"]) == ("L'hôpital.", "Qui fournit les bacs ?")
        assert "publishes" not in last
    remark = await exchange.reply(0, body="Bonjour")
    for message in (asked, remark):
        assert_refused(await exchange.publish(message["id"]), 409, "conflict")
    assert_refused(await exchange.publish(str(uuid4())), 404, "not-found")


@pytest.mark.parametrize("statuses", [("sourcing", "published"), ("abandoned",), ("sourcing", "published", "closed")])
async def test_nothing_is_said_after_publication_and_all_is_read(
    served: Client, exchange: Opened, statuses: tuple[str, ...]
) -> None:
    asked = await exchange.reply(0, body="Quand ?", stance="question")
    before = await exchange.shown()
    await move(served, exchange.need, *statuses)
    refused = [
        await opening(served, exchange.need, exchange.suppliers),
        await exchange.write(),
        await exchange.write(author="supplier", supplier_id=exchange.suppliers[0]),
        await exchange.publish(asked["id"]),
        await served.post(exchange.links[0], json={"body": "Trop tard"}),
    ]
    for answer in refused:
        assert_refused(answer, 409, "after-publication")
    assert await exchange.shown() == before
    seen = await exchange.seen(0)
    assert (seen["can_reply"], len(seen["messages"])) == (False, 2)


async def test_publication_and_a_message_at_once(served: Client, alone: Opened) -> None:
    """Whatever comes first: what was taken was said before, what was refused is not there."""
    await move(served, alone.need, "sourcing")
    messages = [alone.write(body=str(n)) for n in range(4)]
    replies = [served.post(alone.links[0], json={"body": f"r{n}"}) for n in range(4)]
    answers = await asyncio.gather(
        *messages[:2], *replies[:2], change(served, alone.need, {"status": "published"}), *messages[2:], *replies[2:]
    )
    published = answers.pop(4)
    assert published.status_code == 200, published.text
    assert {answer.status_code for answer in answers} <= {201, 409}
    taken = {answer.json()["body"] for answer in answers if answer.status_code == 201}
    shown = (await alone.shown())["messages"]
    assert {each["body"] for each in shown[1:]} == taken
    times = [each["created_at"] for each in shown]
    assert (times, times[-1] <= published.json()["published_at"]) == (sorted(times), True)


async def test_the_journal_says_what_was_done_and_not_what_was_said(served: Client, exchange: Opened) -> None:
    asked = await exchange.reply(0, body="Un secret ?", stance="question")
    await exchange.publish(asked["id"])
    await exchange.write(author="supplier", supplier_id=exchange.suppliers[1], body="Un secret")
    await served.delete(f"{exchange.path}/recipients/{exchange.suppliers[1]}/reply-link")
    journal = await served.get(f"/audit?object=exchange:{exchange.answer['id']}")
    entries = [(each["action"], each["means"]) for each in journal.json()["items"]]
    assert entries == [
        ("exchange.opened", "key"),
        ("message.received", "reply_link"),
        ("question.published", "key"),
        ("message.noted", "key"),
        ("reply_link.revoked", "key"),
    ]
    assert "secret" not in journal.text
