"""Needs of an organisation: every function takes the organisation, and finds no need of another one.

Besides the needs: their progress, for a whole page of needs at once; their awards, of which one that was entered by
mistake is marked as withdrawn, not deleted; the other markets of a buyer in one calendar year, with no more than their
values are added up from; and the room that an organisation takes in the database.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from db.core.engine import Connection, bind, document_with_later_members, is_above, is_below, read_all, read_first
from db.core.uuid7 import new_id
from db.schema.campaign_tables import campaign_recipients, campaigns, declaration_links
from db.schema.organisation_tables import (
    awards,
    exchange_recipients,
    exchanges,
    follow_ups,
    meeting_needs,
    meetings,
    message_handovers,
    messages,
    needs,
    participants,
    shortlist_decisions,
    shortlists,
)
from db.schema.supplier_tables import Document, idempotency_keys, records
from db.suppliers.write import survivors
from domain.errors import Conflict
from domain.needs.need import Award, Need, OtherNeed, PastAward, PlannedNeed
from domain.needs.status import Progress, Status, StoredNeed
from domain.text.bilingual import said_by

_COLUMNS = [needs.c[name] for name in StoredNeed.__struct_fields__]
_AWARD = [awards.c[name] for name in Award.__struct_fields__]


class NeedFilters(msgspec.Struct, frozen=True):
    """Conditions of a list of needs, None for no condition; the days are of the planned publication, inclusive."""

    statuses: tuple[Status, ...] | None = None
    planned_from: date | None = None
    planned_to: date | None = None


class NeedName(msgspec.Struct, frozen=True):
    """The id, title and reference of a need."""

    id: UUID
    title: str | None
    reference: str | None


async def insert_need(connection: Connection, organisation_id: UUID, content: PlannedNeed, now: datetime) -> StoredNeed:
    """Store a new need, as a draft."""
    need = StoredNeed(
        id=new_id(now), status="draft", version=1, content=content, shortlists=0, created_at=now, updated_at=now
    )
    row = msgspec.structs.asdict(need) | {"organisation_id": organisation_id}
    await connection.execute(sa.insert(needs).values(row))
    return need


async def select_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed | None:
    """The need with this id; None where the organisation has none."""
    return await read_first(connection, sa.select(*_COLUMNS).where(_is_own_need(organisation_id, need_id)), StoredNeed)


async def lock_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed | None:
    """The need, locked: nobody else locks, changes or deletes it until the transaction ends."""
    # a message sent need not wait for a shortlist: other rows may refer to the need meanwhile
    query = sa.select(*_COLUMNS).where(_is_own_need(organisation_id, need_id)).with_for_update(key_share=True)
    return await read_first(connection, query, StoredNeed)


async def select_needs(
    connection: Connection, organisation_id: UUID, filters: NeedFilters, before: UUID | None, limit: int
) -> Sequence[StoredNeed]:
    """Up to `limit` needs that pass the filters, with ids before `before`, the newest first."""
    conditions = [needs.c.organisation_id == organisation_id, is_below(needs.c.id, before)]
    planned = sa.cast(needs.c.content.op("->>")(sa.literal("planned_publication_on", sa.Text)), sa.Date)
    if filters.statuses is not None:
        conditions.append(needs.c.status.in_(filters.statuses))
    if filters.planned_from is not None:
        conditions.append(planned >= filters.planned_from)
    if filters.planned_to is not None:
        conditions.append(planned <= filters.planned_to)
    query = sa.select(*_COLUMNS).where(*conditions).order_by(needs.c.id.desc()).limit(limit)
    return await read_all(connection, query, StoredNeed)


async def select_need_names(
    connection: Connection, organisation_id: UUID, statuses: Collection[Status], ids: Collection[UUID], limit: int
) -> Sequence[NeedName]:
    """The names of up to `limit` needs: those with these ids, then the newest with these statuses."""
    named, own = needs.c.id == sa.func.any(list(ids)), needs.c.organisation_id == organisation_id
    word = needs.c.content.op("->>", return_type=sa.Text())
    words = [word(sa.literal(name, sa.Text)).label(name) for name in ("title", "reference")]
    query = sa.select(needs.c.id, *words).where(own, sa.or_(named, needs.c.status.in_(statuses)))
    return await read_all(connection, query.order_by(named.desc(), needs.c.id.desc()).limit(limit), NeedName)


async def write_need(connection: Connection, organisation_id: UUID, need: StoredNeed) -> None:
    """Store a change of a locked need; members of its document that this release does not know stay."""
    own = _is_own_need(organisation_id, need.id)
    content = await document_with_later_members(connection, needs.c.content, own, need.content)
    await connection.execute(sa.update(needs).where(own).values(msgspec.structs.asdict(need) | {"content": content}))


async def remove_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> None:
    """Delete a need that the caller has locked, with its shortlists and decisions; the journal keeps its entries.

    Raises Conflict (`need_in_use`) where exchanges or awards refer to it.
    """
    about = sa.select(meeting_needs.c.meeting_id).where(meeting_needs.c.need_id == need_id)
    bind(connection, *(f"meeting_scope:{each}" for each in (await connection.execute(about)).scalars()))
    try:
        await connection.execute(sa.delete(needs).where(_is_own_need(organisation_id, need_id)))
    except IntegrityError:
        detail = said_by(__name__)["in_use"]
        raise Conflict("need_in_use", detail) from None


def _is_own_need(organisation_id: UUID, need_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(needs.c.organisation_id == organisation_id, needs.c.id == need_id)


async def progress_of(
    connection: Connection, organisation_id: UUID, need_ids: Collection[UUID]
) -> dict[UUID, Progress]:
    """The progress of each of these needs of the organisation: decisions, exchanges, meetings, awards…"""
    own = sa.and_(needs.c.organisation_id == organisation_id, needs.c.id == sa.func.any(list(need_ids)))
    latest = sa.and_(shortlists.c.need_id == needs.c.id, shortlists.c.number == needs.c.shortlists)
    on_latest = sa.and_(shortlist_decisions.c.need_id == needs.c.id, shortlist_decisions.c.number == needs.c.shortlists)
    met = sa.and_(meetings.c.id == meeting_needs.c.meeting_id, meetings.c.status != "cancelled")
    stands = sa.and_(awards.c.need_id == needs.c.id, awards.c.withdrawn_at.is_(None))
    count = sa.select(needs.c.id, sa.func.count().label("number")).group_by(needs.c.id)
    about = count.join(meeting_needs, meeting_needs.c.need_id == needs.c.id)
    decided = sa.select(needs.c.id, sa.func.array_agg(shortlist_decisions.c.lot_id).label("lots")).group_by(needs.c.id)
    awarded = sa.select(needs.c.id, sa.func.array_agg(awards.c.lot_id).label("lots")).group_by(needs.c.id)
    parts: tuple[tuple[sa.Select[Any], Callable[[Any], dict[str, object]]], ...] = (
        (
            sa.select(needs.c.id, shortlists.c.need, shortlists.c.totals).join(shortlists, latest),
            lambda row: {"frozen": row.need, "listed": frozenset(lot.id for lot in row.totals if lot.shown)},
        ),
        (decided.join(shortlist_decisions, on_latest), lambda row: {"decided": frozenset(row.lots)}),
        (count.join(exchanges, exchanges.c.need_id == needs.c.id), lambda row: {"exchanges": row.number}),
        (_messages_to_hand_over().group_by(needs.c.id), lambda row: {"to_deliver": row.number}),
        (about.join(meetings, met), lambda row: {"meetings": row.number}),
        (awarded.join(awards, stands), lambda row: {"awarded": frozenset(row.lots)}),
    )
    found = {need_id: Progress() for need_id in need_ids}
    for query, fields in parts:
        for row in await connection.execute(query.where(own)):
            found[row.id] = msgspec.structs.replace(found[row.id], **fields(row))
    return found


def _messages_to_hand_over() -> sa.Select[Any]:
    """A query of the number of messages that the buyer has yet to hand over, by need.

    An answer by the link shows that all before it was read, one noted by the buyer the opening alone (see `arrivals`).
    """
    first, brought = messages.alias(), message_handovers.c
    opening = sa.select(first.c.id).where(first.c.exchange_id == exchanges.c.id).order_by(first.c.id).limit(1)
    is_opening = brought.message_id == opening.correlate(exchanges).scalar_subquery()
    answered = sa.exists().where(
        messages.c.exchange_id == brought.exchange_id,
        messages.c.supplier_id == brought.supplier_id,
        messages.c.author == "supplier",
        messages.c.corrects.is_(None),
        messages.c.id > brought.message_id,
        sa.or_(messages.c.channel == "portal", is_opening),
    )
    waiting = sa.select(needs.c.id, sa.func.count().label("number")).join(exchanges, exchanges.c.need_id == needs.c.id)
    waiting = waiting.join(message_handovers, brought.exchange_id == exchanges.c.id)
    return waiting.where(brought.handed_on.is_(None), ~answered)


async def insert_award(connection: Connection, organisation_id: UUID, award: Award) -> None:
    """Store a new award. The caller has locked its need, which is the organisation's."""
    await connection.execute(sa.insert(awards).values(**msgspec.structs.asdict(award), organisation_id=organisation_id))


