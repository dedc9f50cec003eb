"""Rows prepared in a process of their own."""

import io
import os
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec
import pytest

import api.runtime.import_processes
from api.runtime.import_processes import PreparerEnded, Preparers, forked_preparers
from db.imports.prepare_rows import SUPPLIER_ID, Prepared, Terms, prepare
from domain.suppliers.source import Mapping
from sources.file_reader import ROWS_AT_ONCE, Reading, batches
from sources.formats.registry import CSV, NDJSON
from sources.rows import UnreadableFile
from tests.factories import reference

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
TERMS = Terms("reseau", 7, NOW, "fr")
ROWS = b"".join(
    msgspec.json.encode({"external_id": str(number), "name": f"Atelier {number}" if number % 50 else " "}) + b"\n"
    for number in range(3 * ROWS_AT_ONCE)
)


def reading(media_type: str = NDJSON) -> Reading:
    return Reading("vivier", media_type, Mapping(), "fr")


async def nothing(_: Terms, __: Callable[[], bool]) -> AsyncGenerator[Prepared, None]:
    return
    yield


async def prepared(
    preparers: Preparers, stream: BinaryIO, asked: Reading | None = None, *, new: bool = False
) -> list[Prepared]:
    preparing = preparers.preparing(asked or reading(), stream, otherwise=nothing)
    async with aclosing(preparing(TERMS, lambda: new)) as found:
        return [batch async for batch in found]


async def test_it_makes_of_rows_what_this_process_would() -> None:
    """Rejects too; what has ids of its own is left out of the comparison."""
    with forked_preparers(reference()) as preparers:
        found = await prepared(preparers, io.BytesIO(ROWS))
    here = [prepare(TERMS, batch, likely_new=False) for batch in batches(reading(), io.BytesIO(ROWS), reference())]
    assert [list(batch.arrivals) for batch in found] == [list(batch.arrivals) for batch in here]
    assert [list(batch.rejects) for batch in found] == [list(batch.rejects) for batch in here]
    assert sum(len(batch.rejects) for batch in found) == 3 * ROWS_AT_ONCE // 50


async def test_rows_that_are_likely_new_are_made_ready() -> None:
    with forked_preparers(reference()) as preparers:
        known, new = [await prepared(preparers, io.BytesIO(ROWS), new=new) for new in (False, True)]
    for bare, ready in zip(known, new, strict=True):
        assert [item[:9] for item in bare.arrivals] == [item[:9] for item in ready.arrivals]
        assert all(item.told is None and item.supplier is None for item in bare.arrivals)
        ids = [item.supplier[SUPPLIER_ID] for item in ready.arrivals if item.told and item.supplier]
        assert len(ids) == len(ready.arrivals)
        assert ids == sorted(ids)


async def test_several_files_are_prepared_at_once_and_apart() -> None:
    with forked_preparers(reference()) as preparers:
        first, second = (
            preparers.preparing(reading(), io.BytesIO(ROWS), otherwise=nothing)(TERMS, lambda: False) for _ in range(2)
        )
        async with aclosing(first), aclosing(second):
            ahead = await anext(first)
            assert len([batch async for batch in second]) == 3
            assert ahead.arrivals[0].external_id == "1"
            assert len([batch async for batch in first]) == 2


async def test_a_file_that_cannot_be_read_says_why() -> None:
    with forked_preparers(reference()) as preparers:
        with pytest.raises(UnreadableFile) as refused:
            await prepared(preparers, io.BytesIO(b"nom\nx\n"), reading(CSV))
        assert refused.value.problems[0].code == "unknown_column"
        assert len(await prepared(preparers, io.BytesIO(ROWS))) == 3


class Broken(io.BytesIO):
    """A stream that breaks off after what it has, as a file cut short in its compression does."""

    def __init__(self, content: bytes, failure: Exception) -> None:
        super().__init__(content)
        self.failure = failure

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        if not piece:
            raise self.failure
        return piece


@pytest.mark.parametrize("failure", [EOFError("cut short"), ConnectionResetError("cut short")], ids=repr)
@pytest.mark.parametrize("content", [ROWS, b"nom"], ids=["rows", "unreadable"])
async def test_a_stream_that_breaks_is_not_taken_for_its_end(failure: Exception, content: bytes) -> None:
    asked = reading(NDJSON if content == ROWS else CSV)
    with forked_preparers(reference()) as preparers, pytest.raises(type(failure), match="cut short"):
        await prepared(preparers, Broken(content, failure), asked)


async def test_a_preparer_that_fails_says_of_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.runtime.import_processes, "batches", lambda *_: iter([None]))
    with forked_preparers(reference()) as preparers, pytest.raises(PreparerEnded, match="AttributeError"):
        await prepared(preparers, io.BytesIO(ROWS))


async def test_a_preparer_that_ends_before_its_time_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, out of memory: nothing of it may be taken for a whole file."""
    monkeypatch.setattr(api.runtime.import_processes, "prepare", lambda *_, **__: os._exit(9))
    with forked_preparers(reference()) as preparers, pytest.raises(PreparerEnded):
        await prepared(preparers, io.BytesIO(ROWS))


async def test_whoever_stops_listening_leaves_nothing_behind() -> None:
    """The file is not read on, nor is the process of any use."""
    with forked_preparers(reference()) as preparers:
        stream = io.BytesIO(ROWS)
        preparing = preparers.preparing(reading(), stream, otherwise=nothing)
        async with aclosing(preparing(TERMS, lambda: False)) as found:
            await anext(found)
        at = stream.tell()
        stream.close()
    assert 0 < at <= len(ROWS)


async def test_without_a_process_it_is_done_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether nobody waits at the door any more, or a new process does not come up."""
    door, entrance = socket.socketpair()
    entrance.close()
    with door:
        assert await prepared(Preparers(door), io.BytesIO(ROWS)) == []
    monkeypatch.setattr(api.runtime.import_processes, "_answer", lambda *_: None)
    stream = io.BytesIO(ROWS)
    with forked_preparers(reference()) as preparers:
        assert await prepared(preparers, stream) == []
    assert stream.tell() == 0
