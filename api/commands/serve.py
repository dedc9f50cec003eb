"""`vivier serve`: the API on a socket, with the database it needs, from one process or several."""

import argparse
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from litestar import Litestar

from api.commands.database import owned
from api.commands.errors import CommandFailed
from api.commands.listen_socket import address, listening
from api.commands.prefork import Workers
from api.commands.server_process import application, serve_requests
from api.runtime.import_processes import import_processes
from api.settings import Settings, share_metrics
from domain.law.rules import Rules
from matching.reference import Reference, load_reference


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; PostgreSQL, where it is ours, is stopped last."""
    settings = replace(with_address(options, settings), workers=options.workers or settings.workers)
    with stopped_by_signal(), ExitStack() as held:
        bound = held.enter_context(listening(settings.host, settings.port))
        if settings.workers > 1:
            settings = replace(settings, metrics_dir=held.enter_context(_shared_metrics(settings)))
        settings, reference = held.enter_context(prepared(settings))

        def say() -> None:
            where = address(bound)
            sys.stdout.write(f"Vivier listens on {where} (documentation: {where}/docs). Ctrl-C stops it.\n")
            sys.stdout.flush()

        app = application(settings, reference, held.enter_context(import_processes(reference)))
        if settings.workers == 1 or settings.metrics_dir is None:
            started = serve_requests(app, bound, say)
        else:
            started = _serve_together(app, settings.workers, settings.metrics_dir, bound, say)
        if not started:
            raise CommandFailed("the server could not start; the log above says why")
    return 0


def with_address(options: argparse.Namespace, settings: Settings) -> Settings:
    """The settings with the host and port of the command line, where it names them."""
    port = settings.port if options.port is None else options.port
    return replace(settings, host=options.host or settings.host, port=port)


@contextmanager
def stopped_by_signal() -> Iterator[None]:
    """Have SIGTERM unwind the block as Ctrl-C does, and either of them end it without an error."""
    # SIGINT too: a shell's background job is started with that one ignored
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        return


@contextmanager
def prepared(settings: Settings) -> Iterator[tuple[Settings, Reference]]:
    """Settings that name the database, which answers and is up to date, and the reference data, loaded meanwhile."""
    with ExitStack() as held:
        with ThreadPoolExecutor(1) as background:
            loading = background.submit(_load, settings.rules)
            url = held.enter_context(owned(settings))
        yield replace(settings, database_url=url), loading.result()


def _load(rules: Rules | None) -> Reference:
    import_module("api.app")  # which takes as long as the database takes to start
    return load_reference(rules)


def _serve_together(app: Litestar, count: int, metrics: Path, bound: socket.socket, say: Callable[[], None]) -> bool:
    def work(started: Callable[[], object], watched: int) -> bool:
        return serve_requests(app, bound, started, watched)

    def forget(pid: int) -> None:
        # not before: how metrics are counted is settled when this library is loaded
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

        mark_process_dead(pid, str(metrics))  # type: ignore[no-untyped-call]

    forget(os.getpid())  # it answers nothing, and its gauges would count
    return Workers(count, work, say, forget).run()


@contextmanager
def _shared_metrics(settings: Settings) -> Iterator[Path]:
    """A folder in which workers count together, empty at first: the one of the settings, else a temporary one."""
    with ExitStack() as held:
        folder = settings.metrics_dir or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="vivier-metrics-")))
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob("*.db"):
            left_over.unlink()
        share_metrics(folder)
        yield folder
