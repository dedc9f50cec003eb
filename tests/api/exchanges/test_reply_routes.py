"""Reply links: an exchange read and answered by who has the link, and by nobody else."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog

from api.runtime.observability import configure_logging
from api.runtime.rate_limits import ANSWERS, LOOK_UPS, READINGS, UNKNOWN_LINKS, Limits
from db.core.engine import Connection
from db.exchanges.reply_links import ReplyLink, select_link
from tests.api.conftest import take_all
from tests.api.exchanges.steps import BROWSER, Opened, create_exchange, keyless, move
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

SECRET_ADDRESS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
}


async def test_a_thread_is_read_without_a_key(served: Client, source: str) -> None:
    exchange = await create_exchange(served, source, lot_ids=["1"])
    seen = await exchange.seen(0)
    assert (seen["buyer"], seen["need_title"], seen["subject"]) == ("default", "Espaces verts", "Tonte")
    assert (seen["recipient"], seen["lots"]) == (f"Jardin {source} 1", [{"id": "1", "title": None}])
    assert (seen["can_reply"], seen["link_expires_at"]) == (True, exchange.answer["reply_links"][0]["expires_at"])
    (message,) = seen["messages"]
    assert (message["author"], message["body"]) == ("buyer", "Pourriez-vous tondre ?")


async def test_browsers_get_a_page_and_all_else_json(served: Client, unanswered: Opened) -> None:
    html, json = "text/html; charset=utf-8", "application/json"
    for accept, media in ((BROWSER["Accept"], html), ("*/*", json), (json, json), ("", json)):
        for path, status in ((unanswered.links[0], 200), ("/replies/nobody", 404)):
            answer = await keyless(served, "GET", path, headers={"Accept": accept})
            assert (answer.status_code, answer.headers["content-type"].replace("problem+", "")) == (status, media)


async def test_an_answer_reaches_the_buyer(exchange: Opened) -> None:
    said = {"body": "Deux fois par mois", "stance": "interested", "barriers": ["capacity", "other"]}
    more = {"barriers_note": "la pente", "confidential": True}
    answered = await exchange.reply(0, **said, **more)
    assert answered | said | more == answered
    (_, kept) = (await exchange.shown())["messages"]
    assert kept | said | more == kept
    assert (kept["author"], kept["supplier_id"], kept["channel"]) == ("supplier", exchange.suppliers[0], "portal")
    assert [each["body"] for each in (await exchange.seen(0))["messages"]][-1] == "Deux fois par mois"


async def test_a_message_of_another_supplier_is_as_if_it_were_not(served: Client, exchange: Opened) -> None:
    """What is answered to who guesses its id is what is answered for an id of none."""
    theirs = await exchange.reply(1)
    refused = [
        await served.post(exchange.links[0], json={"body": "x", "corrects": each})
        for each in (theirs["id"], str(uuid4()))
    ]
    assert refused[0].status_code == 422
    assert refused[0].content == refused[1].content
    page = [
        (await keyless(served, "GET", f"{exchange.links[0]}?corrects={each}", headers=BROWSER)).text.split("key")[0]
        for each in (theirs["id"], str(uuid4()))
    ]
    assert page[0] == page[1]


async def test_an_answer_that_will_not_do(served: Client, unanswered: Opened) -> None:
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"body": ""}, "/body"),
        ({"body": " \n "}, "/body"),
        ({"stance": "interested"}, "/body"),
        ({"body": "x", "stance": "maybe"}, "/stance"),
        ({"body": "x", "barriers": ["weather"]}, "/barriers/0"),
        ({"body": "x", "barriers_note": "y"}, "/barriers_note"),
        ({"body": "x", "supplier_id": str(uuid4())}, "/supplier_id"),
    )
    for body, pointer in wrong:
        answer = await served.post(unanswered.links[0], json=body)
        assert_refused(answer, 422, "invalid-content")
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    text = await served.post(unanswered.links[0], content=b"Oui", headers={"Content-Type": "text/plain"})
    assert_refused(text, 415, "unsupported-media-type")


async def test_an_answer_sent_twice_is_kept_once(served: Client, alone: Opened) -> None:
    key = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*(served.post(alone.links[0], json={"body": "Oui"}, headers=key) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len((await alone.shown())["messages"]) == 2


async def test_a_reply_is_as_long_as_a_message_may_be_and_no_longer(served: Client, alone: Opened) -> None:
    """Nobody needs a key here, so that nobody makes the server read what it would not keep."""
    assert (await send_form(alone, body="€" * 20_000)).status_code == 303
    assert_refused(await served.post(alone.links[0], json={"body": "x" * 600_000}), 413, "body-too-large")
    assert (await send_form(alone, body="x" * 600_000)).status_code == 413


async def test_a_link_ends_at_its_time(served: Client, alone: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    later = served.services.now() + timedelta(days=62)
    monkeypatch.setattr(served.services, "now", lambda: later)
    assert_refused(await served.get(alone.links[0]), 404, "not-found")
    assert_refused(await served.post(alone.links[0], json={"body": "x"}), 404, "not-found")


async def test_what_is_no_token_leads_nowhere(served: Client, unanswered: Opened) -> None:
    (link,) = unanswered.links
    for wrong in (link[:-1], f"{link}A", "/replies/%00", "/replies/%F0%9F%90%9D", "/replies/x/y"):
        assert_refused(await served.get(wrong), 404, "not-found")


async def test_the_address_is_kept_secret(served: Client, alone: Opened) -> None:
    """By caches, search engines and other sites; the page takes nothing from elsewhere, and does not hold it either."""
    link = alone.links[0]
    answers = [
        await keyless(served, "GET", link),
        await keyless(served, "GET", link, headers=BROWSER),
        await keyless(served, "POST", link, headers=BROWSER, data={"body": "Oui"}),
        await keyless(served, "POST", link, headers=BROWSER, data={"body": ""}),
        await keyless(served, "GET", "/replies/nobody", headers=BROWSER),
        await keyless(served, "GET", "/replies/nobody"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 303, 422, 404, 404]
    for answer in answers:
        assert answer.headers.items() >= SECRET_ADDRESS.items()
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert link.rpartition("/")[2] not in answer.text + str(answer.headers)
        assert "http" not in answer.text.replace("/problems/", "")


async def test_no_log_and_no_metric_holds_a_token(
    served: Client,
    source: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    logging_undone: None,
) -> None:
    """Not even where something goes wrong."""
    configure_logging(served.services.settings)
    monkeypatch.setattr("api.web.problems.log", structlog.get_logger())
    exchange = await create_exchange(served, source, 1)
    await exchange.reply(0)
    await keyless(served, "DELETE", exchange.links[0])
    await keyless(served, "GET", f"{exchange.links[0]}?what=1")

    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("api.exchanges.reply_routes.visible_exchange", broken)
    failed = await keyless(served, "GET", exchange.links[0], headers=BROWSER)
    assert (failed.status_code, failed.headers["content-type"]) == (500, "text/html; charset=utf-8")
    logged = capsys.readouterr()
    written = logged.out + logged.err + (await served.get("/metrics")).text
    assert "/replies/{token}" in written
    assert "RuntimeError" in written
    assert exchange.links[0].rpartition("/")[2] not in written


async def test_who_tries_many_links_must_wait(served: Client, alone: Opened, limits: Limits) -> None:
    """While links that work go on working, also for others behind the same address."""
    take_all(limits, UNKNOWN_LINKS, but=2)
    statuses = [(await keyless(served, "GET", f"/replies/{n}")).status_code for n in range(3)]
    assert statuses == [404, 404, 429]
    refused = await keyless(served, "POST", "/replies/x", json={"body": "x"})
    assert_refused(refused, 429, "too-many-requests")
    assert int(refused.headers["retry-after"]) == 60
    page = await keyless(served, "GET", "/replies/x", headers=BROWSER)
    assert (page.status_code, page.headers["retry-after"]) == (429, "60")
    assert page.headers["content-type"].startswith("text/html")
    await alone.seen(0)


async def test_very_many_links_are_not_even_looked_up(
    served: Client, alone: Opened, monkeypatch: pytest.MonkeyPatch, limits: Limits
) -> None:
    """Nor is what is no token; links that work do not count."""
    take_all(limits, LOOK_UPS, but=2)
    looked_up = list[str]()

    async def select(connection: Connection, token: str, now: datetime) -> ReplyLink | None:
        looked_up.append(token)
        return await select_link(connection, token, now)

    monkeypatch.setattr("api.exchanges.reply_routes.select_link", select)
    for _ in range(3):
        await alone.seen(0)
    tokens = [str(number) * 43 for number in range(3)]
    answers = [await keyless(served, "GET", f"/replies/{token}") for token in ("short", *tokens)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert looked_up[3:] == tokens[:2]
    assert answers[0].headers["cache-control"] == "no-store"


async def test_who_reads_or_answers_too_often_must_wait(served: Client, exchange: Opened, limits: Limits) -> None:
    """By whichever of its links; other recipients need not."""
    path = f"{exchange.path}/recipients/{exchange.suppliers[0]}/reply-link"
    second = (await served.post(path)).json()["url"]
    for limit in (READINGS, ANSWERS):
        take_all(limits, limit, (UUID(exchange.path.rpartition("/")[2]), UUID(exchange.suppliers[0])), but=2)
    for link in (exchange.links[0], second):
        assert (await keyless(served, "GET", link)).status_code == 200
        assert (await keyless(served, "POST", link, json={"body": "x"})).status_code == 201
    assert_refused(await keyless(served, "GET", second), 429, "too-many-requests")
    assert_refused(await keyless(served, "POST", second, json={"body": "x"}), 429, "too-many-requests")
    await exchange.seen(1)
    await exchange.reply(1)


async def test_a_link_revoked_meanwhile_answers_nothing(served: Client, alone: Opened) -> None:
    """Whatever comes first: an answer that was taken is in the exchange, and nothing else is."""
    path = f"{alone.path}/recipients/{alone.suppliers[0]}/reply-link"
    replies = [served.post(alone.links[0], json={"body": str(n)}) for n in range(4)]
    *answers, revoked = await asyncio.gather(*replies, served.delete(path))
    assert revoked.status_code == 204
    assert {answer.status_code for answer in answers} <= {201, 404}
    taken = {answer.json()["body"] for answer in answers if answer.status_code == 201}
    assert {each["body"] for each in (await alone.shown())["messages"][1:]} == taken


async def page(exchange: Opened, query: str = "") -> str:
    answer = await keyless(exchange.client, "GET", exchange.links[0] + query, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return answer.text


async def send_form(exchange: Opened, **fields: Any) -> Any:
    return await keyless(exchange.client, "POST", exchange.links[0], headers=BROWSER, data=fields)


async def test_a_form_is_answered_with_a_way_back_to_the_page(served: Client, alone: Opened) -> None:
    """So that loading it again sends nothing."""
    fields = {"body": "Trop loin\r\npour nous ", "stance": "declined", "barriers": ["distance", "other"]}
    answer = await send_form(alone, **fields, barriers_note="le pont", confidential="yes")
    assert answer.status_code == 303
    back = await keyless(served, "GET", str(answer.url.join(answer.headers["location"])), headers=BROWSER)
    assert back.status_code == 200
    assert "Votre réponse a bien été envoyée" in back.text
    assert "Votre réponse a bien été envoyée" not in await page(alone)
    (_, kept) = (await alone.shown())["messages"]
    assert (kept["body"], kept["stance"], kept["barriers"]) == ("Trop loin\npour nous", "declined", fields["barriers"])
    assert (kept["barriers_note"], kept["confidential"]) == ("le pont", True)
    # another barrier is kept though its box was not ticked
    assert (await send_form(alone, body="Non", barriers="distance", barriers_note="le pont")).status_code == 303
    assert (await alone.shown())["messages"][-1]["barriers"] == ["distance", "other"]


async def test_a_form_sent_twice_is_kept_once_and_another_text_as_another(alone: Opened) -> None:
    """Also where somebody goes back to the form that was sent, and writes something else."""
    first, again = await asyncio.gather(*(send_form(alone, body="Oui", key="k") for _ in range(2)))
    assert (first.status_code, first.headers["location"]) == (303, again.headers["location"])
    assert (await send_form(alone, body="Oui, et bien", key="k")).status_code == 303
    assert [each["body"] for each in (await alone.shown())["messages"][1:]] == ["Oui", "Oui, et bien"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"body": "  "}, "body"),
        ({"body": "x" * 20_001}, "body"),
        ({"body": "x", "barriers": "other"}, "barriers_note"),
        ({"body": "x", "barriers": "other", "barriers_note": "x" * 2_001}, "barriers_note"),
        ({"body": "x", "stance": "maybe"}, "stance"),
        ({"body": "x", "barriers": "weather"}, "barriers"),
    ],
)
async def test_a_form_with_a_mistake_comes_back_as_it_was_filled_in(
    unanswered: Opened, fields: dict[str, str], where: str
) -> None:
    answer = await send_form(unanswered, **{"barriers_note": "", "confidential": "yes"} | fields, key="k")
    assert answer.status_code == 422
    text = answer.text
    assert f'<a href="#{where}">' in text
    assert f'id="{where}-erreur"' in text
    assert "<title>Erreur : " in text
    assert f"{fields['body'].strip()}</textarea>" in text
    assert 'name="confidential" value="yes" aria-describedby="confidential-aide" checked' in text
    assert len((await unanswered.shown())["messages"]) == 1


async def test_what_people_write_stays_text(served: Client, source: str) -> None:
    """In the exchange, and in the form that comes back."""
    evil = '</textarea><script>alert("x")</script>'
    exchange = await create_exchange(served, source, 1, subject=evil, body=evil)
    await exchange.reply(0, body=evil, barriers=["other"], barriers_note=evil)
    refused = await send_form(
        exchange, body=evil, barriers="other", barriers_note='" onfocus="x', stance=evil, key=evil
    )
    for text in (await page(exchange), refused.text):
        assert "<script>alert" not in text
        assert ' onfocus="' not in text


async def test_a_form_that_is_none_is_refused(served: Client, alone: Opened) -> None:
    headers = BROWSER | {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"body=%ff", b"&".join([b"x=1"] * 3_000), b"body=x&key=" + b"k" * 100):
        answer = await keyless(served, "POST", alone.links[0], headers=headers, content=content)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")


async def test_one_corrects_oneself_by_the_page(alone: Opened) -> None:
    first = await alone.reply(0, body="Oui")
    shown = await page(alone, f"?corrects={first['id']}")
    assert f'<input type="hidden" name="corrects" value="{first["id"]}">' in shown
    assert (await send_form(alone, body="Non", corrects=first["id"])).status_code == 303
    assert (await alone.shown())["messages"][-1]["corrects"] == first["id"]
    assert f'Rectifie <a href="#m-{first["id"]}">' in await page(alone)


async def test_after_publication_the_page_is_only_read(served: Client, alone: Opened) -> None:
    await alone.reply(0, body="Avec plaisir")
    await move(served, alone.need, "sourcing", "published")
    shown = await page(alone)
    assert "Avec plaisir" in shown
    assert "Les réponses sont closes" in shown
    assert "<form" not in shown
    late = await send_form(alone, body="Trop tard")
    assert late.status_code == 409
    assert "n'a pas été envoyée" in late.text
    assert "Trop tard" in late.text
    assert_refused(await served.post(alone.links[0], json={"body": "x"}), 409, "after-publication")
    assert len((await alone.shown())["messages"]) == 2
