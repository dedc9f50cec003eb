"""Suppliers read, followed and copied, and new versions of the directory heard of."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from struct import pack
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec
import pytest
from sqlalchemy import text

from db.core import listen_notify
from db.core.connect import dsn
from db.core.engine import Engine, transaction
from db.suppliers.copy_documents import DirectorySnapshot, Pages, _field_reader, copy_documents, shared_snapshot
from db.suppliers.read import (
    LAST_ID,
    START,
    Change,
    Filters,
    Ground,
    Position,
    changes_after,
    end_of_directory,
    get_supplier,
    has_been_at,
    living_suppliers,
    page_of_suppliers,
    snapshot,
)
from db.suppliers.write import CURRENT_VERSION, DirectoryVersion, listen
from domain.suppliers.supplier import Approval, Offer, Placement, Point, Supplier
from tests.db.suppliers.samples import LATER, ask, delete, load, put, record, row, rows

GARDEN = record(
    "Les Jardins du Blavet",
    trade_name="Légumes & Cie",
    siret="22560001400016",
    approvals=(Approval("ACI"),),
    offers=(Offer(segments=("ev-entretien", "re")), Offer(cpv=("77310000-6",))),
)
CLEANER = record(
    "ESAT des Océans",
    siret="22560001400024",
    approvals=(Approval("ESAT"), Approval("EA")),
    offers=(Offer(segments=("pr-locaux",), cpv=("90919200-4",)),),
    active=False,
)
STRANGER = record("Atelier sans lieu", offers=())
COPIES = text("""
    INSERT INTO suppliers SELECT (jsonb_populate_record(suppliers, jsonb_build_object('id', gen_random_uuid()))).*
    FROM suppliers CROSS JOIN generate_series(1, 1000)
