"""The documents of all active suppliers, copied whole however the copy is cut."""

from struct import pack

import msgspec
import pytest

from db.core.engine import Engine
from db.suppliers.copy_documents import DirectorySnapshot, Pages, _CopiedFields, copy_documents, shared_snapshot
from domain.suppliers.supplier import Supplier
from tests.db.suppliers.samples import delete, put, record


async def copied(url: str, snapshot: DirectorySnapshot, *pages: Pages) -> list[str]:
    """The names of the suppliers on some pages, else on all."""
    documents: list[bytes] = []
    await copy_documents(url, snapshot.name, pages or [(0, snapshot.pages)], documents.append)
    return [msgspec.json.decode(each, type=Supplier).name for each in documents]


async def test_the_active_suppliers_are_copied_with_their_version(engine: Engine, database_url: str) -> None:
    await put(engine, "1", record("Été & « fils »\n\\.", description="x" * 70_000))
    await put(engine, "2", record("Fermé", active=False))
    await put(engine, "3", record("Parti"))
    await delete(engine, "3")
    async with shared_snapshot(database_url) as snapshot:
        assert await copied(database_url, snapshot) == ["Été & « fils »\n\\."]
    assert snapshot.version == 4
    assert snapshot.uid is not None


async def test_several_that_share_the_pages_copy_each_supplier_once(engine: Engine, database_url: str) -> None:
    """And as they were when the snapshot was made, whatever is written meanwhile."""
    names = [str(number) for number in range(12)]
    for name in names:
        await put(engine, name, record(name, description="x" * 1_500))
    async with shared_snapshot(database_url) as snapshot:
        await put(engine, "0", record("renommé"))
        await put(engine, "12", record("nouveau"))
        middle = snapshot.pages // 2
        halves = [await copied(database_url, snapshot, span) for span in ((0, middle), (middle, snapshot.pages))]
    assert all(halves)
    assert sorted(halves[0] + halves[1], key=int) == names


async def test_an_empty_directory_has_no_version_yet(engine: Engine, database_url: str) -> None:
    async with shared_snapshot(database_url) as snapshot:
        assert (snapshot.version, snapshot.uid) == (0, None)
        assert await copied(database_url, snapshot) == []


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1_000])
async def test_rows_are_read_however_they_are_cut(size: int) -> None:
    fields = [b"", b"{}", b"x" * 30]
    content = bytes(19) + b"".join(pack(">hi", 1, len(each)) + each for each in fields) + b"\xff\xff"
    found: list[bytes] = []
    reading = _CopiedFields(found.append)
    for start in range(0, len(content), size):
        await reading.read(content[start : start + size])
    assert found == fields
