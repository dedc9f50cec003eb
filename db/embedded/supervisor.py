"""The process between a command and its PostgreSQL: starts it, again if it is killed, and ends it with the command.

Run as a script, with the standard library alone: `python -I -S postgres_keeper.py UID GID DATA SOCKETS COMMAND…`.
Its standard input is a pipe whose other end only the command holds. However that command ends, the pipe closes, and the
server is stopped: nothing needs to be caught, and no process id needs to be remembered.
"""

import ctypes
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
RESTARTS = 5
RESTARTS_WITHIN_SECONDS = 60.0
PAUSE_SECONDS = 2.0
"""Between two starts, once the server was killed more than RESTARTS times in RESTARTS_WITHIN_SECONDS."""
PR_SET_PDEATHSIG = 1


def end_leftovers(data: Path, sockets: Path, patience: float = 15.0) -> None:
    """End the server processes that still work on `data`, then remove the files by which PostgreSQL would see them.

    Only for one who holds the home's lock, so that what runs there can only be left over. A process id in a file proves
    nothing (it may be a zombie's, or by now another program's), so the processes are found by their working folder.
    Without /proc nothing is done: PostgreSQL's own reading of its files has to be enough.
    """
    if not Path("/proc/self/comm").exists():
        return
    running = _servers(data)
    postmaster = _postmaster(data)
    for pid in running:
        # Asked to stop, a postmaster stops its children; without one, each child is asked.
        if postmaster not in running or pid == postmaster:
            _send(pid, signal.SIGINT if pid == postmaster else signal.SIGQUIT)
    limit = time.monotonic() + patience
    while running := _servers(data):
        if time.monotonic() > limit:
            for pid in running:
                _send(pid, signal.SIGKILL)
        time.sleep(0.01)
    for name in (data / "postmaster.pid", sockets / SOCKET_NAME, sockets / f"{SOCKET_NAME}.lock"):
        name.unlink(missing_ok=True)


def _servers(data: Path) -> list[int]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - thousands of names, no need of paths
        process = Path("/proc", pid)
        try:
            if process.joinpath("cwd").readlink() == data and process.joinpath("comm").read_text() == "postgres\n":
                found.append(int(pid))
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def _postmaster(data: Path) -> int | None:
    try:
        return int(data.joinpath("postmaster.pid").read_text().partition("\n")[0])
    except (OSError, ValueError):
        return None


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


class _Wishes:
    """What the keeper is woken by: the end of its child, and the wish to stop."""

    def __init__(self) -> None:
        self._awake, bell = os.pipe()
        os.set_blocking(bell, False)
        signal.set_wakeup_fd(bell)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self.stop = False

    def wait(self, seconds: float | None = None) -> None:
        """Return when something happened or the time is over; `stop` says whether to stop from now on."""
        ready, _, _ = select.select([self._awake] if self.stop else [self._awake, 0], [], [], seconds)
        signals = os.read(self._awake, 64) if self._awake in ready else b""
        if 0 in ready or signal.SIGTERM in signals or signal.SIGINT in signals:
            self.stop = True

    def come_within(self, seconds: float) -> bool:
        """Wait that long for the wish to stop; whether it came."""
        limit = time.monotonic() + seconds
        while not self.stop and (left := limit - time.monotonic()) > 0:
            self.wait(left)
        return self.stop


def _start(command: list[str], uid: int, gid: int) -> int:
    keeper = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        _end_with_parent(keeper)
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    finally:
        os._exit(126)


def _end_with_parent(parent: int) -> None:
    """Have the kernel end us if even the keeper is killed; asked for last, since a change of user forgets it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _keep(child: int, wishes: _Wishes) -> int:
    """Wait for the server's end, passing on the wish to stop; its wait status."""
    told = False
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        if wishes.stop and not told:
            _send(child, signal.SIGINT)
            told = True
        wishes.wait()


def main(arguments: list[str]) -> int:
    uid, gid, data, sockets, *command = arguments
    wishes = _Wishes()
    starts: list[float] = []
    while True:
        starts = [at for at in starts if time.monotonic() - at < RESTARTS_WITHIN_SECONDS] + [time.monotonic()]
        status = _keep(_start(command, int(uid), int(gid)), wishes)
        # What ends of itself said why in the log, and would end so again.
        if wishes.stop or not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status) & 0xFF
        end_leftovers(Path(data), Path(sockets))
        if len(starts) > RESTARTS and wishes.come_within(PAUSE_SECONDS):
            return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
