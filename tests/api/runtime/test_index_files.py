"""Indexes in their folder: named by what they were built from, removed once there is a newer one."""

import asyncio
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
