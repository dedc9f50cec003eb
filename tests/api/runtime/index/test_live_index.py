"""The index in memory follows the directory in the database."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.runtime.index import live_index
from api.runtime.index.index_files import IndexFiles, build_index
from api.runtime.index.live_index import IndexLoader, LiveDirectory
from api.runtime.metrics import Metrics
from api.runtime.processes.forked_processes import forked_processes
from api.web.problems import Refusal
from db.core.connect import NoAnswer
from db.core.engine import Engine, transaction
from db.suppliers.copy_documents import database_id
from db.suppliers.records import delete_record, put_record
from db.suppliers.write import listen
from domain.suppliers.supplier import Offer, Placement, Point, SupplierRecord
from matching.index.live_index import LiveIndex
from matching.reference import Reference
from matching.words.names import name_similarity
from tests.factories import live, reference, supplier

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RENNES = Placement(Point(48.11, -1.68), "35238")


@pytest.fixture
def loader(engine: Engine, database_url: str, tmp_path: Path) -> IndexLoader:
    """Indexes of the database of the test, in a folder of its own."""
    return IndexLoader(database_url, engine, IndexFiles(tmp_path / "index", reference()))


@pytest.fixture
async def directory(database_url: str, loader: IndexLoader) -> AsyncIterator[LiveDirectory]:
    """A directory that follows the database of the test."""
    directory = LiveDirectory(loader, Metrics())
    following = asyncio.create_task(directory.follow(listen(database_url)))
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
    await directory.wait_beyond(version - 1, 20)
    assert directory.index.data_version >= version
    return sorted(supplier.name for supplier in directory.index.suppliers())


def test_until_it_is_loaded_requests_are_put_off(loader: IndexLoader) -> None:
    directory = LiveDirectory(loader, Metrics())
    assert not directory.is_ready
    with pytest.raises(Refusal) as refused:
        _ = directory.index
    assert refused.value.kind.status == 503


async def test_what_was_there_before_is_loaded(engine: Engine, directory: LiveDirectory) -> None:
    version = await put(engine, "1", "avant")
    assert await names_at(directory, version) == ["avant"]


async def test_changes_are_followed_while_the_threads_of_all_others_are_taken(
    engine: Engine, directory: LiveDirectory
) -> None:
    """However long these take."""
    await names_at(directory, await put(engine, "1", "premier"))
    ended = threading.Event()
    taken = [asyncio.create_task(asyncio.to_thread(ended.wait)) for _ in range(64)]
    try:
        assert await names_at(directory, await put(engine, "2", "second")) == ["premier", "second"]
    finally:
        ended.set()
        await asyncio.gather(*taken)


async def test_changes_and_removals_are_followed(engine: Engine, directory: LiveDirectory) -> None:
    await names_at(directory, await put(engine, "1", "premier"))
    await put(engine, "2", "second")
    assert await names_at(directory, await put(engine, "1", "premier, renommé")) == ["premier, renommé", "second"]
    async with transaction(engine) as connection:
        version = await delete_record(connection, "cress", "1", NOW, name_similarity)
    assert version is not None
    assert await names_at(directory, version) == ["second"]


async def test_a_directory_restored_to_an_earlier_version_is_read_anew(
    engine: Engine, directory: LiveDirectory
) -> None:
    await names_at(directory, await put(engine, "1", "restauré"))
    directory.replace(replace(directory.index, data_version=1_000))
    await caught_up(directory)
    assert directory.index.data_version == 1


async def test_another_history_of_the_same_version_is_read_anew(engine: Engine, directory: LiveDirectory) -> None:
    """A backup was restored, and as much was written since as before."""
    await names_at(directory, await put(engine, "1", "de cette histoire"))
    directory.replace(replace(live(supplier("d'une autre")), data_version=1, version_uid=UUID(int=1)))
    await caught_up(directory)
    assert await names_at(directory, 1) == ["de cette histoire"]


async def test_another_history_is_noticed_without_a_change(engine: Engine, directory: LiveDirectory) -> None:
    """A backup was restored, or a copy took over, at the very version that the index has."""
    await names_at(directory, await put(engine, "1", "de cette histoire"))
    directory.replace(replace(live(supplier("d'une autre")), data_version=1, version_uid=UUID(int=1)))
    async with asyncio.timeout(20):
        while directory.rebuilding is None:
            await asyncio.sleep(0)
        await directory.rebuilding
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
    found = await of_copy.newest()
    assert sorted(each.name for each in found.suppliers()) == ["depuis", "sur la copie"]
    assert built == ["the copy"]


@pytest.mark.parametrize("lags", [True, False])
async def test_a_copy_that_is_away_or_too_old_is_done_without(
    engine: Engine, loader: IndexLoader, database_url: str, lags: bool
) -> None:
    read_url = f"{database_url}" if lags else "postgresql://localhost:1/nothing"
    version = await put(engine, "1", "de la base")
    beyond = 1_000 if lags else version - 1
    found = await IndexLoader(database_url, engine, loader.files, read_url=read_url).newest(beyond)
    assert [each.name for each in found.suppliers()] == ["de la base"]


async def caught_up(directory: LiveDirectory) -> None:
    """The directory as it is once a base that was found wanting has been replaced."""
    await directory.catch_up()
    assert directory.rebuilding is not None
    await directory.rebuilding


async def test_a_long_tail_becomes_a_new_base(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_index, "SMALL_TAIL", 1)
    monkeypatch.setattr(live_index, "TAIL_SHARE", 0)
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

    monkeypatch.setattr(live_index, "SMALL_TAIL", 0.01)
    monkeypatch.setattr(live_index, "TAIL_SHARE", 0)
    monkeypatch.setattr(live_index, "LONGEST_TAIL", 1_000)
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
    await loader.newest()
    version = await put(engine, "2", "depuis")
    monkeypatch.delattr(live_index, "build_index")  # nothing is built
    found = await loader.newest()
    assert (found.data_version, found.tail.rows) == (version, 1)
    assert sorted(each.name for each in found.suppliers()) == ["avant", "depuis"]


async def test_processes_that_start_together_build_one_index(engine: Engine, loader: IndexLoader) -> None:
    await put(engine, "1", "seul")
    found = await asyncio.gather(*(loader.newest() for _ in range(3)))
    assert [[each.name for each in one.suppliers()] for one in found] == [["seul"]] * 3
    assert len(loader.files.newest_first(await database_id(engine))) == 1


async def test_an_index_that_cannot_be_read_is_built_anew(engine: Engine, loader: IndexLoader) -> None:
    await put(engine, "1", "entier")
    await loader.newest()
    (written,) = loader.files.newest_first(await database_id(engine))
    (written.path / "suppliers.facts.npy").write_bytes(b"")
    assert [each.name for each in (await loader.newest()).suppliers()] == ["entier"]


async def test_indexes_are_built_in_another_process_where_there_are_such(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    await put(engine, "1", "ailleurs")
    with forked_processes(reference()) as processes:
        loader = IndexLoader(database_url, engine, IndexFiles(tmp_path, reference()), processes)
        found = await loader.newest()
    assert [each.name for each in found.suppliers()] == ["ailleurs"]


async def test_a_failure_to_build_is_told(engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong in the other process is raised in this one."""
    with forked_processes(reference()) as processes:
        loader = IndexLoader("postgresql://127.0.0.1:1/none", engine, loader.files, processes)
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await loader.newest()


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
    attempts = []

    async def on_a_full_disk(_: object, __: str, folder: Path, ___: object) -> None:
        attempts.append(folder)  # directories of other tests may be alive, and attempt it too
        raise OSError(errno.ENOSPC, "No space left on device")

    await names_at(directory, await put(engine, "0", "0"))
    monkeypatch.setattr(live_index, "SMALL_TAIL", 0.5)
    monkeypatch.setattr(live_index, "TAIL_SHARE", 0)
    monkeypatch.setattr(live_index, "LONGEST_TAIL", 1_000)
    monkeypatch.setattr(live_index, "build_index", on_a_full_disk)
    for number in range(1, 4):
        await names_at(directory, await put(engine, str(number), str(number)))
        assert directory.rebuilding is not None
        await directory.rebuilding
    assert attempts.count(directory.loader.files.folder) == 1
    monkeypatch.setattr(live_index, "build_index", build_index)
    monkeypatch.setattr(directory, "_not_before", 0.0)  # the pause is over
    await caught_up(directory)
    assert len(directory.index.base.columns.spatial_keys) == 4


