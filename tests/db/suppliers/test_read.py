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
from db.suppliers.feed import (
    CURRENT_VERSION,
    LAST_ID,
    START,
    DirectorySnapshot,
    DirectoryVersion,
    Pages,
    Position,
    RecentChanges,
    _field_reader,
    changes_after,
    changes_since,
    copy_documents,
    end_of_directory,
    is_in_history,
    listen,
    shared_snapshot,
)
from db.suppliers.read import Filters, PlaceFilter, get_supplier, living_suppliers, page_of_suppliers
from domain.suppliers.supplier import Placement, Point, Supplier
from tests.db.suppliers.samples import ask, delete, execute, load, put, record, row

FAR_AWAY = record("ESAT des Océans")
COPIES = text("""
    INSERT INTO suppliers SELECT (jsonb_populate_record(suppliers, jsonb_build_object('id', gen_random_uuid()))).*
    FROM suppliers CROSS JOIN generate_series(1, 1000)
""")


async def whole_reads(engine: Engine) -> int:
    """The number of times that all suppliers were read so far."""
    await execute(engine, "SELECT pg_stat_force_next_flush()")
    async with transaction(engine) as connection:
        query = text("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'suppliers'")
        found: int = await connection.scalar(query)
        return found


@pytest.fixture
async def pool(engine: Engine) -> Engine:
    """Three suppliers, one of them on the island of Futuna and of another source."""
    await put(engine, "garden")
    await put(engine, "cleaner", FAR_AWAY, source="ville", placement=Placement(Point(-14.28, -178.14), "98613"))
    await put(engine, "stranger", record("Atelier sans lieu"), placement=Placement())
    return engine


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(activities=()), 0),
        (Filters(ground=PlaceFilter((), ())), 0),
        (Filters(q="%"), 0),
        (Filters(q="?!"), 0),
        (Filters(q="océans"), 1),
        (Filters(bbox=(170.0, -20.0, -170.0, 0.0)), 1),
    ],
)
async def test_filters_that_nothing_or_only_the_other_side_of_the_world_passes(
    pool: Engine, filters: Filters, found: int
) -> None:
    """What others mean is read slowly over HTTP."""
    page = await ask(pool, page_of_suppliers, filters, None, 10)
    assert [entry.supplier.name for entry in page] == ["ESAT des Océans"] * found


async def test_a_position_is_of_this_history_or_of_none(pool: Engine) -> None:
    """One from before there were uids is taken where the directory has come so far."""
    earlier = await ask(pool, end_of_directory)
    await put(pool, "late", record("Late"))
    async with transaction(pool) as connection:
        end = await end_of_directory(connection)
        of_this = (START, earlier, end, earlier._replace(uid=None))
        of_others = (earlier._replace(uid=end.uid), end._replace(uid=UUID(int=1)), Position(end.version + 1, LAST_ID))
        assert [await is_in_history(connection, each, end) for each in of_this] == [True] * 4
        assert [await is_in_history(connection, each, end) for each in of_others] == [False] * 3


async def test_what_changed_since_a_version_of_this_history_is_told(pool: Engine) -> None:
    """Unless it is more than asked for; a directory that was restored has the same versions again, with other ones."""
    third = await ask(pool, end_of_directory)
    gone = (await ask(pool, page_of_suppliers, Filters(source="ville"), None, 1))[0].supplier.id
    await delete(pool, "cleaner", source="ville")
    await put(pool, "stranger", record("Closed", active=False))
    await put(pool, "garden", record("Renamed"))
    end = await ask(pool, end_of_directory)

    found = await changes_since(pool, 3, third.uid, 3)
    assert found is not None
    assert (found.version, found.uid) == (6, end.uid)
    assert [each.name for each in found.changed] == ["Renamed"]
    assert (len(found.gone), gone in found.gone) == (2, True)
    assert await changes_since(pool, 6, end.uid, 0) == RecentChanges([], [], 6, end.uid)
    assert await changes_since(pool, 0, None, 3) is not None
    assert await changes_since(pool, 3, third.uid, 2) is None
    for version, uid in ((3, end.uid), (7, end.uid)):
        assert await changes_since(pool, version, uid, 10) is None


async def test_later_changes_are_found_without_reading_all_suppliers(engine: Engine) -> None:
    """Of 220,000 that came with one import, for each change that follows it."""
    await put(engine)
    async with transaction(engine) as connection:
        await connection.execute(COPIES)
        await connection.execute(text("ANALYZE suppliers"))
    before = await ask(engine, end_of_directory)
    await put(engine, "late", record("Late"))
    reads = await whole_reads(engine)
    found = await changes_since(engine, before.version, before.uid, 1)
    assert [each.name for each in (found or pytest.fail("too many")).changed] == ["Late"]
    assert await whole_reads(engine) == reads


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


async def test_several_that_share_the_pages_copy_each_supplier_once(own_engine: Engine, own_database_url: str) -> None:
    """And as they were when the snapshot was made, whatever is written meanwhile."""
    names = [str(number) for number in range(12)]
    for name in names:
        await put(own_engine, name, record(name, description="x" * 1_500))
    async with shared_snapshot(own_database_url) as snapshot:
        await put(own_engine, "0", record("renommé"))
        await put(own_engine, "12", record("nouveau"))
        middle = snapshot.pages // 2
        halves = [await copied(own_database_url, snapshot, span) for span in ((0, middle), (middle, snapshot.pages))]
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
        await execute(engine, "UPDATE directory_version SET version = 7")
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
    own_database_url: str,
    administrator: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
    away: str,
    back: str,
) -> None:
    """A server may start before its database, or beside a standby that is to be promoted: nothing is raised."""
    name = urlsplit(dsn(own_database_url)).path.removeprefix("/")
    lost = asyncio.Event()
    monkeypatch.setattr(listen_notify.logger, "warning", lambda *_: lost.set())
    await administrator.execute(away.format(name=name))
    async with aclosing(listen(own_database_url, poll_seconds=NEVER)) as versions:
        first = asyncio.ensure_future(anext(versions))
        async with asyncio.timeout(60):
            await lost.wait()
            await administrator.execute(back.format(name=name))
            assert (await first).number == 0
