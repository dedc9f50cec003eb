"""The index in memory follows the directory in the database, which is heard of, and so is its silence."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock
from uuid import UUID

import pytest

from api.runtime.index import live_index
from api.runtime.index.index_files import IndexFiles, build_index
from api.runtime.index.live_index import DatabaseWatch, IndexLoader, LiveDirectory
from api.runtime.metrics import Metrics
from api.runtime.processes.forked_processes import forked_processes
from api.web.problems import Refusal
from db.core.connect import NoAnswer
from db.core.engine import Engine, transaction
from db.delivery.outbox import wake_servers
from db.suppliers.feed import database_id, listen
from db.suppliers.records import delete_record, put_record
from domain.suppliers.supplier import Offer, Placement, Point, SupplierRecord
from matching.index.live_index import LiveIndex
from matching.reference import Reference
from matching.words.names import name_similarity
from tests.conftest import begin_endless_query
from tests.factories import live, reference, supplier

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FULL_DISK = OSError(errno.ENOSPC, "No space left on device")
RENNES = Placement(Point(48.11, -1.68), "35238")


@pytest.fixture
def loader(engine: Engine, database_url: str, tmp_path: Path) -> IndexLoader:
    """Indexes of the database of the test, in a folder of its own."""
    return IndexLoader(database_url, engine, IndexFiles(tmp_path / "index", reference()))


@pytest.fixture
async def directory(database_url: str, loader: IndexLoader) -> AsyncIterator[LiveDirectory]:
    """A directory that follows the database of the test, and asks it often."""
    directory = LiveDirectory(loader, Metrics())
    following = asyncio.create_task(directory.follow(listen(database_url, poll_seconds=0.02)))
    yield directory
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def put(engine: Engine, external_id: str, name: str, **fields: Any) -> int:
    record = SupplierRecord(name=name, offers=(Offer(segments=("pr-locaux",)),), **fields)
    async with transaction(engine) as connection:
        return (
            await put_record(connection, "cress", external_id, record, RENNES, now=NOW, similarity=name_similarity)
        ).data_version


async def names_at(directory: LiveDirectory, version: int) -> list[str]:
    """Who is in the index once it has come to `version`."""
    await directory.wait_beyond(version - 1, 60)
    assert directory.index.data_version >= version
    return sorted(supplier.name for supplier in directory.index.suppliers())


def test_until_it_is_loaded_requests_are_put_off(loader: IndexLoader) -> None:
    directory = LiveDirectory(loader, Metrics())
    assert not directory.is_ready
    with pytest.raises(Refusal) as refused:
        _ = directory.index
    assert refused.value.kind.status == 503


async def test_changes_and_removals_are_followed(engine: Engine, directory: LiveDirectory) -> None:
    """From what was there before, and while the threads of all others are taken, however long these take."""
    assert await names_at(directory, await put(engine, "1", "premier")) == ["premier"]
    ended = threading.Event()
    taken = [asyncio.create_task(asyncio.to_thread(ended.wait)) for _ in range(64)]
    try:
        await put(engine, "2", "second")
        assert await names_at(directory, await put(engine, "1", "premier, renommé")) == ["premier, renommé", "second"]
        async with transaction(engine) as connection:
            version = await delete_record(connection, "cress", "1", NOW, name_similarity)
        assert version is not None
        assert await names_at(directory, version) == ["second"]
    finally:
        ended.set()
        await asyncio.gather(*taken)


@pytest.mark.parametrize("is_noticed", [False, True])
async def test_another_history_or_an_earlier_version_is_read_anew(
    engine: Engine, directory: LiveDirectory, is_noticed: bool
) -> None:
    """A backup was restored, or a copy took over: at an earlier version, or at the very one that the index has.

    It is noticed without a change too.
    """
    await names_at(directory, await put(engine, "1", "de cette histoire"))
    another = replace(live(supplier("d'une autre")), data_version=1, version_uid=UUID(int=1))
    for index in (another, replace(directory.index, data_version=1_000)):
        async with directory._one_at_a_time:  # else an update that has begun takes its place
            directory.rebuilding = None
            directory.replace(index)
        await (rebuilt(directory) if is_noticed else caught_up(directory))
        assert directory.index.data_version == 1
        assert await names_at(directory, 1) == ["de cette histoire"]


async def test_an_index_is_built_from_a_copy_and_brought_up_to_date_from_the_database(
    engine: Engine, loader: IndexLoader, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy lags behind."""
    await put(engine, "1", "sur la copie")
    built: list[str] = []

    async def build(ours: Reference, url: str, folder: Path, _: object) -> None:
        if url == "the copy":
            await build_index(ours, database_url, folder)
            await put(engine, "2", "depuis")
        built.append(url)

    of_copy = IndexLoader(database_url, engine, loader.files, read_url="the copy")
    monkeypatch.setattr(live_index, "build_index", build)
    found = await of_copy.load_newest()
    assert sorted(each.name for each in found.suppliers()) == ["depuis", "sur la copie"]
    assert built == ["the copy"]


