"""Campaigns of an organisation and their recipients: every function takes the organisation, or rows that it owns.

Writers lock the campaign first (`lock_campaign`), so that recipients and what is sent to them stay in step.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection, bind, document_with_later_members, is_above, is_below, read_all
from db.schema.campaign_tables import (
    campaign_mails,
    campaign_recipients,
    campaigns,
    declaration_links,
    unsolicited_suppliers,
)
from db.suppliers.write import survivors
from domain.campaigns.campaign import (
    WAYS,
    Campaign,
    CampaignRecipient,
    CampaignRequest,
    Counts,
    StoredCampaign,
    WayCounts,
    campaign_of,
)

_AT_ONCE = 1_000
RECIPIENT_FIELDS = ("supplier_id", "name", "siret", "kinds", "commune", "way", "email", "address", "joined")
"""The columns of a recipient as it was known when it was chosen."""
_OWN = campaign_recipients.c
_DATES = ("created_at", "updated_at", "started_at", "sent_at", "posted_at", "reminded_at")

_QUESTION = sa.and_(
    campaign_mails.c.campaign_id == _OWN.campaign_id,
    campaign_mails.c.supplier_id == _OWN.supplier_id,
    campaign_mails.c.purpose == "question",
)
_WITH_MAIL = campaign_recipients.outerjoin(campaign_mails, _QUESTION).join(
    campaigns, campaigns.c.id == _OWN.campaign_id
)
_IS_MAILED = campaign_mails.c.status == "delivered"
_WAS_SENT = sa.or_(_IS_MAILED, _OWN.posted_at.is_not(None))
_HAS_FAILED = sa.func.coalesce(campaign_mails.c.status.in_(("given_up", "cancelled")), False)
_HAS_DECLARED = _OWN.declared_at.is_not(None) & _OWN.declined_at.is_(None)
STATE = sa.case(
    (_HAS_DECLARED, "declared"),
    (_OWN.declared_at.is_not(None), "withdrawn"),
    (_OWN.declined_at.is_not(None), "declined"),
    (_OWN.opened_at.is_not(None), "opened"),
    (_WAS_SENT, "sent"),
    (campaigns.c.started_at.is_(None), "draft"),
    (campaign_mails.c.status == "waiting", "queued"),
    (_OWN.linked_at.is_not(None) & (sa.func.cardinality(_OWN.address) > 0), "to_post"),
    (_HAS_FAILED | (_OWN.way == "none") | ((_OWN.way == "email") & _OWN.email.is_(None)), "undeliverable"),
    (_OWN.way == "letter", "to_post"),
    else_="queued",
)
"""The SQL expression of a recipient's state, in `_WITH_MAIL`; an answer goes before everything else."""


_IS_WRITTEN_TO = sa.or_(
    *(_OWN[name].is_not(None) for name in ("linked_at", "declared_at", "declined_at")),
    sa.exists().where(
        campaign_mails.c.campaign_id == _OWN.campaign_id, campaign_mails.c.supplier_id == _OWN.supplier_id
    ),
)


async def insert_campaign(connection: Connection, organisation_id: UUID, campaign: StoredCampaign) -> None:
    """Store a new campaign, without its recipients."""
    await connection.execute(sa.insert(campaigns).values(_row(campaign) | {"organisation_id": organisation_id}))


async def write_campaign(connection: Connection, campaign: StoredCampaign) -> None:
    """Store a change of a campaign that the caller has locked."""
    own, row = campaigns.c.id == campaign.id, _row(campaign)
    row["content"] = await document_with_later_members(connection, campaigns.c.content, own, row["content"])
    await connection.execute(sa.update(campaigns).where(own).values(row))


async def delete_campaign(connection: Connection, campaign_id: UUID) -> None:
    """Delete a campaign that the caller has locked, with its recipients; the journal keeps its entries."""
    await connection.execute(sa.delete(campaigns).where(campaigns.c.id == campaign_id))


async def lock_campaign(connection: Connection, organisation_id: UUID, campaign_id: UUID) -> StoredCampaign | None:
    """The organisation's campaign, which nobody else changes until the transaction ends; None where it has none."""
    own = sa.select(campaigns).filter_by(id=campaign_id, organisation_id=organisation_id)
    row = (await connection.execute(own.with_for_update())).first()
    if row is None:
        return None
    ways = sa.select(_OWN.way, sa.func.count().label("number")).where(_OWN.campaign_id == campaign_id)
    return _stored_campaign(row, _sum_by_way((await connection.execute(ways.group_by(_OWN.way))).all()))


