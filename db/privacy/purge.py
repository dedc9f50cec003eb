"""What has been kept for its time, and its removal: exactly what was shown before, each noted in a journal."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Table,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
)

from db.api_keys import ensure_organisation
from db.audit import write_entry
from db.core.engine import Connection, Engine, transaction
from db.core.uuid7 import uuid7
from db.exchanges.exchanges import purge_exchanges
from db.idempotency import LIFETIME
from db.meetings.persons import erase_persons
from db.needs.needs import lock_need
from db.schema.exchange_tables import exchanges, reply_links
from db.schema.meeting_tables import follow_ups, meeting_needs, meetings, participants
from db.schema.need_tables import awards, needs
from db.schema.person_tables import persons
from db.schema.supplier_tables import idempotency_keys, import_errors, imports, organisations
from db.schema.webhook_tables import webhook_deliveries, webhooks
from domain.audit import Actor, Detail
from domain.delivery.webhook import KEPT
from domain.needs.status import OPEN
from domain.privacy.retention import Bounds, Due, DueNeed, Kind, Periods, Plan, bounds_of

_NO_RANDOM = bytes(10)

# The last thing that happened to a need is its end, or an award noted or signed, or a meeting held, after it. An award
# counts to the end of its day.
_DUE_NEEDS = text("""
    SELECT n.id, n.organisation_id, o.name AS organisation, n.ended_at, last.at AS last_at,
        n.shortlists, x.count AS exchanges, a.count AS awards, m.count AS meetings
    FROM needs n JOIN organisations o ON o.id = n.organisation_id
    CROSS JOIN LATERAL (SELECT count(*) FROM exchanges WHERE need_id = n.id) x
    CROSS JOIN LATERAL (
        SELECT count(*), max(created_at) AS noted, max((awarded_on + 1)::timestamptz) AS signed
        FROM awards WHERE need_id = n.id
    ) a
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE NOT EXISTS (
            SELECT FROM meeting_needs k WHERE k.meeting_id = m.id AND k.need_id <> n.id
        )), max(m.ends_at) AS held
        FROM meeting_needs l JOIN meetings m ON m.id = l.meeting_id WHERE l.need_id = n.id
    ) m
    CROSS JOIN LATERAL (SELECT greatest(n.ended_at, a.noted, a.signed, m.held) AS at) last
    WHERE n.ended_at <= :before AND last.at <= :before
        AND (CAST(:only AS uuid) IS NULL OR n.id = :only)
        AND (CAST(:owner AS uuid) IS NULL OR n.organisation_id = :owner)
    ORDER BY n.id
