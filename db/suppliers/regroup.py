"""Regrouping of records into suppliers, after records came, changed or went, or persons merged or split some.

The rule is that of `domain.suppliers.deduplication`, but for what a supplier says of itself: such a record follows the
supplier whose id it bears, wherever the others take that. Only records that something links, directly or through
others, to those that changed are read; the caller has called `lock_identities` first, so that no other transaction
groups them meanwhile.

Suppliers that a person merges, and records that a person splits from their supplier: such decisions are about records,
and hold for them whatever they say later, also if they go and come again.
"""

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, BigInteger, DateTime, Uuid, bindparam, delete, func, select, text
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, LockKind, lock
from db.core.uuid7 import new_id
from db.schema.supplier_tables import merged_records, records, split_records, suppliers
from db.suppliers.write import begin_change, publish, rewrite_suppliers, survivors, tombstone_values
from domain.errors import Conflict, InvalidContent, Problem, pointer, require_found
from domain.suppliers.deduplication import (
    BAND_DEGREES,
    Decisions,
    IdentityFacts,
    Member,
    NameSimilarity,
    RecordKey,
    assign_ids,
    partition,
    read_name,
)
from domain.suppliers.supplier import DECLARATIONS, NO_RECORD, NO_SUPPLIER, Point
from domain.text.bilingual import said_by

KEY_ARRAYS = (bindparam("sources", type_=ARRAY(SqlText)), bindparam("ids", type_=ARRAY(SqlText)))

IS_SITE = """strpos({0}.payload::text, '"kind":"ESAT"') > 0"""
"""Whether a row of records is that of an ESAT, as `is_site_of_several` tells it."""
_NEAR = f"""
    r.lat BETWEEN a.lat - {BAND_DEGREES} AND a.lat + {BAND_DEGREES}
    AND least(abs(r.lon - a.lon), 360 - abs(r.lon - a.lon)) * cos(radians(a.lat)) < {BAND_DEGREES}
"""
# The records whose names may be alike to one `a` with a key, a place, and a SIRET or none (`unregistered`); branch by
# branch, so that each has its index.
NAMESAKES = f"""
    SELECT r.source, r.external_id, r.siret FROM records r WHERE r.siret IS NULL AND r.name_key = a.key AND {_NEAR}
    UNION ALL
    SELECT r.source, r.external_id, r.siret FROM records r
    WHERE r.siret IS NOT NULL AND a.unregistered AND r.name_key = a.key AND {_NEAR}
    UNION ALL
    SELECT r.source, r.external_id, r.siret FROM records r
    WHERE (r.siret IS NULL OR a.unregistered) AND r.trade_key = a.key AND {_NEAR}
"""  # noqa: S608 - constants

# Arrays, and LATERAL with OFFSET 0, make look-ups in indexes of what else would be joined by reading the whole table:
# in an import, the planner has not heard yet how much there is.
_LINKED = text(f"""
    WITH asked AS MATERIALIZED (
        SELECT r.*
        FROM unnest(:sources, :ids) AS k(source, external_id) CROSS JOIN LATERAL (
            SELECT r.source, r.external_id, r.supplier_id, r.siret, r.name_key, r.trade_key, r.lat, r.lon
            FROM records r WHERE r.source = k.source AND r.external_id = k.external_id OFFSET 0
        ) r
    ), linked AS (
        SELECT source, external_id FROM asked
        UNION
        SELECT r.source, r.external_id FROM records r
        WHERE r.supplier_id = ANY(ARRAY(SELECT DISTINCT supplier_id FROM asked))
        UNION
        SELECT r.source, r.external_id FROM records r
        WHERE r.siret = ANY(ARRAY(SELECT DISTINCT siret FROM asked WHERE siret IS NOT NULL))
        UNION
        SELECT n.source, n.external_id FROM (
            SELECT DISTINCT key, lat, lon, siret IS NULL AS unregistered
            FROM asked, unnest(ARRAY[name_key, trade_key]) key WHERE key IS NOT NULL
        ) a CROSS JOIN LATERAL ({NAMESAKES}) n
        UNION
        SELECT o.source, o.external_id
        FROM asked JOIN merged_records m USING (source, external_id) JOIN merged_records o USING (decision_id)
    )
    SELECT
        r.source, r.external_id, r.siret, r.name, r.trade_name, r.lat, r.lon, r.in_prison, r.supplier_id, r.created_at,
        {IS_SITE.format("r")} AS is_site, r.changed_at = :now AS changed, r.fresh, r.gone
    FROM linked k CROSS JOIN LATERAL (
        SELECT r.*, s.change_set = :change_set AS fresh, s.deleted AS gone
        FROM records r JOIN suppliers s ON s.id = r.supplier_id
        WHERE r.source = k.source AND r.external_id = k.external_id OFFSET 0
    ) r
""").bindparams(  # noqa: S608 - constants
    *KEY_ARRAYS, bindparam("now", type_=DateTime(timezone=True)), bindparam("change_set", type_=BigInteger)
)

