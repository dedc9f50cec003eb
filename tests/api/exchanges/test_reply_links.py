"""Recipients' reply links: taken away for good, and given anew."""

from uuid import uuid4

from tests.api.exchanges.steps import Opened, create_exchange
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client


def links_of(exchange: Opened, number: int) -> str:
    return f"{exchange.path}/recipients/{exchange.suppliers[number]}/reply-link"


async def test_a_revoked_link_leads_nowhere(served: Client, source: str) -> None:
    exchange = await create_exchange(served, source)
    assert (await served.delete(links_of(exchange, 0))).status_code == 204
    assert_refused(await served.get(exchange.links[0]), 404, "not-found")
    assert_refused(await served.post(exchange.links[0], json={"body": "x"}), 404, "not-found")
    assert_refused(await served.delete(links_of(exchange, 0)), 404, "not-found")
    await exchange.seen(1)
    revoked = {each["supplier_id"]: each["reply_link_expires_at"] for each in (await exchange.shown())["recipients"]}
    assert revoked[exchange.suppliers[0]] is None


async def test_a_new_link_comes_with_its_text_and_again_where_it_is_asked_twice(served: Client, source: str) -> None:
    exchange = await create_exchange(served, source)
    await served.delete(links_of(exchange, 0))
    key = {"Idempotency-Key": source}
    answers = [await served.post(links_of(exchange, 0), headers=key) for _ in range(2)]
    assert (answers[0].status_code, answers[0].content) == (201, answers[1].content)
    given = answers[0].json()
    assert given["url"] in given["letter"]["text"]
    assert (await served.get(given["url"])).json()["recipient"] == f"Jardin {source} 1"
    nobody = f"{exchange.path}/recipients/{uuid4()}/reply-link"
    assert_refused(await served.post(nobody), 404, "not-found")
    assert_refused(await served.delete(nobody), 404, "not-found")