""").bindparams(
    bindparam("before", type_=DateTime(timezone=True)), bindparam("only", type_=Uuid), bindparam("owner", type_=Uuid)
)


class Kept(NamedTuple):
    """Rows that are removed one like the other. `owner`: the organisation of a row, None: all share them."""

    table: Table
    is_due: ColumnElement[bool]
    owner: ColumnElement[Any] | None


async def plan(
    connection: Connection,
    periods: Periods,
    now: datetime,
    spared: Collection[UUID] = (),
    organisation_id: UUID | None = None,
) -> Plan:
    """What is due at `now`, without the needs that are `spared`: of all, or of one organisation and what all share."""
    bounds = bounds_of(periods, now, LIFETIME, KEPT)
    counted: dict[Kind, Mapping[UUID | None, int]] = {
        "persons": Counter(row.organisation_id for row in await _due_persons(connection, bounds.persons)),
        **{kind: await _counted(connection, kept) for kind, kept in _others(bounds).items()},
    }
    if organisation_id is not None:
        own = {None, organisation_id}
        counted = {kind: {who: many for who, many in found.items() if who in own} for kind, found in counted.items()}
    names = await _named(connection, {owner for owners in counted.values() for owner in owners})
    others = [
        Due(kind, names[owner], counted[kind][owner], getattr(bounds, kind))
        for kind in counted
        for owner in sorted(counted[kind], key=lambda each: names[each] or "")
    ]
    over = await _due_needs(connection, bounds.needs, owner=organisation_id)
    due = [need for need in over if need.id not in spared]
    return Plan(now, periods, bounds, due, others)


async def purge(engine: Engine, planned: Plan, home: str) -> Plan:
    """Remove what was planned, each need and each kind in a transaction of its own; what was removed.

    Something that is in use again meanwhile, or gone, is left out. Every removal is noted in the journal of whose it
    was; of what all share, in that of the organisation `home`.
    """
    bounds = planned.bounds
    others: list[Due] = []
    for kind in dict.fromkeys(each.kind for each in planned.others):
        async with transaction(engine) as connection:
            if kind == "persons":
                counted = await _purge_persons(connection, bounds.persons, planned.at)
            else:
                counted = await _purge_rows(connection, _others(bounds)[kind])
            shared = await ensure_organisation(connection, home, planned.at)
            await _note(connection, kind, {owner or shared: count for owner, count in counted.items()}, planned.at)
            names = await _named(connection, counted)
        others += [Due(kind, names[owner], count, getattr(bounds, kind)) for owner, count in counted.items()]
    # last, or what goes with them would be missing from what was counted
    gone = [need for need in planned.needs if await _purge_need(engine, need, planned)]
    return Plan(planned.at, planned.periods, bounds, gone, others)


def _others(bounds: Bounds) -> dict[Kind, Kept]:
    exchange, ended = exchanges.c.id == reply_links.c.exchange_id, needs.c.status.not_in(OPEN)
    # where an exchange may still be written in, a link that was revoked keeps e-mail from going there
    closed = exists().where(exchange, exchanges.c.need_id == needs.c.id, ended)
    over = func.coalesce(imports.c.finished_at, imports.c.started_at) <= bounds.import_errors
    old = exists().where(imports.c.id == import_errors.c.import_id, imports.c.status != "running", over)
    sent = webhook_deliveries.c
    return {
        "reply_links": Kept(
            reply_links,
            (reply_links.c.expires_at <= bounds.reply_links) & closed,
            select(exchanges.c.organisation_id).where(exchange).scalar_subquery(),
        ),
        "import_errors": Kept(import_errors, old, None),
        "answers": Kept(
            idempotency_keys, idempotency_keys.c.created_at <= bounds.answers, idempotency_keys.c.organisation_id
        ),
        "deliveries": Kept(
            webhook_deliveries,
            (sent.id < uuid7(bounds.deliveries, _NO_RANDOM)) & sent.due_at.is_(None),
            select(webhooks.c.organisation_id).where(webhooks.c.id == sent.lane).scalar_subquery(),
        ),
    }


async def _counted(connection: Connection, kept: Kept) -> Mapping[UUID | None, int]:
    if kept.owner is None:
        count = await connection.scalar(select(func.count()).select_from(kept.table).where(kept.is_due)) or 0
        return {None: count} if count else {}
    each = select(kept.owner.label("owner")).select_from(kept.table).where(kept.is_due).subquery()
    query = select(each.c.owner, func.count().label("rows")).group_by(each.c.owner)
    return {row.owner: row.rows for row in await connection.execute(query)}


async def _purge_rows(connection: Connection, kept: Kept) -> Mapping[UUID | None, int]:
    gone = delete(kept.table).where(kept.is_due)
    if kept.owner is None:
        count = (await connection.execute(gone)).rowcount
        return {None: count} if count else {}
    return Counter((await connection.execute(gone.returning(kept.owner))).scalars())


async def _due_persons(connection: Connection, before: datetime, *, hold: bool = False) -> Sequence[Any]:
    """Who was named, and took part in a meeting, `before` for the last time."""
    own = persons.c
    came = exists().where(participants.c.meeting_id == meetings.c.id, participants.c.person_id == own.id)
    follows = exists().where(follow_ups.c.meeting_id == meetings.c.id, follow_ups.c.person_id == own.id)
    since = exists().where(or_(came, follows), meetings.c.ends_at > before).correlate(persons)
    query = select(own.id, own.organisation_id).where(own.erased_at.is_(None), own.created_at <= before, ~since)
    return (await connection.execute(query.order_by(own.id).with_for_update() if hold else query)).all()


async def _purge_persons(connection: Connection, before: datetime, now: datetime) -> Mapping[UUID | None, int]:
    due = await _due_persons(connection, before, hold=True)
    await erase_persons(connection, [row.id for row in due], now)
    return Counter(row.organisation_id for row in due)


async def _due_needs(
    connection: Connection, before: datetime, *, only: UUID | None = None, owner: UUID | None = None
) -> list[DueNeed]:
    rows = await connection.execute(_DUE_NEEDS, {"before": before, "only": only, "owner": owner})
    return [DueNeed(**row._asdict()) for row in rows]


async def _purge_need(engine: Engine, planned: DueNeed, whole: Plan) -> bool:
    async with transaction(engine) as connection:
        if await lock_need(connection, planned.organisation_id, planned.id) is None:
            return False
        due = await _due_needs(connection, whole.bounds.needs, only=planned.id)
        if not due:
            return False
        about = select(meeting_needs.c.meeting_id).where(meeting_needs.c.need_id == planned.id)
        met = (await connection.execute(about)).scalars().all()
        await purge_exchanges(connection, planned.id)
        await connection.execute(delete(awards).where(awards.c.need_id == planned.id))
        await connection.execute(delete(needs).where(needs.c.id == planned.id))
        await _purge_meetings(connection, met)
        counts = {name: getattr(due[0], name) for name in ("shortlists", "exchanges", "awards", "meetings")}
        actor = Actor(planned.organisation_id, "command")
        await write_entry(connection, actor, "need.purged", f"need:{planned.id}", whole.at, detail=counts)
    return True


async def _purge_meetings(connection: Connection, ids: Sequence[UUID]) -> None:
    """Of these meetings, remove those that are about no need any more, and whoever is named nowhere else."""
    named = select(participants.c.person_id).where(participants.c.meeting_id.in_(ids))
    named_too = select(follow_ups.c.person_id).where(follow_ups.c.meeting_id.in_(ids))
    people = set((await connection.execute(named.union(named_too))).scalars()) - {None}
    about = exists().where(meeting_needs.c.meeting_id == meetings.c.id)
    await connection.execute(delete(meetings).where(meetings.c.id.in_(ids), ~about))
    elsewhere = or_(
        exists().where(participants.c.person_id == persons.c.id), exists().where(follow_ups.c.person_id == persons.c.id)
    )
    await connection.execute(delete(persons).where(persons.c.id.in_(people), ~elsewhere))


async def _named(connection: Connection, owners: Collection[UUID | None]) -> dict[UUID | None, str | None]:
    query = select(organisations.c.id, organisations.c.name).where(organisations.c.id.in_(owners))
    return {None: None} | {row.id: row.name for row in await connection.execute(query)}


async def _note(connection: Connection, kind: Kind, counted: Mapping[UUID, int], now: datetime) -> None:
    for owner in sorted(counted):
        detail: Detail = {"count": counted[owner]}
        await write_entry(
            connection, Actor(owner, "command"), "retention.purged", f"retention:{kind}", now, detail=detail
        )
