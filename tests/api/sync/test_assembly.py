"""Suppliers of several records are the same wherever they are made."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from socket import socket
from typing import BinaryIO
from uuid import UUID

import msgspec
import pytest

from api.runtime.processes.forked_processes import ForkedProcesses, forked_processes
from api.sync import assembly
from api.sync.assembly import FEW, assembling
from db.imports.prepare_rows import SupplierRow, assembled
from db.suppliers.write import RecordRow
from matching.reference import Reference
from tests.factories import reference

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
CHANGE_SET = 7


def described(count: int) -> dict[UUID, Sequence[RecordRow]]:
    """So many suppliers, each of a record of a source that knows its approvals and of one that knows the rest."""
    return {
        UUID(int=number): [
            row("liste", UUID(int=number), approvals=[{"kind": "ACI", "valid_until": "2027-06-12"}]),
            row("reseau", UUID(int=number), name=f"Atelier {number}", employees=number, offers=[{"segments": ["x"]}]),
        ]
        for number in range(count)
    }


def row(source: str, supplier_id: UUID, **fields: object) -> RecordRow:
    payload = msgspec.json.encode({"name": "Atelier", **fields}).decode()
    flags = '[{"code":"placed_at_commune","detail":"56178"}]'
    return RecordRow(source, "1", payload, 48.07, -2.96, "56178", flags, supplier_id, NOW, NOW, 0)


async def not_here(_: int, __: Mapping[UUID, Sequence[RecordRow]]) -> Sequence[SupplierRow]:
    raise AssertionError


def stop_at_once(_: Reference, __: socket, ___: BinaryIO) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_many_are_made_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of messages that are sent at once too, each with its own."""
    monkeypatch.setattr(assembly, "assemble_here", not_here)
    some, more = described(FEW + 1), described(2 * FEW)
    with forked_processes(reference()) as processes:
        async with assembling(processes) as assemble:
            found = await asyncio.gather(assemble(CHANGE_SET, some), assemble(CHANGE_SET, more))
    assert list(found) == [assembled(CHANGE_SET, some), assembled(CHANGE_SET, more)]


async def test_few_are_made_here() -> None:
    with socket() as nobody:
        async with assembling(ForkedProcesses(nobody)) as assemble:
            assert await assemble(CHANGE_SET, described(FEW)) == assembled(CHANGE_SET, described(FEW))


async def test_where_there_is_no_process_they_are_made_here() -> None:
    some = described(FEW + 1)
    with forked_processes(reference()) as processes:
        pass
    for none in (processes, None):
        async with assembling(none) as assemble:
            assert await assemble(CHANGE_SET, some) == assembled(CHANGE_SET, some)


async def test_where_the_process_ends_at_its_work_they_are_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "answer_each", stop_at_once)
    some = described(FEW + 1)
    with forked_processes(reference()) as processes:
        async with assembling(processes) as assemble:
            for _ in range(2):
                assert await assemble(CHANGE_SET, some) == assembled(CHANGE_SET, some)