@pytest.mark.parametrize("lags", [True, False])
async def test_a_copy_that_is_away_or_too_old_is_done_without(
    engine: Engine, loader: IndexLoader, database_url: str, lags: bool
) -> None:
    """And where the database has an earlier version than is asked for, as one that was restored, that is taken."""
    read_url = f"{database_url}" if lags else "postgresql://localhost:1/nothing"
    version = await put(engine, "1", "de la base")
    beyond = 1_000 if lags else version - 1
    found = await IndexLoader(database_url, engine, loader.files, read_url=read_url).load_newest(beyond)
    assert [each.name for each in found.suppliers()] == ["de la base"]


def allow_tails(monkeypatch: pytest.MonkeyPatch, usual: float, longest: int = live_index.LONGEST_TAIL) -> None:
    """Have tails of more than `usual` rows merged, and those of `longest` times as many followed meanwhile."""
    monkeypatch.setattr(live_index, "SMALL_TAIL", usual)
    monkeypatch.setattr(live_index, "TAIL_SHARE", 0)
    monkeypatch.setattr(live_index, "LONGEST_TAIL", longest)


async def rebuilt(directory: LiveDirectory) -> None:
    """Wait until a base is replaced."""
    async with asyncio.timeout(60):
        while directory.rebuilding is None:
            await asyncio.sleep(0)
        await directory.rebuilding


async def caught_up(directory: LiveDirectory) -> None:
    """The directory as it is once a base that was found wanting has been replaced."""
    await directory.catch_up()
    assert directory.rebuilding is not None
    await directory.rebuilding


