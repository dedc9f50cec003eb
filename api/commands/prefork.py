"""Worker processes that answer from one listening socket, forked so that they share the memory of what is loaded.

uvicorn's own manager starts workers from nothing (two take 465 MB and twice as long to be ready, forked ones 342 MB),
restarts them without a pause, and leaves them running when it is killed itself.
"""

import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from api.commands.server_process import STOPPING
from api.settings import GRACE_SECONDS

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LONG_LIFE_SECONDS = 30.0
"""The pause before a restart doubles, until a worker has lived so long."""
STOP_SECONDS = 4.0
"""The time a worker has to end after its requests' grace; then it is killed."""
STARTED = b"\0"


class Workers:
    """A fixed number of workers, each running `work(started)`; the parent answers no requests.

    `started` is for the worker to call when it answers; `work` returns whether it had started. `on_start` is called
    when the first worker answers, `on_death` with the process id of each worker that ended. `grace_seconds`: the time
    that a worker's requests have to finish.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Callable[[], object]], bool],
        on_start: Callable[[], object],
        on_death: Callable[[int], object],
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._count, self._work, self._on_start, self._on_death = count, work, on_start, on_death
        self._stop_seconds = grace_seconds + STOP_SECONDS
        self._born: dict[int, float] = {}
        self._failures, self._restart_at = 0, 0.0
        self._any_started = self._stopping = self._failed = False

    def run(self) -> bool:
        """Keep the workers running until SIGTERM or SIGINT; False where the first of them could not start."""
        # the number of each signal arrives in the inbox, and STARTED from workers
        self._inbox, self._outbox = os.pipe()
        # only the parent holds the second end, so workers can read the first when the parent is gone
        self._parent_gone, self._parent = os.pipe()
        os.set_blocking(self._outbox, False)
        previous = {number: signal.signal(number, lambda *_: None) for number in (*STOPPING, signal.SIGCHLD)}
        signal.set_wakeup_fd(self._outbox)
        try:
            while not (self._stopping or self._failed):
                self._fork_missing()
                self._wait(self._restart_at if len(self._born) < self._count else None)
                self._reap()
            self._end_all()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in previous.items():
                signal.signal(number, handler)
            for descriptor in (self._inbox, self._outbox, self._parent_gone, self._parent):
                os.close(descriptor)
        return not self._failed

    def _fork_missing(self) -> None:
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

    def _run_child(self) -> None:
        """Work until told to stop, or until the parent is gone; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            os.close(self._parent)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for number in STOPPING:
                signal.signal(number, signal.default_int_handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            threading.Thread(target=self._stop_with_parent, daemon=True).start()
            status = 0 if self._work(lambda: os.write(self._outbox, STARTED)) else 1
        except KeyboardInterrupt:
            status = 0
        except BaseException:  # noqa: BLE001 - the child must not run what its parent does at its end
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _stop_with_parent(self) -> None:
        os.read(self._parent_gone, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _wait(self, until: float | None) -> None:
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
        """Reap dead workers, and schedule their restart with backoff; give up where not one ever started."""
        # one by one: PostgreSQL is a child too, and is not ours to wait for
        for pid in [pid for pid in self._born if os.waitpid(pid, os.WNOHANG)[0]]:
            lived = time.monotonic() - self._born.pop(pid)
            self._on_death(pid)
            if self._stopping or self._failed:
                continue
            self._failed = not self._any_started
            self._failures = 0 if lived > LONG_LIFE_SECONDS else self._failures + 1
            pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS)
            self._restart_at = time.monotonic() + pause
            if not self._failed:
                sys.stderr.write(f"vivier: worker {pid} ended; another starts in {pause:.1f} s\n")

    def _end_all(self) -> None:
        self._send(signal.SIGTERM)
        limit = time.monotonic() + self._stop_seconds
        while self._born:
            self._wait(limit)
            self._reap()
            if time.monotonic() >= limit:
                self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._born:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
