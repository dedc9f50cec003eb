"""Removal of data past its retention period: a plan, then exactly what was planned, noted in journals."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, bind, transaction
from db.core.uuid7 import lowest_id
from db.idempotency import LIFETIME
from db.journal.entries import next_entry, write_entry
from db.needs.needs import lock_need
from db.persons import erase_persons
from db.schema.campaign_tables import campaigns
from db.schema.organisation_tables import (
    exchanges,
    follow_ups,
    meeting_needs,
    meetings,
    needs,
    participants,
    reply_links,
)
from db.schema.person_tables import desk_accounts, persons
from db.schema.supplier_tables import (
    idempotency_keys,
    import_errors,
    imports,
    organisations,
    webhook_deliveries,
    webhooks,
)
from domain.journal import Actor, Detail, Means
from domain.needs.status import OPEN
from domain.privacy import (
    Kind,
    RetentionBounds,
    RetentionCount,
    RetentionNeed,
    RetentionPeriods,
    RetentionPlan,
    bounds_of,
)
from domain.webhooks import KEPT

# The last thing that happened to a need is its end, or an award noted or signed, or a meeting held, after it. An award
# counts to the end of its day.
_DUE_NEEDS = sa.text("""
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
    sa.bindparam("before", type_=sa.DateTime(timezone=True)),
    sa.bindparam("only", type_=sa.Uuid),
    sa.bindparam("owner", type_=sa.Uuid),
)


class DueRows(NamedTuple):
    """The rows of a table to be removed, which meet `is_due`; `owner`: a row's organisation, NULL if shared."""

    table: sa.Table
    is_due: sa.ColumnElement[bool]
    owner: sa.ColumnElement[Any]


async def plan(
    connection: Connection,
    periods: RetentionPeriods,
    now: datetime,
    spared: Collection[UUID] = (),
    organisation_id: UUID | None = None,
) -> RetentionPlan:
    """A plan to remove what is due at `now`, except needs `spared`: an organisation's and shared data, or all."""
    bounds = bounds_of(periods, now, LIFETIME, KEPT)
    others: list[RetentionCount] = []
    for kind, rows in _due_rows(bounds).items():
        due = sa.select(rows.owner.label("owner")).select_from(rows.table).where(rows.is_due)
        counts = await _count_by_owner(connection, due.subquery())
        own = {owner: count for owner, count in counts.items() if organisation_id in {None, owner} or owner is None}
        others += await _retention_counts(connection, kind, own, bounds)
    over = await _due_needs(connection, bounds.needs, owner=organisation_id)
    return RetentionPlan(now, periods, bounds, [need for need in over if need.id not in spared], others)


