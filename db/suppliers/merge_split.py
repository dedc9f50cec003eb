"""Suppliers that a person merges, and records that a person splits from their supplier.

Such decisions are about records, and hold for them whatever they say later, also if they go and come again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.supplier_tables import merged_records, records, split_records
from db.suppliers.regroup import KEY_ARRAYS, key_arrays, lock_identities, records_of, regroup, supplier_of
from db.suppliers.write import begin_change, publish, rewrite_suppliers, survivors
from domain.errors import Conflict, InvalidContent, Problem, pointer, require_found
from domain.suppliers.deduplication import NameSimilarity, RecordKey
from domain.suppliers.supplier import DECLARATIONS, NO_RECORD, NO_SUPPLIER
from domain.text.bilingual import said_by

_SAID = said_by(__name__)

_DECIDED = text("""
    SELECT decision_id FROM merged_records JOIN unnest(:sources, :ids) AS k(source, external_id)
    USING (source, external_id) GROUP BY decision_id HAVING count(*) = cardinality(:sources) LIMIT 1
""").bindparams(*KEY_ARRAYS)
_UNDO_SPLITS = text("""
    DELETE FROM split_records s USING unnest(:sources, :ids) k(source, external_id),
    unnest(:sources, :ids) o(source, external_id)
    WHERE s.source = k.source AND s.external_id = k.external_id
    AND s.other_source = o.source AND s.other_external_id = o.external_id
""").bindparams(*KEY_ARRAYS)


class SplitResult(msgspec.Struct, frozen=True):
    """The ids of suppliers after a split: the one that lost the record, and the one that the record describes now."""

    kept: UUID
    split: UUID


async def sources_of(connection: Connection, supplier_ids: Sequence[UUID]) -> set[str]:
    """The sources whose records describe these suppliers, which nobody else merges or splits in this transaction.

    Not that of what they say of themselves, which follows them.
    """
    await lock_identities(connection)
    living = await survivors(connection, supplier_ids)
    return {key.source for key in await records_of(connection, set(living.values()))} - {DECLARATIONS}


async def merge_suppliers(
    connection: Connection, supplier_ids: Sequence[UUID], similarity: NameSimilarity, now: datetime
) -> UUID:
    """Merge suppliers, for good, into the oldest of them; returns its id. The caller commits.

    An id that is part of another supplier already stands for that one; merging once more changes nothing. Earlier
    splits between their records are taken back. Raises InvalidContent for ids of no supplier.
    """
    await lock_identities(connection)
    living = await survivors(connection, supplier_ids)
    if unknown := [place for place, each in enumerate(supplier_ids) if each not in living]:
        raise InvalidContent(
            tuple(Problem(pointer("ids", place), "unknown_supplier", NO_SUPPLIER) for place in unknown)
        )
    keys = await records_of(connection, set(living.values()))
    if len(set(supplier_ids)) > 1 and (await connection.execute(_DECIDED, key_arrays(keys))).first() is None:
        await connection.execute(_UNDO_SPLITS, key_arrays(keys))
        decision = new_id(now)
        rows = [{"decision_id": decision, **key._asdict()} for key in keys]
        await connection.execute(insert(merged_records), rows)
        await _regroup_and_publish(connection, keys, similarity, now)
    return (await survivors(connection, supplier_ids))[supplier_ids[0]]


async def split_record(
    connection: Connection, supplier_id: UUID, key: RecordKey, similarity: NameSimilarity, now: datetime
) -> SplitResult:
    """Split a record, for good, from its supplier, whose other records keep the id. The caller commits.

    It is kept apart from every record that describes the supplier now, and may join others; earlier merges of it are
    taken back. Its supplier has the id that it had before it became part of this one, where nobody else has it.
    Splitting once more changes nothing. Raises NotFound for an id of no supplier; InvalidContent for a record that does
    not exist, only adds to suppliers or describes another one; Conflict (`nothing_to_split`) where it is the only one.
    """
    await lock_identities(connection)
    supplier = require_found((await survivors(connection, [supplier_id])).get(supplier_id), NO_SUPPLIER)
    described = await supplier_of(connection, key)
    if described is None:
        adds = await connection.scalar(select(records.c.joins).filter_by(**key._asdict())) is not None
        code, detail = ("adds_by_number", _SAID["by_number"]) if adds else ("unknown_record", NO_RECORD)
        raise InvalidContent((Problem("/record", code, detail),))
    if key.source == DECLARATIONS:
        raise InvalidContent((Problem("/record", "own_word", _SAID["own_word"]),))
    others = [each for each in await records_of(connection, [supplier]) if each != key and each.source != DECLARATIONS]
    if described != supplier:
        apart = select(split_records.c.other_source, split_records.c.other_external_id).filter_by(**key._asdict())
        if {RecordKey(*row) for row in await connection.execute(apart)}.isdisjoint(others):
            raise InvalidContent((Problem("/record", "another_supplier", _SAID["elsewhere"]),))
        return SplitResult(supplier, described)
    if not others:
        raise Conflict("nothing_to_split", _SAID["alone"])
    await connection.execute(delete(merged_records).filter_by(**key._asdict()))
    rows = [
        {**one._asdict(), "other_source": two.source, "other_external_id": two.external_id}
        for other in others
        for one, two in ((key, other), (other, key))
    ]
    await connection.execute(insert(split_records).on_conflict_do_nothing(), rows)
    await _regroup_and_publish(connection, [key, *others], similarity, now, leaving=[key])
    return SplitResult(supplier, await supplier_of(connection, key) or supplier)


async def _regroup_and_publish(
    connection: Connection,
    keys: Iterable[RecordKey],
    similarity: NameSimilarity,
    now: datetime,
    leaving: Sequence[RecordKey] = (),
) -> None:
    change_set = await begin_change(connection)
    regrouped = await regroup(connection, keys, similarity, change_set, now, leaving)
    if regrouped.moved:
        await rewrite_suppliers(connection, regrouped.to_rewrite, change_set, now)
        await publish(connection, change_set)