""")
WHOLE_READS = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'suppliers'")
"""Of all suppliers, so far: also those of earlier transactions of the connection that were not reported yet."""


@pytest.fixture
async def pool(engine: Engine) -> Engine:
    """Three suppliers: a garden at Pontivy, a cleaner on the island of Futuna, and one of which little is known."""
    await put(engine, "garden", GARDEN)
    await put(engine, "cleaner", CLEANER, source="ville", placement=Placement(Point(-14.28, -178.14), "98613"))
    await put(engine, "stranger", STRANGER, placement=Placement())
    return engine


async def found(engine: Engine, filters: Filters) -> set[str]:
    page = await ask(engine, page_of_suppliers, filters, None, 10)
    return {entry.supplier.name.split()[0] for entry in page}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"Les", "ESAT", "Atelier"}),
        (Filters(activities=("ev-entretien",)), {"Les"}),
        (Filters(activities=("re", "pr-locaux")), {"Les", "ESAT"}),
        (Filters(activities=("77310000",)), {"Les"}),
        (Filters(activities=("90919200",)), set()),  # an offer that names a segment is not placed by its CPV
        (Filters(activities=()), set()),
        (Filters(ground=Ground((), ("56178", "35238"))), {"Les"}),
        (Filters(ground=Ground(((-3.0, 48.0, -2.9, 48.1), (5.0, 43.0, 6.0, 44.0)), ())), {"Les"}),
        (Filters(ground=Ground(((5.0, 43.0, 6.0, 44.0),), ("35238",))), set()),
        (Filters(ground=Ground((), ())), set()),
        (Filters(kinds=("EA", "EI")), {"ESAT"}),
        (Filters(source="ville"), {"ESAT"}),
        (Filters(siret="22560001400024"), {"ESAT"}),
        (Filters(siren="225600014"), {"Les", "ESAT"}),
        (Filters(siren="225600015"), set()),
        (Filters(q="LEGUM blavet"), {"Les"}),
        (Filters(q="océans"), {"ESAT"}),
        (Filters(q="blavet océans"), set()),
        (Filters(q="%"), set()),
        (Filters(q="?!"), set()),
        (Filters(bbox=(-3.0, 48.0, -2.9, 48.1)), {"Les"}),
        (Filters(bbox=(-2.9, 48.0, -2.8, 48.1)), set()),
        (Filters(bbox=(170.0, -20.0, -170.0, 0.0)), {"ESAT"}),
        (Filters(active=True), {"Les", "Atelier"}),
        (Filters(source="reseau", kinds=("ACI",), q="jardins"), {"Les"}),
    ],
)
async def test_filters(pool: Engine, filters: Filters, expected: set[str]) -> None:
    assert await found(pool, filters) == expected


async def test_pages_hold_everything_once(engine: Engine) -> None:
    await load(engine, rows(*"abcdefg"))
    seen: list[UUID] = []
    async with transaction(engine) as connection:
        while page := await page_of_suppliers(connection, Filters(), seen[-1] if seen else None, 3):
            seen += [entry.supplier.id for entry in page]

    assert len(seen) == len(set(seen)) == 7


async def test_a_history_is_known_by_the_uids_of_its_versions(pool: Engine) -> None:
    """A directory that was restored has the same versions again, with other changes."""
    async with snapshot(pool) as view:
        before = view.version, view.uid
    await put(pool, "late", record("Late"))
    async with snapshot(pool) as view:
        assert view.uid != before[1]
        assert await view.has_been(*before)
        assert await view.has_been(0, None)
        assert not await view.has_been(view.version + 1, view.uid)
        assert not await view.has_been(before[0], view.uid)


async def test_a_position_is_of_this_history_or_of_none(pool: Engine) -> None:
    """One from before there were uids is taken where the directory has come so far."""
    earlier = await ask(pool, end_of_directory)
    await put(pool, "late", record("Late"))
    async with transaction(pool) as connection:
        end = await end_of_directory(connection)
        of_this = (START, earlier, end, earlier._replace(uid=None))
        of_others = (earlier._replace(uid=end.uid), end._replace(uid=UUID(int=1)), Position(end.version + 1, LAST_ID))
        assert [await has_been_at(connection, each, end) for each in of_this] == [True] * 4
        assert [await has_been_at(connection, each, end) for each in of_others] == [False] * 3


async def test_a_snapshot_tells_what_changed_since_a_version(pool: Engine) -> None:
    await delete(pool, "cleaner", source="ville")
    await put(pool, "stranger", record("Known now", active=False))
    async with snapshot(pool) as view:
        changed = {change.version: change.supplier for batch in [b async for b in view.changes(3)] for change in batch}
        none = [batch async for batch in view.changes(view.version)]

    assert {version: supplier and supplier.name for version, supplier in changed.items()} == {4: None, 5: "Known now"}
    assert none == []
    async with snapshot(pool) as view:
        assert [await view.has_more_changes(3, than) for than in (0, 1, 2)] == [True, True, False]


async def test_later_changes_are_found_without_reading_all_suppliers(pool: Engine) -> None:
    """Of 220,000 that came with one import, for each change that follows it."""
    async with transaction(pool) as connection:
        await connection.execute(COPIES)
        await connection.execute(text("ANALYZE suppliers"))
    await put(pool, "late", record("Late"))
    async with snapshot(pool) as view:
        before = await view.connection.scalar(WHOLE_READS)
        assert not await view.has_more_changes(view.version - 1, 1)
        (changes,) = [batch async for batch in view.changes(view.version - 1)]
        assert [change.supplier and change.supplier.name for change in changes] == ["Late"]
        assert await view.connection.scalar(WHOLE_READS) == before


async def follow(engine: Engine, position: Position, limit: int = 2) -> list[Change]:
    """All changes after the position, page by page."""
    seen: list[Change] = []
    async with transaction(engine) as connection:
        while page := await changes_after(connection, seen[-1].position if seen else position, limit):
            seen += page
    return seen


async def test_the_feed_is_in_the_order_of_versions_with_tombstones(pool: Engine) -> None:
    """A supplier that changes moves to its end."""
    await load(pool, rows(*"abc"), source="bulk", now=LATER)
    await delete(pool, "garden")

    seen = await follow(pool, START)

    assert [change.version for change in seen] == [2, 3, 4, 4, 4, 5]
    assert [change.supplier is None for change in seen] == [False] * 5 + [True]
    assert [len(change.supplier.sources) for change in seen if change.supplier] == [1] * 5
    assert await follow(pool, seen[2].position) == seen[3:]
    assert await follow(pool, seen[-1].position) == []

    await put(pool, "stranger", record("Les Jardins de l'Oust"))
    assert [change.id for change in await follow(pool, START)] == [each.id for each in (seen[0], *seen[2:], seen[1])]
    assert [change.id for change in await follow(pool, seen[-1].position)] == [seen[1].id]


class Reader:
    """One who follows the feed, and what it then knows."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.position = START
        self.known: dict[UUID, str] = {}

    async def read(self) -> bool:
        """Take the next page; False if there was nothing new."""
        page = await ask(self.engine, changes_after, self.position, 5)
        for change in page:
            assert change.position > self.position
            self.position = change.position
            self.known.pop(change.id, None)
            if change.supplier is not None:
                self.known[change.id] = change.supplier.name
        return bool(page)


async def write(engine: Engine, source: str) -> None:
    for turn in range(8):
        await put(engine, str(turn % 3), record(f"{source} {turn}"), source=source)
        if turn % 4 == 3:
            await delete(engine, "1", source=source)


async def write_in_bulk(engine: Engine) -> None:
    for turn in range(3):
        await load(engine, [row(line, str(line), f"bulk {turn}") for line in range(turn, 7)], source="bulk")


async def test_a_reader_of_the_feed_ends_with_the_directory(engine: Engine) -> None:
    """Whatever writers do meanwhile, one by one or in bulk: nothing is missed, no version is seen to go back."""
    reader = Reader(engine)
    writing = asyncio.gather(write(engine, "reseau"), write(engine, "ville"), write_in_bulk(engine))
    while not writing.done():
        await reader.read()
    await writing
    while await reader.read():
        pass

    page = await ask(engine, page_of_suppliers, Filters(), None, 200)
    assert {entry.supplier.id: entry.supplier.name for entry in page} == reader.known