async def select_award(connection: Connection, organisation_id: UUID, need_id: UUID, award_id: UUID) -> Award | None:
    """The award of a need with this id; None where there is none, or it was withdrawn."""
    query = sa.select(*_AWARD).filter_by(need_id=need_id, id=award_id).where(_is_in_force(organisation_id))
    return await read_first(connection, query, Award)


async def select_awards(
    connection: Connection, organisation_id: UUID, need_id: UUID, after: UUID | None, limit: int
) -> Sequence[Award]:
    """Up to `limit` awards of a need with ids after `after`, in the order in which they were entered."""
    own = (_is_in_force(organisation_id), awards.c.need_id == need_id, is_above(awards.c.id, after))
    query = sa.select(*_AWARD).where(*own).order_by(awards.c.id).limit(limit)
    return await read_all(connection, query, Award)


async def awards_until(connection: Connection, organisation_id: UUID, on: date) -> Sequence[PastAward]:
    """The organisation's awards up to the day `on`, each with its need's buyer (SIRET) and the winner's present id.

    A winner may have been merged since, or have left the directory and come back, which is found by its SIRET.
    """
    query = sa.select(*_AWARD, needs.c.buyer_siret).join(needs).where(_is_in_force(organisation_id))
    found = await read_all(connection, query.where(awards.c.awarded_on <= on), PastAward)
    living = await survivors(connection, {award.supplier_id for award in found}) if found else {}
    lost = {award.supplier_siret for award in found if award.supplier_siret and award.supplier_id not in living}
    by_siret: dict[str | None, set[UUID]] = {}
    if lost:
        of_lost = sa.select(records.c.siret, records.c.supplier_id).where(records.c.siret.in_(lost)).distinct()
        for row in await connection.execute(of_lost):
            by_siret.setdefault(row.siret, set()).add(row.supplier_id)
    # a SIRET that several suppliers share says nothing
    only = {siret: suppliers.pop() for siret, suppliers in by_siret.items() if len(suppliers) == 1}
    ids = (living.get(award.supplier_id) or only.get(award.supplier_siret, award.supplier_id) for award in found)
    return [
        msgspec.structs.replace(award, supplier_id=present_id) for award, present_id in zip(found, ids, strict=True)
    ]


