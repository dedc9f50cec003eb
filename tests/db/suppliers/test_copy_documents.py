"""The documents of all active suppliers, copied whole however the copy is cut."""

from struct import pack

import msgspec
import pytest

from db.core.engine import Engine
from db.suppliers.copy_documents import _CopiedFields, copy_documents
from domain.suppliers.supplier import Supplier
from tests.db.suppliers.samples import delete, put, record


async def test_the_active_suppliers_are_copied_with_their_version(engine: Engine, database_url: str) -> None:
    await put(engine, "1", record("Été & « fils »\n\\.", description="x" * 70_000))
    await put(engine, "2", record("Fermé", active=False))
    await put(engine, "3", record("Parti"))
    await delete(engine, "3")
    documents: list[bytes] = []
    version, uid = await copy_documents(database_url, documents.append)
    assert [msgspec.json.decode(each, type=Supplier).name for each in documents] == ["Été & « fils »\n\\."]
    assert version == 4
    assert uid is not None


async def test_an_empty_directory_has_no_version_yet(engine: Engine, database_url: str) -> None:
    documents: list[bytes] = []
    assert await copy_documents(database_url, documents.append) == (0, None)
    assert documents == []


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
async def test_rows_are_read_however_they_are_cut(size: int) -> None:
    fields = [b"", b"{}", b"x" * 30]
    content = bytes(19) + b"".join(pack(">hi", 1, len(each)) + each for each in fields) + b"\xff\xff"
    found: list[bytes] = []
    reading = _CopiedFields(found.append)
    for start in range(0, len(content), size):
        await reading.read(content[start : start + size])
    assert found == fields
