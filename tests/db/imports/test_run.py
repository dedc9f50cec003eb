"""Bulk imports."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from db.core.engine import Engine
from db.imports import run, stage
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, close_interrupted, get_import, list_errors, list_imports, run_import
from db.suppliers.feed import LAST_ID, Position, changes_after
from db.suppliers.records import get_record
from db.suppliers.sources import get_source
from domain.errors import Conflict
from domain.suppliers.source import Batch, Import, Row, RowError
from tests.db.suppliers.samples import (
    LATER,
    NOW,
    Gate,
    ask,
    batches,
    broken,
    counts,
    described,
    execute,
    load,
    lock_is_awaited,
    names,
    new_id,
    put,
    row,
    rows,
    same_name,
    version,
)


async def test_added_changed_and_unchanged_rows_are_told_apart_and_keep_their_suppliers(engine: Engine) -> None:
    """The same rows again change nothing but the receipt, also of what was put by itself."""
    await put(engine, "a", row(1, "a").record)
    assert counts(await load(engine, rows("a", "b", "x"))) == {"received": 3, "added": 2, "unchanged": 1}
    again = await load(engine, rows("a", "b"), now=LATER)
    assert counts(again) == {"received": 2, "unchanged": 2}
    assert again.data_version == await version(engine) == 2
    stored = await ask(engine, get_record, "reseau", "a")
    assert stored is not None
    assert (stored.received_at, stored.changed_at) == (LATER, NOW)

    before = await described(engine, "b")
    done = await load(engine, [row(1, "a"), row(2, "b", "Atelier neuf"), row(3, "c")])
    assert counts(done) == {"received": 3, "added": 1, "changed": 1, "unchanged": 1}
    assert await names(engine) == ["Atelier a", "Atelier c", "Atelier neuf", "Atelier x"]
    assert await described(engine, "b") == before is not None


async def test_rejects_are_kept_with_their_place(engine: Engine) -> None:
    done = await load(engine, [broken(1, "x"), row(2, "a"), broken(3, None)])

    assert counts(done) == {"received": 3, "added": 1, "rejected": 2}
    expected = [broken(1, "x"), broken(3, None)]
    assert list(done.errors) == expected
    assert await ask(engine, get_import, done.id) == done
    assert await ask(engine, list_errors, done.id, 0, 1) == expected[:1]
    assert await ask(engine, list_errors, done.id, 1, 1) == expected[1:]


async def test_the_rows_rejected_are_stored_up_to_a_number(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an import the first, of a source those of the latest imports; all are counted, and none counts as absent."""
    for module, name, most in ((stage, "MOST_ERRORS", 3), (run, "MOST_ERRORS", 3), (run, "MOST_ERRORS_OF_SOURCE", 7)):
        monkeypatch.setattr(module, name, most)
    await load(engine, rows(*"ab"))
    other = await load(engine, [broken(1, "x")], source="ville")
    first = await load(engine, [broken(line, None) for line in range(1, 9)])
    second = await load(engine, [broken(1, "x"), *(broken(line, None) for line in range(2, 9)), broken(9, "b")])
    content: list[Row | RowError] = [*(broken(line, None) for line in range(1, 8)), broken(8, "b"), row(9, "c")]
    third = await load(engine, content, mode="snapshot")
    assert (counts(first), counts(second)) == ({"received": 8, "rejected": 8}, {"received": 9, "rejected": 9})
    assert counts(third) == {"received": 9, "added": 1, "kept_absent": 1, "rejected": 8}
    stored = [await ask(engine, list_errors, each.id, 0, 9) for each in (other, first, second, third)]
    assert [[error.line for error in each] for each in stored] == [[1], [], [1, 2, 3], [1, 2, 3]]


async def test_a_repeated_external_id_is_rejected_and_the_first_row_stands(engine: Engine) -> None:
    """In one batch and across batches; JSON without line breaks has all its rows on line 1."""
    done = await load(engine, [row(1, "a", "premier"), row(2, "a", "deuxième"), row(3, "b"), row(4, "a", "troisième")])
    assert counts(done) == {"received": 4, "added": 2, "rejected": 2}
    assert [(error.line, error.code, "ligne 1" in error.detail) for error in done.errors] == [
        (2, "duplicate_external_id", True),
        (4, "duplicate_external_id", True),
    ]
    on_one_line = [row(1, "a", "premier"), row(1, "a", "premier"), row(1, "a", "deuxième"), row(1, "b")]
    assert counts(await load(engine, on_one_line, source="ville")) == {"received": 4, "added": 2, "rejected": 2}
    assert await names(engine) == ["Atelier b", "premier"]


