"""Files of suppliers sent to the application."""

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import update

from api.runtime.processes.forked_processes import forked_processes
from api.runtime.slots import ConcurrencyLimit
from api.sync import imports as import_routes
from api.sync import pipeline
from db.core.engine import transaction
from db.schema.supplier_tables import imports
from domain.organisation import Client as Bearer
from domain.suppliers.source import Import
from sources.file_types.workbook import ODS, XLSX
from tests.api.refusals import assert_refused
from tests.api.sync.factories import (
    NDJSON,
    Client,
    counts,
    key,
    lines,
    listed,
    misprinted,
    path_of,
    put_record,
    record,
    rows,
    send,
    siret,
)
from tests.factories import reference
from tests.sources.file_types.test_workbook import ods, xlsx

CSV = "text/csv"
JSON = "application/json"
GZIP = {"Content-Encoding": "gzip"}


async def test_the_report_counts_every_row_and_locates_what_it_rejects(served: Client, source: str) -> None:
    good = rows(source, "a", "b")
    bad_siret = {"external_id": "c", **record(path_of(source), siret="123")}
    drawn = {"segments": ["ev-entretien"], "service_area": {"geometry": {"type": "Polygon", "coordinates": [[]]}}}
    ring = [[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]
    crossed = {"segments": ["ev-entretien"], "service_area": {"geometry": {"type": "Polygon", "coordinates": [ring]}}}
    faulty = [rows(source, name, offers=[offer])[0] for name, offer in (("d", drawn), ("e", crossed))]
    answer = await send(served, source, lines([good[0], "", bad_siret, "{", *faulty, good[1], good[0]]))
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report.keys() >= {*Import.__struct_fields__}
    assert counts(report) == {"received": 7, "added": 2, "rejected": 5}
    assert [(error["line"], error["external_id"], error["pointer"]) for error in report["errors"]] == [
        (3, "c", "/siret"),
        (4, None, ""),
        (5, "d", "/offers/0/service_area/geometry/coordinates/0"),
        (6, "e", "/offers/0/service_area/geometry/coordinates"),
        (8, "a", "/external_id"),
    ]
    assert sorted(await listed(served, f"source={source}")) == ["Atelier a", "Atelier b"]


async def test_a_record_put_and_a_row_imported_are_the_same(served: Client, source: str) -> None:
    """Content, place and flags alike."""
    fields = {"name": "Atelier", "siret": misprinted(siret(source)), "location": None}
    await put_record(served, source, "a", **fields)
    report = (await send(served, source, lines(rows(source, "a", **fields)))).json()
    assert counts(report) == {"received": 1, "unchanged": 1}
    stored = (await served.get(f"/sources/{source}/suppliers/a")).json()
    assert [flag["code"] for flag in stored["flags"]] == ["placed_at_commune", "siret_check_failed"]


async def test_the_same_rows_in_every_format(served: Client, source: str) -> None:
    """A table as a French spreadsheet saves it too, whatever charset is said."""
    row = {"external_id": "a", "name": "Évêché", "siret": siret(source), "offers": [{"segments": ["pr-locaux"]}]}
    await send(served, source, lines([row]))
    as_json = await send(served, source, json.dumps([row]).encode(), JSON)
    table = f"external_id;name;siret;segments\r\na;Évêché;{siret(source)};pr-locaux\r\n;;;\r\n".encode("cp1252")
    charsets = ("", "; charset=windows-1252", "; charset=ISO-8859-1")
    as_csv = [await send(served, source, table, f"{CSV}{charset}") for charset in charsets]
    compressed = await send(served, source, gzip.compress(lines([row])), NDJSON, **GZIP)
    members = gzip.compress(lines([row])) + gzip.compress(b"\n")
    for answer in (as_json, *as_csv, compressed, await send(served, source, members, NDJSON, **GZIP)):
        assert counts(answer.json()) == {"received": 1, "unchanged": 1}


async def test_a_dry_run_leaves_no_trace(served: Client, source: str) -> None:
    lost = rows(source, "a", address={"postal_code": "35000", "city": "Rennnes"}, location=None)
    report = (await send(served, source, lines([*lost, "x"]), query="dry_run=true")).json()
    assert (counts(report), report["dry_run"]) == ({"received": 2, "added": 1, "rejected": 1}, True)
    assert [(each["line"], each["detail"]) for each in report["flagged"]] == [(1, "35000 Rennnes (Rennes ?)")]
    assert await listed(served, f"source={source}") == []
    assert (await served.get(f"/sources/{source}/imports")).json()["items"] == []
    assert_refused(await served.get(f"/imports/{report['id']}"), 404, "not-found")


ROW = lines(rows("nobody", "a"))


@pytest.mark.parametrize(
    ("content", "media_type", "headers", "status", "slug"),
    [
        (gzip.compress(ROW)[:-4], NDJSON, GZIP, 400, "malformed-body"),
        (b"", NDJSON, GZIP, 400, "malformed-body"),
        (gzip.compress(ROW) + b"x", NDJSON, GZIP, 400, "malformed-body"),
        (ROW, NDJSON, GZIP, 400, "malformed-body"),
        (ROW, NDJSON, {"Content-Encoding": "br"}, 415, "unsupported-media-type"),
        (ROW, "text/plain", {}, 415, "unsupported-media-type"),
        (ROW, "application/x-ndjson; charset=latin-1", {}, 415, "unsupported-media-type"),
        (ROW, "text/csv; charset=utf-7", {}, 415, "unsupported-media-type"),
        (b'[{"external_id": "a"', JSON, {}, 400, "malformed-body"),
        (b"surprise", JSON, {}, 400, "malformed-body"),
        (b"", JSON, {}, 400, "malformed-body"),
        (b'{"external_id": "a"}', JSON, {}, 422, "invalid-content"),
        ("external_id,name\n".encode("utf-16"), CSV, {}, 400, "malformed-body"),
        (b"", CSV, {}, 422, "invalid-content"),
        (b"external_id;nom\na;b\n", CSV, {}, 422, "invalid-content"),
        (b"external_id,name,colour\n", CSV, {}, 422, "invalid-content"),
    ],
)
async def test_what_cannot_be_read_as_a_whole_is_refused(
    served: Client, source: str, content: bytes, media_type: str, headers: dict[str, str], status: int, slug: str
) -> None:
    assert_refused(await send(served, source, content, media_type, **headers), status, slug)
    assert await listed(served, f"source={source}") == []


@pytest.mark.parametrize(
    ("query", "status", "slug", "pointer"),
    [
        ("format=gogo", 422, "invalid-query", "/format"),
        ("dryrun=true", 400, "unknown-query-parameter", "/dryrun"),
        ("format=siae", 415, "unsupported-media-type", None),
    ],
)
async def test_what_is_asked_for_is_checked_first(
    served: Client, source: str, query: str, status: int, slug: str, pointer: str | None
) -> None:
    answer = await send(served, source, lines(rows(source, "a")), query=query)
    assert_refused(answer, status, slug)
    assert pointer is None or [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_body_beyond_the_limit_is_refused(served: Client, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As announced, as it arrives, and as it is once decompressed."""

    async def unannounced() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1 << 16):
            yield large[start : start + (1 << 16)]

    services = served.services
    monkeypatch.setattr(services, "settings", replace(services.settings, import_limit=1 << 20))
    large = lines(rows(source, "a")) + b" " * (1 << 21)
    assert_refused(await send(served, source, large), 413, "body-too-large")
    assert_refused(await send(served, source, unannounced()), 413, "body-too-large")
    assert_refused(await send(served, source, gzip.compress(large), NDJSON, **GZIP), 413, "body-too-large")
    assert await listed(served, f"source={source}") == []


async def test_an_import_whose_process_is_ended_is_to_be_sent_again(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "prepare", lambda *_, **__: os._exit(9))
    with forked_processes(reference()) as processes:
        monkeypatch.setattr(served.services, "forked_processes", processes)
        answer = await send(served, source, lines(rows(source, "a")))
    assert_refused(answer, 503, "stopping")
    assert answer.headers["retry-after"]
    assert await listed(served, f"source={source}") == []
    past = (await served.get(f"/sources/{source}/imports")).json()["items"]
    assert [each["status"] for each in past] == ["failed"]


async def test_errors_are_kept_page_by_page(served: Client, source: str) -> None:
    report = (await send(served, source, lines(["x"] * 5 + rows(source, "a")))).json()
    path = f"/imports/{report['id']}/errors"
    first = await served.get(f"{path}?limit=3")
    second = await served.get(first.links["next"]["url"])
    assert [error["line"] for page in (first, second) for error in page.json()["items"]] == [1, 2, 3, 4, 5]
    assert second.json()["next_cursor"] is None
    assert first.json()["items"] == report["errors"][:3]
    assert (await served.get(f"/imports/{report['id']}")).json() == report | {"flags": None, "flagged": []}


async def test_the_imports_of_a_source_are_listed_the_latest_first(served: Client, source: str) -> None:
    reports = [(await send(served, source, lines([*rows(source, one), "x"]))).json() for one in "abc"]
    first = await served.get(f"/sources/{source}/imports?limit=2")
    rest = await served.get(first.links["next"]["url"])
    found = [item["id"] for page in (first, rest) for item in page.json()["items"]]
    assert found == [report["id"] for report in reversed(reports)]
    assert first.json()["items"][0]["errors"] == []


async def test_an_import_is_its_sources_own(served: Client, source: str) -> None:
    report = (await send(served, source, lines(rows(source, "a")))).json()
    mine, other = await key(served, "sync", sources=(source,)), await key(served, "sync", sources=("another",))
    administrator, operator = await key(served, "admin"), await key(served, "platform")
    paths = (f"/imports/{report['id']}", f"/imports/{report['id']}/errors", f"/sources/{source}/imports")
    for path in paths:
        assert (await served.get(path, headers=mine)).status_code == 200
        assert (await served.get(path, headers=operator)).status_code == 200
        assert_refused(await served.get(path, headers=other), 403, "source-not-on-key")
        assert_refused(await served.get(path, headers=administrator), 403, "source-not-on-key")
    assert_refused(await send(served, source, lines(rows(source, "a")), **other), 403, "source-not-on-key")
    assert_refused(await served.get("/imports/0191d7c4-0000-7000-8000-000000000000"), 404, "not-found")
    assert_refused(await served.get("/imports/last"), 404, "not-found")


async def test_a_request_sent_twice_is_carried_out_once(served: Client, source: str) -> None:
    """The first answer again, although the directory has changed; another body or query needs another key."""
    named = {"Idempotency-Key": f"{source}-1"}
    first, *others = await asyncio.gather(*(send(served, source, lines(rows(source, "a")), **named) for _ in range(4)))
    assert {each.content for each in others} == {first.content}
    await put_record(served, source, "a")
    again = await send(served, source, lines(rows(source, "a")), **named)
    assert again.content == first.content
    assert again.headers["content-type"] == JSON

    refused = await send(served, source, lines(rows(source, "b")), **named)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert (await send(served, source, lines(rows(source, "a")), query="dry_run=true", **named)).status_code == 422

    other = await key(served, "sync", sources=(source,))
    assert (await send(served, source, lines(rows(source, "b")), **named, **other)).status_code == 200


async def test_a_refused_request_may_be_sent_again(served: Client, source: str) -> None:
    named = {"Idempotency-Key": f"{source}-1"}
    await send(served, source, lines(rows(source, "a", "b")))
    shrunk = lines(rows(source, "a"))
    assert_refused(await send(served, source, shrunk, query="mode=snapshot", **named), 409, "too-many-removed")
    assert_refused(await send(served, source, shrunk, query="mode=snapshot", **named), 409, "too-many-removed")
    forced = await send(served, source, shrunk, query="mode=snapshot&force=true", **named)
    assert counts(forced.json())["removed"] == 1
    too_long = {"Idempotency-Key": "x" * 256}
    assert_refused(await send(served, source, shrunk, **too_long), 400, "bad-request")


async def test_imports_of_one_source_at_once_take_turns(served: Client, source: str) -> None:
    """More of them than the pool has connections: none is refused, and the last sees all that the others stored."""
    content = lines(rows(source, *map(str, range(30))))
    reports = [answer.json() for answer in await asyncio.gather(*(send(served, source, content) for _ in range(16)))]
    assert sorted(report["added"] for report in reports) == [0] * 15 + [30]
    assert sum(report["unchanged"] for report in reports) == 15 * 30


async def test_a_body_is_not_read_before_its_turn(served: Client, source: str) -> None:
    """Else those who wait would fill the disk."""
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(lines(rows(source, "a")))
        yield read[-1]

    turns = served.services.imports
    async with turns.slot_of(source):
        sending = asyncio.create_task(send(served, source, body()))
        while turns.present[source] < 2:
            await asyncio.sleep(0)
        assert read == []
    assert (await sending).json()["added"] == len(read) == 1


async def test_one_organisation_never_has_all_places(served: Client, source: str) -> None:
    """Its bodies may take hours to arrive, and those of others are not even read before they have a place."""
    services, bearer = (
        served.services,
        Bearer(id=UUID(int=1), organisation_id=UUID(int=2), organisation="Buyers", scopes=("sync",)),
    )
    places = services.settings.database_connections // 5
    async with AsyncExitStack() as held:
        for number in range(places - 1):
            await held.enter_async_context(services.import_slot(f"{source}-{number}", bearer))
        more = asyncio.create_task(held.enter_async_context(services.import_slot(f"{source}-more", bearer)))
        assert (await send(served, source, lines(rows(source, "a")))).status_code == 200
        assert not more.done()
        more.cancel()
        await asyncio.gather(more, return_exceptions=True)


async def test_so_many_imports_of_a_source_wait(served: Client, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.services, "imports", ConcurrencyLimit(at_once=1, of_one=1, most=2))
    async with served.services.imports.slot_of(source):
        waiting = asyncio.create_task(send(served, source, lines(rows(source, "a"))))
        while served.services.imports.present[source] < 2:
            await asyncio.sleep(0)
        assert_refused(await send(served, source, lines(rows(source, "b"))), 429, "too-many-requests")
    assert (await waiting).json()["added"] == 1
    assert (await send(served, source, lines(rows(source, "b")))).json()["added"] == 1


async def test_bodies_take_so_much_of_the_disk_together(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted as they are once decompressed; whoever finds no place is told to come back."""

    async def halting() -> AsyncIterator[bytes]:
        yield content
        arrived.set()
        await go_on.wait()

    services = served.services
    monkeypatch.setattr(services, "settings", replace(services.settings, import_limit=1 << 20))
    monkeypatch.setattr(import_routes, "LARGEST_AT_ONCE", 1)
    arrived, go_on = asyncio.Event(), asyncio.Event()
    content = lines(rows(source, "a")).ljust((1 << 20) - 1_000)
    small = gzip.compress(lines(rows(source, "b")).ljust(2_000))
    other = GZIP | await key(served, "sync", sources=(f"{source}-2",))
    first = asyncio.create_task(send(served, source, halting()))
    await arrived.wait()
    assert_refused(await send(served, f"{source}-2", small, **other), 429, "too-many-requests")
    go_on.set()
    assert (await first).json()["added"] == 1
    assert (await send(served, f"{source}-2", small, **other)).json()["added"] == 1


@pytest.mark.parametrize("limit", ["SILENCE_SECONDS", "START_SECONDS"])
async def test_a_body_that_stops_coming_gives_its_turn_back(
    served: Client, source: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield lines(rows(source, "a"))
        await asyncio.Event().wait()

    with monkeypatch.context() as hurried:
        hurried.setattr(import_routes, limit, 0)
        assert_refused(await send(served, source, endless()), 400, "bad-request")
    assert (await send(served, source, lines(rows(source, "a")))).json()["added"] == 1


async def test_imports_of_many_sources_at_once(served: Client, source: str) -> None:
    named = {"Idempotency-Key": source}
    sent = [send(served, f"{source}-{n}", lines(rows(f"{source}-{n}", *"abc")), **named) for n in range(16)]
    assert {answer.json()["added"] for answer in await asyncio.gather(*sent)} == {3}


async def test_sites_that_a_register_places_apart_are_suppliers_of_their_own(served: Client, source: str) -> None:
    """With one SIRET, each with its commune; the two in one commune are one supplier. Sent again, nothing changes."""
    head = b"finess_et,siret,name,operator,operator_legal_form,address,post_code,commune_insee,commune,capacity\n"
    number = siret(path_of(source))
    sites = [("1", "35238", "Rennes"), ("2", "56260", "Vannes"), ("3", "56260", "Vannes")]
    content = (
        head
        + "".join(
            f"{finess},{number},ESAT DU BLAVET {finess},ADAPEI,,,,{commune},{city},40\n"
            for finess, commune, city in sites
        ).encode()
    )
    for added in (3, 0):
        assert (await send(served, source, content, CSV, "format=esat")).json()["added"] == added
        found = (await served.get(f"/suppliers?siret={number}")).json()["items"]
        assert sorted((each["commune"], len(each["sources"])) for each in found) == [("35238", 1), ("56260", 2)]
    moved = content.replace(
        b"2,%b,ESAT DU BLAVET 2,ADAPEI,,,,56260" % number.encode(), b"2,%b,X,ADAPEI,,,,35238" % number.encode()
    )
    assert (await send(served, source, moved, CSV, "format=esat")).json()["changed"] == 1
    found = (await served.get(f"/suppliers?siret={number}")).json()["items"]
    assert sorted((each["commune"], len(each["sources"])) for each in found) == [("35238", 2), ("56260", 1)]


@pytest.mark.parametrize(("kind", "name"), [("siae", "siae_2020_iae.csv"), ("esat", "esat_finess.csv")])
async def test_real_files(served: Client, source: str, shared_data: Path, kind: str, name: str) -> None:
    """Every row is accounted for, few are rejected, and the same file again changes nothing."""
    expected = 600
    with (shared_data / "suppliers" / name).open("rb") as file:
        content = b"".join(islice(file, 1 + expected))
    report = (await send(served, source, content, CSV, f"format={kind}")).json()
    assert report["received"] == report["added"] + report["rejected"] == expected
    assert report["rejected"] <= 0.03 * expected
    assert all(error["line"] > 1 and error["code"] and error["detail"] for error in report["errors"])

    again = (await send(served, source, gzip.compress(content), CSV, f"format={kind}", **GZIP)).json()
    assert (again["unchanged"], again["rejected"]) == (report["added"], report["rejected"])
    assert again["data_version"] == report["data_version"]
    assert again["errors"] == report["errors"]

    emptied = await send(served, source, b"", query="mode=snapshot&force=true")  # other tests count who is around
    assert emptied.json()["removed"] == report["added"]


async def test_an_import_whose_server_was_killed_shows_as_interrupted(served: Client, source: str) -> None:
    """To whoever looks at it next: no other import need come first."""
    dead = (await send(served, source, lines(rows(source, "a")))).json()["id"]
    async with transaction(served.services.database) as connection:
        await connection.execute(update(imports).where(imports.c.id == UUID(dead)).values(status="running"))

    shown = (await served.get(f"/imports/{dead}")).json()
    assert (shown["status"], shown["added"]) == ("interrupted", 0)
    every = (await served.get(f"/sources/{source}/imports")).json()["items"]
    assert [each["status"] for each in every] == ["interrupted"]


async def test_a_workbook_is_imported_as_its_first_sheet(served: Client, source: str) -> None:
    """Lines are those of the sheet; a workbook that cannot be read is refused, and one for a format without tables."""
    table = ("Identifiant", "Nom", "Code postal", "Ville"), ("1", "Atelier", "56300", "Pontivy"), ("2", "", "", "")
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    book = xlsx("".join(f"<row>{''.join(map(cell.format, row))}</row>" for row in table))
    report = (await send(served, source, book, XLSX, "format=spreadsheet")).json()
    assert counts(report) == {"received": 2, "added": 1, "rejected": 1}
    assert [error["line"] for error in report["errors"]] == [3]
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in "ab"
    )
    heads = cells.replace(">a<", ">external_id<").replace(">b<", ">name<")
    book = ods(f"<table:table-row>{heads}</table:table-row><table:table-row>{cells}</table:table-row>")
    assert (await send(served, source, book, ODS)).json()["added"] == 1
    assert_refused(await send(served, source, b"a,b", XLSX), 422, "invalid-content")
    assert_refused(await send(served, source, book, ODS, "format=gogocarto"), 415, "unsupported-media-type")
