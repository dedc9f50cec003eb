"""E-mails of campaigns on their way, and letters: whom each still has to reach, so that nobody is written to twice.

A row of the outbox names a recipient and a purpose, without text or link: both are put together at each attempt, so
that the token of a link is never stored.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from db.campaigns.campaigns import RECIPIENT_FIELDS
from db.core.engine import Connection, read_all
from db.delivery.outbox import ClaimedRow, OwnerLimit, queue_rows
from db.schema.campaign_tables import campaign_mails, campaign_recipients, campaigns
from db.schema.supplier_tables import organisations
from db.suppliers.read import active_suppliers
from db.suppliers.write import ids_of, suppliers_that_others_joined, survivors
from domain.campaigns.campaign import CampaignRecipient, CampaignRequest, Purpose

_OWN, _MAIL = campaign_recipients.c, campaign_mails.c
_UNANSWERED = _OWN.declared_at.is_(None) & _OWN.declined_at.is_(None)
MOST_AT_ONCE = 36
"""E-mails claimed for one organisation: a campaign of thousands leaves room for the others."""
SHARE = OwnerLimit(
    sa.select(campaigns.c.organisation_id).where(campaigns.c.id == _MAIL.campaign_id).scalar_subquery(), MOST_AT_ONCE
)


async def waiting_for_mail(
    connection: Connection, campaign_id: UUID, purpose: Purpose, arrived_by: datetime | None = None
) -> Sequence[tuple[UUID, str]]:
    """The recipients that are still to be e-mailed for a purpose, with their addresses; those that answered are not.

    `arrived_by`: only those whose question had arrived by then.
    """
    theirs = campaign_mails.alias()
    same = (theirs.c.campaign_id == _OWN.campaign_id) & (theirs.c.supplier_id == _OWN.supplier_id)
    queued = sa.exists().where(same, theirs.c.purpose == purpose)
    query = sa.select(_OWN.supplier_id, _OWN.email).where(
        _OWN.campaign_id == campaign_id, _OWN.email.is_not(None), _OWN.way == "email", _UNANSWERED, ~queued
    )
    if arrived_by is not None:
        was_sent = (theirs.c.purpose == "question") & (theirs.c.status == "delivered")
        arrived = sa.exists().where(same, was_sent, theirs.c.ended_at <= arrived_by)
        query = query.where(arrived)
    return [(row.supplier_id, row.email) for row in await connection.execute(query.order_by(_OWN.supplier_id))]


async def queue_mails(
    connection: Connection,
    campaign_id: UUID,
    purpose: Purpose,
    receivers: Sequence[tuple[UUID, str]],
    language: str,
    now: datetime,
) -> None:
    """Queue an e-mail to each of these recipients; sent once this transaction commits. One queued already stays one."""
    common = {"campaign_id": campaign_id, "purpose": purpose, "language": language}
    rows = [{"lane": each, "supplier_id": each, "address": address, **common} for each, address in receivers]
    await queue_rows(connection, campaign_mails, rows, now)


class OutgoingQuestion(NamedTuple):
    """The content of an e-mail of a campaign that is to be sent, and the organisation that asks."""

    organisation_id: UUID
    organisation: str
    content: CampaignRequest


async def select_outgoing_questions(
    connection: Connection, mails: Sequence[ClaimedRow]
) -> Mapping[UUID, OutgoingQuestion]:
    """The questions to be sent by queued e-mails, by their ids; those absent whose recipients have answered, or gone.

    Until the transaction ends the recipients' answers wait.
    """
    query = (
        sa.select(_MAIL.id, campaigns.c.organisation_id, organisations.c.name, campaigns.c.content)
        .select_from(campaign_recipients)
        .join(campaigns, campaigns.c.id == _OWN.campaign_id)
        .join(organisations, organisations.c.id == campaigns.c.organisation_id)
        .join(campaign_mails, (_MAIL.campaign_id == _OWN.campaign_id) & (_MAIL.supplier_id == _OWN.supplier_id))
        .where(_MAIL.id == sa.func.any([each.id for each in mails]), _MAIL.status == "waiting", _UNANSWERED)
        .with_for_update(read=True, of=campaign_recipients)
    )
    return {id_: OutgoingQuestion(*rest) for id_, *rest in await connection.execute(query)}


async def reasons_not_to_write(connection: Connection, mails: Sequence[ClaimedRow]) -> Mapping[UUID, str]:
    """The reasons for which recipients of queued e-mails are not written to by now, by the e-mails' ids.

    `unknown_supplier`: it is gone from the directory; `inactive`; `joined`: it became one with another recipient, whose
    e-mail of this purpose was taken, or goes first.
    """
    asked = {each.row["supplier_id"] for each in mails}
    living, active = await survivors(connection, asked), await active_suppliers(connection, asked)
    grown = await suppliers_that_others_joined(connection, living.values())
    found = dict[UUID, str]()
    for mail in mails:
        supplier = mail.row["supplier_id"]
        if supplier not in active:
            # its link would lead nowhere
            found[mail.id] = "inactive" if supplier in living else "unknown_supplier"
        elif living[supplier] in grown and await _is_written_to_as_another(connection, mail, living[supplier]):
            found[mail.id] = "joined"
    return found


async def _is_written_to_as_another(connection: Connection, mail: ClaimedRow, supplier_id: UUID) -> bool:
    """Whether another recipient became part of this supplier too, and its e-mail was taken or goes first."""
    own, others = mail.row, await ids_of(connection, supplier_id) - {mail.row["supplier_id"]}
    same = (_MAIL.campaign_id == own["campaign_id"]) & (_MAIL.purpose == own["purpose"])
    goes_first = (_MAIL.status == "delivered") | ((_MAIL.status == "waiting") & (_MAIL.id < mail.id))
    theirs = sa.select(_MAIL.id).where(same, _MAIL.supplier_id == sa.func.any(list(others)), goes_first)
    return (await connection.execute(theirs.limit(1))).first() is not None


async def note_attempt(connection: Connection, mail: ClaimedRow, failure: str) -> bool:
    """Note what became of an e-mail should nothing be heard of it any more, before it is handed over.

    False where it was leased anew meanwhile.
    """
    own = sa.update(campaign_mails).where(_MAIL.id == mail.id, _MAIL.lease == mail.lease)
    return bool((await connection.execute(own.values(failure=failure))).rowcount)


async def recipients_to_link(
    connection: Connection, campaign_id: UUID, *, all_ways: bool
) -> Sequence[CampaignRecipient]:
    """The recipients whom the buyer writes to or calls, by postal code and name; those that answered are not.

    These are the ones without an e-mail address, or whose address was erased before they were written to, and those
    whose e-mail failed for good. `all_ways`: those with an address too.
    """
    mailed = sa.exists().where(_MAIL.campaign_id == _OWN.campaign_id, _MAIL.supplier_id == _OWN.supplier_id)
    failed = mailed.where(_MAIL.status == "given_up") | (_OWN.email.is_(None) & ~mailed)
    query = _addressees().where(_OWN.campaign_id == campaign_id, _UNANSWERED)
    if not all_ways:
        query = query.where((_OWN.way != "email") | failed)
    return await read_all(connection, query, CampaignRecipient)


async def recipients_by_town(connection: Connection, campaign_id: UUID) -> Sequence[CampaignRecipient]:
    """All recipients of a campaign, in the order of `recipients_to_link`."""
    return await read_all(connection, _addressees().where(_OWN.campaign_id == campaign_id), CampaignRecipient)


def _addressees() -> sa.Select[Any]:
    """The query for recipients of letters, in the order in which the post takes them: by postal code and name."""
    town = _OWN.address[sa.func.cardinality(_OWN.address)]
    state = sa.case((_OWN.posted_at.is_not(None), "sent"), else_="to_post").label("state")
    columns = (_OWN[name] for name in RECIPIENT_FIELDS)
    return sa.select(*columns, state).order_by(town, _OWN.name, _OWN.supplier_id)


async def note_links(connection: Connection, campaign_id: UUID, supplier_ids: Sequence[UUID], now: datetime) -> None:
    """Store that links were made for letters or calls to these recipients."""
    theirs = (_OWN.campaign_id == campaign_id) & (_OWN.supplier_id == sa.func.any(list(supplier_ids)))
    await connection.execute(sa.update(campaign_recipients).where(theirs).values(linked_at=now))


async def note_posting(connection: Connection, campaign_id: UUID, now: datetime) -> int:
    """Store that the letters left for which links were made since the last time; returns how many."""
    mailed = sa.exists().where(_MAIL.campaign_id == _OWN.campaign_id, _MAIL.supplier_id == _OWN.supplier_id)
    theirs = sa.and_(
        _OWN.campaign_id == campaign_id,
        _OWN.linked_at.is_not(None),
        (sa.func.cardinality(_OWN.address) > 0) | (_OWN.email.is_not(None) & (_OWN.way == "email") & ~mailed),
        sa.or_(_OWN.posted_at.is_(None), _OWN.posted_at < _OWN.linked_at),
    )
    done = sa.update(campaign_recipients).where(theirs).values(posted_at=now).returning(_OWN.supplier_id)
    return len((await connection.execute(done)).all())
