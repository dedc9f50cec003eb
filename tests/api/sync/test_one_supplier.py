"""Whose records are one supplier, as a network sees it from outside: whatever comes first, one by one or by file."""

from collections.abc import Iterable, Sequence
from itertools import count, permutations
from typing import Any

import pytest

from tests.api.sync.factories import Client, lines, put_record, record, send, siret
from tests.conftest import examples

_worlds = count(1)
NORTH_OF_VANNES = 47.70
METRE = 1 / 111_195


class World:
    """Sources, names and SIRETs of no other test. Places are metres on a line to the north."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.name = f"world{next(_worlds)}"

    def siret(self, which: str) -> str:
        return siret(f"{self.name}/{which}")

    def row(self, metres: float | None = None, number: str | None = None, **fields: Any) -> dict[str, Any]:
        """A record without SIRET and of one name, unless said otherwise; where it stands is not known unless told."""
        place = {"lat": NORTH_OF_VANNES + metres * METRE, "lon": -2.76} if metres is not None else None
        usual: dict[str, Any] = {"name": f"Les Jardins de {self.name}", "location": place, "address": None}
        return record("", **usual | {"siret": number and self.siret(number)} | fields)

    async def put(self, external_id: str, row: dict[str, Any], source: str = "") -> str:
        stored = await put_record(self.client, self.name + source, external_id, **row)
        return str(stored["supplier_id"])

    async def load(
        self,
        rows: dict[str, dict[str, Any]],
        source: str = "",
        query: str = "",
        media_type: str = "application/x-ndjson",
    ) -> dict[str, Any]:
        content = lines({"external_id": one, **row} for one, row in rows.items())
        answer = await send(self.client, self.name + source, content, media_type, query)
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        assert report["errors"] == []
        return report

    async def supplier_of(self, external_id: str, source: str = "") -> str:
        answer = await self.client.get(f"/sources/{self.name}{source}/suppliers/{external_id}")
        return str(answer.json()["supplier_id"])

    async def show(self, supplier_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/suppliers/{supplier_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def groups(self, external_ids: Iterable[str], source: str = "") -> set[str]:
        """The records of each supplier, their ids written one after the other."""
        found: dict[str, str] = {}
        for one in sorted(external_ids):
            supplier = await self.supplier_of(one, source)
            found[supplier] = found.get(supplier, "") + one
        for supplier, members in found.items():
            shown = await self.show(supplier)
            assert sorted(ref["external_id"] for ref in shown["sources"]) == sorted(members)
        return set(found.values())


@pytest.fixture
def world(served: Client) -> World:
    return World(served)


Rows = dict[str, dict[str, Any]]


def same_siret_anywhere(world: World) -> Rows:
    return {
        "a": world.row(0, "1"),
        "b": world.row(90_000, "1", name="Tout autre nom"),
        "c": world.row(None, "1"),
        "d": world.row(0, "2"),
    }


def the_middle_one_links(world: World) -> Rows:
    return {"a": world.row(0, "1"), "b": world.row(150), "c": world.row(300), "d": world.row(520)}


def between_two_sirets(world: World) -> Rows:
    """The one without joins the nearer of two that never merge."""
    return {"a": world.row(0, "1"), "b": world.row(60), "c": world.row(150, "2")}


def workshops_of_prisons(world: World) -> Rows:
    prison = {"in_prison": True}
    return {
        "a": world.row(0, "1", **prison),
        "b": world.row(900, "1", **prison),
        "c": world.row(5_000, "1", **prison),
        "d": world.row(5_400, "1", **prison),
    }


def spellings(world: World) -> Rows:
    """Order of words, case, articles, legal form and one slip do not matter; a homonym far away does."""
    name = world.name
    return {
        "a": world.row(0, "1", name=f"Association des Jardins {name}"),
        "b": world.row(40, name=f"{name.upper()} LES JARDINS"),
        "c": world.row(90, name=f"Serres {name}", trade_name=f"jardiins de {name}"),
        "d": world.row(400, name=f"Les Jardins {name}"),
    }


def vague_places(world: World) -> Rows:
    """Standing somewhere in the same commune is no evidence; nor is a point that contradicts the address."""
    address: dict[str, Any] = {"address": {"commune": "56260"}}
    return {
        "a": world.row(None, "1", **address),
        "b": world.row(None, **address),
        "c": world.row(0, address={"commune": "35238"}),
        "d": world.row(0),
    }


def establishments_of_one_siren(world: World) -> Rows:
    one = world.siret("1")
    return {
        "a": world.row(0, "1"),
        "b": world.row(0, siret=one[:9] + "00099"),
        "c": world.row(0, siret=one[:9] + "00107"),
    }


SCENES = (
    (same_siret_anywhere, {"abc", "d"}),
    (the_middle_one_links, {"abc", "d"}),
    (between_two_sirets, {"ab", "c"}),
    (workshops_of_prisons, {"ab", "cd"}),
    (spellings, {"abc", "d"}),
    (vague_places, {"a", "b", "c", "d"}),
    (establishments_of_one_siren, {"a", "b", "c"}),
)


async def by_put(world: World, rows: Rows, order: Sequence[str]) -> None:
    for one in order:
        await world.put(one, rows[one])


async def by_file(world: World, rows: Rows, order: Sequence[str]) -> None:
    await world.load({one: rows[one] for one in order})


async def by_halves(world: World, rows: Rows, order: Sequence[str]) -> None:
    """One by one, then a snapshot of all that says so again."""
    await by_put(world, rows, order[:2])
    await world.load({one: rows[one] for one in order[2:]})
    await world.load({one: rows[one] for one in reversed(order)}, query="mode=snapshot")


async def after_being_others(world: World, rows: Rows, order: Sequence[str]) -> None:
    """All were one supplier before they came to say what they say."""
    await world.load({one: world.row(0, "before") for one in order})
    await by_put(world, rows, order)


@pytest.mark.parametrize("way", [by_put, by_file, by_halves, after_being_others], ids=lambda way: way.__name__)
@pytest.mark.parametrize(("scene", "expected"), SCENES, ids=lambda each: getattr(each, "__name__", ""))
async def test_the_suppliers_are_the_same_in_any_order(
    served: Client, scene: Any, expected: set[str], way: Any
) -> None:
    ids = sorted("".join(expected))
    orders = list(permutations(ids))
    for order in orders[:: max(1, len(orders) // examples(12))]:
        world = World(served)
        await way(world, scene(world), order)
        assert await world.groups(ids) == expected, order


async def test_a_person_overrules_for_good(world: World) -> None:
    """Different SIRETs stay one after each has been sent again and again; a split record does not come back."""
    rows = {"a": world.row(0, "1"), "b": world.row(9_000, "2"), "c": world.row(20, "1"), "d": world.row(30)}
    await world.load(rows)
    one, other = await world.supplier_of("a"), await world.supplier_of("b")
    assert (await world.client.post("/suppliers/merge", json={"ids": [other, one]})).json()["id"] == min(one, other)
    record = {"record": {"source": world.name, "external_id": "c"}}
    assert (await world.client.post(f"/suppliers/{max(one, other)}/split", json=record)).status_code == 200

    for query in ("mode=upsert", "mode=snapshot"):
        await world.load({name: row | {"ess": query == "mode=upsert"} for name, row in rows.items()}, query=query)
        assert await world.groups("abcd") in ({"abd", "c"}, {"ab", "cd"})
    for name in "abc":
        await world.client.delete(f"/sources/{world.name}/suppliers/{name}")
    for name in "cba":
        await world.put(name, rows[name])
    assert (await world.supplier_of("a")) == (await world.supplier_of("b")) != await world.supplier_of("c")
    for which in "12":
        found = (await world.client.get(f"/suppliers?siret={world.siret(which)}")).json()["items"]
        assert await world.supplier_of("a") in [item["id"] for item in found]


async def test_one_supplier_is_one_candidate(world: World) -> None:
    """With the offers of all its records; once they part, they are two."""
    area = {"service_area": {"codes": ["commune:97502"]}}
    first = await world.put("a", world.row(0, "1", offers=[{"segments": ["pr-specialise"], **area}]))
    await world.put("b", world.row(0, "1", offers=[{"segments": ["pr-locaux"], **area}]), source="-map")
    lot = {"id": "1", "segments": ["pr-specialise", "pr-locaux"]}
    need = {"territory": {"codes": ["commune:97502"]}, "lots": [lot]}

    async def candidates() -> list[tuple[str, list[str]]]:
        version = (await world.client.get(f"/sources/{world.name}-map/suppliers/b")).json()["data_version"]
        await world.client.services.directory.wait_beyond(version - 1, 10)
        found = (await world.client.post("/match", json=need)).json()["lots"][0]["candidates"]
        exact = {one["supplier"]["id"]: [s["offered"] for s in one["segments"] if s["fit"] == "exact"] for one in found}
        return sorted(exact.items())

    assert await candidates() == [(first, ["pr-specialise", "pr-locaux"])]
    second = await world.put("b", world.row(0, "2", offers=[{"segments": ["pr-locaux"], **area}]), source="-map")
    assert await candidates() == [(first, ["pr-specialise"]), (second, ["pr-locaux"])]
    for source in ("", "-map"):
        await world.client.delete(f"/sources/{world.name}{source}/suppliers/{'b' if source else 'a'}")
