"""Use cases of campaigns: planned, changed, deleted; sent, posted, reminded of."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec.structs import replace

from api.campaigns.recipients import choose_recipients, note_campaign, refresh_recipients, write_next_version
from api.exchanges.email import emails_left
from api.runtime.actor import Acting, require_storage
from db.campaigns.campaigns import delete_campaign, insert_campaign, lock_campaign, replace_recipients, select_campaign
from db.campaigns.mails import note_posting, queue_mails, waiting_for_mail
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.journal.entries import write_entry
from db.needs.needs import RECIPIENT_BYTES
from domain.campaigns.campaign import (
    AUDIENCE,
    NO_CAMPAIGN,
    Campaign,
    CampaignRequest,
    LeftOut,
    Purpose,
    StoredCampaign,
    WayCounts,
    changed_fields,
    request_problems,
    require_change,
    require_draft,
    require_reminder,
    require_somebody,
    require_started,
)
from domain.errors import Conflict, require_found, require_no_problem
from domain.journal import Detail
from domain.text.bilingual import said_by
from matching.reference import code_problems

_SAID = said_by(__name__)


async def own_campaign(connection: Connection, organisation_id: UUID, campaign_id: UUID) -> Campaign:
    """The organisation's campaign with what became of it. Raises NotFound."""
    return require_found(await select_campaign(connection, organisation_id, campaign_id), NO_CAMPAIGN)


async def lock_own_campaign(connection: Connection, acting: Acting, campaign_id: UUID) -> StoredCampaign:
    """The organisation's campaign, which nobody else changes until the transaction ends. Raises NotFound."""
    return require_found(await lock_campaign(connection, acting.organisation_id, campaign_id), NO_CAMPAIGN)


async def plan_campaign(
    connection: Connection, acting: Acting, request: CampaignRequest, only: Sequence[UUID] | None = None
) -> Campaign:
    """Store a new campaign with its recipients; nothing is sent. `only`: the suppliers asked, else those it describes.

    Raises InvalidContent with everything wrong in the request, and as `require_storage`.
    """
    await require_storage(connection, acting)
    now = acting.now()
    _require_valid(acting, request, None)
    content = msgspec.structs.asdict(request)
    drawn_up = StoredCampaign(
        **content, id=new_id(now), version=1, by_way=WayCounts(), left_out=LeftOut(), created_at=now, updated_at=now
    )
    recipients, left_out = await choose_recipients(connection, acting, request, only)
    await insert_campaign(connection, acting.organisation_id, replace(drawn_up, left_out=left_out))
    await replace_recipients(connection, drawn_up.id, recipients)
    size = len(msgspec.json.encode(request)) + len(recipients) * RECIPIENT_BYTES
    acting.services.storage_use.add(acting.organisation_id, size)
    await note_campaign(connection, acting, "campaign.created", drawn_up, {"recipients": len(recipients)})
    return await own_campaign(connection, acting.organisation_id, drawn_up.id)


async def change_campaign(
    connection: Connection, acting: Acting, before: StoredCampaign, request: CampaignRequest
) -> Campaign:
    """Store the changes of a campaign that the caller has locked; a draft asked of others gets its recipients anew.

    Raises InvalidContent with everything wrong in the request, Conflict (`campaign_sent`), and as `require_storage`.
    """
    changed = changed_fields(before, request)
    require_change(before, changed)
    _require_valid(acting, request, before)
    if changed:
        changes, detail = msgspec.structs.asdict(request), Detail(fields=changed)
        if not AUDIENCE.isdisjoint(changed):
            await require_storage(connection, acting)
            recipients, left_out = await choose_recipients(connection, acting, request)
            changes["left_out"] = left_out
            await replace_recipients(connection, before.id, recipients)
            grown = len(recipients) - sum(msgspec.structs.astuple(before.by_way))
            acting.services.storage_use.add(acting.organisation_id, grown * RECIPIENT_BYTES)
            detail["recipients"] = len(recipients)
        await write_next_version(connection, acting, before, "campaign.changed", detail, **changes)
    return await own_campaign(connection, acting.organisation_id, before.id)


