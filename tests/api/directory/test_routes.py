"""The directory, searched and followed."""

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
import shapely
from litestar.testing import AsyncTestClient

from api.directory import routes as suppliers
from api.directory import search
from api.directory.search import PART
from api.runtime import slots
from api.web.pagination import read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.suppliers.feed import LAST_ID, START, Change, Position, changes_after, end_of_directory
from db.suppliers.read import Filters, page_of_suppliers
from domain.suppliers.supplier import SupplierRecord
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NOBODY, Client, counts, key, lines, listed, put_record, rows, send, siret
from tests.browser import on_a_socket

POOL = "pool"
RENNES, PONTIVY = {"lat": 48.1113, "lon": -1.6800}, {"lat": 48.0683, "lon": -2.9628}
WORKSHOP = {"approvals": [{"kind": "ESAT"}], "ess": True, "legal_form": "association"}
MEMBERS: dict[str, dict[str, Any]] = {
    "garden": {"offers": [{"segments": ["ev-entretien"]}], "trade_name": "Légumes & Cie", "siret": "22560001400016"},
    "greens": {"offers": [{"segments": ["ev"]}], "siret": "22560001400024", "approvals": [{"kind": "EI"}]},
    "mower": {
        "offers": [{"cpv": ["77310000-6"]}],
        "location": RENNES,
        "address": {"commune": "35238"},
        "siret": "22560001400032",
        **WORKSHOP,
    },
    "cleaner": {
        # an offer that names a segment is not placed by its CPV
        "offers": [{"segments": ["pr-locaux"], "cpv": ["77310000"]}],
        "location": RENNES,
        "address": {"commune": "35238"},
        "siret": "33333333300013",
        "approvals": [],
        "ess": False,
        "legal_form": "commercial_company",
    },
    "stranger": {"offers": [], "location": None, "address": None, "siret": None, "approvals": None, "active": False},
}


@pytest.fixture(scope="module")
async def pool(served: Client) -> AsyncIterator[Client]:
    """Three in green spaces, one cleaner, and one of which little is known."""
    for name, fields in MEMBERS.items():
        await put_record(served, POOL, name, name=name, **fields)
    yield served
    for name in MEMBERS:
        await served.delete(f"/sources/{POOL}/suppliers/{name}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "garden greens mower cleaner stranger"),
        ("segment=ev-entretien", "garden greens mower"),
        ("segment=ev", "garden greens mower"),
        ("segment=pr-locaux&segment=ev-creation", "greens cleaner"),
        ("territory=commune:35238", "mower cleaner"),
        ("territory=departement:56", "garden greens"),
        ("territory=nuts:FRH03&territory=nuts:FRH04", "garden greens mower cleaner"),
        ("kind=ESAT&kind=EI", "greens mower"),
        ("reserved=handicap&reserved=iae", "garden greens mower stranger"),
        ("q=l%C3%A9gumes", "garden"),
        ("q=legumes+cie", "garden"),
        ("q=legumes+clean", ""),
        ("near=48.11,-1.68&radius_km=20000", "garden greens mower cleaner"),
        ("near=48.11,-1.68&radius_km=20000&bbox=-3,48,-2.9,48.1", "garden greens"),
        ("siret=33333333300013", "cleaner"),
        ("siren=225600014", "garden greens mower"),
        ("active=true", "garden greens mower cleaner"),
        ("active=false", "stranger"),
        ("segment=ev&territory=departement:35&reserved=handicap&near=48.11,-1.68&radius_km=5&q=mow", "mower"),
    ],
)
async def test_filters(pool: Client, query: str, expected: str) -> None:
    """Those of one kind are read slowly in `test_filters`; here is what no generated supplier shows."""
    assert await listed(pool, f"source={POOL}&{query}") == expected.split()
    assert await listed(pool, f"source={POOL}&limit=1&{query}") == expected.split()


