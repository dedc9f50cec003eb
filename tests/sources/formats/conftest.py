"""What the readers' tests share: the reference data, and files of a few bytes."""

import io
from collections.abc import Callable, Iterator

import pytest

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.rows import Row, RowError
from sources.formats.registry import read_rows
from sources.rows import Context

Read = Callable[..., list[Row | RowError]]


def new_context() -> Context:
    """The reference data as it comes, and rejects in English."""
    return Context(territory.load(), taxonomy.load(), cpv.load(), language="en")


@pytest.fixture(scope="session")
def context() -> Context:
    return new_context()


@pytest.fixture
def read(context: Context) -> Read:
    """Read bytes in a format and media type, checks included."""

    def rows(data: bytes, media_type: str, name: str = "vivier") -> list[Row | RowError]:
        return list(read_rows(name, io.BytesIO(data), media_type, context))

    return rows


class Endless(io.RawIOBase):
    """A file of `size` bytes made as it is read, of `head` and then one byte repeated, with `tail` at the end."""

    def __init__(self, head: bytes, filler: bytes, size: int, tail: bytes) -> None:
        self._pieces = self._make(head, filler, size, tail)
        self._rest = b""

    @staticmethod
    def _make(head: bytes, filler: bytes, size: int, tail: bytes) -> Iterator[bytes]:
        yield head
        block = filler * 65536
        for _ in range(size // len(block)):
            yield block
        yield tail

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._pieces, b"")
        taken = min(len(self._rest), len(buffer))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