async def test_a_long_tail_becomes_a_new_base(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_tails(monkeypatch, usual=1)
    await names_at(directory, await put(engine, "0", "0"))
    for number in range(1, 5):
        version = await put(engine, str(number), str(number))
        await names_at(directory, version)
        if directory.rebuilding is not None:
            await directory.rebuilding
    columns = directory.index.base.columns
    names = [columns.supplier(ordinal).name for ordinal in range(len(columns.spatial_keys))]
    assert sorted(names) == ["0", "1", "2", "3", "4"]


async def test_changes_are_followed_while_a_new_base_is_made(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_build = asyncio.Event()

    async def slow(*arguments: Any) -> None:
        await may_build.wait()
        await build_index(*arguments)

    allow_tails(monkeypatch, usual=0.01, longest=1_000)
    may_build.set()
    monkeypatch.setattr(live_index, "build_index", slow)
    await names_at(directory, await put(engine, "1", "avant"))
    may_build.clear()
    await names_at(directory, await put(engine, "2", "de quoi refaire la base"))
    old = directory.index.base
    version = await put(engine, "1", "pendant")
    assert await names_at(directory, version) == ["de quoi refaire la base", "pendant"]
    may_build.set()
    assert directory.rebuilding is not None
    await directory.rebuilding
    assert await names_at(directory, version) == ["de quoi refaire la base", "pendant"]
    assert directory.index.base is not old


async def test_a_start_maps_the_index_that_is_there_and_follows_what_changed_since(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(engine, "1", "avant")
    await loader.load_newest()
    version = await put(engine, "2", "depuis")
    monkeypatch.delattr(live_index, "build_index")  # nothing is built
    found = await loader.load_newest()
    assert (found.data_version, found.tail.rows) == (version, 1)
    assert sorted(each.name for each in found.suppliers()) == ["avant", "depuis"]


async def test_processes_that_start_together_build_one_index(engine: Engine, loader: IndexLoader) -> None:
    """It is built anew where it cannot be read."""
    await put(engine, "1", "seul")
    found = await asyncio.gather(*(loader.load_newest() for _ in range(3)))
    assert [[each.name for each in one.suppliers()] for one in found] == [["seul"]] * 3
    (written,) = loader.files.newest_first(await database_id(engine))
    (written.path / "suppliers.facts.npy").write_bytes(b"")
    assert [each.name for each in (await loader.load_newest()).suppliers()] == ["seul"]


async def test_indexes_are_built_in_another_process_where_there_are_such(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """What goes wrong there is raised here."""
    await put(engine, "1", "ailleurs")
    files = IndexFiles(tmp_path, reference())
    with forked_processes(reference()) as processes:
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await IndexLoader("postgresql://127.0.0.1:1/none", engine, files, processes).load_newest()
        found = await IndexLoader(database_url, engine, files, processes).load_newest()
    assert [each.name for each in found.suppliers()] == ["ailleurs"]


async def test_an_old_base_is_replaced_once_something_changed(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was erased is then in no file."""
    await names_at(directory, await put(engine, "1", "effacée"))
    monkeypatch.setattr(live_index, "LONGEST_AGE_SECONDS", -1)
    async with transaction(engine) as connection:
        version = await delete_record(connection, "cress", "1", NOW, name_similarity)
    assert version is not None
    await names_at(directory, version)
    if directory.rebuilding is not None:  # it may have begun with the version before
        await directory.rebuilding
    await caught_up(directory)
    (written,) = directory.loader.files.newest_first(await database_id(engine))
    assert written.version == version
    assert not len(directory.index.base.columns.spatial_keys)


async def test_where_none_can_be_built_the_old_one_goes_on_and_it_is_not_attempted_at_every_change(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await names_at(directory, await put(engine, "0", "0"))
    allow_tails(monkeypatch, usual=0.5, longest=1_000)
    build = AsyncMock(side_effect=FULL_DISK)
    monkeypatch.setattr(live_index, "build_index", build)
    for number in range(1, 4):
        await names_at(directory, await put(engine, str(number), str(number)))
        assert directory.rebuilding is not None
        await directory.rebuilding
    # directories of other tests may be alive, and attempt it too
    assert [call.args[2] for call in build.mock_calls].count(directory.loader.files.folder) == 1
    monkeypatch.setattr(live_index, "build_index", build_index)
    monkeypatch.setattr(directory, "_not_before", 0.0)  # the pause is over
    await caught_up(directory)
    assert len(directory.index.base.columns.spatial_keys) == 4


async def test_an_index_that_no_longer_follows_says_so_until_it_does(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on by itself once it can. A database that is away is no such reason."""
    monkeypatch.setattr(live_index, "STUCK_SECONDS", 0.0)
    await names_at(directory, await put(engine, "1", "avant"))
    failed, away = asyncio.Event(), NoAnswer()
    failure: Exception = away  # it may fail before the put returns

    async def fail(_: LiveIndex) -> LiveIndex | None:
        failed.set()
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(directory.loader, "update", fail)
        version = await put(engine, "2", "depuis")
        for is_stuck, failure in ((False, away), (True, ValueError("not as any release writes it"))):  # noqa: B007
            for _ in range(3):
                await asyncio.wait_for(failed.wait(), 60)
                failed.clear()
            assert (directory.is_stuck, directory.stuck_seconds() > 0) == (is_stuck, is_stuck)
        assert [each.name for each in directory.index.suppliers()] == ["avant"]
        assert b"vivier_index_follows 0.0" in directory.metrics.exposition()
    assert await names_at(directory, version) == ["avant", "depuis"]
    assert directory.stuck_seconds() == 0.0
    assert b"vivier_index_follows 1.0" in directory.metrics.exposition()


async def test_a_start_without_room_for_an_index_keeps_it_in_memory(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And follows the changes."""
    monkeypatch.setattr(live_index, "build_index", AsyncMock(side_effect=FULL_DISK))
    assert await names_at(directory, await put(engine, "1", "en mémoire")) == ["en mémoire"]
    assert await names_at(directory, await put(engine, "2", "depuis")) == ["depuis", "en mémoire"]
    assert directory.loader.files.newest_first(await database_id(engine)) == []


async def test_an_index_that_can_never_be_read_back_is_a_failure(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(engine, "1", "illisible")
    monkeypatch.setattr(loader.files, "load", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
    with pytest.raises(live_index.UnusableIndex):
        await loader.load_newest()


async def test_a_database_that_took_the_place_of_another_is_read(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a backup restored to another server behind the same address."""
    await put(engine, "1", "restauré")
    with monkeypatch.context() as before:
        before.setattr(live_index, "database_id", AsyncMock(return_value="0.0"))
        with pytest.raises(live_index.UnusableIndex):
            await loader.load_newest()
    assert [each.name for each in (await loader.load_newest()).suppliers()] == ["restauré"]


async def test_a_tail_longer_than_may_be_is_followed_no_further(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as after most suppliers of the base were removed: a new base is asked for, and no query fails."""
    await put(engine, "1", "avant")
    index = await loader.load_newest()
    await put(engine, "2", "depuis")
    assert await loader.update(replace(index, tail=replace(index.tail, rows=1_000_000))) is None


async def test_a_base_made_in_memory_does_not_hide_that_the_file_is_old(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.catch_up()
    await names_at(directory, await put(engine, "1", "plus que tous les autres"))
    monkeypatch.setattr(live_index, "LONGEST_AGE_SECONDS", -1)
    assert directory.index.change == 0
    assert directory.loader.needs_new_base(directory.index)


@pytest.fixture
async def watch(engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DatabaseWatch]:
    """A watch of the test's database that runs, and hears only what it is told of."""
    monkeypatch.setattr(live_index, "listen", partial(listen, poll_seconds=3600.0))
    watch = DatabaseWatch(database_url, engine, patience=0.5)
    watching = asyncio.create_task(watch.run())
    yield watch
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def heard(watch: DatabaseWatch, is_enough: Callable[[], bool]) -> None:
    """Wait for what is to be heard."""
    async with asyncio.timeout(60), aclosing(watch.versions()) as versions:
        async for _ in versions:
            if is_enough():
                return


async def test_versions_and_deliveries_are_heard_of(engine: Engine, watch: DatabaseWatch) -> None:
    await heard(watch, lambda: watch.version is not None and watch.version.number == 0)
    assert watch.is_answering
    await put(engine, "1", "entendue")
    await heard(watch, lambda: watch.version is not None and watch.version.number == 1)
    assert watch.version is not None
    assert watch.version.uid is not None
    times = 0

    def again() -> bool:
        nonlocal times
        times += 1
        return times == 2

    hearing = asyncio.create_task(heard(watch, again))
    await asyncio.sleep(0)
    async with transaction(engine) as connection:
        await wake_servers(connection)
    await hearing


@pytest.mark.parametrize("is_pooler", [False, True])
async def test_a_silent_database_is_away_and_those_who_wait_are_told(
    database_url: str, engine: Engine, is_pooler: bool
) -> None:
    """It, or the pooler before it, takes connections and says nothing: whoever asks something would wait for ever."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    silent = f"postgresql://me@{host}:{port}/base"
    waiting = await begin_endless_query(engine)
    url, pooler_url = (database_url, silent) if is_pooler else (silent, None)
    watch = DatabaseWatch(url, engine, patience=0.1, pooler_url=pooler_url)
    watching = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(60):
            with pytest.raises(Exception, match="connection was closed"):
                await waiting
        assert not watch.is_answering
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        for each in taken:
            each.close()
        server.close()