async def test_what_postgresql_cannot_hold_is_rejected_not_fatal(engine: Engine) -> None:
    done = await load(engine, [row(1, "a", "A\0B"), row(2, "b\0"), row(3, "c"), broken(4, "d\0")])
    assert counts(done) == {"received": 4, "added": 1, "rejected": 3}
    assert [error.code for error in done.errors] == ["null_character", "null_character", "invalid_siret"]


async def test_a_snapshot_removes_what_is_absent(engine: Engine) -> None:
    """As a version, also where nothing else is new."""
    await load(engine, rows(*"abcdef"))
    await load(engine, rows("elsewhere"), source="ville")
    done = await load(engine, rows(*"bcdef"), mode="snapshot")

    assert counts(done) == {"received": 5, "unchanged": 5, "removed": 1}
    assert done.data_version == 3
    assert await names(engine) == [f"Atelier {name}" for name in ("b", "c", "d", "e", "elsewhere", "f")]
    assert [each.supplier for each in await ask(engine, changes_after, Position(2, LAST_ID), 10)] == [None]


async def test_what_is_removed_is_found_by_joins_however_many_rows_are_rejected(engine: Engine) -> None:
    """A subplan for each record may go through all rejected rows: minutes for 260,000 records and 180,000 rejects."""
    plans: list[str] = []

    def explain_removal(connection: Any, _: object, statement: str, parameters: Any, *__: object) -> None:
        if "DELETE FROM records" in statement and not statement.startswith("EXPLAIN"):
            plans.append("\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars()))

    await load(engine, rows(*"abcdef"))
    event.listen(engine.sync_engine, "before_cursor_execute", explain_removal)
    content = [broken(1, "a"), RowError(2, "b", "", "withheld", ""), *rows("c")]
    done = await load(engine, content, mode="snapshot", force=True)
    event.remove(engine.sync_engine, "before_cursor_execute", explain_removal)

    assert counts(done) == {"received": 3, "unchanged": 1, "rejected": 2, "removed": 4}
    assert "SubPlan" not in "".join(plans)
    assert len(plans) == 2


async def test_a_snapshot_that_would_remove_more_than_a_fifth_is_refused_and_says_why(engine: Engine) -> None:
    """Exactly a fifth goes through; a dry run answers as the import would."""
    await load(engine, rows(*"abcde"))
    refused, content = new_id(), [*rows("a", "b", "c"), row(4, "new")]
    for dry_run in (True, False):
        with pytest.raises(Conflict, match="remove 2 of the source's 5"):
            await load(engine, content, id=refused, mode="snapshot", dry_run=dry_run)
    kept = await ask(engine, get_import, refused)
    assert kept is not None
    assert (kept.status, kept.received, kept.unchanged) == ("refused", 4, 0)
    assert str(kept.failure).startswith("Cet envoi retirerait 2 des 5 fi")

    assert (len(await names(engine)), await version(engine)) == (5, 1)
    assert counts(await load(engine, rows("a", "b", "c"), mode="snapshot", force=True))["removed"] == 2
    assert counts(await load(engine, rows("a", "b"), mode="snapshot", force=True))["removed"] == 1


async def test_a_row_without_a_readable_id_may_be_any_absent_record(engine: Engine) -> None:
    """One such row spares one absent record; two absent ones cannot both be meant by it."""
    await load(engine, rows(*"abcdefghij"))
    spared = await load(engine, [*rows(*"bcdefghij"), broken(10, None)], mode="snapshot")
    removed = await load(engine, [*rows(*"cdefghij"), broken(9, None)], mode="snapshot")

    assert counts(spared) == {"received": 10, "unchanged": 9, "kept_absent": 1, "rejected": 1}
    assert counts(removed) == {"received": 9, "unchanged": 8, "removed": 2, "rejected": 1}


async def test_a_dry_run_answers_exactly_and_leaves_nothing(engine: Engine) -> None:
    await load(engine, rows(*"abcdef"))
    content = [*rows(*"abcd"), row(5, "e", "Atelier neuf"), row(6, "new"), row(7, "new")]
    content += [broken(8, None), broken(9, "x")]
    rehearsed = await load(engine, content, mode="snapshot", dry_run=True, force=True)
    assert [done.added for done in await ask(engine, list_imports, "reseau", None, 10)] == [6]
    assert await names(engine) == [f"Atelier {letter}" for letter in "abcdef"]
    await load(engine, rows("a"), source="ville", dry_run=True)
    assert await ask(engine, get_source, "ville") is None

    done = await load(engine, content, mode="snapshot", force=True)

    assert counts(rehearsed) == counts(done)
    assert counts(done) == {"received": 9, "added": 1, "changed": 1, "unchanged": 4, "kept_absent": 1, "rejected": 3}
    assert (rehearsed.errors, rehearsed.data_version, done.data_version) == (done.errors, 1, 2)


async def test_long_documents_are_stored_as_they_are(engine: Engine) -> None:
    """Whether their rows are new or changed."""
    for words in ("Entretien ", "Nettoyage "):
        await load(engine, [row(1, "1", description=words * 300)])
        for table, column in (("records", "payload"), ("suppliers", "document")):
            assert await execute(engine, f"SELECT pg_column_compression({column}) FROM {table}") == [(None,)]


async def test_a_stream_that_breaks_imports_nothing(engine: Engine) -> None:
    def failing() -> Iterator[Batch]:
        yield from batches(rows("a", "b", "c"))
        raise EOFError

    order = Order(id=new_id(), source="reseau")
    with pytest.raises(EOFError):
        await run_import(engine, order, prepare_here(failing()), lambda: NOW, same_name)
    assert await names(engine) == []
    kept = await ask(engine, get_import, order.id)
    assert kept is not None
    assert (kept.status, kept.added, kept.finished_at, kept.failure) == ("failed", 0, NOW, "EOFError")


async def begin(engine: Engine) -> tuple[Gate, Order, "asyncio.Task[Import]"]:
    """An import of four rows that waits once two are staged."""
    gate, order = Gate(rows("a", "b"), [row(3, "c"), row(4, "d")]), Order(id=new_id(), source="reseau")
    return gate, order, await gate.begin(engine, order)


async def progress(engine: Engine, order: Order, received: int) -> Import:
    """The import as another connection sees it, once it has received so many rows."""
    async with asyncio.timeout(60):
        while True:
            seen = await ask(engine, get_import, order.id)
            if seen is not None and seen.received >= received:
                return seen


async def test_progress_is_seen_from_outside_while_rows_are_not(engine: Engine) -> None:
    gate, order, running = await begin(engine)
    seen = await progress(engine, order, 2)

    assert (seen.status, seen.received, seen.added, seen.data_version) == ("running", 2, 2, None)
    assert await names(engine) == []
    gate.open()
    assert counts(await running) == {"received": 4, "added": 4}


async def test_a_cancelled_import_leaves_nothing(engine: Engine) -> None:
    gate, order, running = await begin(engine)
    running.cancel()
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await names(engine) == []
    kept = await ask(engine, get_import, order.id)
    assert kept is not None
    assert (kept.status, kept.added) == ("interrupted", 0)


async def test_imports_and_puts_wait_for_an_import_of_their_source_alone(engine: Engine) -> None:
    """They find all that it stored."""
    gate, _, first = await begin(engine)
    assert counts(await load(engine, rows("a"), source="ville")) == {"received": 1, "added": 1}
    assert (await put(engine, source="ville")).status == "created"
    waiting = asyncio.gather(load(engine, rows("a", "b", "c", "d")), put(engine, "a", row(1, "a").record))
    await lock_is_awaited(engine, number=2)
    gate.open()

    assert counts(await first) == {"received": 4, "added": 4}
    second, written = await waiting
    assert (counts(second), written.status) == ({"received": 4, "unchanged": 4}, "unchanged")


async def test_an_import_whose_server_died_is_closed(engine: Engine) -> None:
    """One that still runs is left alone."""
    gate, order, running = await begin(engine)
    dead = new_id()
    columns = "source, format, mode, status, started_at"
    await execute(engine, f"INSERT INTO imports (id, {columns}) SELECT '{dead}', {columns} FROM imports")
    await ask(engine, close_interrupted, LATER)
    found = [await ask(engine, get_import, each) for each in (dead, order.id)]
    gate.open()
    await running

    assert [each and (each.status, each.finished_at) for each in found] == [("interrupted", LATER), ("running", None)]


async def test_a_killed_connection_leaves_the_source_as_it_was(engine: Engine) -> None:
    gate, _, running = await begin(engine)
    await execute(
        engine, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    )
    gate.open()
    with pytest.raises(DBAPIError):
        await running

    assert await names(engine) == []
    assert counts(await load(engine, rows("a"))) == {"received": 1, "added": 1}
