"""Needs are matched while no connection to the database is held, and what changed meanwhile is not overlooked."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.needs import routes, shortlist_versions, shortlists
from api.runtime.places import ConcurrencyLimit
from api.runtime.processes.match_processes import MatchTask
from db.core.engine import Connection, Engine, transaction
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client

Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    return await new_buyer(served)


@pytest.fixture
def matches(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> "Matches":
    return Matches(buyer.client, monkeypatch)


class Matches:
    """Counts the matches, and the transactions that a request has open when one begins."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open, self.begun, self.meanwhile = 0, list[int](), list[Meanwhile]()
        self._run = client.services.match_work.run
        monkeypatch.setattr(client.services.match_work, "run", self._begin)
        # what changes a need meanwhile has a turn besides
        monkeypatch.setattr(client.services, "matches", ConcurrencyLimit(at_once=4, of_one=4))
        for module in (shortlist_versions, routes, shortlists):
            monkeypatch.setattr(module, "transaction", self._transaction)

    @asynccontextmanager
    async def _transaction(self, engine: Engine) -> AsyncIterator[Connection]:
        async with transaction(engine) as connection:
            self.open += 1
            try:
                yield connection
            finally:
                self.open -= 1

    async def _begin(self, task: MatchTask[Any], key: str, left: Callable[[], Awaitable[None]]) -> Any:
        self.begun.append(self.open)
        if self.meanwhile:
            await self.meanwhile.pop()()
        return await self._run(task, key, left)


async def test_no_connection_is_held_while_a_need_is_matched(buyer: Buyer, matches: Matches) -> None:
    need = (await buyer.keep())["need"]
    assert (await buyer.post(f"/needs/{need['id']}/shortlists")).status_code == 201
    assert matches.begun == [0, 0]


async def test_no_connection_is_held_while_versions_are_compared(buyer: Buyer, matches: Matches, source: str) -> None:
    """To find why a supplier left, the need is matched again."""
    await buyer.supplier(source, "1")
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    await buyer.supplier(source, "1", active=False)
    await buyer.post(f"{path}/shortlists")
    (lot,) = (await buyer.get(f"{path}/shortlists/1/diff/2")).json()["lots"]
    assert [row["why"]["code"] for row in lot["left"]] == ["inactive"]
    assert matches.begun == [0, 0, 0]


async def test_a_request_that_was_answered_is_not_matched_again(buyer: Buyer, matches: Matches) -> None:
    key = {"Idempotency-Key": "une-fois"}
    first = await buyer.post("/needs", buyer.need(), **key)
    path = f"/needs/{first.json()['need']['id']}/shortlists"
    again = [
        await buyer.post(path, **key),
        await buyer.post(path, **key),
        await buyer.post("/needs", buyer.need(), **key),
    ]
    assert again[2].content == first.content
    assert again[0].headers["location"] == again[1].headers["location"]
    assert matches.begun == [0, 0]


async def test_a_need_that_changes_meanwhile_is_matched_anew(buyer: Buyer, matches: Matches) -> None:
    """Then with the connection: nobody changes it any more."""
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    lots = [{"id": "7", "segments": ["pr-locaux"]}]
    matches.meanwhile.append(lambda: buyer.patch(path, {"lots": lots}))
    frozen = (await buyer.post(f"{path}/shortlists")).json()
    assert [lot["id"] for lot in frozen["lots"]] == ["7"]
    assert matches.begun[-1] == 1


async def test_a_need_that_ends_meanwhile_gets_no_version(buyer: Buyer, matches: Matches) -> None:
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    matches.meanwhile.append(lambda: buyer.patch(path, {"status": "abandoned"}))
    assert (await buyer.post(f"{path}/shortlists")).status_code == 409
    assert len((await buyer.get(f"{path}/shortlists")).json()["items"]) == 1