async def select_campaign(connection: Connection, organisation_id: UUID, campaign_id: UUID) -> Campaign | None:
    """The organisation's campaign with what became of it; None where it has none of this id."""
    own = sa.select(campaigns).filter_by(id=campaign_id, organisation_id=organisation_id)
    found = await _with_counts(connection, own)
    return found[0] if found else None


async def select_campaigns(
    connection: Connection, organisation_id: UUID, before: UUID | None, limit: int
) -> Sequence[Campaign]:
    """Up to `limit` campaigns of the organisation with ids before `before`, the newest first."""
    own = sa.select(campaigns).where(campaigns.c.organisation_id == organisation_id, is_below(campaigns.c.id, before))
    return await _with_counts(connection, own.order_by(campaigns.c.id.desc()).limit(limit))


async def _with_counts(connection: Connection, query: sa.Select[Any]) -> list[Campaign]:
    rows = (await connection.execute(query)).all()
    ids = [row.id for row in rows]
    counted = (
        sa.select(
            _OWN.campaign_id,
            _OWN.way,
            STATE.label("state"),
            # by a link for a call, it was reached if it declared
            sa.or_(_WAS_SENT, _OWN.linked_at.is_not(None) & _HAS_DECLARED).label("was_sent"),
            _OWN.opened_at.is_not(None).label("was_opened"),
            sa.func.count().label("number"),
        )
        .select_from(_WITH_MAIL)
        .where(_OWN.campaign_id == sa.func.any(ids))
        .group_by(sa.text("1, 2, 3, 4, 5"))
    )
    groups: dict[UUID, list[sa.Row[Any]]] = {each: [] for each in ids}
    for group in await connection.execute(counted):
        groups[group.campaign_id].append(group)
    return [campaign_of(_stored_campaign(row, _sum_by_way(groups[row.id])), _counts(groups[row.id])) for row in rows]


def _counts(groups: Sequence[sa.Row[Any]]) -> Counts:
    """The counts of a campaign. `groups`: their numbers by way, state, and whether sent and opened."""

    def number(*states: str) -> int:
        return sum(each.number for each in groups if each.state in states)

    return Counts(
        recipients=sum(each.number for each in groups),
        sent=sum(each.number for each in groups if each.was_sent or each.was_opened),
        opened=sum(each.number for each in groups if each.was_opened),
        declared=number("declared"),
        declined=number("declined", "withdrawn"),
        withdrawn=number("withdrawn"),
        undeliverable=number("undeliverable"),
        silent=number("sent", "opened"),
        waiting=number("draft", "queued", "to_post"),
    )


def _sum_by_way(groups: Iterable[sa.Row[Any]]) -> WayCounts:
    numbers = dict.fromkeys(WAYS, 0)
    for each in groups:
        numbers[each.way] += each.number
    return WayCounts(**numbers)


def _row(campaign: StoredCampaign) -> dict[str, Any]:
    content = msgspec.convert(campaign, CampaignRequest, from_attributes=True)
    dates = {name: getattr(campaign, name) for name in _DATES}
    return {"id": campaign.id, "version": campaign.version, "content": content, "left_out": campaign.left_out, **dates}


def _stored_campaign(row: sa.Row[Any], by_way: WayCounts) -> StoredCampaign:
    dates = {name: getattr(row, name) for name in _DATES}
    content = msgspec.structs.asdict(row.content)
    return StoredCampaign(**content, **dates, id=row.id, version=row.version, by_way=by_way, left_out=row.left_out)


async def replace_recipients(
    connection: Connection,
    campaign_id: UUID,
    recipients: Sequence[CampaignRecipient],
    before: Mapping[UUID, CampaignRecipient] | None = None,
) -> bool:
    """Store recipients of a campaign in the place of those there were `before`, by id; None: of all.

    False where they are the same as before.
    """
    theirs, kept = _OWN.campaign_id == campaign_id, before or {}
    added = [each for each in recipients if not _is_stored_as(each, kept.get(each.supplier_id))]
    if before is not None:
        stay = {each.supplier_id for each in recipients} - {each.supplier_id for each in added}
        if not added and stay == before.keys():
            return False
        theirs &= _OWN.supplier_id == sa.func.any(list(before.keys() - stay))
    await connection.execute(sa.delete(campaign_recipients).where(theirs))
    for first in range(0, len(added), _AT_ONCE):
        rows = [_recipient_row(each, campaign_id) for each in added[first : first + _AT_ONCE]]
        await connection.execute(sa.insert(campaign_recipients), rows)
    bind(connection, f"campaign_recipients:{campaign_id}")
    return True