async def remove_campaign(connection: Connection, acting: Acting, campaign_id: UUID) -> None:
    """Delete a draft. Raises NotFound, Conflict (`campaign_sent`)."""
    campaign = await lock_own_campaign(connection, acting, campaign_id)
    require_draft(campaign)
    await delete_campaign(connection, campaign_id)
    await write_entry(connection, acting.actor, "campaign.deleted", f"campaign:{campaign_id}", acting.now())


async def send_campaign(connection: Connection, acting: Acting, campaign_id: UUID) -> Campaign:
    """Queue the e-mails of a campaign that were not queued before, as many as the organisation may send today.

    Raises NotFound, Conflict (`nobody_to_ask`, `no_mail_server`), Refusal (429) where it may send none today.
    """
    campaign = await lock_own_campaign(connection, acting, campaign_id)
    require_somebody(campaign)
    _require_mail_server(acting)
    now = acting.now()
    campaign = await refresh_recipients(connection, acting, campaign)
    queued = await _queue(connection, acting, campaign, "question")
    if campaign.reminded_at is not None:  # the quota of the day may have stopped it
        queued += await _queue(connection, acting, campaign, "reminder", campaign.reminded_at)
    if queued or campaign.started_at is None:
        moments = {"started_at": campaign.started_at or now} | ({"sent_at": now} if queued else {})
        await write_next_version(connection, acting, campaign, "campaign.sent", {"emails": queued}, **moments)
    return await own_campaign(connection, acting.organisation_id, campaign_id)


async def post_campaign(connection: Connection, acting: Acting, campaign_id: UUID) -> Campaign:
    """Note that the letters left for which links were made; said again, it changes nothing.

    Raises NotFound, Conflict (`not_sent`) where no link was made.
    """
    campaign = await lock_own_campaign(connection, acting, campaign_id)
    require_started(campaign)
    now = acting.now()
    posted = await note_posting(connection, campaign_id, now)
    if posted:
        await write_next_version(connection, acting, campaign, "campaign.posted", {"letters": posted}, posted_at=now)
    return await own_campaign(connection, acting.organisation_id, campaign_id)


async def remind_silent(connection: Connection, acting: Acting, campaign_id: UUID) -> Campaign:
    """Queue a reminder to the silent whose e-mail arrived, once; letters to the others are reminders from then on.

    Raises NotFound, Conflict (`not_sent`, `already_reminded`, `too_early`), Refusal (429).
    """
    campaign = await lock_own_campaign(connection, acting, campaign_id)
    now = acting.now()
    require_reminder(campaign, now)
    queued = 0
    if campaign.sent_at is not None:
        _require_mail_server(acting)
        queued = await _queue(connection, acting, campaign, "reminder", now)
    await write_next_version(connection, acting, campaign, "campaign.reminded", {"emails": queued}, reminded_at=now)
    return await own_campaign(connection, acting.organisation_id, campaign_id)


async def _queue(
    connection: Connection,
    acting: Acting,
    campaign: StoredCampaign,
    purpose: Purpose,
    arrived_by: datetime | None = None,
) -> int:
    """Queue the e-mails of a purpose that are not queued yet, as many as the quota leaves; returns how many.

    `arrived_by`: only to recipients whose question had arrived by then. Raises Refusal (429) for an empty quota.
    """
    receivers = await waiting_for_mail(connection, campaign.id, purpose, arrived_by)
    if not receivers:
        return 0
    receivers = receivers[: await emails_left(connection, acting)]
    await queue_mails(connection, campaign.id, purpose, receivers, acting.language, acting.now())
    return len(receivers)


def _require_mail_server(acting: Acting) -> None:
    """Raises Conflict (`no_mail_server`) where the settings name none."""
    if acting.services.settings.smtp is None:
        raise Conflict("no_mail_server", _SAID["no_mail_server"])


def _require_valid(acting: Acting, request: CampaignRequest, before: CampaignRequest | None) -> None:
    """Raises InvalidContent with everything wrong in a campaign; `before`: as it was, if stored."""
    problems = [
        *request_problems(request, acting.services.today(), before),
        *code_problems(acting.services.reference, request.territory, request.segments),
    ]
    require_no_problem(problems)
