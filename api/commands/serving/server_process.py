"""One process that answers requests until it is told to stop."""

import asyncio
import gc
import resource
import socket
import time
from collections.abc import Callable
from functools import partial
from math import ceil
from types import FrameType
from typing import cast

import structlog
import uvicorn
from litestar import Litestar

from api.commands.serving.http_protocol import IDLE_SECONDS, HttpProtocol
from api.runtime.processes.forked_processes import ForkedProcesses
from api.settings import Settings
from matching.reference import Reference

END_SECONDS = 4
"""The time that requests which outlast the grace have to say so, and answers that have begun to end, before their
connections are closed."""

CLOSE_SECONDS, CLOSE_SECONDS_AT_REST = 1, 2
"""The time that what runs beside requests then has to close, and where none was under way: an attempt of a delivery has
its own. What has not closed by then is cut off by the end of the process."""

SWEEP_SECONDS = 0.1
"""The pause between two looks at what the clients of all connections owe."""
MOST_OF_A_SWEEP = 1.0
"""The most that one look takes from a client's patience: what the process itself was busy with is not its fault."""

OTHER_FILES = 256
"""Files that a process has open besides the connections of clients: the database's, the index's, those it writes."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def application(settings: Settings, reference: Reference, processes: ForkedProcesses) -> Litestar:
    """The whole application; workers forked after this share its memory."""
    # not before: how metrics are counted is settled when the library that counts them is loaded
    from api.app import create_app  # noqa: PLC0415
    from api.runtime.observability import configure_logging  # noqa: PLC0415

    configure_logging(settings)
    app = create_app(settings, reference, processes)
    # what is loaded by now stays: the collector need not look at it again, nor touch memory that is shared
    gc.collect()
    gc.freeze()
    return app


def serve_requests(app: Litestar, bound: socket.socket, on_start: Callable[[], object]) -> bool:
    """Answer requests that arrive on `bound` until SIGTERM or SIGINT; False where the application could not start.

    Requests under way have the seconds of the settings to finish, then they are refused; at the end the signal is
    raised anew. `on_start` is called once requests are taken. The process is expected to end then: threads that compute
    what nobody waits for any more are not waited for, as at the end of `asyncio.run`.
    """
    services = app.state.services
    settings, grace_seconds = services.settings, services.settings.grace_seconds
    # where the system allows it: it usually lets processes choose
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * settings.connections + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    config = uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(HttpProtocol, settings)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=ceil(IDLE_SECONDS),
        timeout_graceful_shutdown=grace_seconds + END_SECONDS,
    )
    server = _Server(config, on_start, services.stop, grace_seconds)
    try:
        (config.get_loop_factory() or asyncio.new_event_loop)().run_until_complete(server.serve(sockets=[bound]))
    except SystemExit:  # how uvicorn says that the application did not start; the log says why
        return False
    return server.started


class _Server(uvicorn.Server):
    """A server that calls `on_start` once it takes requests, and `on_stop` when it is to stop.

    Requests that then last longer than `grace_seconds` are cancelled, while there is still time to answer them; those
    whose answer has begun go on for that time.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_start: Callable[[], object],
        on_stop: Callable[[], object],
        grace_seconds: float,
    ) -> None:
        super().__init__(config)
        self._on_start, self._on_stop, self._grace_seconds = on_start, on_stop, grace_seconds
        self._end: asyncio.Timeout | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sweep(time.monotonic())
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        def cancel_requests() -> None:
            begun = {each.begun_answer for each in cast("set[HttpProtocol]", self.server_state.connections)}
            for request in self.server_state.tasks - begun:
                request.cancel()

        self._on_stop()
        ending = asyncio.get_running_loop().call_later(self._grace_seconds, cancel_requests)
        try:
            self._end = asyncio.timeout(self._grace_seconds + END_SECONDS + CLOSE_SECONDS)
            async with self._end:
                await super().shutdown(sockets)
        except TimeoutError:
            log.warning("the server ends before all that runs in it has closed")
        finally:
            ending.cancel()

    async def _wait_tasks_to_complete(self) -> None:
        await super()._wait_tasks_to_complete()
        if self._end is not None and (latest := self._end.when()) is not None:
            soon = asyncio.get_running_loop().time() + CLOSE_SECONDS_AT_REST
            self._end.reschedule(min(latest, soon))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at the first signal; later signals, as of the terminal and the parent, cut no request short."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    def _sweep(self, last_at: float) -> None:
        """Have each connection `sweep` the seconds since `last_at`, and do so again after every pause, for ever."""
        now = time.monotonic()
        for connection in list(cast("set[HttpProtocol]", self.server_state.connections)):
            connection.sweep(min(now - last_at, MOST_OF_A_SWEEP))
        asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._sweep, now)