def _is_stored_as(recipient: CampaignRecipient, before: CampaignRecipient | None) -> bool:
    return before is not None and all(getattr(recipient, name) == getattr(before, name) for name in RECIPIENT_FIELDS)


def _recipient_row(recipient: CampaignRecipient, campaign_id: UUID) -> dict[str, Any]:
    return {name: getattr(recipient, name) for name in RECIPIENT_FIELDS} | {"campaign_id": campaign_id}


async def recipients_not_written_to(connection: Connection, campaign_id: UUID) -> Sequence[CampaignRecipient]:
    """The recipients of a campaign for whom no e-mail was queued and no link made, and who have not answered."""
    query = (
        sa.select(*(_OWN[name] for name in RECIPIENT_FIELDS), sa.literal("draft").label("state"))
        .where(_OWN.campaign_id == campaign_id, ~_IS_WRITTEN_TO)
        .order_by(_OWN.supplier_id)
    )
    return await read_all(connection, query, CampaignRecipient)


async def written_to_suppliers(connection: Connection, campaign_id: UUID) -> set[UUID]:
    """The suppliers, as they are known now, of the other recipients of a campaign."""
    others = sa.select(_OWN.supplier_id).where(_OWN.campaign_id == campaign_id, _IS_WRITTEN_TO)
    return set((await survivors(connection, (await connection.execute(others)).scalars().all())).values())


async def select_recipients(
    connection: Connection, campaign_id: UUID, after: UUID | None, limit: int | None
) -> Sequence[CampaignRecipient]:
    """Up to `limit` recipients of a campaign with ids after `after`, in the order of their ids."""
    at = sa.func.coalesce(sa.case((_IS_MAILED, campaign_mails.c.ended_at)), _OWN.posted_at)
    query = (
        sa.select(
            *(_OWN[name] for name in RECIPIENT_FIELDS),
            STATE.label("state"),
            at.label("sent_at"),
            campaign_mails.c.failure,
        )
        .select_from(_WITH_MAIL)
        .where(_OWN.campaign_id == campaign_id, is_above(_OWN.supplier_id, after))
        .order_by(_OWN.supplier_id)
    )
    return await read_all(connection, query.limit(limit), CampaignRecipient)


async def answers_by_commune(connection: Connection, campaign_id: UUID) -> Mapping[str | None, tuple[int, int]]:
    """By commune, how many recipients of a campaign stand there, and how many of them have declared what they offer."""
    declared = sa.func.count().filter(_HAS_DECLARED)
    query = sa.select(_OWN.commune, sa.func.count(), declared).where(_OWN.campaign_id == campaign_id)
    rows = await connection.execute(query.group_by(_OWN.commune))
    return {commune: (number, answered) for commune, number, answered in rows}


async def suppliers_not_to_ask(connection: Connection, organisation_id: UUID) -> frozenset[UUID]:
    """The suppliers, as they are known now, that asked the organisation to write to them no more."""
    query = sa.select(unsolicited_suppliers.c.supplier_id).filter_by(organisation_id=organisation_id)
    ids = (await connection.execute(query)).scalars().all()
    return frozenset((await survivors(connection, ids)).values()) | frozenset(ids) if ids else frozenset()


async def write_wish(
    connection: Connection, organisation_id: UUID, supplier_ids: Collection[UUID], now: datetime, *, ask_again: bool
) -> None:
    """Store whether campaigns of an organisation may write to a supplier; if not, its campaigns count a refusal."""
    unsolicited, ids = unsolicited_suppliers.c, list(supplier_ids)
    if ask_again:
        theirs = (unsolicited.organisation_id == organisation_id) & (unsolicited.supplier_id == sa.func.any(ids))
        await connection.execute(sa.delete(unsolicited_suppliers).where(theirs))
        return
    rows = [{"organisation_id": organisation_id, "supplier_id": each, "asked_at": now} for each in ids]
    await connection.execute(upsert(unsolicited_suppliers).on_conflict_do_nothing(), rows)
    own = sa.select(campaigns.c.id).filter_by(organisation_id=organisation_id)
    refused = sa.update(campaign_recipients).where(
        _OWN.supplier_id == sa.func.any(ids), _OWN.campaign_id.in_(own), _OWN.declared_at.is_(None)
    )
    await connection.execute(refused.values(declined_at=sa.func.coalesce(_OWN.declined_at, now)))


