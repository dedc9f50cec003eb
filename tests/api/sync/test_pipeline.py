"""The heavy parts of an import come out the same wherever they are done; files of other directories are read whole."""

import asyncio
import csv
import gzip
import io
import json
import os
import re
import signal
import socket
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
import pytest

from api.runtime.processes.forked_processes import ForkedProcesses, forked_processes
from api.sync import pipeline
from api.sync.pipeline import FEW, SourceFile, assemble_in_process, import_file, prepare_in_process
from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.imports import run
from db.imports.prepare_rows import SUPPLIER_ID, PreparedBatch, Terms, assemble_suppliers, prepare
from db.imports.run import Order
from db.suppliers.read import Filters, page_of_suppliers
from db.suppliers.records import get_record
from db.suppliers.sources import put_source
from db.suppliers.write import RecordRow
from domain.errors import InvalidContent
from domain.suppliers.source import Import, Source, SourceMapping
from domain.suppliers.supplier import Flag
from matching.geo.projection import register_point
from sources.file_reader import CSV, JSON, NDJSON, ROWS_AT_ONCE, ReadOptions, batches
from sources.rows import MOST_BLANK, UnreadableFile
from tests.factories import reference

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
TERMS = Terms("reseau", 7, NOW, "fr")
CHANGE_SET = 7
ROWS = b"".join(
    msgspec.json.encode({"external_id": str(number), "name": f"Atelier {number}" if number % 50 else " "}) + b"\n"
    for number in range(3 * ROWS_AT_ONCE)
)
LONG = 100_000
HARD_CELLS = ("a" + " " * LONG + "\\b", "x" + ",;" * LONG + "x", "<a " * LONG, "</p " * LONG, "regie " * LONG)


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkedProcesses]:
    assert register_point(655_000, 1_769_000, "971") is not None  # files that this opens are closed there
    with forked_processes(reference()) as processes:
        yield processes


def reading(media_type: str = NDJSON, *, is_gzipped: bool = False) -> ReadOptions:
    return ReadOptions("vivier", media_type, SourceMapping(), "fr", is_gzipped)


def nothing(_: Terms, __: Callable[[], bool]) -> Generator[PreparedBatch, None, None]:
    yield from ()