async def test_suppliers_are_found_by_their_ids(engine: Engine) -> None:
    first = (await put(engine, "1")).supplier_id
    found = await ask(engine, living_suppliers, [first, UUID(int=99)])
    assert {asked: each.id for asked, each in found.items()} == {first: first}
    assert await ask(engine, get_supplier, UUID(int=1)) is None


async def copied(url: str, snapshot: DirectorySnapshot, *pages: Pages) -> list[str]:
    """The names of the suppliers on some pages, else on all."""
    documents: list[bytes] = []
    await copy_documents(url, snapshot.name, pages or [(0, snapshot.pages)], documents.append)
    return [msgspec.json.decode(each, type=Supplier).name for each in documents]


async def test_the_active_suppliers_are_copied_with_their_version(engine: Engine, database_url: str) -> None:
    async with shared_snapshot(database_url) as empty:
        assert (empty.version, empty.uid, await copied(database_url, empty)) == (0, None, [])
    await put(engine, "1", record("Été & « fils »\n\\.", description="x" * 70_000))
    await put(engine, "2", record("Fermé", active=False))
    await put(engine, "3", record("Parti"))
    await delete(engine, "3")
    async with shared_snapshot(database_url) as snapshot:
        assert await copied(database_url, snapshot) == ["Été & « fils »\n\\."]
    assert snapshot.version == 4
    assert snapshot.uid is not None


async def test_several_that_share_the_pages_copy_each_supplier_once(engine: Engine, database_url: str) -> None:
    """And as they were when the snapshot was made, whatever is written meanwhile."""
    names = [str(number) for number in range(12)]
    for name in names:
        await put(engine, name, record(name, description="x" * 1_500))
    async with shared_snapshot(database_url) as snapshot:
        await put(engine, "0", record("renommé"))
        await put(engine, "12", record("nouveau"))
        middle = snapshot.pages // 2
        halves = [await copied(database_url, snapshot, span) for span in ((0, middle), (middle, snapshot.pages))]
    assert all(halves)
    assert sorted(halves[0] + halves[1], key=int) == names


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
async def test_rows_are_read_however_they_are_cut(size: int) -> None:
    fields = [b"", b"{}", b"x" * 30]
    content = bytes(19) + b"".join(pack(">hi", 1, len(each)) + each for each in fields) + b"\xff\xff"
    found: list[bytes] = []
    read = _field_reader(found.append)
    for start in range(0, len(content), size):
        await read(content[start : start + size])
    assert found == fields


NEVER = 3600.0
LISTENERS = f"FROM pg_stat_activity WHERE datname = current_database() AND query = '{CURRENT_VERSION}'"


async def until(versions: AsyncGenerator[DirectoryVersion, None], wanted: int) -> None:
    async with asyncio.timeout(60):
        async for version in versions:
            if version.number == wanted:
                return


async def test_the_present_version_comes_first_and_a_change_without_polling(engine: Engine, database_url: str) -> None:
    await put(engine)
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        assert (await anext(versions)).number == 1
        await put(engine, "2")
        await until(versions, 2)


async def test_a_lost_notification_is_made_up_for_by_polling(engine: Engine, database_url: str) -> None:
    async with aclosing(listen(database_url, poll_seconds=0.01)) as versions:
        assert (await anext(versions)).number == 0
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE directory_version SET version = 7"))
        await until(versions, 7)


async def test_it_comes_back_after_its_backend_was_killed(engine: Engine, database_url: str) -> None:
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        assert (await anext(versions)).number == 0
        async with transaction(engine) as connection:
            killed = await connection.execute(text(f"SELECT pg_terminate_backend(pid) {LISTENERS}"))
            assert killed.scalars().all() == [True]
        await put(engine)
        await until(versions, 1)


async def test_it_holds_no_connection_once_it_is_cancelled(engine: Engine, database_url: str) -> None:
    heard = asyncio.Event()

    async def hear() -> None:
        async for _ in listen(database_url, poll_seconds=NEVER):
            heard.set()

    task = asyncio.create_task(hear())
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        while await ask(engine, lambda connection: connection.scalar(text(f"SELECT count(*) {LISTENERS}"))):
            pass


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ("ALTER DATABASE {name} RENAME TO {name}_away", "ALTER DATABASE {name}_away RENAME TO {name}"),
        (
            "ALTER DATABASE {name} SET default_transaction_read_only TO on",
            "ALTER DATABASE {name} RESET default_transaction_read_only",
        ),
    ],
    ids=["is not there yet", "takes no writes yet"],
)
async def test_it_waits_for_a_database_that(
    database_url: str,
    administrator: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
    away: str,
    back: str,
) -> None:
    """A server may start before its database, or beside a standby that is to be promoted: nothing is raised."""
    name = urlsplit(dsn(database_url)).path.removeprefix("/")
    lost = asyncio.Event()
    monkeypatch.setattr(listen_notify.logger, "warning", lambda *_: lost.set())
    await administrator.execute(away.format(name=name))
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        first = asyncio.ensure_future(anext(versions))
        async with asyncio.timeout(60):
            await lost.wait()
            await administrator.execute(back.format(name=name))
            assert (await first).number == 0