async def test_an_index_that_no_longer_follows_says_so_until_it_does(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on by itself once it can."""
    monkeypatch.setattr(live_index, "STUCK_SECONDS", 0.0)
    await names_at(directory, await put(engine, "1", "avant"))
    failed = asyncio.Event()

    async def unreadable(_: LiveIndex) -> LiveIndex | None:
        failed.set()
        raise ValueError("not as any release writes it")

    with monkeypatch.context() as broken:
        broken.setattr(directory.loader, "followed", unreadable)
        version = await put(engine, "2", "depuis")
        await asyncio.wait_for(failed.wait(), 20)
        failed.clear()
        await asyncio.wait_for(failed.wait(), 20)
        assert directory.is_stuck
        assert [each.name for each in directory.index.suppliers()] == ["avant"]
        assert b"vivier_index_follows 0.0" in directory.metrics.exposition()
    assert await names_at(directory, version) == ["avant", "depuis"]
    assert directory.stuck_seconds() == 0.0
    assert b"vivier_index_follows 1.0" in directory.metrics.exposition()


async def test_a_database_that_is_away_makes_no_index_stuck(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await names_at(directory, await put(engine, "1", "avant"))
    failed = asyncio.Event()

    async def away(_: LiveIndex) -> LiveIndex | None:
        failed.set()
        raise NoAnswer

    monkeypatch.setattr(directory.loader, "followed", away)
    await put(engine, "2", "depuis")
    for _ in range(2):
        await asyncio.wait_for(failed.wait(), 20)
        failed.clear()
    assert directory.stuck_seconds() == 0.0


async def test_a_start_without_room_for_an_index_keeps_it_in_memory(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And follows the changes."""

    async def on_a_full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(live_index, "build_index", on_a_full_disk)
    assert await names_at(directory, await put(engine, "1", "en mémoire")) == ["en mémoire"]
    assert await names_at(directory, await put(engine, "2", "depuis")) == ["depuis", "en mémoire"]
    assert directory.loader.files.newest_first(await database_id(engine)) == []


async def test_an_index_that_can_never_be_read_back_is_a_failure(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(engine, "1", "illisible")

    def unreadable(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(loader.files, "load", unreadable)
    with pytest.raises(live_index.UnusableIndex):
        await loader.newest()


async def test_a_database_that_took_the_place_of_another_is_read(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a backup restored to another server behind the same address."""
    await put(engine, "1", "restauré")

    async def of_another(_: Engine) -> str:
        return "0.0"

    with monkeypatch.context() as before:
        before.setattr(live_index, "database_id", of_another)
        with pytest.raises(live_index.UnusableIndex):
            await loader.newest()
    assert [each.name for each in (await loader.newest()).suppliers()] == ["restauré"]


async def test_a_tail_longer_than_may_be_is_followed_no_further(
    engine: Engine, loader: IndexLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as after most suppliers of the base were removed: a new base is asked for, and no query fails."""
    await put(engine, "1", "avant")
    index = await loader.newest()
    await put(engine, "2", "depuis")
    assert await loader.followed(replace(index, tail=replace(index.tail, rows=1_000_000))) is None


async def test_an_earlier_version_restored_while_a_later_base_is_asked_for_is_taken(
    engine: Engine, loader: IndexLoader
) -> None:
    await put(engine, "1", "restauré")
    assert (await asyncio.wait_for(loader.newest(beyond=1_000), 20)).data_version == 1


async def test_a_base_made_in_memory_does_not_hide_that_the_file_is_old(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.catch_up()
    await names_at(directory, await put(engine, "1", "plus que tous les autres"))
    monkeypatch.setattr(live_index, "LONGEST_AGE_SECONDS", -1)
    assert directory.index.change == 0
    assert directory.loader.is_outgrown(directory.index)