@pytest.mark.parametrize(
    ("place", "inside", "outside"),
    [
        # by its point, as for a match and the supply of a territory, whatever commune its address names
        ({"location": RENNES, "address": {"commune": "56178"}}, "departement:35", "departement:56"),
        # by its commune, where no outline is known
        ({"location": None, "address": {"commune": "97502"}}, "departement:975", "departement:35"),
    ],
)
async def test_a_supplier_stands_in_one_place(pool: Client, place: dict[str, Any], inside: str, outside: str) -> None:
    await put_record(pool, POOL, "moved", name="moved", **place)
    try:
        found = [await listed(pool, f"source={POOL}&territory={each}") for each in (inside, outside)]
        assert ["moved" in each for each in found] == [True, False]
        assert "moved" in await listed(pool, f"source={POOL}&territory={outside}&territory={inside}")
    finally:
        await pool.delete(f"/sources/{POOL}/suppliers/moved")


@pytest.mark.parametrize(
    ("query", "slug", "pointers"),
    [
        ("segment=ev-entretient", "unknown-segment", ["/segment/0"]),
        ("territory=departement:99", "unknown-territory", ["/territory/0"]),
        ("near=48.1,-1.7", "invalid-query", ["/radius_km"]),
        ("radius_km=5", "invalid-query", ["/near"]),
        ("near=48.1&radius_km=5", "invalid-query", ["/near"]),
        ("near=91,0&radius_km=5", "invalid-query", ["/near"]),
        ("near=nan,0&radius_km=5", "invalid-query", ["/near"]),
        ("near=48.1,-1.7&radius_km=0", "invalid-query", ["/radius_km"]),
        ("bbox=1,2,3", "invalid-query", ["/bbox"]),
        ("bbox=-1,49,1,48", "invalid-query", ["/bbox"]),
        ("bbox=-181,48,1,49", "invalid-query", ["/bbox"]),
        ("siren=12345678X", "invalid-query", ["/siren"]),
        ("segment=x&territory=y&near=z&bbox=u", "invalid-query", None),
    ],
)
async def test_what_a_filter_cannot_mean_is_refused(
    served: Client, query: str, slug: str, pointers: list[str] | None
) -> None:
    answer = await served.get(f"/suppliers?{query}")
    assert_refused(answer, 422, slug)
    found = [error["pointer"] for error in answer.json()["errors"]]
    assert found == (pointers or ["/segment/0", "/territory/0", "/radius_km", "/near", "/bbox"])


async def test_pages_lead_to_each_other(served: Client, source: str) -> None:
    """Each holds as many as asked for, also where most suppliers are left out on the way, and none comes twice."""
    await send(served, source, lines(rows(source, *map(str, range(500)))))
    some = [rows(source, str(n), location={"lat": 48.0683, "lon": -2.9629}, ess=True)[0] for n in range(0, 500, 50)]
    await send(served, source, lines(some))
    query = f"source={source}&limit=4&near=48.0683,-2.9629&radius_km=0.001"
    sizes, names = [], []
    page: httpx.Response | None = await served.get(f"/suppliers?{query}")
    while page is not None:
        items = page.json()["items"]
        sizes.append(len(items))
        names += [item["name"] for item in items]
        following = page.links.get("next")
        assert (following is None) == (page.json()["next_cursor"] is None)
        if following is not None:
            assert parse_qs(urlsplit(following["url"]).query)["near"] == ["48.0683,-2.9629"]
        page = await served.get(following["url"]) if following else None
    assert sizes == [4, 4, 2]
    assert sorted(names) == sorted(f"Atelier {n}" for n in range(0, 500, 50))


async def test_pages_hold_while_the_directory_changes(served: Client, source: str) -> None:
    """Who is there all the time comes exactly once, whoever comes, changes or goes between two pages."""
    await send(served, source, lines(rows(source, *map(str, range(30)))))
    seen: list[str] = []
    following: str | None = f"/suppliers?source={source}&limit=4"
    for step in range(100):
        if following is None:
            break
        answer = await served.get(following)
        assert answer.status_code == 200, answer.text
        seen += re.findall(r"Atelier \d+", answer.text)
        following = answer.links["next"]["url"] if "next" in answer.links else None
        gone, changed = 3 * step, 3 * step + 1
        await served.delete(f"/sources/{source}/suppliers/{gone}")
        await put_record(served, source, str(changed), name=f"Atelier {changed}", ess=True)
    assert {f"Atelier {number}" for number in range(30) if number % 3} <= set(seen)
    assert len(seen) == len(set(seen))


