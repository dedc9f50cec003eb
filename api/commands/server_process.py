"""One process that answers requests until it is told to stop."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from secrets import token_hex

import httptools
import uvicorn
from litestar import Litestar
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.runtime.forked_processes import ForkedProcesses
from api.settings import Settings
from api.web.problems import Refusal, document
from matching.reference import Reference

END_SECONDS = 1
"""The time that requests which outlast the grace have to say so, before their connections are closed."""

STOPPING = (signal.SIGTERM, signal.SIGINT)


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
    raised anew. `on_start` is called once requests are taken.
    """
    services = app.state.services
    grace_seconds = services.settings.grace_seconds
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=grace_seconds + END_SECONDS,
    )
    server = _Server(config, on_start, services.long_polls.end, grace_seconds)
    try:
        server.run(sockets=[bound])
    except SystemExit:  # how uvicorn says that the application did not start; the log says why
        return False
    return server.started


class _Protocol(HttpToolsProtocol):
    """HTTP as uvicorn reads it, but malformed HTTP is refused by a problem document, and `Upgrade` is ignored.

    The parser takes what follows a head with `Upgrade: h2c`, which some clients send with every first request, for
    another protocol and not for the body. Such a head is read again without that header (RFC 9110 §7.8 allows it).
    """

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not self._is_read_again():
                    self.send_400_response("")
                    return
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError:
                self.logger.warning("Invalid HTTP request received.")
                self.send_400_response("")
                return

    def _head_without_upgrade(self) -> bytes:
        first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        headers = (b"%b: %b" % header for header in self.headers if header[0] != b"upgrade")
        return b"\r\n".join([first, *headers, b"", b""])

    def on_headers_complete(self) -> None:
        if not self._is_read_again():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._is_read_again():
            super().on_message_complete()

    def _is_read_again(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (the name is uvicorn's)
        refused = document(Refusal("bad-request"), "fr")
        headers = {
            **{name.decode(): value.decode() for name, value in self.server_state.default_headers},
            **refused.headers,
            "content-type": str(refused.media_type),
            "content-length": str(len(refused.content)),
            "x-request-id": token_hex(16),
            "connection": "close",
        }
        lines = ["HTTP/1.1 400 Bad Request", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode("latin-1") + refused.content)
        self.transport.close()


class _Server(uvicorn.Server):
    """A server that calls `on_start` once it takes requests, and `on_stop` when it is to stop.

    Requests that then last longer than `grace_seconds` are cancelled, while there is still time to answer them.
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stop()
        ending = asyncio.get_running_loop().call_later(self._grace_seconds, self._cancel_requests)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    def _cancel_requests(self) -> None:
        for request in self.server_state.tasks:
            request.cancel()