_MERGED = text("""
    SELECT decision_id, source, external_id FROM merged_records WHERE decision_id IN (
        SELECT decision_id FROM merged_records JOIN unnest(:sources, :ids) AS k(source, external_id)
        USING (source, external_id)
    ) ORDER BY decision_id
""").bindparams(*KEY_ARRAYS)
_SPLIT = text("""
    SELECT s.source, s.external_id, s.other_source, s.other_external_id
    FROM split_records s JOIN unnest(:sources, :ids) AS k(source, external_id) USING (source, external_id)
""").bindparams(*KEY_ARRAYS)

_MOVE = text("""
    UPDATE records r SET supplier_id = m.supplier_id, former_id = coalesce(r.former_id, m.former_id)
    FROM unnest(:sources, :ids, :suppliers, :former) m(source, external_id, supplier_id, former_id)
    WHERE r.source = m.source AND r.external_id = m.external_id
""").bindparams(*KEY_ARRAYS, bindparam("suppliers", type_=ARRAY(Uuid)), bindparam("former", type_=ARRAY(Uuid)))
_FORMER = text("""
    SELECT r.source, r.external_id, r.former_id
    FROM records r JOIN unnest(:sources, :ids) AS k(source, external_id) USING (source, external_id)
    JOIN suppliers s ON s.id = r.former_id AND s.deleted
""").bindparams(*KEY_ARRAYS)
_LOST = (bindparam("lost", type_=ARRAY(Uuid)), bindparam("into", type_=ARRAY(Uuid)))
_DELETE_UNSEEN = text("DELETE FROM suppliers WHERE change_set = :change_set AND id = ANY(:lost)").bindparams(
    _LOST[0], bindparam("change_set", type_=BigInteger)
)
_SET_MERGED_INTO = text("""
    UPDATE suppliers s SET merged_into = m.stays FROM unnest(:lost, :into) m(lost, stays) WHERE s.id = m.lost
""").bindparams(*_LOST)


class Regrouping(msgspec.Struct, frozen=True):
    """The outcome of a regrouping: records seen and moved, suppliers absorbed and to be rewritten.

    `seen`: every record that was looked at. `moved`: those that describe another supplier now. `absorbed`: suppliers
    that are part of another one now. `to_rewrite`: living ones whose records are not the same as before.
    """

    seen: Collection[RecordKey] = ()
    moved: dict[RecordKey, UUID] = {}
    absorbed: AbstractSet[UUID] = frozenset()
    to_rewrite: AbstractSet[UUID] = frozenset()


async def lock_identities(connection: Connection) -> None:
    """Lock the grouping of all records into suppliers until the transaction ends."""
    await lock(connection, LockKind.IDENTITY, "")


async def supplier_of(connection: Connection, key: RecordKey) -> UUID | None:
    """The id of the supplier that a record describes; None if there is no such record."""
    return await connection.scalar(select(records.c.supplier_id).filter_by(**key._asdict()))


async def records_of(connection: Connection, supplier_ids: Iterable[UUID]) -> list[RecordKey]:
    """The keys of the records that describe these suppliers, sorted."""
    query = select(records.c.source, records.c.external_id).where(records.c.supplier_id == func.any(list(supplier_ids)))
    return sorted(RecordKey(*row) for row in await connection.execute(query))


async def regroup(
    connection: Connection,
    seeds: Iterable[RecordKey],
    similarity: NameSimilarity,
    change_set: int,
    now: datetime,
    leaving: Collection[RecordKey] = (),
) -> Regrouping:
    """Group the records `seeds`, and all linked to them, into suppliers, whose ids are kept where possible.

    `seeds`: records that came or changed, and those that were one supplier with a record that went: the records of
    other suppliers are not affected by its going. Records that changed at `now`, and those that are `leaving`, keep no
    supplier's id that others can keep; of a record that is leaving, the supplier has its former id again, where nobody
    else has it. Suppliers that are part of another one now become tombstones that point to it.
    Left to the caller: writing `to_rewrite` anew.
    """
    known = await _connected_records(connection, seeds, change_set, now)
    if len(known) < 2:
        return Regrouping(known)
    own_words = _own_words(known)
    told = {key: row for key, row in known.items() if key not in own_words}
    groups = partition(map(_identity_facts, told.values()), similarity, await _read_decisions(connection, told))
    present = [[(key, row) for key in group if not (row := known[key]).gone] for group in groups]
    members = [
        [Member(key, row.supplier_id, row.created_at, row.changed or key in leaving) for key, row in group]
        for group in present
    ]
    fresh = {row.supplier_id for row in known.values() if row.fresh}
    former = await _former_ids(connection, leaving) if leaving else {}

    def make_id(group: Sequence[Member]) -> UUID:
        return next((former[each.key] for each in group if each.key in former), None) or new_id(now)

    ids, absorbed = assign_ids(members, fresh, make_id)
    new_ids = {key: supplier_id for group, supplier_id in zip(groups, ids, strict=True) for key in group}
    new_ids |= {key: _followed_id(key, known[key].supplier_id, ids, absorbed) for key in own_words}
    moved = {key: supplier_id for key, supplier_id in new_ids.items() if known[key].supplier_id != supplier_id}
    if moved:
        await lock(connection, LockKind.MOVE, "")
        # empty rows for new suppliers, so that records can refer to them
        new = set(ids) - {row.supplier_id for row in known.values()}
        if placeholders := [{"id": each, **tombstone_values(change_set, now)} for each in new]:
            # not for a former id, whose row is a tombstone
            await connection.execute(insert(suppliers).on_conflict_do_nothing(), placeholders)
        before = [known[key].supplier_id for key in moved]
        left = [each if each in absorbed and each not in fresh else None for each in before]
        await connection.execute(_MOVE, key_arrays(moved) | {"suppliers": list(moved.values()), "former": left})
        await _write_tombstones(connection, absorbed, fresh, change_set, now)
    touched = {*moved.values(), *(known[key].supplier_id for key in moved if not known[key].gone)}
    return Regrouping(known, moved, absorbed.keys(), touched - absorbed.keys())