@contextmanager
def spooled(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def prepared(
    processes: ForkedProcesses, content: bytes = ROWS, how: ReadOptions | None = None, *, new: bool = False
) -> list[PreparedBatch]:
    with spooled(content) as file:
        return list(prepare_in_process(processes, how or reading(), file, otherwise=nothing)(TERMS, lambda: new))


def test_it_makes_of_rows_what_this_process_would(processes: ForkedProcesses) -> None:
    """Errors too."""
    found = prepared(processes)
    here = [prepare(TERMS, batch, expects_new=False) for batch in batches(reading(), io.BytesIO(ROWS), reference())]
    assert found == here
    assert sum(len(batch.rejects) for batch in found) == 3 * ROWS_AT_ONCE // 50


def test_columns_come_as_they_are_stored(processes: ForkedProcesses) -> None:
    """Dates and moments too, of suppliers that are new."""
    approval = {"kind": "ACI", "valid_until": "2027-06-12"}
    row = {"external_id": "1", "name": "Atelier", "approvals": [approval], "address": {"commune": "56178"}}
    content = msgspec.json.encode(row)
    (found,) = prepared(processes, content, new=True)[0].records
    (read,) = batches(reading(), io.BytesIO(content), reference())
    (here,) = prepare(TERMS, read, expects_new=True).records
    assert found._replace(supplier=None) == here._replace(supplier=None)
    assert found.derived is not None
    assert date(2027, 6, 12) in found.derived
    assert found.supplier is not None
    assert here.supplier is not None
    assert [type(value) for value in found.supplier] == [type(value) for value in here.supplier]


def test_coordinates_of_a_register_are_read_there(processes: ForkedProcesses) -> None:
    """What the projections need is at hand in a process that is forked."""
    content = (
        b"siret,categorieJuridiqueUniteLegale,denominationUniteLegale,etatAdministratifEtablissement,codeCommuneEtablissement,"
        b"coordonneeLambertAbscisseEtablissement,coordonneeLambertOrdonneeEtablissement\n"
        b"80746931700018,9220,LES JARDINS,A,35238,351000.5,6789000\n"
    )
    (batch,) = prepared(processes, content, ReadOptions("sirene", CSV, SourceMapping(), "fr"))
    assert batch.rejects == []
    location = batch.records[0].placement.location
    assert location is not None
    assert (round(location.lat, 2), round(location.lon, 2)) == (48.11, -1.69)


def test_suppliers_of_records_expected_to_be_new_are_made(processes: ForkedProcesses) -> None:
    known, new = [prepared(processes, new=new) for new in (False, True)]
    for bare, ready in zip(known, new, strict=True):
        assert [item[:4] for item in bare.records] == [item[:4] for item in ready.records]
        assert all(item.supplier is None for item in bare.records)
        ids = [item.supplier[SUPPLIER_ID] for item in ready.records if item.supplier]
        assert len(ids) == len(ready.records)
        assert ids == sorted(ids)


def test_several_files_are_prepared_at_once_and_apart(processes: ForkedProcesses) -> None:
    with spooled(ROWS) as one, spooled(ROWS) as other:
        first, second = (
            prepare_in_process(processes, reading(), file, otherwise=nothing)(TERMS, lambda: False)
            for file in (one, other)
        )
        with closing(first), closing(second):
            ahead = next(first)
            assert len(list(second)) == 3
            assert ahead.records[0].external_id == "1"
            assert len(list(first)) == 2


@pytest.mark.parametrize(
    ("content", "how", "code"),
    [
        (b"nom\nx\n", reading(CSV), "other_format"),
        (b"external_id,name,commune\n1,x,56260\n", reading(CSV), "unknown_column"),
        (gzip.compress(b"\n" * (MOST_BLANK + 1)), reading(is_gzipped=True), "too_many_blank_lines"),
        # one that is cut is not taken for its end
        (gzip.compress(ROWS)[:-9], reading(is_gzipped=True), "malformed_gzip"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    content: bytes, how: ReadOptions, code: str, processes: ForkedProcesses
) -> None:
    with pytest.raises(UnreadableFile) as refused:
        prepared(processes, content, how)
    assert refused.value.problems[0].code == code


def test_rows_that_take_for_ever_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for the place of such a file."""
    for_ever = (re.match("(a*)*b", "a" * 99) for _ in range(1))
    monkeypatch.setattr(pipeline, "batches", lambda *_: for_ever)
    monkeypatch.setattr(pipeline, "BATCH_SECONDS", 0.05)
    with forked_processes(reference()) as processes, pytest.raises(UnreadableFile) as refused:
        prepared(processes)
    assert refused.value.problems[0].code == "too_slow"


def test_long_texts_are_read_in_a_time_that_grows_with_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would take minutes if it were looked through from each of its letters on."""
    monkeypatch.setattr(pipeline, "BATCH_SECONDS", 5.0)
    elements = [
        {"id": str(number), "name": text, "description": text, "address": {"customFormatedAddress": text}}
        for number, text in enumerate(HARD_CELLS)
    ]
    cells = [(str(number), *[text[: LONG // 3]] * 3) for number, text in enumerate(HARD_CELLS)]
    table = io.StringIO()
    csv.writer(table).writerows([("external_id", "name", "segments", "description"), *cells])
    with forked_processes(reference()) as processes:
        for name, media_type, content in (
            ("gogocarto", JSON, msgspec.json.encode({"data": elements})),
            ("vivier", CSV, table.getvalue().encode()),
        ):
            (batch,) = prepared(processes, content, ReadOptions(name, media_type, SourceMapping(), "fr"))
            assert len(batch.records) + len(batch.rejects) == len(HARD_CELLS)


def test_whoever_stops_listening_leaves_nothing_behind(processes: ForkedProcesses) -> None:
    """The process ends, which closes its end of what it read from."""
    content, theirs = socket.socketpair()
    content.settimeout(60)
    with content:
        content.sendall(ROWS[:100_000])
        content.shutdown(socket.SHUT_WR)
        with theirs, theirs.makefile("rb") as file:
            found = prepare_in_process(processes, reading(), file, otherwise=nothing)(TERMS, lambda: False)
            with closing(found):
                next(found)
        assert content.recv(1) == b""


def test_without_a_process_it_is_done_otherwise() -> None:
    """And nothing of the file is read before."""
    with forked_processes(reference()) as processes:
        pass
    with spooled(ROWS) as file:
        assert list(prepare_in_process(processes, reading(), file, otherwise=nothing)(TERMS, lambda: False)) == []
        assert file.tell() == 0


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


async def test_many_are_made_in_another_process(processes: ForkedProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of messages that are sent at once too, each with its own."""
    monkeypatch.setattr(pipeline, "assemble_in_thread", None)
    some, more = described(FEW + 1), described(2 * FEW)
    async with assemble_in_process(processes) as assemble:
        found = await asyncio.gather(assemble(CHANGE_SET, some), assemble(CHANGE_SET, more))
    assert list(found) == [assemble_suppliers(CHANGE_SET, some), assemble_suppliers(CHANGE_SET, more)]


async def test_few_are_made_here_and_all_where_there_is_no_process() -> None:
    with socket.socket() as nobody:
        for processes, count in ((ForkedProcesses(nobody), FEW), (ForkedProcesses(nobody), FEW + 1), (None, FEW + 1)):
            async with assemble_in_process(processes) as assemble:
                assert await assemble(CHANGE_SET, described(count)) == assemble_suppliers(CHANGE_SET, described(count))


async def test_where_the_process_ends_at_its_work_they_are_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    some = described(FEW + 1)
    made = assemble_suppliers(CHANGE_SET, some)
    monkeypatch.setattr(pipeline, "assemble_suppliers", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with forked_processes(reference()) as processes:
        async with assemble_in_process(processes) as assemble:
            assert [await assemble(CHANGE_SET, some) for _ in range(2)] == [made] * 2


ELEMENTS = [
    {"id": 1, "name": "Cuisines du monde", "geo": {"latitude": 45.65, "longitude": 0.15}, "taxonomy": [10430, 10427]},
    {"id": 2, "name": "Ailleurs", "address": {"addressLocality": "Angoulême", "postalCode": "16000"}},
    {"id": 2, "name": "Encore", "geo": {"latitude": 45.65, "longitude": 0.15}},
]


async def imported(engine: Engine, kind: str, data: bytes, media_type: str) -> Import:
    order = Order(id=new_id(NOW), source=kind, format=kind, language="en")
    return await import_file(engine, reference(), order, SourceFile(io.BytesIO(data), media_type), lambda: NOW)


async def kept(engine: Engine, source: str, external_id: str) -> Any:
    async with transaction(engine) as connection:
        return await get_record(connection, source, external_id)


async def test_a_map_is_read_as_its_source_says(engine: Engine) -> None:
    """The mapping is the source's; what it does not map stays visible as a flag; a repeated element is counted."""
    data = json.dumps({"data": ELEMENTS}).encode()
    await imported(engine, "gogocarto", data, JSON)
    async with transaction(engine) as connection:
        mapping = SourceMapping(categories={"10430": ("rs-traiteur",)})
        await put_source(connection, Source("gogocarto", mapping=mapping), NOW)

    done = await imported(engine, "gogocarto", data, JSON)

    assert (done.received, done.changed, done.unchanged, done.rejected) == (3, 1, 1, 1)
    assert done.errors[0].code == "duplicate_external_id"
    first = await kept(engine, "gogocarto", "1")
    assert [offer.segments for offer in first.record.offers] == [("rs-traiteur",)]
    assert first.placement.commune == "16015"
    assert first.placement.flags == (Flag("unmapped_category", "10427"),)


async def test_a_file_of_rejected_rows_is_given_up(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated ones too; nothing of it is stored."""
    monkeypatch.setattr(run, "MOST_REJECTED", 2)
    with pytest.raises(InvalidContent) as refused:
        await imported(engine, "gogocarto", json.dumps({"data": ELEMENTS[:1] * 4}).encode(), JSON)
    assert refused.value.problems[0].code == "too_many_rejected"
    assert await kept(engine, "gogocarto", "1") is None


async def test_a_contract_waits_for_its_winner_and_then_shows_its_trade(engine: Engine) -> None:
    contract = {
        "id": "2025-12",
        "acheteur": {"id": "22560001400016"},
        "objet": "Entretien des espaces verts des collèges",
        "lieuExecution": {"code": "56", "typeCode": "Code département"},
        "dateNotification": "2025-03-18",
        "titulaires": [{"titulaire": {"typeIdentifiant": "SIRET", "id": "80746931700018"}}],
    }
    data = json.dumps({"marches": {"marche": [contract, contract | {"titulaires": []}]}}).encode()
    done = await imported(engine, "decp", data, JSON)
    assert (done.received, done.waiting, done.rejected, done.data_version) == (2, 1, 1, 0)

    structure = {"id": 7, "type": "ACI", "siret": "80746931700018", "raison_sociale": "ESPOIR", "ville": "Pontivy"}
    done = await imported(engine, "emplois", json.dumps({"results": [structure]}).encode(), JSON)
    assert (done.received, done.added) == (1, 1)
    async with transaction(engine) as connection:
        (entry,) = await page_of_suppliers(connection, Filters(), None, 10)
    found = entry.supplier
    assert (found.name, found.flags) == ("ESPOIR", (Flag("no_place", "Pontivy"),))
    assert {(offer.segments, offer.basis) for offer in found.offers} == {(("ev-entretien",), "awarded")}
    assert [(award.source, award.place) for award in found.public_awards] == [("decp", "Morbihan")]
    again = await imported(engine, "decp", data, JSON)
    assert (again.received, again.unchanged, again.waiting, again.rejected) == (2, 1, 0, 1)


@pytest.mark.parametrize(("kind", "media_type"), [("gogocarto", JSON), ("le-marche", JSON), ("conventions", CSV)])
async def test_an_empty_answer_is_no_rows(engine: Engine, kind: str, media_type: str) -> None:
    data = b"siret,kind\n" if media_type == CSV else b'{"data": [], "results": []}'
    assert (await imported(engine, kind, data, media_type)).received == 0
