"""Rows encoded in a process of their own."""

import csv
import gzip
import io
import os
import re
import socket
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import BinaryIO

import msgspec
import pytest

import api.runtime.processes.forked_processes
from api.runtime.processes.forked_processes import ForkedProcesses, ProcessEnded, forked_processes
from db.imports.prepare_rows import SUPPLIER_ID, Prepared, Terms, prepare
from domain.suppliers.source import SourceMapping
from matching.geo.projection import register_point
from sources.file_reader import ROWS_AT_ONCE, Reading, batches
from sources.formats.registry import CSV, JSON, NDJSON
from sources.rows import UnreadableFile
from tests.factories import reference

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
TERMS = Terms("reseau", 7, NOW, "fr")
ROWS = b"".join(
    msgspec.json.encode({"external_id": str(number), "name": f"Atelier {number}" if number % 50 else " "}) + b"\n"
    for number in range(3 * ROWS_AT_ONCE)
)


def reading(media_type: str = NDJSON, *, is_gzipped: bool = False) -> Reading:
    return Reading("vivier", media_type, SourceMapping(), "fr", is_gzipped)


def nothing(_: Terms, __: Callable[[], bool]) -> Generator[Prepared, None, None]:
    yield from ()


@contextmanager
def spooled(content: bytes) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file


def prepared(
    processes: ForkedProcesses, content: bytes = ROWS, how: Reading | None = None, *, new: bool = False
) -> list[Prepared]:
    with spooled(content) as file:
        return list(processes.prepare(how or reading(), file, otherwise=nothing)(TERMS, lambda: new))


def test_it_makes_of_rows_what_this_process_would() -> None:
    """Errors too."""
    with forked_processes(reference()) as processes:
        found = prepared(processes)
    here = [prepare(TERMS, batch, expects_new=False) for batch in batches(reading(), io.BytesIO(ROWS), reference())]
    assert found == here
    assert sum(len(batch.rejects) for batch in found) == 3 * ROWS_AT_ONCE // 50


def test_columns_come_as_they_are_stored() -> None:
    """Dates and moments too, of suppliers that are new."""
    approval = {"kind": "ACI", "valid_until": "2027-06-12"}
    row = {"external_id": "1", "name": "Atelier", "approvals": [approval], "address": {"commune": "56178"}}
    content = msgspec.json.encode(row)
    with forked_processes(reference()) as processes:
        (found,) = prepared(processes, content, new=True)[0].records
    (read,) = batches(reading(), io.BytesIO(content), reference())
    (here,) = prepare(TERMS, read, expects_new=True).records
    assert found._replace(supplier=None) == here._replace(supplier=None)
    assert found.derived is not None
    assert date(2027, 6, 12) in found.derived
    assert found.supplier is not None
    assert here.supplier is not None
    assert [type(value) for value in found.supplier] == [type(value) for value in here.supplier]


def test_coordinates_of_a_register_are_read_there() -> None:
    """What the projections need is at hand in a process that is forked."""
    content = (
        b"siret,categorieJuridiqueUniteLegale,denominationUniteLegale,etatAdministratifEtablissement,codeCommuneEtablissement,"
        b"coordonneeLambertAbscisseEtablissement,coordonneeLambertOrdonneeEtablissement\n"
        b"80746931700018,9220,LES JARDINS,A,35238,351000.5,6789000\n"
    )
    assert register_point(655_000, 1_769_000, "971") is not None  # files that this opens are closed there
    with forked_processes(reference()) as processes:
        (batch,) = prepared(processes, content, Reading("sirene", CSV, SourceMapping(), "fr"))
    assert batch.rejects == []
    location = batch.records[0].placement.location
    assert location is not None
    assert (round(location.lat, 2), round(location.lon, 2)) == (48.11, -1.69)


def test_suppliers_of_records_expected_to_be_new_are_made() -> None:
    with forked_processes(reference()) as processes:
        known, new = [prepared(processes, new=new) for new in (False, True)]
    for bare, ready in zip(known, new, strict=True):
        assert [item[:4] for item in bare.records] == [item[:4] for item in ready.records]
        assert all(item.supplier is None for item in bare.records)
        ids = [item.supplier[SUPPLIER_ID] for item in ready.records if item.supplier]
        assert len(ids) == len(ready.records)
        assert ids == sorted(ids)


def test_several_files_are_prepared_at_once_and_apart() -> None:
    with forked_processes(reference()) as processes, spooled(ROWS) as one, spooled(ROWS) as other:
        first, second = (
            processes.prepare(reading(), file, otherwise=nothing)(TERMS, lambda: False) for file in (one, other)
        )
        with closing(first), closing(second):
            ahead = next(first)
            assert len(list(second)) == 3
            assert ahead.records[0].external_id == "1"
            assert len(list(first)) == 2


def test_a_file_that_cannot_be_read_says_why() -> None:
    with forked_processes(reference()) as processes:
        with pytest.raises(UnreadableFile) as refused:
            prepared(processes, b"nom\nx\n", reading(CSV))
        assert refused.value.problems[0].code == "unknown_column"
        assert len(prepared(processes)) == 3


