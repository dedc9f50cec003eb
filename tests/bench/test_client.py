"""The client of measurements reads answers however they arrive, and counts no answer that is not one."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat

import pytest

from bench.client import UnexpectedAnswer, ask_each, ask_for, request

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: %d\r\n\r\n%s"


@contextmanager
def answering(pieces: list[bytes]) -> Iterator[int]:
    """The port of a server that answers each request with these pieces, sent one by one."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(65_536):
                for piece in pieces:
                    self.request.sendall(piece)
                if not pieces:
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("size", [1, 7, 40, 1_000_000])
def test_answers_are_read_in_pieces_of_any_size(size: int) -> None:
    answer = ANSWER % (300_000, b"x" * 300_000) if size > 40 else ANSWER % (5, b"hello")
    with answering([answer[at : at + size] for at in range(0, len(answer), size)]) as port:
        load = ask_each(port, repeat(request("GET", "/", "key")), 6, connections=2)
    assert (len(load.nanoseconds), load.mean_bytes) == (6, 300_000 if size > 40 else 5)
    assert min(load.nanoseconds) > 0


def test_as_many_are_asked_as_there_is_time_for() -> None:
    with answering([ANSWER % (0, b"")]) as port:
        load = ask_for(port, repeat(request("GET", "/", "key")), 0.05, connections=3)
    assert load.seconds >= 0.05
    assert load.per_second == pytest.approx(len(load.nanoseconds) / load.seconds)


@pytest.mark.parametrize(
    "pieces", [[b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"], [b"HTTP/1.1 200 OK\r\n\r\n"], []]
)
def test_a_refusal_an_answer_without_length_and_a_closed_connection_are_errors(pieces: list[bytes]) -> None:
    with answering(pieces) as port, pytest.raises(UnexpectedAnswer):
        ask_each(port, repeat(request("GET", "/", "key")), 2)
