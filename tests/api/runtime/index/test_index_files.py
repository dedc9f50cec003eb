"""Indexes in their folder: named by what they were built from, removed once there is a newer one."""

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from api.runtime.index import index_files
from api.runtime.index.index_files import IndexFiles, WrittenIndex, build_index
from api.runtime.processes.forked_processes import forked_processes
from db.core.engine import Engine
from db.suppliers.feed import database_id
from tests.api.runtime.index.test_live_index import put
from tests.factories import reference


async def build(url: str, files: IndexFiles) -> None:
    await build_index(files.reference, url, files.folder)


async def written(engine: Engine, files: IndexFiles) -> list[WrittenIndex]:
    """The indexes of the test's database."""
    return files.newest_first(await database_id(engine))


async def test_a_new_index_takes_the_place_of_the_last(engine: Engine, database_url: str, tmp_path: Path) -> None:
    """And of what a process left that was killed at its work: all of it may hold what was erased since.

    What is no index stays.
    """
    files = IndexFiles(tmp_path, reference())
    (tmp_path / "documents").mkdir()
    await put(engine, "1", "premier")
    await build(database_url, files)
    (first,) = await written(engine, files)
    before = files.load(first)
    (tmp_path / "unfinished-killed").mkdir()
    await put(engine, "2", "second")
    await build(database_url, files)
    (second,) = await written(engine, files)
    assert second.version == 2
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {second.path, tmp_path / "documents"}
    assert [each.name for each in before.suppliers()] == ["premier"]


async def test_what_another_version_of_the_program_wrote_is_not_seen(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is made again where it was removed."""
    files = IndexFiles(tmp_path / "index", reference())
    shutil.rmtree(files.folder)
    with files.claim_build():
        await build(database_url, files)
    assert len(await written(engine, files)) == 1
    monkeypatch.setattr(index_files, "_fingerprint", lambda _: "other")
    assert await written(engine, IndexFiles(files.folder, reference())) == []


def test_where_the_folder_cannot_be_made_a_temporary_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(index_files, "tempfile", SimpleNamespace(gettempdir=lambda: str(tmp_path)))
    files = IndexFiles(tmp_path / "file" / "index", reference())
    assert files.folder.parent == tmp_path
    assert files.folder.stat().st_mode & 0o777 == 0o700


def test_one_process_at_a_time_builds_once_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    """Else each that is killed at its work would fill the disk further; nobody else's folder is touched."""
    files = IndexFiles(tmp_path, reference())
    with files.claim_build() as first, files.claim_build() as second:
        assert (first, second) == (True, False)
        for name in ("unfinished-killed", "documents"):
            (tmp_path / name).mkdir()
        IndexFiles(tmp_path, reference())
        assert (tmp_path / "unfinished-killed").is_dir()  # somebody may be at it
    IndexFiles(tmp_path, reference())
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["documents"]
    with files.claim_build() as again:
        assert again


async def test_an_index_that_cannot_be_removed_makes_way(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that another user wrote for the same version."""
    files = IndexFiles(tmp_path, reference())
    await build(database_url, files)
    (unreadable,) = await written(engine, files)
    (unreadable.path / "names.json").write_bytes(b"")
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    await build(database_url, files)
    (readable,) = await written(engine, files)
    assert files.load(readable).data_version == 0


async def test_databases_that_share_a_folder_keep_their_indexes(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    """For a week, in which a server that still runs has started or built another."""
    files = IndexFiles(tmp_path, reference())
    await build(database_url, files)
    (ours,) = await written(engine, files)
    of_another = [tmp_path / ours.path.name.replace(ours.database, name) for name in ("a.1", "a.2")]
    for path in of_another:
        path.mkdir()
    week = time.time() - index_files.FORGOTTEN_SECONDS
    os.utime(of_another[1], (week, week))
    await put(engine, "1", "une version de plus")
    await build(database_url, files)
    (newest,) = await written(engine, files)
    assert {path for path in tmp_path.iterdir() if path.is_dir()} == {newest.path, of_another[0]}


async def test_parts_that_several_processes_build_make_one_index(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_files, "PAGES_OF_A_PART", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    names = sorted(f"fournisseur {number}" for number in range(20))
    for name in names:
        await put(engine, name, name, description="x" * 1_500)
    files = IndexFiles(tmp_path, reference())
    with forked_processes(reference()) as processes:
        await build_index(files.reference, database_url, files.folder, processes)
    (found,) = await written(engine, files)
    assert sorted(each.name for each in files.load(found).suppliers()) == names


async def test_a_part_that_fails_leaves_nothing(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(index_files, "save_tables", on_a_full_disk)
    files = IndexFiles(tmp_path, reference())
    with pytest.raises(OSError, match="space"):
        await build(database_url, files)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("pages", [0, 1, 1_999, 2_000, 50_368, 1_000_000])
def test_each_page_is_in_one_share(pages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And as many are in each, wherever in the table its suppliers are."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    shares = index_files._pages_by_process(pages)
    assert sorted(page for share in shares for span in share for page in range(*span)) == list(range(pages))
    for region in (range(pages // 2), range(pages // 2, pages)) if len(shares) > 1 else ():
        sizes = [sum(page in region for span in share for page in (span[0], span[1] - 1)) for share in shares]
        assert max(sizes) - min(sizes) <= 2
