"""A client that costs little beside the server it loads: raw HTTP/1.1 over reused connections, in one thread.

An answer's head is searched for its status and length, its body is counted and thrown away into one buffer. That took
46 µs of CPU a request of 80 kB where the server's cheapest route took 139: on two cores the server is what is measured.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import uvloop

BUFFER_BYTES = 256 * 1024
HEAD_END = b"\r\n\r\n"


class UnexpectedAnswer(Exception):
    """Raised where the server refuses a request, closes the connection or sends what this client cannot read."""


@dataclass
class Load:
    """The durations of requests in nanoseconds, in the order of their answers, and the bytes of all bodies."""

    nanoseconds: list[int] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.nanoseconds) / self.seconds

    @property
    def mean_bytes(self) -> int:
        return self.bytes // max(1, len(self.nanoseconds))


def request(method: str, path: str, key: str, body: bytes = b"") -> bytes:
    """The bytes of an HTTP request with this key, and this body of JSON if any."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def ask_each(port: int, requests: Iterator[bytes], count: int, connections: int = 1) -> Load:
    """The durations of `count` requests, each sent once its connection is free. Raises UnexpectedAnswer."""
    return _load_connections(port, islice(requests, count), connections, float("inf"))


def ask_for(port: int, requests: Iterator[bytes], seconds: float, connections: int) -> Load:
    """The durations of requests, sent for `seconds` over `connections`, one at least. Raises UnexpectedAnswer."""
    return _load_connections(port, requests, connections, seconds)


def _load_connections(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Load:
    async def load_over_all_connections() -> Load:
        load, loop = Load(), asyncio.get_running_loop()
        started, limit = time.perf_counter(), time.perf_counter() + seconds
        protocols = [_Connection(requests, limit, load) for _ in range(connections)]
        for each in protocols:
            await loop.create_connection(lambda each=each: each, "127.0.0.1", port)  # type: ignore[misc] # as a default
        await asyncio.gather(*(each.done for each in protocols))
        load.seconds = time.perf_counter() - started
        return load

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load_over_all_connections())


class _Connection(asyncio.BufferedProtocol):
    """A connection that sends the next of all requests when its last is answered, until `limit` (one at least)."""

    def __init__(self, requests: Iterator[bytes], limit: float, load: Load) -> None:
        self._requests, self._limit, self._load = requests, limit, load
        self._buffer = bytearray(BUFFER_BYTES)
        self._head = b""
        self._left = -1  # bytes of the body still to come; -1 while the head is read
        self._sent = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and does not say so
        self._send_next()

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - what asyncio calls
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        try:
            if self._left < 0 and (nbytes := self._read_head(nbytes)) < 0:
                return
            self._left -= nbytes
            if self._left == 0:
                self._load.nanoseconds.append(time.perf_counter_ns() - self._sent)
                self._left = -1
                self._send_next()
        except UnexpectedAnswer as error:
            self._finish(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or UnexpectedAnswer("the server closed the connection"))

    def _read_head(self, received: int) -> int:
        """Read the head of an answer; returns how many received bytes belong to the body, -1 while the head is cut."""
        self._head += self._buffer[:received]
        head, end, body = self._head.partition(HEAD_END)
        if not end:
            return -1
        self._head = b""
        if not head.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswer(f"{head!r} {body[:500]!r}")
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at < 0:
            raise UnexpectedAnswer(f"an answer without its length: {head!r}")
        self._left = int(lower[at + 15 :].split(b"\r\n", 1)[0])
        self._load.bytes += self._left
        return len(body)

    def _send_next(self) -> None:
        content = next(self._requests, None) if time.perf_counter() < self._limit or not self._sent else None
        if content is None:
            self._finish()
            return
        self._sent = time.perf_counter_ns()
        self._transport.write(content)

    def _finish(self, error: Exception | None = None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()