async def purge(engine: Engine, planned: RetentionPlan, home: str, means: Means = "command") -> RetentionPlan:
    """Remove what is planned; returns what was removed, as a plan. `home`: in its journal shared data is noted.

    Something that is in use again meanwhile, or gone, is left out. Every removal is noted in the journal of whose it
    was, as done by such `means`. Each need and each kind is removed in a transaction of its own.
    """
    bounds = planned.bounds
    others: list[RetentionCount] = []
    for kind in dict.fromkeys(each.kind for each in planned.others):
        bound = list[tuple[UUID, str]]()
        async with transaction(engine) as connection:
            due = _due_rows(bounds)[kind]
            if due.table is persons:
                query = sa.select(persons.c.id, due.owner).where(due.is_due).order_by(persons.c.id).with_for_update()
                rows = (await connection.execute(query)).all()
                await erase_persons(connection, [row.id for row in rows], planned.at)
                counts: Mapping[UUID | None, int] = Counter(row.organisation_id for row in rows)
                bound.extend((row.organisation_id, f"person:{row.id}") for row in rows)
            elif due.table in (meetings, campaigns):
                gone = sa.delete(due.table).where(due.is_due).returning(due.table.c.id, due.owner)
                rows, name = (await connection.execute(gone)).all(), kind.removesuffix("s")
                for row in sorted(rows):
                    actor = Actor(row.organisation_id, means)
                    await write_entry(connection, actor, f"{name}.purged", f"{name}:{row.id}", planned.at)
                counts = Counter(row.organisation_id for row in rows)
            elif due.table is reply_links:
                gone = sa.delete(reply_links).where(due.is_due).returning(reply_links.c.exchange_id, due.owner)
                rows = (await connection.execute(gone)).all()
                counts = Counter(owner for _, owner in rows)
                bound.extend((owner, f"reply_links:{exchange}") for exchange, owner in rows)
            else:
                removed = sa.delete(due.table).where(due.is_due).returning(due.owner.label("owner"))
                counts = await _count_by_owner(connection, removed.cte())
            shared = await ensure_organisation(connection, home, planned.at)
            for owner, count in sorted((owner or shared, count) for owner, count in counts.items()):
                actor, about = Actor(owner, means), f"retention:{kind}"
                of_owner = [name for whose, name in bound if whose == owner]
                detail: Detail = {"count": count}
                await write_entry(
                    connection, actor, "retention.purged", about, planned.at, detail=detail, about=of_owner
                )
            others += await _retention_counts(connection, kind, counts, bounds)
    # last, or what goes with them would be missing from what was counted
    purged = [need for need in planned.needs if await _purge_need(engine, need, planned, means)]
    return RetentionPlan(planned.at, planned.periods, bounds, purged, others)


def _due_rows(bounds: RetentionBounds) -> dict[Kind, DueRows]:
    """The rows to be removed by kind: those whose period in `bounds` is over, and that nothing uses any more."""
    exchange, ended = exchanges.c.id == reply_links.c.exchange_id, needs.c.status.not_in(OPEN)
    # where an exchange may still be written in, a link that was revoked keeps e-mail from going there
    closed = sa.exists().where(exchange, exchanges.c.need_id == needs.c.id, ended)
    over = sa.func.coalesce(imports.c.finished_at, imports.c.started_at) <= bounds.import_errors
    old = sa.exists().where(imports.c.id == import_errors.c.import_id, imports.c.status != "running", over)
    return {
        "persons": DueRows(
            persons,
            persons.c.erased_at.is_(None)
            & (persons.c.created_at <= bounds.persons)
            & ~_is_in_meeting(meetings.c.ends_at > bounds.persons)
            & ~_has_signed_in(desk_accounts.c.seen_at > bounds.persons),
            persons.c.organisation_id,
        ),
        "reply_links": DueRows(
            reply_links,
            (reply_links.c.expires_at <= bounds.reply_links) & closed,
            sa.select(exchanges.c.organisation_id).where(exchange).scalar_subquery(),
        ),
        "import_errors": DueRows(import_errors, old, sa.cast(sa.null(), sa.Uuid)),
        "answers": DueRows(
            idempotency_keys, idempotency_keys.c.created_at <= bounds.answers, idempotency_keys.c.organisation_id
        ),
        "deliveries": DueRows(
            webhook_deliveries,
            (webhook_deliveries.c.id < lowest_id(bounds.deliveries)) & webhook_deliveries.c.due_at.is_(None),
            sa.select(webhooks.c.organisation_id).where(webhooks.c.id == webhook_deliveries.c.lane).scalar_subquery(),
        ),
        # those about a need go with it
        "meetings": DueRows(
            meetings,
            (meetings.c.ends_at <= bounds.needs) & ~sa.exists().where(meeting_needs.c.meeting_id == meetings.c.id),
            meetings.c.organisation_id,
        ),
        # with their recipients and e-mails; who asked to be written to no more stays known
        "campaigns": DueRows(campaigns, campaigns.c.updated_at <= bounds.campaigns, campaigns.c.organisation_id),
    }


