"""Several processes that answer from one listening socket, forked so that they share what is loaded by then.

The parent answers nothing: it forks, restarts what dies, passes the wish to stop on, and waits.
"""

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from api.commands.server_process import GRACE_SECONDS, STOPPING
from db.embedded import liveness_fd

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONG_LIFE_SECONDS = 30.0
"""A worker that lived so long had started well: the next one follows at once."""
STOP_SECONDS = GRACE_SECONDS + 4.0

Work = Callable[[Callable[[], object], int], bool]
OnDeath = Callable[[int], object]


class Workers:
    """A fixed number of workers, each running `work(started, watched)`.

    `started` is for the worker to call when it answers; `watched` becomes readable when the parent is gone, however it
    ended, which is for the worker to heed. `work` returns whether it had started at all.
    """

    def __init__(
        self, count: int, work: Work, on_start: Callable[[], object], on_death: Callable[[int], object]
    ) -> None:
        self._count, self._work, self._on_start, self._on_death = count, work, on_start, on_death
        self._born: dict[int, float] = {}
        self._due: list[float] = []
        self._failures = 0
        self._any_started = False
        self._stop = self._failed = False

    def run(self) -> bool:
        """Keep the workers running until SIGTERM or SIGINT; False where the first of them could not start."""
        self._awake, bell = os.pipe()
        self._started, self._report = os.pipe()
        self._watched, life = os.pipe()
        liveness_fd.keep(life)
        os.set_blocking(bell, False)
        previous = {number: signal.signal(number, lambda *_: None) for number in (*STOPPING, signal.SIGCHLD)}
        signal.set_wakeup_fd(bell)
        try:
            self._due = [time.monotonic()] * self._count
            while not self._stop:
                self._fork_due()
                self._wait(min(self._due, default=None))
                self._bury()
            self._end_all()
        finally:
            signal.set_wakeup_fd(-1)
            liveness_fd.close(life)
            for number, handler in previous.items():
                signal.signal(number, handler)
            for descriptor in (self._awake, bell, self._started, self._report, self._watched):
                os.close(descriptor)
        return not self._failed

    def _fork_due(self) -> None:
        now = time.monotonic()
        for _ in [at for at in self._due if at <= now]:
            self._born[self._fork()] = now
        self._due = [at for at in self._due if at > now]

    def _fork(self) -> int:
        # a signal between the fork and the child's own handlers must not be taken for one to the parent
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            child = os.fork()
            if not child:
                self._live()
            return child
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def _live(self) -> None:
        """The life of a worker; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in STOPPING:
                signal.signal(number, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            status = 0 if self._work(lambda: os.write(self._report, b"."), self._watched) else 1
        except KeyboardInterrupt:
            status = 0
        except BaseException:  # noqa: BLE001 - nothing above this worker may be unwound by it
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _wait(self, until: float | None) -> None:
        patience = None if until is None else max(0.0, until - time.monotonic())
        ready, _, _ = select.select([self._awake, self._started], [], [], patience)
        if self._awake in ready and set(os.read(self._awake, 64)) & set(STOPPING):
            self._stop = True
        if self._started in ready:
            os.read(self._started, 64)
            if not self._any_started:
                self._on_start()
            self._any_started = True

    def _bury(self) -> None:
        """Plan for a successor to each worker that ended; to none where not one of them ever started."""
        for pid in self._dead():
            lived = time.monotonic() - self._born.pop(pid)
            self._on_death(pid)
            self._failures = 0 if lived > LONG_LIFE_SECONDS else self._failures + 1
            pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS)
            self._due.append(time.monotonic() + pause)
            if not self._any_started and not self._stop:
                self._stop = self._failed = True
            if not self._stop:
                sys.stderr.write(f"vivier: worker {pid} ended; another starts in {pause:.1f} s\n")

    def _dead(self) -> list[int]:
        """Those that ended since the last call, which is the only one to hear of them."""
        # one by one: the database's keeper is a child too, and is not ours to wait for
        return [pid for pid in self._born if os.waitpid(pid, os.WNOHANG)[0]]

    def _end_all(self) -> None:
        self._send(signal.SIGTERM)
        limit = time.monotonic() + STOP_SECONDS
        while self._born:
            self._wait(limit)
            for pid in self._dead():
                del self._born[pid]
                self._on_death(pid)
            if time.monotonic() >= limit:
                self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._born:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
