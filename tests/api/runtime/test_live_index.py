"""The index in memory follows the directory in the database."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from api.runtime import live_index
from api.runtime.live_index import LiveDirectory
from api.runtime.metrics import Metrics
from api.web.problems import Refusal
from db.core.engine import Engine, transaction
from db.suppliers.records import delete_record, put_record
from domain.suppliers.supplier import Offer, Placement, Point, SupplierRecord
from matching.index import LiveIndex
from matching.reference import Reference
from matching.words.name_similarity import name_similarity

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RENNES = Placement(Point(48.11, -1.68), "35238")


@pytest.fixture
async def directory(engine: Engine, database_url: str, reference: Reference) -> AsyncIterator[LiveDirectory]:
    """A directory that follows the database of the test."""
    directory = LiveDirectory(database_url, engine, reference, Metrics())
    following = asyncio.create_task(directory.follow())
    yield directory
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def put(engine: Engine, external_id: str, name: str) -> int:
    record = SupplierRecord(name=name, offers=(Offer(segments=("pr-locaux",)),))
    async with transaction(engine) as connection:
        return (await put_record(connection, "cress", external_id, record, RENNES, NOW, name_similarity)).data_version


async def names_at(directory: LiveDirectory, version: int) -> list[str]:
    """Who is in the index once it has come to `version`."""
    await directory.wait_beyond(version - 1, 20)
    assert directory.index.data_version >= version
    return sorted(supplier.name for supplier in directory.index.suppliers())


def test_until_it_is_loaded_requests_are_put_off(engine: Engine, database_url: str, reference: Reference) -> None:
    directory = LiveDirectory(database_url, engine, reference, Metrics())
    assert not directory.is_ready
    with pytest.raises(Refusal) as refused:
        _ = directory.index
    assert refused.value.kind.status == 503


async def test_what_was_there_before_is_loaded(engine: Engine, directory: LiveDirectory) -> None:
    version = await put(engine, "1", "avant")
    assert await names_at(directory, version) == ["avant"]


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
    ahead = LiveIndex(directory.index.base, data_version=1_000)
    directory.replace(ahead)
    await directory.catch_up()
    assert directory.index.data_version == 1


async def test_a_long_tail_becomes_a_new_base(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_index, "SMALL_TAIL", 1)
    monkeypatch.setattr(live_index, "TAIL_SHARE", 0)
    await names_at(directory, await put(engine, "0", "0"))
    for number in range(1, 5):
        version = await put(engine, str(number), str(number))
        await names_at(directory, version)
    assert directory.rebuilding is not None
    await directory.rebuilding
    assert sorted(supplier.name for supplier in directory.index.base.suppliers) == ["0", "1", "2", "3", "4"]


async def test_changes_are_followed_while_a_new_base_is_made(
    engine: Engine, directory: LiveDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = threading.Event()
    rebased = LiveIndex.rebased

    def slow(index: LiveIndex) -> LiveIndex:
        made.wait(20)
        return rebased(index)

    monkeypatch.setattr(live_index, "SMALL_TAIL", 0)
    monkeypatch.setattr(live_index, "TAIL_SHARE", 0)
    monkeypatch.setattr(LiveIndex, "rebased", slow)
    await names_at(directory, await put(engine, "1", "avant"))
    await names_at(directory, await put(engine, "2", "de quoi refaire la base"))
    old = directory.index.base
    version = await put(engine, "1", "pendant")
    assert await names_at(directory, version) == ["de quoi refaire la base", "pendant"]
    made.set()
    assert directory.rebuilding is not None
    await directory.rebuilding
    assert await names_at(directory, version) == ["de quoi refaire la base", "pendant"]
    assert directory.index.base is not old