def _is_in_meeting(is_meant: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition that a person takes part in, or has a task from, a meeting that meets the condition `is_meant`."""
    return sa.or_(
        *(
            sa.exists().where(each.c.person_id == persons.c.id, each.c.meeting_id == meetings.c.id, is_meant)
            for each in (participants, follow_ups)
        )
    )


def _has_signed_in(is_meant: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition that a person signed in through an account that meets the condition `is_meant`."""
    return sa.exists().where(desk_accounts.c.person_id == persons.c.id, is_meant)


async def _count_by_owner(connection: Connection, rows: sa.Subquery | sa.CTE) -> Mapping[UUID | None, int]:
    query = sa.select(rows.c.owner, sa.func.count().label("rows")).group_by(rows.c.owner)
    return {row.owner: row.rows for row in await connection.execute(query)}


async def _retention_counts(
    connection: Connection, kind: Kind, counts: Mapping[UUID | None, int], bounds: RetentionBounds
) -> list[RetentionCount]:
    """Make the plan's counts of one kind, with the organisations' names, sorted by name."""
    query = sa.select(organisations.c.id, organisations.c.name).where(organisations.c.id.in_(counts))
    names: dict[UUID | None, str] = {row.id: row.name for row in await connection.execute(query)}
    due = [RetentionCount(kind, names.get(owner), count, getattr(bounds, kind)) for owner, count in counts.items()]
    return sorted(due, key=lambda each: each.organisation or "")


async def _due_needs(
    connection: Connection, before: datetime, *, only: UUID | None = None, owner: UUID | None = None
) -> list[RetentionNeed]:
    """The needs to which nothing happened since `before`: all, those of the organisation `owner`, or the `only` one."""
    rows = await connection.execute(_DUE_NEEDS, {"before": before, "only": only, "owner": owner})
    return [RetentionNeed(**row._asdict()) for row in rows]


async def _purge_need(engine: Engine, planned: RetentionNeed, whole: RetentionPlan, means: Means) -> bool:
    """Remove a planned need with all that belongs to it; False where it is not due any more."""
    async with transaction(engine) as connection:
        if await lock_need(connection, planned.organisation_id, planned.id) is None:
            return False
        due = await _due_needs(connection, whole.bounds.needs, only=planned.id)
        if not due:
            return False
        # with the need go the meetings that are about it alone, and persons whom only they named
        about_it = sa.select(meeting_needs.c.meeting_id).where(meeting_needs.c.need_id == planned.id)
        ids = (await connection.execute(about_it)).scalars().all()
        named = (sa.select(each.c.person_id).where(each.c.meeting_id.in_(ids)) for each in (participants, follow_ups))
        people = set((await connection.execute(sa.union(*named))).scalars()) - {None}
        others = sa.exists().where(meeting_needs.c.meeting_id == meetings.c.id, meeting_needs.c.need_id != planned.id)
        removed = sa.delete(meetings).where(meetings.c.id.in_(ids), ~others).returning(meetings.c.id)
        gone = sorted((await connection.execute(removed)).scalars())
        unnamed = ~_is_in_meeting(sa.true()) & ~_has_signed_in(sa.true())
        unneeded = sa.delete(persons).where(persons.c.id.in_(people), unnamed).returning(persons.c.id)
        bind(connection, *(f"person:{each}" for each in (await connection.execute(unneeded)).scalars()))
        counts: Detail = {name: getattr(due[0], name) for name in ("shortlists", "exchanges", "awards", "meetings")}
        actor, now = Actor(planned.organisation_id, means), whole.at.replace(microsecond=0)
        for meeting in gone:
            await write_entry(connection, actor, "meeting.purged", f"meeting:{meeting}", now)
        entry = await next_entry(connection, actor, "need.purged", f"need:{planned.id}", now, detail=counts)
        purged = sa.func.purge_need(planned.id, now, due[0].meetings, means, entry.signature, type_=sa.LargeBinary)
        if await connection.scalar(sa.select(purged)) != entry.hash:
            raise RuntimeError("the entry that the purge wrote is not the one that was signed")
        for meeting in sorted({*ids} - {*gone}):
            about = f"meeting:{meeting}"
            await write_entry(connection, actor, "meeting.need_purged", about, now, about=(f"meeting_scope:{meeting}",))
    return True