def test_a_compressed_file_that_is_cut_is_not_taken_for_its_end() -> None:
    compressed = gzip.compress(ROWS)
    with forked_processes(reference()) as processes:
        assert len(prepared(processes, compressed, reading(is_gzipped=True))) == 3
        with pytest.raises(UnreadableFile, match="gzip"):
            prepared(processes, compressed[:-9], reading(is_gzipped=True))


def test_rows_that_take_for_ever_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for the place of such a file."""
    for_ever = (re.match("(a*)*b", "a" * 99) for _ in range(1))
    monkeypatch.setattr(api.runtime.processes.forked_processes, "batches", lambda *_: for_ever)
    monkeypatch.setattr(api.runtime.processes.forked_processes, "BATCH_SECONDS", 0.05)
    with forked_processes(reference()) as processes, pytest.raises(UnreadableFile) as refused:
        prepared(processes)
    assert refused.value.problems[0].code == "too_slow"


LONG = 100_000
HARD_CELLS = ("a" + " " * LONG + "\\b", "x" + ",;" * LONG + "x", "<a " * LONG, "</p " * LONG, "regie " * LONG)


@pytest.mark.parametrize("text", HARD_CELLS, ids=("blanks", "signs", "tags", "ends of tags", "names"))
def test_long_texts_are_read_in_a_time_that_grows_with_their_length(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would take minutes if it were looked through from each of its letters on."""
    element = {"id": "1", "name": text, "description": text, "address": {"customFormatedAddress": text}}
    table = io.StringIO()
    csv.writer(table).writerows([("external_id", "name", "segments", "description"), ("1", text, text, text)])
    monkeypatch.setattr(api.runtime.processes.forked_processes, "BATCH_SECONDS", 5.0)
    with forked_processes(reference()) as processes:
        for name, media_type, content in (
            ("gogocarto", JSON, msgspec.json.encode({"data": [element]})),
            ("vivier", CSV, table.getvalue()[:100_000].encode()),
        ):
            (batch,) = prepared(processes, content, Reading(name, media_type, SourceMapping(), "fr"))
            assert len(batch.records) + len(batch.rejects) == 1


def test_a_process_that_fails_says_of_what(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the place where it failed."""
    monkeypatch.setattr(api.runtime.processes.forked_processes, "batches", lambda *_: iter([None]))
    with forked_processes(reference()) as processes, pytest.raises(AttributeError) as failed:
        prepared(processes)
    assert "prepare_rows.py" in "".join(failed.value.__notes__)


def test_a_process_that_ends_before_its_time_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, out of memory: nothing of it may be taken for a whole file."""
    monkeypatch.setattr(api.runtime.processes.forked_processes, "prepare", lambda *_, **__: os._exit(9))
    with forked_processes(reference()) as processes, pytest.raises(ProcessEnded):
        prepared(processes)


def test_whoever_stops_listening_leaves_nothing_behind() -> None:
    """The process ends, which closes its end of what it read from."""
    content, theirs = socket.socketpair()
    content.settimeout(10)
    with forked_processes(reference()) as processes, content:
        content.sendall(ROWS[:100_000])
        content.shutdown(socket.SHUT_WR)
        with theirs, theirs.makefile("rb") as file:
            found = processes.prepare(reading(), file, otherwise=nothing)(TERMS, lambda: False)
            with closing(found):
                next(found)
        assert content.recv(1) == b""


def test_without_a_process_it_is_done_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether nobody is left to fork one, or a new process does not come up."""
    forker, requests = socket.socketpair()
    requests.close()
    with forker:
        assert prepared(ForkedProcesses(forker)) == []
    monkeypatch.setattr(api.runtime.processes.forked_processes, "_prepare_file", lambda *_: None)
    with forked_processes(reference()) as processes, spooled(ROWS) as file:
        assert list(processes.prepare(reading(), file, otherwise=nothing)(TERMS, lambda: False)) == []
        assert file.tell() == 0


def test_a_process_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(channel: int, *_: object) -> None:
        with socket.socket(fileno=channel) as parent:
            parent.recv(1)  # until nobody listens any more

    monkeypatch.setattr(api.runtime.processes.forked_processes, "_prepare_file", silent)
    monkeypatch.setattr(api.runtime.processes.forked_processes, "START_SECONDS", 0.1)
    with forked_processes(reference()) as processes:
        assert prepared(processes) == []


@pytest.mark.parametrize("work", ["_call", "_serve"])
@pytest.mark.parametrize("sent", [b"", b"\x80\x05"])
def test_whoever_asks_and_goes_away_is_no_failure(work: str, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first message is whole there is nothing to do, and nothing to complain of."""
    monkeypatch.setattr("gc.set_threshold", lambda _: None)
    channel, theirs = socket.socketpair()
    with channel, socket.socket() as requests:
        channel.sendall(sent)
        channel.shutdown(socket.SHUT_WR)
        getattr(api.runtime.processes.forked_processes, work)(theirs.detach(), requests, reference())
        assert channel.recv(10) == b"!"