async def may_ask(connection: Connection, organisation_id: UUID, supplier_ids: Collection[UUID]) -> bool:
    """Whether campaigns of an organisation may write to a supplier that has these ids."""
    refused = sa.select(unsolicited_suppliers.c.supplier_id).filter_by(organisation_id=organisation_id)
    theirs = refused.where(unsolicited_suppliers.c.supplier_id == sa.func.any(list(supplier_ids)))
    return (await connection.execute(theirs.limit(1))).first() is None


async def note_refusals(connection: Connection, organisation_id: UUID, campaign_id: UUID, now: datetime) -> None:
    """Store in a campaign that the caller has locked who asked its organisation not to be written to.

    Who asked after it was drawn up is noted already, but for recipients that became one with such a supplier since.
    """
    refused = await suppliers_not_to_ask(connection, organisation_id)
    if not refused:
        return
    unanswered = sa.select(_OWN.supplier_id).where(
        _OWN.campaign_id == campaign_id, _OWN.declared_at.is_(None), _OWN.declined_at.is_(None)
    )
    living = await survivors(connection, (await connection.execute(unanswered)).scalars().all())
    theirs = [asked for asked, each in living.items() if each in refused]
    noted = sa.update(campaign_recipients).where(
        _OWN.campaign_id == campaign_id, _OWN.supplier_id == sa.func.any(theirs)
    )
    await connection.execute(noted.values(declined_at=now))


async def note_opening(connection: Connection, link_id: UUID, now: datetime) -> None:
    """Store when a link was first opened, for the recipient of its campaign too."""
    link = declaration_links.c
    first = sa.update(declaration_links).where(link.id == link_id, link.opened_at.is_(None))
    await connection.execute(first.values(opened_at=now))
    is_its = (link.id == link_id) & (link.campaign_id == _OWN.campaign_id) & (link.supplier_id == _OWN.supplier_id)
    opened = sa.update(campaign_recipients).where(is_its, _OWN.opened_at.is_(None))
    await connection.execute(opened.values(opened_at=now))


async def segments_asked_by(connection: Connection, link_id: UUID) -> tuple[str, ...]:
    """The segments or families that the campaign of a link asks about; () where the link is of no campaign."""
    link = declaration_links.c
    asked = sa.select(campaigns.c.content).join(declaration_links, link.campaign_id == campaigns.c.id)
    content: CampaignRequest | None = await connection.scalar(asked.where(link.id == link_id))
    return content.segments if content else ()


async def note_declaration(
    connection: Connection, supplier_ids: Collection[UUID], now: datetime, *, offers: bool
) -> None:
    """Store in all campaigns that ask a supplier that it declared offers, or none."""
    mine = sa.update(campaign_recipients).where(_OWN.supplier_id == sa.func.any(list(supplier_ids)))
    moments = {"declared_at": now if offers else None, "declined_at": None if offers else now}
    await connection.execute(mine.values(moments))


async def note_withdrawal(
    connection: Connection, supplier_ids: Collection[UUID], now: datetime, *, by_operator: bool
) -> None:
    """Store in all campaigns that ask a supplier that what it had declared was taken back.

    By itself: it has declined, keeps the moment of what it had declared, and is asked no more. By an operator: it was
    somebody else's word, and it has not answered, unless it asked not to be written to.
    """
    ids, unsolicited = list(supplier_ids), unsolicited_suppliers.c
    mine, declined = _OWN.supplier_id == sa.func.any(ids), sa.func.coalesce(_OWN.declined_at, now)
    if not by_operator:
        own = sa.update(campaign_recipients).where(mine, _OWN.declared_at.is_not(None))
        await connection.execute(own.values(declined_at=declined))
        return
    asks = (campaigns.c.id == _OWN.campaign_id) & (campaigns.c.organisation_id == unsolicited.organisation_id)
    refused = sa.exists().where(asks, unsolicited.supplier_id == sa.func.any(ids))
    moments = {"declared_at": None, "declined_at": sa.case((refused, declined))}
    await connection.execute(sa.update(campaign_recipients).where(mine).values(moments))
