"""Suppliers that several records describe, made in another process while the database reads and writes others."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from socket import socket
from typing import BinaryIO
from uuid import UUID

import msgspec

from api.runtime.processes.forked_processes import Channel, ForkedProcesses, ProcessEnded
from db.imports.prepare_rows import Assemble, SupplierRow, assemble_here, assembled
from db.suppliers.write import RecordRow
from matching.reference import Reference

FEW = 200
"""Of no more suppliers, a process would take longer to start than it saves."""
_LENGTH_BYTES = 8

_encode = msgspec.msgpack.Encoder().encode
_read_described = msgspec.msgpack.Decoder(tuple[int, dict[UUID, list[RecordRow]]]).decode
_read_suppliers = msgspec.msgpack.Decoder(list[SupplierRow]).decode


@asynccontextmanager
async def assembling(processes: ForkedProcesses | None) -> AsyncIterator[Assemble]:
    """The function that makes suppliers: of many in one of the processes, which is started when there are first some.

    Where there is none, or it ends at its work, they are made here.
    """
    if processes is None:
        yield assemble_here
        return
    assembly = _Assembly(processes)
    try:
        yield assembly.assemble
    finally:
        assembly.close()


class _Assembly:
    """A process that makes suppliers, once it was started; without one they are made here."""

    def __init__(self, processes: ForkedProcesses) -> None:
        self._processes = processes
        self._channel: Channel | None = None
        self._is_lost = False
        self._one_at_a_time = asyncio.Lock()

    async def assemble(self, change_set: int, described: Mapping[UUID, Sequence[RecordRow]]) -> Sequence[SupplierRow]:
        """As `assembled`."""
        if len(described) > FEW:
            async with self._one_at_a_time:
                if self._channel is None and not self._is_lost:
                    self._channel = await self._processes.serve(answer_each)
                    self._is_lost = self._channel is None
                if self._channel is not None:
                    try:
                        return await _answered(self._channel, _encode((change_set, described)))
                    except ProcessEnded:
                        self._is_lost = True
                        self.close()
        return await assemble_here(change_set, described)

    def close(self) -> None:
        """End the process."""
        if self._channel is not None:
            self._channel[1].close()
            self._channel = None


def answer_each(_: Reference, channel: socket, messages: BinaryIO) -> None:
    """Answer each message with the suppliers that its records describe, until the other end is closed."""
    while length := messages.read(_LENGTH_BYTES):
        content = _encode(assembled(*_read_described(messages.read(int.from_bytes(length)))))
        channel.sendall(len(content).to_bytes(_LENGTH_BYTES))
        channel.sendall(content)


async def _answered(channel: Channel, message: bytes) -> Sequence[SupplierRow]:
    reader, writer = channel
    try:
        writer.write(len(message).to_bytes(_LENGTH_BYTES))
        writer.write(message)
        await writer.drain()
        return _read_suppliers(await reader.readexactly(int.from_bytes(await reader.readexactly(_LENGTH_BYTES))))
    except (EOFError, OSError):
        raise ProcessEnded from None
