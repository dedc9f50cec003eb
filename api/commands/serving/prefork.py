"""Worker processes that answer from one listening socket, forked so that they share the memory of what is loaded.

uvicorn's own manager starts workers from nothing (two take 465 MB and twice as long to be ready, forked ones 342 MB),
restarts them without a pause, and leaves them running when it is killed itself.

Above them, or above the one process that answers, stands a small one that has loaded nothing: it starts the server, and
another where that crashes, and as the first process of a container it sees that no zombie stays.
"""

import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NoReturn

from api.commands.command import FAILED, ORDERLY
from api.settings import GRACE_SECONDS

STOPPING = (signal.SIGTERM, signal.SIGINT)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONG_LIFE_SECONDS = 30.0
"""The pause before a restart doubles, until a worker has lived so long."""
MOST_CRASHES = 5
"""Crashes in a row before any worker has answered, after which none is started any more."""
STOP_SECONDS, STOP_SECONDS_OF_ALL = 5.2, 6.9
"""The time a worker, and a whole server, have to end after the grace of requests; then they are killed."""
STARTED = b"\0"


class Workers:
    """A fixed number of workers; each runs `work(started)`, which calls `started()` once it answers requests.

    The parent answers no requests; `work` returns the exit status. `on_start` is called when the
    first worker answers, `on_death` with the process id of each that ended, `on_stop` once none is to follow.
    `grace_seconds`: the time that a worker's requests have to finish. `is_server`: the one worker is the whole server,
    its orphans are reaped here, and none follows it where it does not crash.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Callable[[], object]], int],
        on_start: Callable[[], object] = lambda: None,
        on_death: Callable[[int], object] = lambda _: None,
        on_stop: Callable[[], object] = lambda: None,
        grace_seconds: float = GRACE_SECONDS,
        *,
        is_server: bool = False,
    ) -> None:
        self._count, self._work, self._is_server = count, work, is_server
        self._on_start, self._on_death, self._on_stop = on_start, on_death, on_stop
        self._longest_stop = grace_seconds + (STOP_SECONDS_OF_ALL if is_server else STOP_SECONDS)
        self._born: dict[int, float] = {}
        self._failures, self._restart_at = 0, 0.0
        self._any_started = self._stopping = False
        self._status: int | None = None

    def run(self) -> int:
        """Keep the workers running until a stop signal, or one ends that is not replaced; returns the exit status."""
        # the number of each signal arrives in the inbox, and STARTED from workers
        self._inbox, self._outbox = os.pipe()
        # only the parent holds the second end, so workers can read the first when the parent is gone
        self._parent_gone, self._parent = os.pipe()
        os.set_blocking(self._outbox, False)
        previous = {number: signal.signal(number, lambda *_: None) for number in (*STOPPING, signal.SIGCHLD)}
        signal.set_wakeup_fd(self._outbox)
        try:
            while not self._stopping and self._status is None:
                self._fork_missing_workers()
                self._wait_for_events(self._restart_at if len(self._born) < self._count else None)
                self._reap()
            self._end_workers()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in previous.items():
                signal.signal(number, handler)
            for descriptor in (self._inbox, self._outbox, self._parent_gone, self._parent):
                os.close(descriptor)
        return self._status or 0

    def _fork_missing_workers(self) -> None:
        while len(self._born) < self._count and time.monotonic() >= self._restart_at:
            # a signal between the fork and the child's own handlers must not be taken for one to the parent
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
            try:
                child = os.fork()
                if not child:
                    self._run_child()
                self._born[child] = time.monotonic()
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def _run_child(self) -> NoReturn:
        """Run the work in a forked child until told to stop, or until the parent is gone.

        At the end the interpreter is not taken apart: that would take a second of CPU, of which nobody has anything.
        """
        status = FAILED
        try:
            signal.set_wakeup_fd(-1)
            os.close(self._parent)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in STOPPING:
                signal.signal(number, interrupt_once)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

            def stop_with_parent() -> None:
                os.read(self._parent_gone, 1)
                os.kill(os.getpid(), signal.SIGTERM)

            threading.Thread(target=stop_with_parent, daemon=True).start()
            status = self._work(lambda: os.write(self._outbox, STARTED))
        except KeyboardInterrupt:
            status = 0
        except BaseException:  # noqa: BLE001 - the child must not run what its parent does at its end
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _wait_for_events(self, until: float | None) -> None:
        """Wait for signals and for workers that started, at most `until` (monotonic seconds)."""
        patience = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([self._inbox], [], [], patience)[0]:
            return
        received = os.read(self._inbox, 64)
        self._stopping |= bool(set(received) & set(STOPPING))
        if STARTED in received and not self._any_started:
            self._any_started = True
            self._on_start()

    def _reap(self) -> None:
        """Note the workers that ended, and when to start new ones or, where these would end too, the exit status."""
        for pid, status in self._ended_processes():
            if pid not in self._born:
                continue
            lived, code = time.monotonic() - self._born.pop(pid), os.waitstatus_to_exitcode(status)
            self._on_death(pid)
            if self._stopping or self._status is not None:
                continue
            how = f"ended with status {code}"
            if code < 0:
                how = f"was ended by signal {-code} ({signal.strsignal(-code)})"
            self._failures = 0 if lived > LONG_LIFE_SECONDS else self._failures + 1
            if code in ORDERLY and (self._is_server or not self._any_started):
                self._status = code  # one that could not start said why, and so would the next
            elif not self._any_started and self._failures > MOST_CRASHES:
                self._status = FAILED
                _print_line(
                    f"process {pid} {how} before any had answered, as the {MOST_CRASHES} before it: none follows"
                )
            else:
                pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS)
                self._restart_at = time.monotonic() + pause
                _print_line(f"process {pid} {how}; another starts in {pause:.1f} s")

    def _ended_processes(self) -> Iterator[tuple[int, int]]:
        """The process ids and wait statuses of child processes that ended."""
        # workers one by one: PostgreSQL is a child too, and is not ours to wait for; a server is the only child, but
        # where this is the first process of a container the orphans of all are
        for pid in [-1] if self._is_server else list(self._born):
            with suppress(ChildProcessError):
                while (ended := os.waitpid(pid, os.WNOHANG))[0]:
                    yield ended

    def _end_workers(self) -> None:
        self._on_stop()
        self._send_signal(signal.SIGTERM)
        limit, are_killed = time.monotonic() + self._longest_stop, False
        while self._born:
            self._wait_for_events(None if are_killed else limit)
            self._reap()
            if self._born and not are_killed and time.monotonic() >= limit:
                are_killed = True
                _print_line(
                    f"what had not ended {self._longest_stop:.1f} s after the signal is killed: {[*self._born]}"
                )
                self._send_signal(signal.SIGKILL)

    def _send_signal(self, number: signal.Signals) -> None:
        for pid in self._born:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def interrupt_once(*_: object) -> NoReturn:
    """Raise KeyboardInterrupt, and ignore later signals, which would interrupt the end of the process."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _print_line(line: str) -> None:
    sys.stderr.write(f"vivier: {line}\n")
