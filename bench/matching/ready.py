"""The application with one route more, which answers as many ready bytes as asked: the most that any route could do.

    python -m bench.matching.ready        (prints its address; `bench.matching.search` starts it)

The route is one of the application's own, with its key check, log line and metrics; no database stands behind it.
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from api.app import ROUTES, create_app
from api.commands.serving.serve import end_on_signal, listen, web_address
from api.commands.serving.server_process import serve_requests
from api.runtime.endpoint import Call, endpoint
from api.runtime.observability import configure_logging
from api.runtime.services import Services
from api.settings import read_settings
from matching.reference import load_reference

_READY: dict[int, msgspec.Raw] = {}


@endpoint("GET", "/ready/{size}", tag="Match", scope="match", answers=str)
async def ready(call: Call, size: int) -> msgspec.Raw:  # noqa: ARG001 - what every route takes
    """An answer of `size` bytes of JSON, cached from the first request on."""
    if size not in _READY:
        _READY[size] = msgspec.Raw(b'"%s"' % (b"x" * (size - 2)))
    return _READY[size]


@asynccontextmanager
async def _always_ready(services: Services) -> AsyncIterator[None]:
    """A part of the application, in the place of its index, that is ready from the start."""
    nothing = SimpleNamespace(
        is_ready=True, is_stuck=False, index=SimpleNamespace(data_version=0), lag_seconds=lambda: 0.0
    )
    services.live, services.watch = cast("Any", nothing), cast("Any", SimpleNamespace(version=None, is_answering=False))
    yield


def main() -> None:
    settings = read_settings()
    configure_logging(settings)
    app = create_app(settings, load_reference(), routes=(*ROUTES, ready), parts=(_always_ready,))
    gc.collect()
    gc.freeze()  # as `vivier serve` does
    with end_on_signal(), listen("127.0.0.1", 0) as bound:
        serve_requests(app, bound, lambda: print(f"listens on {web_address(bound)}", flush=True))


if __name__ == "__main__":
    main()
