"""`vivier serve`: the API on a socket, with the database it needs, from one process or several.

The socket is bound before anything slow is done, so that a port in use is reported at once.
"""

import argparse
import errno
import faulthandler
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from api.commands.command import FAILED, CommandFailed, started_database, status_of
from api.commands.serving.prefork import STOPPING, Workers, interrupt_once
from api.settings import Settings, share_metrics
from domain.law.rules import Rules
from domain.reference import territory

if TYPE_CHECKING:
    from matching.reference import Reference

BACKLOG = 2_048
PORTS_TRIED = 20


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Serve until SIGTERM or Ctrl-C; an embedded PostgreSQL is stopped last."""
    settings = replace(with_address(options, settings), workers=options.workers or settings.workers)
    # held by the process that stays: a server that takes the place of another has the same address
    with listen(settings.host, settings.port) as bound:
        return run_supervised(lambda on_start: _serve(settings, bound, on_start), settings, bound.close)


def run_supervised(
    serve: Callable[[Callable[[], object]], int], settings: Settings, on_stop: Callable[[], object] = lambda: None
) -> NoReturn:
    """Run a server in a process of its own that is started again where it crashes, and exit with its status.

    `on_stop`: called here when the server is to stop.
    """
    if sys.__stderr__ is not None:
        # here and in all processes forked later: a crash inside a library says where on the log
        faulthandler.enable(sys.__stderr__)
    grace = settings.grace_seconds
    workers = Workers(
        1, lambda on_start: status_of(lambda: serve(on_start)), on_stop=on_stop, grace_seconds=grace, is_server=True
    )
    status = workers.run()
    sys.stdout.flush()
    os._exit(status)  # as its processes: nobody has anything of an interpreter that is taken apart, which takes long


def _serve(settings: Settings, bound: socket.socket, on_start: Callable[[], object]) -> int:
    """Answer requests on `bound`, from this process or from workers, until told to stop; returns the exit status."""
    data = "" if settings.database_url else f"Its data are kept in {settings.home} (VIVIER_HOME).\n"
    with end_on_signal(), ExitStack() as stack:
        if settings.workers > 1:
            settings = replace(settings, metrics_dir=stack.enter_context(_metrics_folder(settings.metrics_dir)))
        settings, reference = stack.enter_context(prepared_server(settings))
        # loaded by now, while the database started
        from api.commands.serving.server_process import application, serve_requests  # noqa: PLC0415
        from api.runtime.processes.forked_processes import forked_processes  # noqa: PLC0415

        app = application(settings, reference, stack.enter_context(forked_processes(reference)))

        def announce_address() -> None:
            where = web_address(bound)
            sys.stdout.write(f"Vivier listens on {where} (documentation: {where}/docs). Ctrl-C stops it.\n{data}")
            sys.stdout.flush()
            on_start()

        def answer_requests(on_ready: Callable[[], object]) -> int:
            return 0 if serve_requests(app, bound, on_ready) else FAILED

        if settings.workers == 1 or settings.metrics_dir is None:
            status = answer_requests(announce_address)
        else:
            # not before: how metrics are counted is settled when this library is loaded
            from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415

            forget: Callable[[int], object] = partial(mark_process_dead, path=str(settings.metrics_dir))
            forget(os.getpid())  # the parent answers nothing, and its gauges would count
            status = Workers(
                settings.workers, answer_requests, announce_address, forget, bound.close, settings.grace_seconds
            ).run()
        require_started(status == 0)
    return 0


def require_started(started: bool) -> None:
    """Raise CommandFailed unless the server had started."""
    if not started:
        raise CommandFailed("the server could not start; the log above says why")


def with_address(options: argparse.Namespace, settings: Settings) -> Settings:
    """The settings with the host and port of the command line, where it names them."""
    port = settings.port if options.port is None else options.port
    return replace(settings, host=options.host or settings.host, port=port)


@contextmanager
def end_on_signal() -> Iterator[None]:
    """Have SIGTERM and Ctrl-C end the block, without an error."""
    # SIGINT too: a shell's background job is started with that one ignored
    for number in STOPPING:
        signal.signal(number, interrupt_once)
    try:
        yield
    except KeyboardInterrupt:
        return


@contextmanager
def prepared_server(settings: Settings) -> Iterator[tuple[Settings, "Reference"]]:
    """Bring the database up to date while reference data load; yields settings with its address, and the data."""
    with ExitStack() as stack:
        # no garbage is looked for meanwhile, nor afterwards in what is loaded: that stays, and hardly any is in it
        gc.disable()
        background = ThreadPoolExecutor(2)
        try:
            loading = background.submit(_load_reference, settings.rules, background)
            url = stack.enter_context(started_database(settings, for_server=True))
            reference = loading.result()
            from db.migrate import upgrade  # noqa: PLC0415

            upgrade(url)
        finally:
            # not waited for where the block is left early, as by the wish to stop
            background.shutdown(wait=False, cancel_futures=True)
            gc.freeze()
            gc.enable()
        yield replace(settings, database_url=url), reference


def _load_reference(rules: Rules | None, threads: ThreadPoolExecutor) -> "Reference":
    """The reference data; loads them, and imports all modules of a server."""
    outlines = import_module("matching.geo.territory").outlines
    # two files whose decompression leaves the interpreter to others, here to the imports
    read = [threads.submit(territory.load), threads.submit(outlines, "commune")]
    import_module("api.app")
    import_module("api.commands.serving.server_process")
    for each in read:
        each.result()
    reference: Reference = import_module("matching.reference").load_reference(rules, for_server=True)
    return reference


@contextmanager
def _metrics_folder(chosen: Path | None) -> Iterator[Path]:
    """The folder, emptied first, in which workers count together: the chosen one, else a temporary one."""
    with tempfile.TemporaryDirectory(prefix="vivier-metrics-") as temporary:
        folder = chosen or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for left_over in folder.glob("*.db"):
            left_over.unlink()
        share_metrics(folder)
        yield folder


def listen(host: str, port: int, *, or_next: bool = False) -> socket.socket:
    """A listening socket on this port (0: any free one) or, with `or_next`, the next free one. Raises CommandFailed.

    Connections wait until a server takes them.
    """
    last = min(port + PORTS_TRIED, 65_535) if or_next and port else port
    for candidate in range(port, last + 1):
        try:
            family, _, _, _, place = socket.getaddrinfo(
                host, candidate, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            both = family is socket.AF_INET6 and socket.has_dualstack_ipv6()
            return socket.create_server(place, family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and candidate < last:
                continue
            why = f"cannot listen on {host}, port {port}: {os.strerror(error.errno or 0)}"
            if isinstance(error, socket.gaierror):
                why = f"{host} is not an address of this machine ({error.strerror})"
            elif error.errno == errno.EADDRINUSE:
                tried = f"port {port}" if port == last else f"every port from {port} to {last}"
                why = f"{tried} of {host} is already in use; choose another with --port"
            elif error.errno == errno.EACCES:
                why = f"port {port} needs more rights than this user has; choose one above 1023 with --port"
            raise CommandFailed(why) from None
    raise AssertionError("there is at least one port to try")


def web_address(bound: socket.socket) -> str:
    """The web address of a listening socket, as it can be opened on this machine."""
    host, port = bound.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
