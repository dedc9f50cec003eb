"""Indexes in their folder: named by what they were built from, removed once there is a newer one."""

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from api.runtime import index_files
from api.runtime.index_files import IndexFiles, build_index
from db.core.engine import Engine
from tests.api.runtime.test_live_index import put
from tests.factories import reference


async def build(url: str, files: IndexFiles) -> None:
    await asyncio.to_thread(build_index, files.reference, url, files.folder)


async def test_a_new_index_takes_the_place_of_the_last(engine: Engine, database_url: str, tmp_path: Path) -> None:
    """And of what a process left that was killed at its work: all of it may hold what was erased since."""
    files = IndexFiles(tmp_path, reference())
    await put(engine, "1", "premier")
    await build(database_url, files)
    (first,) = files.newest_first()
    before = files.load(first)
    (tmp_path / "unfinished-killed").mkdir()
    await put(engine, "2", "second")
    await build(database_url, files)
    assert [each.version for each in files.newest_first()] == [2]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [files.newest_first()[0].path.name]
    assert [each.name for each in before.suppliers()] == ["premier"]


async def test_what_another_version_of_the_program_wrote_is_not_seen(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await build(database_url, IndexFiles(tmp_path, reference()))
    assert len(IndexFiles(tmp_path, reference()).newest_first()) == 1
    monkeypatch.setattr(index_files, "_fingerprint", lambda _: "other")
    assert IndexFiles(tmp_path, reference()).newest_first() == []


def test_one_process_at_a_time_is_to_build(tmp_path: Path) -> None:
    files = IndexFiles(tmp_path, reference())
    with files.claimed() as first, files.claimed() as second:
        assert (first, second) == (True, False)
    with files.claimed() as again:
        assert again


def test_where_the_folder_cannot_be_made_a_temporary_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(index_files, "tempfile", SimpleNamespace(gettempdir=lambda: str(tmp_path)))
    files = IndexFiles(tmp_path / "file" / "index", reference())
    assert files.folder.parent == tmp_path
    assert files.folder.stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_is_removed_before_the_next_builds(tmp_path: Path) -> None:
    """Else each that is killed at its work would fill the disk further; nobody else's folder is touched."""
    files = IndexFiles(tmp_path, reference())
    with files.claimed():
        for name in ("unfinished-killed", "documents"):
            (tmp_path / name).mkdir()
        IndexFiles(tmp_path, reference())
        assert (tmp_path / "unfinished-killed").is_dir()  # somebody may be at it
    IndexFiles(tmp_path, reference())
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["documents"]


async def test_only_indexes_are_removed(engine: Engine, database_url: str, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    await build(database_url, IndexFiles(tmp_path, reference()))
    assert (tmp_path / "documents").is_dir()


async def test_a_folder_that_was_removed_is_made_again(engine: Engine, database_url: str, tmp_path: Path) -> None:
    files = IndexFiles(tmp_path / "index", reference())
    shutil.rmtree(files.folder)
    with files.claimed():
        await build(database_url, files)
    assert len(files.newest_first()) == 1


async def test_an_index_that_cannot_be_removed_makes_way(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that another user wrote for the same version."""
    files = IndexFiles(tmp_path, reference())
    await build(database_url, files)
    (written,) = files.newest_first()
    (written.path / "names.json").write_bytes(b"")
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    await build(database_url, files)
    assert files.load(files.newest_first()[0]).data_version == 0
