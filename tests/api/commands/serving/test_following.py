"""The feed of changes over sockets, served by two processes, while four clients write at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.directory.routes import FEED
from api.web.pagination import read_cursor
from db.suppliers.feed import START, Position
from tests.api.commands.conftest import ADMIN_KEY, PATIENCE_SECONDS, Server
from tests.api.sync.factories import lines, siret
from tests.conftest import copied, examples, open_folder

SOURCES = ("reseau", "carte", "annuaire")
STEPS = examples(30)
Supplier = dict[str, Any]


@pytest.fixture(scope="module")
async def address(server_url: str, administrator: Any, template: str) -> AsyncIterator[str]:
    """Where a server of two workers listens, with an empty directory."""
    with open_folder() as folder:
        async with copied(server_url, administrator, template) as url:
            server = Server(folder, "--workers", "2", DATABASE_URL=url)
            try:
                yield f"http://{server.ready().netloc}"
            finally:
                server.close()


def client(address: str) -> httpx.AsyncClient:
    """Each has connections of its own, and so is answered now by one worker, now by the other."""
    return httpx.AsyncClient(
        base_url=address,
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        timeout=PATIENCE_SECONDS,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def record(draw: random.Random) -> dict[str, Any]:
    """Few SIRETs, names and places, so that records of different sources are often one supplier."""
    place = {"lat": 48.0 + draw.randrange(12) / 800, "lon": -2.97}
    return {
        "name": draw.choice(("Les Jardins du Blavet", "ESAT du Scorff", "Ressourcerie de l'Oust")),
        "siret": draw.choice([None, None, *(siret(str(number)) for number in range(60))]),
        "location": draw.choice([place, place, None]),
        "employees": draw.randrange(1_000),
    }


class Writer:
    """Does one thing after the other, each as drawn; refusals that others' writes may cause are no failures."""

    def __init__(self, address: str, seed: int) -> None:
        self.client, self.draw = client(address), random.Random(seed)

    async def run(self, *deeds: str) -> None:
        async with self.client:
            for _ in range(STEPS):
                await getattr(self, self.draw.choice(deeds))()

    def path(self) -> str:
        return f"/sources/{self.draw.choice(SOURCES)}/suppliers/{self.draw.randrange(60)}"

    async def put(self) -> None:
        answer = await self.client.put(self.path(), json=record(self.draw))
        assert answer.status_code in {200, 201}, answer.text

    async def delete(self) -> None:
        answer = await self.client.delete(self.path())
        assert answer.status_code in {204, 404}, answer.text

    async def load(self) -> None:
        rows = [{"external_id": str(each), **record(self.draw)} for each in self.draw.sample(range(60), 30)]
        mode = self.draw.choice(("upsert", "upsert", "snapshot&force=true"))
        path = f"/sources/{self.draw.choice(SOURCES)}/imports?mode={mode}"
        answer = await self.client.post(path, content=lines(rows), headers={"Content-Type": "application/x-ndjson"})
        assert (answer.status_code, answer.json().get("errors")) == (200, []), answer.text

    async def merge(self) -> None:
        some = (await self.client.get("/suppliers?limit=200")).json()["items"]
        if len(some) > 1:
            ids = [one["id"] for one in self.draw.sample(some, 2)]
            answer = await self.client.post("/suppliers/merge", json={"ids": ids})
            assert answer.status_code in {200, 422}, answer.text

    async def split(self) -> None:
        some = (await self.client.get("/suppliers?limit=200")).json()["items"]
        shared = [one for one in some if len(one["sources"]) > 1]
        if shared:
            one = self.draw.choice(shared)
            name = {key: self.draw.choice(one["sources"])[key] for key in ("source", "external_id")}
            answer = await self.client.post(f"/suppliers/{one['id']}/split", json={"record": name})
            assert answer.status_code in {200, 404, 409, 422}, answer.text


class Reader:
    """A copy of the directory, kept by following its changes."""

    def __init__(self, address: str, limit: int, cursor: str = "") -> None:
        self.client, self.limit, self.cursor = client(address), limit, cursor
        self.copy: dict[str, Supplier] = {}
        self.positions = [START]

    async def until(self, name: str) -> None:
        """Follow, without ever asking for what is there already, until a supplier of this name has come."""
        async with self.client:
            while name not in {one["name"] for one in self.copy.values()}:
                await self.go_on(wait=30)

    async def go_on(self, wait: float = 0) -> int:
        """Take in the next page; how much was on it."""
        query = {"limit": self.limit, "wait": wait} | ({"cursor": self.cursor} if self.cursor else {})
        page = (await self.client.get("/suppliers/changes", params=query)).raise_for_status().json()
        items = page["items"]
        assert len({one["id"] for one in items}) == len(items) <= self.limit
        for one in items:
            self.copy[one["id"]] = one
            if one.get("deleted"):
                del self.copy[one["id"]]
        self.cursor = page["next_cursor"]
        if items:
            self.positions.append(read_cursor(FEED, self.cursor, Position) or START)
        return len(items)


async def directory(address: str) -> dict[str, Supplier]:
    """All suppliers, page by page."""
    found: list[Supplier] = []
    async with client(address) as reader:
        query = "/suppliers?limit=50"
        while query:
            answer = await reader.get(query)
            found += answer.json()["items"]
            query = answer.links["next"]["url"] if "next" in answer.links else ""
    assert len({one["id"] for one in found}) == len(found)
    return {one["id"]: one for one in found}


async def test_who_follows_ends_with_the_directory(address: str) -> None:
    """Nothing missed, nothing twice, whatever four writers do meanwhile: a page of one change is a change only once."""
    readers = [Reader(address, limit) for limit in (1, 7, 200)]
    following = [asyncio.create_task(reader.until("The last")) for reader in readers]
    deeds = (("put",), ("put", "delete", "delete"), ("load",), ("put", "merge", "split", "split"))
    writers = [Writer(address, number) for number in range(len(deeds))]
    await asyncio.gather(*(writer.run(*what) for writer, what in zip(writers, deeds, strict=True)))
    async with client(address) as writer:
        last = await writer.put("/sources/the-last/suppliers/1", json={"name": "The last"})
    assert last.status_code == 201
    await asyncio.gather(*following)

    expected = await directory(address)
    assert len(expected) > 10
    for reader in readers:
        assert reader.copy == expected
        assert reader.positions == sorted(set(reader.positions))


async def test_news_is_told_at_once_by_either_process(address: str) -> None:
    """A reader of each worker that waits for a minute is answered long before."""
    async with client(address) as writer:
        end = Reader(address, 200)
        async with end.client:
            while await end.go_on():
                pass
        waiting = [Reader(address, 200, end.cursor) for _ in range(6)]
        asked = [asyncio.create_task(each.go_on(wait=60)) for each in waiting]
        for _ in range(5):  # meanwhile they arrive; what comes out is the same if some do not
            await writer.get("/health/live")
        assert (await writer.put("/sources/reseau/suppliers/news", json={"name": "News"})).status_code == 201
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*asked)
    for each in waiting:
        assert [one["name"] for one in each.copy.values()] == ["News"]
        await each.client.aclose()
