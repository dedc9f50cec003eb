"""One PostgreSQL server of an embedded home: its data made where missing, its process started, awaited and ended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import db.embedded.supervisor
from db.embedded import liveness_fd
from db.embedded.binaries import Binaries
from db.embedded.home import Home
from domain.errors import DomainError
from domain.text.bilingual import Text

START_SECONDS = 60.0
STOP_SECONDS = 60.0
# Sorting by code point is the same on every system and version; names for people are sorted by a column of their own.
LOCALE = "C.UTF-8"
# An import of 220,000 suppliers writes 1 GB of log: the usual bound would force checkpoints, and write pages twice.
LARGE_IMPORTS = ("max_wal_size=4GB", "wal_buffers=16MB")
SETTINGS = ("unix_socket_permissions=0700", "log_timezone=UTC", "timezone=UTC", *LARGE_IMPORTS)
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")


class StartFailed(DomainError):
    """PostgreSQL could not be started; the message holds the end of what it said."""


class Server(NamedTuple):
    """A started server: where, the SQLAlchemy address of its database, its keeper, and the pipe that keeps it going."""

    place: Home
    url: str
    keeper: "subprocess.Popen[bytes]"
    pipe: int


def start(place: Home, binaries: Binaries, durable: bool) -> Server:
    """A server that answers, for the holder of the home's lock; whatever a predecessor left running is ended first.

    It ends when `stop` is called, and when this process does, however it does. Raises StartFailed.
    """
    data = _cluster(place, binaries, durable)
    db.embedded.supervisor.end_leftovers(data, place.sockets)
    place.open_sockets()
    server = _launch(place, binaries, data, durable)
    try:
        _wait_for_answer(server, data)
    except BaseException:
        stop(server)
        raise
    return server


def stop(server: Server) -> None:
    """End the server cleanly; after a minute of trying, at once: what was committed is recovered at its next start."""
    liveness_fd.close(server.pipe)
    try:
        server.keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(server.keeper.pid, signal.SIGQUIT)
        server.keeper.wait()
    server.place.close_sockets()


def _cluster(place: Home, binaries: Binaries, durable: bool) -> Path:
    """The data folder, complete: it gets its name once `initdb` is done."""
    data = place.data(binaries.major)
    if (data / "PG_VERSION").exists():
        return data
    unfinished = data.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    place.account.give(unfinished)
    command: list[str | Path] = [binaries.folder / "initdb", "-D", unfinished, "-U", "postgres", "--auth=trust"]
    command += ["--encoding=UTF8", f"--locale={LOCALE}", "--no-instructions", *([] if durable else ["--no-sync"])]
    done = subprocess.run(
        command, capture_output=True, stdin=subprocess.DEVNULL, cwd="/", check=False, **place.account.process()
    )
    if done.returncode:
        raise _failure(done.stderr)
    unfinished.rename(data)
    return data


def _launch(place: Home, binaries: Binaries, data: Path, durable: bool) -> Server:
    command = [str(binaries.folder / "postgres"), "-D", str(data), "-k", str(place.sockets), "-h", "", "-p", "5432"]
    for setting in (*SETTINGS, *(() if durable else NOT_DURABLE)):
        command += ["-c", setting]
    script = db.embedded.supervisor.__file__
    who = [str(place.account.uid), str(place.account.gid)]
    keeper_end, our_end = os.pipe()
    liveness_fd.keep(our_end)
    try:
        with place.log.open("wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", script, *who, str(data), str(place.sockets), *command],
                stdin=keeper_end,
                stdout=log,
                stderr=log,
                cwd="/",
                process_group=0,  # Ctrl-C is for us: we end the server when we are done with it
            )
    except BaseException:
        liveness_fd.close(our_end)
        raise
    finally:
        os.close(keeper_end)
    url = f"postgresql+asyncpg://postgres@/postgres?host={quote(str(place.sockets))}&port=5432"
    return Server(place, url, keeper, our_end)


def _wait_for_answer(server: Server, data: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while not _answers(data):
        if server.keeper.poll() is not None or time.monotonic() > limit:
            raise _failure(server.place.log.read_bytes())
        time.sleep(0.01)


def _answers(data: Path) -> bool:
    """Whether the server says in the last line of its pid file that it takes connections."""
    try:
        return data.joinpath("postmaster.pid").read_text().rstrip().endswith("ready")
    except FileNotFoundError:
        return False


def _failure(output: bytes) -> StartFailed:
    said = output.decode(errors="replace").strip()[-2_000:]
    return StartFailed(Text(f"PostgreSQL n'a pas pu démarrer :\n{said}", f"PostgreSQL could not start:\n{said}"))