async def test_a_request_does_a_bounded_amount_of_work(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that would take too much reading is short, and leads on."""
    monkeypatch.setattr(search, "READ_AT_ONCE", 10)
    monkeypatch.setattr(search, "READ_AT_MOST", 20)
    await send(served, source, lines(rows(source, *map(str, range(50)))))
    query = f"source={source}&reserved=handicap"
    first = (await served.get(f"/suppliers?{query}")).json()
    assert first["items"] == []
    assert first["next_cursor"]
    assert await listed(served, query) == []
    assert len(await listed(served, f"source={source}&reserved=iae&limit=3")) == 50


async def test_a_supplier_shows_all_but_the_person_to_contact(served: Client, source: str) -> None:
    contact = {"email": "contact@example.org", "phone": "02 97 00 00 00", "website": "https://example.org"}
    stored = await put_record(served, source, name="Confidents", contact=contact | {"person": "Perrine Le Goff"})
    reader = await key(served, "read")
    path = f"/suppliers/{stored['supplier_id']}"

    shown = await served.get(path, headers=reader)
    document = shown.json()
    assert document["contact"] == contact
    assert (document["kinds"], document["commune"]) == (["ACI"], "56178")
    assert [(ref["source"], ref["external_id"]) for ref in document["sources"]] == [(source, "1")]
    assert (await served.get(f"/suppliers?source={source}", headers=reader)).json()["items"] == [document]

    for accept in ("application/json", "text/csv", "application/geo+json"):
        answer = await served.get(f"/suppliers?source={source}", headers=reader | {"Accept": accept})
        assert "Confidents" in answer.text
        assert "Perrine" not in answer.text
    assert "Perrine" not in (await served.get("/suppliers/changes?limit=200", headers=reader)).text
    assert (await served.get(f"/sources/{source}/suppliers/1")).json()["contact"]["person"] == "Perrine Le Goff"


async def test_who_is_not_in_the_directory_is_not_found(served: Client, source: str) -> None:
    stored = await put_record(served, source)
    await served.delete(f"/sources/{source}/suppliers/1")
    for unknown in (stored["supplier_id"], NOBODY, "x"):
        assert_refused(await served.get(f"/suppliers/{unknown}"), 404, "not-found")


async def test_suppliers_on_a_map(pool: Client) -> None:
    answer = await pool.get(f"/suppliers?source={POOL}&limit=4", headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/geo+json"
    garden = answer.json()["features"][0]
    assert garden["geometry"] == {"type": "Point", "coordinates": [PONTIVY["lon"], PONTIVY["lat"]]}
    assert garden["properties"]["segments"] == ["ev-entretien"]
    rest = await pool.get(answer.links["next"]["url"], headers={"Accept": "application/geo+json"})
    assert [feature["geometry"] for feature in rest.json()["features"]] == [None]
    assert shapely.from_geojson(answer.content).is_valid
    assert answer.json()["type"] == "FeatureCollection"


@pytest.mark.parametrize("address", ["format=csv", "csv=excel", "format=geojson"])
async def test_a_file_without_limit_holds_all_that_its_pages_hold(served: Client, source: str, address: str) -> None:
    """Tools for tables and maps follow no cursors: what is not in the file would be lost."""
    await send(served, source, lines(rows(source, *map(str, range(2 * PART + 1)))))
    path = f"/suppliers?source={source}&{address}"
    whole = await served.get(path)
    assert "link" not in whole.headers
    assert "attachment" in whole.headers["content-disposition"]
    assert len(re.findall(r"Atelier \d+", whole.text)) == 2 * PART + 1
    of_pages = await served.get(f"{path}&limit=200")
    assert whole.content == of_pages.content
    nobody = await served.get(f"{path}&q=nobody")
    assert nobody.content == (await served.get(f"{path}&q=nobody&limit=1")).content


async def test_a_file_that_cannot_be_read_to_its_end_breaks_off(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes a part for the whole."""
    await send(served, source, lines(rows(source, *map(str, range(PART + 1)))))
    read = page_of_suppliers

    async def fails_later(connection: Connection, filters: Filters, after: UUID | None, limit: int) -> Any:
        if after is not None:
            raise ConnectionError
        return await read(connection, filters, after, limit)

    monkeypatch.setattr(search, "page_of_suppliers", fails_later)
    reader = await key(served, "read")
    async with on_a_socket(served.app) as base, httpx.AsyncClient(base_url=base, headers=reader) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"/suppliers?source={source}&format=csv")
    assert served.services.exports.present.total() == 0