async def _connected_records(
    connection: Connection, seeds: Iterable[RecordKey], change_set: int, now: datetime
) -> dict[RecordKey, Any]:
    """The rows of the records `seeds` and of all linked to them, directly or through others, by key."""
    known: dict[RecordKey, Any] = {}
    asked: set[RecordKey] = set()
    to_ask = set(seeds)
    while to_ask:
        asked |= to_ask
        linked = await connection.execute(_LINKED, key_arrays(to_ask) | {"change_set": change_set, "now": now})
        known |= {RecordKey(row.source, row.external_id): row for row in linked}
        to_ask = known.keys() - asked
    return known


def _own_words(known: dict[RecordKey, Any]) -> set[RecordKey]:
    """The records, among the known ones, in which a supplier speaks of itself that other records describe too."""
    described = {row.supplier_id for key, row in known.items() if key.source != DECLARATIONS}
    return {key for key, row in known.items() if key.source == DECLARATIONS and row.supplier_id in described}


def _followed_id(key: RecordKey, present: UUID, ids: Collection[UUID], absorbed: dict[UUID, UUID]) -> UUID:
    """The id of the supplier whose own word a record is: its home if there is one, else whatever that became."""
    home = UUID(key.external_id)
    return home if home in ids else absorbed.get(present, present)


async def _read_decisions(connection: Connection, keys: Iterable[RecordKey]) -> Decisions:
    arrays = key_arrays(keys)
    merged: dict[UUID, list[RecordKey]] = {}
    for row in await connection.execute(_MERGED, arrays):
        merged.setdefault(row.decision_id, []).append(RecordKey(row.source, row.external_id))
    split = [
        (RecordKey(row.source, row.external_id), RecordKey(row.other_source, row.other_external_id))
        for row in await connection.execute(_SPLIT, arrays)
    ]
    return Decisions(tuple(merged.values()), split)


async def _former_ids(connection: Connection, keys: Iterable[RecordKey]) -> dict[RecordKey, UUID]:
    """The former id of the supplier of each record, where it had one that no supplier has now."""
    found = await connection.execute(_FORMER, key_arrays(keys))
    return {RecordKey(row.source, row.external_id): row.former_id for row in found}


async def _write_tombstones(
    connection: Connection, absorbed: dict[UUID, UUID], fresh: set[UUID], change_set: int, now: datetime
) -> None:
    """Make `absorbed` suppliers tombstones that point to what they are part of now; delete the `fresh` ones."""
    unseen = [each for each in absorbed if each in fresh]
    seen = [each for each in absorbed if each not in fresh]
    if unseen:
        await connection.execute(_DELETE_UNSEEN, {"lost": unseen, "change_set": change_set})
    if seen:
        bury = suppliers.update().where(suppliers.c.id == func.any(seen)).values(tombstone_values(change_set, now))
        await connection.execute(bury)
        await connection.execute(_SET_MERGED_INTO, {"lost": seen, "into": [absorbed[each] for each in seen]})


def _identity_facts(row: Any) -> IdentityFacts:
    names = tuple(read_name(name) for name in (row.name, row.trade_name) if name is not None)
    place = None if row.lat is None else Point(row.lat, row.lon)
    return IdentityFacts(RecordKey(row.source, row.external_id), row.siret, names, place, row.in_prison, row.is_site)


def key_arrays(keys: Iterable[RecordKey]) -> dict[str, Sequence[Any]]:
    """The keys of records as the SQL parameters `sources` and `ids`, for queries with `KEY_ARRAYS`."""
    listed = list(keys)
    return {"sources": [key.source for key in listed], "ids": [key.external_id for key in listed]}


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