async def mark_award_withdrawn(
    connection: Connection, organisation_id: UUID, need_id: UUID, award_id: UUID, now: datetime
) -> bool:
    """Mark an award as withdrawn; False where there is none with this id, or it is withdrawn already."""
    one = sa.and_(_is_in_force(organisation_id), awards.c.need_id == need_id, awards.c.id == award_id)
    done = await connection.execute(sa.update(awards).where(one).values(withdrawn_at=now).returning(awards.c.id))
    return done.first() is not None


def _is_in_force(organisation_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(awards.c.organisation_id == organisation_id, awards.c.withdrawn_at.is_(None))


MOST_NEEDS, MOST_BYTES = 1_000, 1 << 20
"""The newest needs of a year that are read, and the bytes of all of them together."""

_OTHERS = sa.text("""
    SELECT id, buyer_siret, brief AS need
    FROM (
        SELECT id, buyer_siret, brief, sum(octet_length(cast(brief AS text))) OVER (ORDER BY id DESC) AS bytes
        FROM (
            SELECT id, buyer_siret, brief
            FROM needs
            WHERE organisation_id = :organisation_id
                AND year = :year
                AND id <> :besides
                AND status <> 'abandoned'
                AND brief ->> 'contract' IS DISTINCT FROM 'concession'
                AND brief IS NOT NULL
                AND coalesce(buyer_siret = cast(:siret AS text), true)
            ORDER BY id DESC
            LIMIT :most_needs
        ) AS newest
    ) AS added_up
    WHERE bytes <= :most_bytes
    ORDER BY id
""").columns(id=sa.Uuid, need=Document(Need))


async def needs_of_year(
    connection: Connection, organisation_id: UUID, year: int, siret: str | None, besides: UUID
) -> tuple[OtherNeed, ...]:
    """The other needs that a buyer (`siret`) has in a year, markets not abandoned; `besides`: the need left out.

    Where `siret` is not known, or that of a need's buyer, the buyer is taken for the same. Of very many
    needs the newest, and none of which the words alone are more than 128 KiB.
    """
    given = {"organisation_id": organisation_id, "year": year, "siret": siret, "besides": besides}
    given |= {"most_needs": MOST_NEEDS, "most_bytes": MOST_BYTES}
    return tuple(await read_all(connection, _OTHERS.bindparams(**given), OtherNeed))


RECIPIENT_BYTES = 400
"""About what a recipient of an exchange takes, its name and reply link included."""

LINK_BYTES = 500
"""About what a link to a supplier's own page takes, with the digests of its secrets."""

PARTICIPANT_BYTES = 150
"""About what a participant of a meeting takes, its names included."""


async def stored_bytes(connection: Connection, organisation_id: UUID) -> int:
    """The bytes, as compressed, of an organisation's needs, shortlists, exchanges, campaigns, meetings and links.

    With the answers kept for requests that are sent twice.
    """
    size, own = sa.func.pg_column_size, needs.c.organisation_id == organisation_id
    own_exchange = exchanges.c.organisation_id == organisation_id
    own_campaign = campaigns.c.organisation_id == organisation_id
    own_meeting = meetings.c.organisation_id == organisation_id
    recipient_bytes, participant_bytes = sa.func.count() * RECIPIENT_BYTES, sa.func.count() * PARTICIPANT_BYTES
    of_exchange = exchanges.c.id == exchange_recipients.c.exchange_id
    sums = (
        sa.select(sa.func.sum(size(needs.c.content))).where(own),
        sa.select(sa.func.sum(size(shortlists.c.body) + size(shortlists.c.need))).where(
            needs.c.id == shortlists.c.need_id, own
        ),
        sa.select(sa.func.sum(size(messages.c.body))).where(exchanges.c.id == messages.c.exchange_id, own_exchange),
        sa.select(recipient_bytes).where(of_exchange, own_exchange),
        sa.select(recipient_bytes).where(campaign_recipients.c.campaign_id == campaigns.c.id, own_campaign),
        sa.select(sa.func.sum(size(meetings.c.agenda) + sa.func.coalesce(size(meetings.c.minutes), 0))).where(
            own_meeting
        ),
        sa.select(sa.func.sum(size(follow_ups.c.what))).where(meetings.c.id == follow_ups.c.meeting_id, own_meeting),
        sa.select(sa.func.count() * LINK_BYTES).where(declaration_links.c.organisation_id == organisation_id),
        sa.select(participant_bytes).where(meetings.c.id == participants.c.meeting_id, own_meeting),
        sa.select(sa.func.sum(size(idempotency_keys.c.body))).where(
            idempotency_keys.c.organisation_id == organisation_id
        ),
    )
    found = (await connection.execute(sa.select(*(each.scalar_subquery() for each in sums)))).one()
    return sum(int(each or 0) for each in found)
