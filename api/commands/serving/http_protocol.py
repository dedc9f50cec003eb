"""HTTP/1.1 on one connection, as uvicorn reads and writes it, within limits that hold for whoever connects.

A client that owes something (a head, a body, reading its answer) has patience for it, in seconds; `sweep` takes from
it, bytes that arrive or leave add to it, and where none is left the connection ends. No timer is set for a request.
"""

import asyncio
from secrets import token_hex
from typing import Any, Literal, NoReturn, cast

import httptools
from litestar.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.runtime.observability import HUNG_UP
from api.runtime.rate_limits import caller_of
from api.settings import Settings
from api.web.content_negotiation import choose_language
from api.web.problems import Refusal, problem_response
from domain.text.bilingual import Text

HEAD_LIMIT = 16 << 10
"""Bytes of a request line and its headers: a browser or a portal sends one or two KiB, proxies admit 8 to 16."""
HEAD_SECONDS = 10.0
"""The time for a head to arrive, from the connection or the first byte of a further request on."""
BODY_SECONDS, READING_SECONDS = 30.0, 30.0
"""The silence that is endured in a body, and of a client that does not read its answer."""
IDLE_SECONDS = 60.0
"""The time between two requests of a connection: as long as most proxies have; one should close its own before."""
SLOWEST_BYTES_PER_SECOND = 8 << 10
"""A slower body, or a slower reader of an answer, uses up its patience."""
LINGER_SECONDS = 2.0
"""The time a refused client has to read why: closed at once, what it still sends would make it lose the answer."""
MOST_DROPPED = 32 << 20
"""Bytes that it may still send meanwhile, which nobody reads: many send all of a body before they read anything."""

MOST_PIPELINED = 16
"""Requests of a connection that wait while one is answered: each is in memory, and each answer lets more be read."""
MOST_SMALL_PIECES, SMALL_PIECE_BYTES = 4_096, 16
"""More pieces of a body are this long on average: what is sent in chunks of a byte takes longest to parse."""

VERSIONS = ("1.1", "1.0")
NO_VERSION = Text("Seuls HTTP/1.1 et HTTP/1.0 sont compris ici", "Only HTTP/1.1 and HTTP/1.0 are understood here")
NO_ONE_HOST = Text("Un en-tête Host est attendu, et un seul", "One Host header is expected, and no more")
Part = Literal["head", "body"]
"""The part of a request that is arriving."""
Owed = Literal["head", "body", "reading", "next request", "close"]
"""The thing that is waited for from a client."""


class _AnswerTransport:
    """The transport of an answer; closed while the request's body arrives, it first lets the client read the answer."""

    __slots__ = ("_protocol", "is_closing", "write")

    def __init__(self, protocol: "HttpProtocol") -> None:
        self._protocol = protocol
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing

    def close(self) -> None:
        """Close the connection; while the request's body is arriving, only after the client has read the answer."""
        if self._protocol.is_body_arriving:
            self._protocol.linger()
        else:
            self._protocol.transport.close()