async def test_an_organisation_is_sent_one_file_at_a_time(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some more wait for their turn, one beyond them is told to come back, and others are not kept waiting."""
    await send(served, source, lines(rows(source, *map(str, range(PART + 1)))))
    one, other = await member(served, "read"), await member(served, "read")
    read, goes_on, present = page_of_suppliers, asyncio.Event(), served.services.exports.present

    async def pauses(connection: Connection, filters: Filters, after: UUID | None, limit: int) -> Any:
        if after is not None:
            await goes_on.wait()
        return await read(connection, filters, after, limit)

    monkeypatch.setattr(search, "page_of_suppliers", pauses)
    path = f"/suppliers?source={source}&format=csv"
    begun = [asyncio.create_task(one.get(path)) for _ in range(5)]
    while present.total() < len(begun):
        await asyncio.sleep(0)
    assert_refused(await one.get(path), 429, "too-many-requests")
    assert (await other.get(f"{path}&limit=1")).status_code == 200
    assert (await other.get(f"{path}&q=nobody")).status_code == 200
    goes_on.set()
    assert [(await each).status_code for each in begun] == [200] * 5
    assert present.total() == 0


async def test_suppliers_as_a_table(served: Client, source: str) -> None:
    """A row for each offer; whatever the names hold, every value stays in its cell."""
    odd = '"Chez Léa", bar\n; =1+1 & « fils »'
    offers = [{"segments": ["pr-locaux", "ev"]}, {"segments": ["ev"], "cpv": ["77310000"]}]
    await put_record(served, source, name=odd, offers=offers)
    answer = await served.get(f"/suppliers?source={source}", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="vivier-fournisseurs-[0-9-]{15}\.csv"', answer.headers["content-disposition"]
    )
    table = [*csv.DictReader(io.StringIO(answer.text, newline=""))]
    assert [(row["external_id"], row["name"], row["segments"]) for row in table] == [
        ("1", odd, "pr-locaux|ev"),
        ("1", odd, "ev"),
    ]


RICH: dict[str, Any] = {
    "approvals": [{"kind": "ACI", "valid_from": "2025-01-01", "reference": "ACI|35:1"}, {"kind": "ESUS"}],
    "shares": {"disadvantaged": 0.78},
    "offers": [
        {"segments": ["pr-locaux"], "service_area": {"radius_km": 40.5}, "label": "Bureaux ; écoles"},
        {
            "segments": ["ev"],
            "cpv": ["77310000"],
            "basis": "inferred",
            "evidence": [{"kind": "job", "on": "2026-05-02", "label": "Jardinier : parcs", "source": "emplois"}],
        },
        {
            "segments": ["lt"],
            "presta_types": ["PREST"],
            "service_area": {
                "geometry": {"type": "Polygon", "coordinates": [[[-3, 48], [-2, 48], [-2, 48.5], [-3, 48]]]}
            },
        },
    ],
    "labels": ["RSEi", "a|b"],
    "contact": {"phone": "+33297010203", "email": "a@example.org"},
    "turnover_eur": 850000.5,
}


@pytest.mark.parametrize("address", ["format=csv", "csv=excel"])
async def test_a_table_is_imported_again_without_a_reject_and_without_a_loss(
    served: Client, source: str, address: str
) -> None:
    kinds: tuple[dict[str, Any], ...] = (RICH, {"approvals": []}, {"approvals": None, "offers": [], "location": None})
    for number, fields in enumerate(kinds):
        own = siret(f"{source} {number}")
        await put_record(served, source, str(number), name=f"Atelier {number}", **fields | {"siret": own})
    before = [await record(served, source, str(number)) for number in range(3)]
    table = await served.get(f"/suppliers?source={source}&{address}")
    report = (await send(served, source, table.content, "text/csv", "mode=snapshot")).json()
    assert report["errors"] == []
    assert counts(report) == {"received": 3, "unchanged": 3}
    # into a source that has none of them
    report = (await send(served, f"{source}-again", table.content, "text/csv")).json()
    assert counts(report) == {"received": 3, "added": 3}
    assert [await record(served, f"{source}-again", str(number)) for number in range(3)] == before


async def record(served: Client, source: str, external_id: str) -> dict[str, Any]:
    """The record, without what Vivier adds to it."""
    stored = (await served.get(f"/sources/{source}/suppliers/{external_id}")).json()
    return {name: stored[name] for name in SupplierRecord.__struct_fields__}


async def test_a_table_for_spreadsheets(served: Client, source: str) -> None:
    await put_record(served, source, **RICH)
    text = (await served.get(f"/suppliers?source={source}&csv=excel")).content.decode("utf-8-sig")
    row = next(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert (row["location.lat"], row["turnover_eur"]) == ("48,0683", "850000,5")
    assert_refused(await served.get(f"/suppliers?source={source}&csv=numbers"), 422, "invalid-query")
    as_map = await served.get(f"/suppliers?source={source}&csv=excel&format=geojson")
    assert as_map.json()["type"] == "FeatureCollection"


async def test_the_columns_are_told_without_a_key(client: AsyncTestClient[Any]) -> None:
    answer = await client.get("/schemas/suppliers.json")
    assert answer.json()["fields"][0] | {"description": ""} == {
        "name": "id",
        "type": "string",
        "title": "id",
        "description": "",
    }
    again = await client.get("/schemas/suppliers.json", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_an_expired_approval_is_told_by_the_day(served: Client, source: str) -> None:
    """On whatever shows the supplier or the record; one that another period follows has not expired."""
    ended = {"kind": "ACI", "valid_until": "2020-12-31"}
    flag = {"code": "approval_expired", "detail": "ACI 2020-12-31"}
    start = await end_of_feed(served)
    lapsed = await put_record(served, source, "1", name="Lapsed", approvals=[ended])
    renewed = await put_record(
        served, source, "2", name="Renewed", approvals=[ended, {"kind": "ACI", "valid_from": "2021-01-01"}]
    )

    assert (lapsed["flags"], renewed["flags"]) == ([flag], [])
    assert (await served.get(f"/sources/{source}/suppliers/1")).json()["flags"] == [flag]
    assert (await served.get(f"/suppliers/{lapsed['supplier_id']}")).json()["flags"] == [flag]
    items = (await served.get(f"/suppliers?source={source}")).json()["items"]
    assert [item["flags"] for item in items] == [[flag], []]
    assert (await feed(served, start))[0] == items
    table = await served.get(f"/suppliers?source={source}", headers={"Accept": "text/csv"})
    assert [row["flags"] for row in csv.DictReader(io.StringIO(table.text))] == ["approval_expired", ""]


async def end_of_feed(client: Client) -> str:
    """The cursor after all changes so far, those of other tests too."""
    async with transaction(client.services.database) as connection:
        return write_cursor(suppliers.FEED, await end_of_directory(connection))


async def feed(client: Client, cursor: str | None, limit: int = 200) -> tuple[list[dict[str, Any]], str]:
    """All changes since the cursor, page by page, and where to go on from."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await client.get(f"/suppliers/changes?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        cursor = page["next_cursor"]
        assert cursor is not None
        if not page["items"]:
            return found, str(cursor)
        found += page["items"]


async def test_changes_are_told_in_order_and_once(served: Client, source: str) -> None:
    start = await end_of_feed(served)
    stored = [await put_record(served, source, one, name=one) for one in "abc"]
    await put_record(served, source, "a", name="a again")
    await served.delete(f"/sources/{source}/suppliers/b")

    found, end = await feed(served, start, limit=1)
    assert [(item["id"], item.get("name")) for item in found] == [
        (stored[2]["supplier_id"], "c"),
        (stored[0]["supplier_id"], "a again"),
        (stored[1]["supplier_id"], None),
    ]
    assert found[2] == {"id": stored[1]["supplier_id"], "deleted": True}
    assert found[0] == (await served.get(f"/suppliers/{stored[2]['supplier_id']}")).json()
    assert await feed(served, end) == ([], end)


async def test_a_cursor_of_another_history_is_refused(served: Client, source: str) -> None:
    """A backup was restored, or a copy took over that lacked the last changes: numbers of versions come again."""
    stored = await put_record(served, source)
    end = await end_of_feed(served)
    last = read_cursor(suppliers.FEED, end, Position)
    assert last is not None
    assert last.uid is not None
    for elsewhere in (last._replace(uid=UUID(int=1)), Position(last.version + 1, START.supplier_id)):
        refused = await served.get(f"/suppliers/changes?cursor={write_cursor(suppliers.FEED, elsewhere)}")
        assert refused.status_code == 400
        assert refused.json()["type"] == "/problems/bad-cursor"
        assert [error["code"] for error in refused.json()["errors"]] == ["other_history"]
    assert (await feed(served, None))[0][-1]["id"] == stored["supplier_id"]


async def test_a_cursor_from_before_versions_had_ids_is_taken(served: Client, source: str) -> None:
    end = await end_of_feed(served)
    last = read_cursor(suppliers.FEED, end, Position)
    assert last is not None
    stored = await put_record(served, source)
    found, _ = await feed(served, write_cursor(suppliers.FEED, (last.version, last.supplier_id)))
    assert [item["id"] for item in found] == [stored["supplier_id"]]


async def test_a_change_is_read_once_for_all_who_wait(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever places in the feed they wait at: others need the database too."""
    start = await end_of_feed(served)
    last = read_cursor(suppliers.FEED, start, Position)
    assert last is not None
    same_place = write_cursor(suppliers.FEED, Position(last.version, LAST_ID))
    reads: list[Position] = []

    async def counted(connection: Connection, position: Position, limit: int) -> Sequence[Change]:
        reads.append(position)
        return await changes_after(connection, position, limit)

    monkeypatch.setattr(suppliers, "changes_after", counted)
    readers = [await key(served, "read") for _ in range(3)]
    paths = [f"/suppliers/changes?cursor={cursor}&wait=60" for cursor in (start, same_place)]
    asked = [(path, reader) for path in paths for reader in readers for _ in range(5)]
    waiting = [asyncio.create_task(served.get(path, headers=reader)) for path, reader in asked]
    while len(served.services.long_polls.waits) < len(waiting):
        await asyncio.sleep(0)
    assert len(reads) < 10
    reads.clear()
    stored = await put_record(served, source)
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*waiting)
    assert {answer.json()["items"][0]["id"] for answer in answers} == {stored["supplier_id"]}
    assert len({answer.json()["next_cursor"] for answer in answers}) == 1
    assert len(reads) == 1


async def test_a_key_has_so_many_waiting_readers(served: Client) -> None:
    """One more is refused until another has its answer; readers of other keys, and those who do not wait, are not."""
    start = await end_of_feed(served)
    path, reader, other = f"/suppliers/changes?cursor={start}", await key(served, "read"), await key(served, "read")
    waiting = [asyncio.create_task(served.get(f"{path}&wait=60", headers=reader)) for _ in range(slots.MOST_OF_ONE_KEY)]
    while len(served.services.long_polls.waits) < len(waiting):
        await asyncio.sleep(0)
    refused = await served.get(f"{path}&wait=0.01", headers=reader)
    assert_refused(refused, 429, "too-many-requests")
    for query, headers in (("wait=0", reader), ("wait=0.01", other)):
        unchanged = await served.get(f"{path}&{query}", headers=headers)
        assert unchanged.json() == {"items": [], "next_cursor": start}
    waiting.pop().cancel()
    while len(served.services.long_polls.waits) > len(waiting):
        await asyncio.sleep(0)
    assert (await served.get(f"{path}&wait=0.01", headers=reader)).status_code == 200
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