class HttpProtocol(HttpToolsProtocol):
    """One connection. A request that breaks a limit, or is no HTTP, gets a problem document; `Upgrade` is ignored.

    The parser takes what follows a head with `Upgrade: h2c`, which some clients send with every first request, for
    another protocol and not for the body. Such a head is read again without that header (RFC 9110 §7.8 allows it).
    """

    cycle: RequestResponseCycle | None  # type: ignore[assignment]

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(**given)
        self._settings = settings
        self._seconds: dict[Owed, float] = {
            "head": HEAD_SECONDS,
            "body": BODY_SECONDS,
            "reading": READING_SECONDS,
            "next request": IDLE_SECONDS,
            "close": LINGER_SECONDS,
        }
        self._running: RequestResponseCycle | None = None  # `cycle` is the last one that was read
        self._task: asyncio.Task[None] | None = None
        self._part: Part | None = None
        self._events = 0  # heads begun, heads complete and pieces of bodies, in what is being parsed
        self._unfinished = 0  # bytes parsed since the last of these
        self._body_pieces, self._body_bytes = 0, 0  # of the body that is arriving
        self._is_split = False  # a head that is not in one piece
        self._is_refused, self._dropped = False, 0  # bytes that came after that
        self.owed: Owed | None = None
        self.patience, self._unread = 0.0, 0
        self.address = ""

    def connection_made(self, transport: Any) -> None:
        """Take a connection; of too many, close an idle one, or refuse this one."""
        super().connection_made(transport)
        self.address = caller_of(cast("Scope", {"client": self.client}))
        there, of_one = cast("set[HttpProtocol]", self.connections), self._settings.address_connections
        most, crowd, lingering = self._settings.connections, list[HttpProtocol](), list[HttpProtocol]()
        if len(there) > of_one:
            # those who were refused and linger are no crowd: else one address could have all others refused
            served = [each for each in there if not each._is_refused]  # noqa: SLF001 - of this class
            lingering = [*there.difference(served)]
            is_trusted = self.client and self.client[0] in getattr(self.app, "trusted_hosts", ())
            of_address = [] if is_trusted else [each for each in served if each.address == self.address]
            crowd = served if len(served) > most else of_address if len(of_address) > of_one else []
        idle = [each for each in crowd if each.owed == "next request" and not each.transport.is_closing()]
        if idle:  # whoever has waited longest for its next request makes place
            min(idle, key=lambda each: each.patience).transport.close()
        elif crowd and len(lingering) >= most:
            transport.abort()
        elif crowd:
            self._refuse("too-many-connections")
        elif len(lingering) > most:  # for another reason, after they were served
            min(lingering, key=lambda each: each.patience).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request being answered that its client is gone, and forget the requests that wait behind it.

        One that only reads is ended: nobody is there to read its answer. One that writes may look whether it is wanted.
        """
        self.pipeline.clear()
        if self._running is not None:
            self._running.disconnected = True
            self._running.message_event.set()
            reads = self._running.scope["method"] in {"GET", "HEAD"} and not self._running.response_complete
            if reads and self._task is not None:
                self._task.cancel(HUNG_UP)
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        self._task = self.loop.create_task(cycle.run_asgi(app))
        self._task.add_done_callback(self.tasks.discard)
        self.tasks.add(self._task)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        for start in range(0, len(data), HEAD_LIMIT):
            if self._is_refused:
                self._dropped += len(data) - start
                if self._dropped > MOST_DROPPED:
                    self.transport.abort()
                return
            self._parse_piece(data[start : start + HEAD_LIMIT])

    def _parse_piece(self, piece: bytes) -> None:
        """Parse the next bytes, at most HEAD_LIMIT; refuse what is no HTTP, and a head that is longer than that."""
        begins, self._events, rest = self._part is None, 0, piece
        try:
            while rest:
                try:
                    self.parser.feed_data(rest)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    if not self._is_upgrade_ignored():
                        raise
                    version = self.parser.get_http_version().encode()
                    first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
                    headers = (b"%b: %b" % header for header in self.headers if header[0] != b"upgrade")
                    rest = b"\r\n".join([first, *headers, b"", b""]) + rest[upgrade.args[0] :]
                    self.parser = httptools.HttpRequestParser(self)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._is_refused:
                self.logger.warning("Invalid HTTP request received.")
                self._refuse("bad-request")
            return
        if self._part is not None:
            # a head that begins after the end of another request is counted from the next piece on
            nothing_new = self._events == int(begins)
            self._is_split = self._part == "head"
            self._unfinished = self._unfinished + len(piece) if nothing_new else 0
            if self._unfinished > HEAD_LIMIT:
                self._refuse(self._slug_of_too_large_head())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._part, self.owed, self._unfinished, self._is_split = "head", None, 0, False
        self._body_pieces, self._body_bytes = 0, 0
        self._events += 1

    def on_headers_complete(self) -> None:
        if self._is_split:
            line = b"%b %b HTTP/1.1\r\n\r\n" % (self.parser.get_method(), self.url)
            if len(line) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_LIMIT:
                self._end_parsing(self._slug_of_too_large_head())
        if len(self.pipeline) >= MOST_PIPELINED:
            self._end_parsing("too-many-requests")  # those that wait are answered
        version, hosts = self.parser.get_http_version(), [name for name, _ in self.headers].count(b"host")
        if version not in VERSIONS:
            self._end_parsing("bad-request", NO_VERSION)
        if hosts > 1 or (hosts < 1 and version != "1.0"):  # RFC 9112 §3.2
            self._end_parsing("bad-request", NO_ONE_HOST)
        self._events += 1
        if not self._is_upgrade_ignored():
            super().on_headers_complete()
            if self.cycle is not None and self.parser.get_method() not in {b"GET", b"HEAD"}:
                self.cycle.transport = _AnswerTransport(self)  # type: ignore[assignment]
        self._part = "body"

    def on_body(self, body: bytes) -> None:
        self._events += 1
        self._body_pieces, self._body_bytes = self._body_pieces + 1, self._body_bytes + len(body)
        if self._body_pieces > MOST_SMALL_PIECES and self._body_bytes < SMALL_PIECE_BYTES * self._body_pieces:
            self._end_parsing("bad-request")
        if self.owed == "body":
            self._add_patience(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._part = None
        if not self._is_upgrade_ignored():
            super().on_message_complete()

    def resume_writing(self) -> None:
        self.owed = None  # much was read: its patience begins anew
        super().resume_writing()

    def _is_upgrade_ignored(self) -> bool:
        """Whether the parser is at an `Upgrade` to be ignored, as all but that of CONNECT are."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def sweep(self, seconds: float) -> None:
        """Take `seconds` off the time that the client still has, and close the connection once none is left."""
        owed, unread = self._owed_by_client(), self.transport.get_write_buffer_size()
        if owed != self.owed:
            self.owed, self.patience = owed, self._seconds.get(owed, 0.0) if owed else 0.0
        elif owed is not None:
            if owed == "reading" and unread < self._unread:
                self._add_patience(self._unread - unread)
            self.patience -= seconds
            if self.patience <= 0:
                if owed in {"reading", "close"}:
                    self.transport.abort()
                elif self._part is None:
                    self.transport.close()
                else:
                    self._refuse("request-timeout")
        self._unread = unread

    def _owed_by_client(self) -> Owed | None:
        """The next thing that the client has to do; None while the connection waits for the application."""
        answering = self._request_in_progress()
        if self.transport.get_write_buffer_size():
            return "reading"
        if self._is_refused or self.transport.is_closing():
            return "close" if answering is None or answering.disconnected else None
        if self.flow.read_paused or (answering is not None and answering.waiting_for_100_continue):
            return None
        if self._part is not None or self.cycle is None:
            return "body" if self._part == "body" else "head"
        return "next request" if answering is None else None

    @property
    def begun_answer(self) -> asyncio.Task[None] | None:
        """The task that answers the request; None before a part of the answer was sent."""
        return self._task if self._running is not None and self._running.response_started else None

    @property
    def is_body_arriving(self) -> bool:
        """Whether a part of the body of the request being answered has still to arrive."""
        return self._part == "body" and self.cycle is self._running

    def linger(self) -> None:
        """End the answer, read nothing more, and close once the client does, or after a while."""
        self._part, self._is_refused = None, True
        if not self.transport.is_closing():
            self.transport.write_eof()

    def _request_in_progress(self) -> RequestResponseCycle | None:
        """The request whose answer is not complete; None where there is none."""
        return self.cycle if self.cycle is not None and not self.cycle.response_complete else None

    def _slug_of_too_large_head(self) -> str:
        return "url-too-long" if 2 * len(self.url) > HEAD_LIMIT else "headers-too-large"

    def _add_patience(self, count: int) -> None:
        """Give the client more time, for `count` bytes received or sent."""
        most = self._seconds[self.owed] if self.owed else 0.0
        self.patience = min(self.patience + count / SLOWEST_BYTES_PER_SECOND, most)

    def _refuse(self, slug: str, detail: Text | None = None) -> None:
        """Answer the request that is arriving with the problem `slug`, read nothing more, and close."""
        arriving, self._part, self._is_refused = self._part, None, True
        answering = self._request_in_progress()
        if answering is not None:
            if answering.response_started or arriving != "body":
                answering.keep_alive = False  # another answer is under way: it is the last
                return
            answering.disconnected = True
            answering.message_event.set()
        elif arriving == "body":  # that was answered already
            self.transport.close()
            return
        wished = next((value for name, value in self.headers or () if name.lower() == b"accept-language"), b"")
        refused = problem_response(Refusal(slug, detail), choose_language(wished.decode("latin-1")))
        headers = {
            **{name.decode(): value.decode() for name, value in self.server_state.default_headers},
            **refused.headers,
            "content-type": str(refused.media_type),
            "content-length": str(len(refused.content)),
            "x-request-id": token_hex(16),
            "connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = STATUS_LINE[refused.status_code or 400] + lines.encode("latin-1") + b"\r\n"
        self.transport.write(head + refused.content)
        self.linger()

    def _end_parsing(self, slug: str, detail: Text | None = None) -> NoReturn:
        """Refuse the request (see `_refuse`), and raise the ValueError that ends the parsing."""
        self._refuse(slug, detail)
        raise ValueError
