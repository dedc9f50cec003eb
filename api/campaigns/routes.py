"""Routes of campaigns: a question of an organisation to all suppliers of a territory whose trade is not known."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api.campaigns.links import PDF, LinksAsked, answer_with_links
from api.campaigns.run_campaign import (
    change_campaign,
    lock_own_campaign,
    own_campaign,
    plan_campaign,
    post_campaign,
    remind_silent,
    remove_campaign,
    send_campaign,
)
from api.runtime.actor import Acting, acting_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, alteration, conditional_get, etag_of, etag_response, require_match
from api.runtime.idempotency import (
    IDEMPOTENCY_KEY,
    answer_once,
    carried_out_once,
    created_answer,
    creation,
    is_answered,
)
from api.web.content_negotiation import CSV, JSON, CsvDialect
from api.web.pagination import Page, Paging, answer_page
from api.web.request_body import Patch, apply_patch
from db.campaigns.campaigns import select_campaigns, select_recipients
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from domain.campaigns.campaign import Campaign, CampaignRecipient, CampaignRequest
from sources.file_types.csv_cells import Cell, Dialect, csv_of, csv_rows

TAG = "Campaigns"
READ_AT_ONCE = 500
Step = Callable[[Connection, Acting, UUID], Awaitable[Campaign]]
"""A use case that moves a campaign on."""
campaigns_endpoint = partial(endpoint, tag=TAG, scope="needs")
CREATION_REFUSALS = ("unknown-territory", "unknown-segment", "storage-quota", "not-ready")
RECIPIENT_COLUMNS = (
    *("supplier_id", "name", "siret", "kinds", "commune", "way", "email", "address", "state", "sent_at", "failure"),
)
_CELLS: dict[str, Callable[[Any], Cell]] = {
    "supplier_id": str,
    "kinds": "|".join,
    "address": ", ".join,
    "sent_at": datetime.isoformat,
}
"""How the columns that are no text are written."""


@creation("/campaigns", tag=TAG, scope="needs", answers=Campaign, problems=CREATION_REFUSALS, example="campaign")
@carried_out_once
async def create_campaign(call: Call, body: CampaignRequest, connection: Connection) -> Answer:
    """Draw up a campaign: one question, and the suppliers of a territory that it is put to.

    Nothing is sent yet: `recipients` and `by_way` say whom it would reach and how. Of one legal unit at one address,
    one is written to; those that asked this organisation to write no more, or declared that they offer nothing, are
    left out and counted in `left_out`.
    """
    campaign = await plan_campaign(connection, acting_of(call), body)
    return created_answer(campaign, f"/campaigns/{campaign.id}", etag_of(campaign))


@campaigns_endpoint("GET", "/campaigns", answers=Page[Campaign])
async def list_campaigns(call: Call, query: Paging, connection: Connection) -> Response[bytes]:
    """The organisation's campaigns with what became of them, the newest first."""
    fetch = partial(select_campaigns, connection, call.bearer.organisation_id)
    return await answer_page(call, query, "campaigns", UUID, fetch)


@campaigns_endpoint("GET", "/campaigns/{id}", answers=Campaign, status=(200, 304), headers=IF_NONE_MATCH)
async def get_campaign(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A campaign with what became of it.

    Once all were sent, its counts `declared`, `declined`, `undeliverable` and `silent` make `recipients`.
    """
    campaign = await own_campaign(connection, call.bearer.organisation_id, id)
    return conditional_get(call, campaign)


@alteration(
    "/campaigns/{id}",
    tag=TAG,
    scope="needs",
    answers=Campaign,
    patch=CampaignRequest,
    problems=("conflict", *CREATION_REFUSALS, "stale-version"),
)
async def update_campaign(call: Call, id: UUID, body: Patch, connection: Connection) -> Response[bytes]:
    """Change a campaign. A draft that asks others by then gets its recipients anew.

    Once it was sent, or links were made, only `title`, `reply_by` and `contact` change: 409 for the others.
    """
    acting = acting_of(call)
    before = await lock_own_campaign(connection, acting, id)
    require_match(call, etag_of(await own_campaign(connection, acting.organisation_id, id)))
    after = await change_campaign(connection, acting, before, apply_patch(before, body, CampaignRequest))
    return etag_response(after)


@campaigns_endpoint("DELETE", "/campaigns/{id}", answers=None, status=204, problems=("conflict",))
async def delete_campaign(call: Call, id: UUID, connection: Connection) -> None:
    """Delete a draft with its recipients; 409 once it was sent or links were made."""
    await remove_campaign(connection, acting_of(call), id)


@campaigns_endpoint(
    "GET", "/campaigns/{id}/recipients", answers={JSON: Page[CampaignRecipient], CSV: str}, file="destinataires"
)
async def list_campaign_recipients(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The suppliers that a campaign asks, each with its way and state; as CSV all of them in one file."""
    await own_campaign(connection, call.bearer.organisation_id, id)
    if call.media_type == CSV:
        return Response(await recipients_as_csv(connection, id, call.csv), media_type=f"{CSV}; charset=utf-8")
    fetch = partial(select_recipients, connection, id)
    return await answer_page(call, query, f"recipients of {id}", UUID, fetch, key=lambda each: each.supplier_id)


async def recipients_as_csv(connection: Connection, campaign_id: UUID, dialect: Dialect) -> bytes:
    """All recipients of a campaign as CSV, written some hundreds at a time so that others are answered meanwhile."""
    written, after = [csv_of(RECIPIENT_COLUMNS, (), dialect)], None
    while some := await select_recipients(connection, campaign_id, after, READ_AT_ONCE):
        written.append(await asyncio.to_thread(csv_rows, [_recipient_row(each) for each in some], dialect))
        after = some[-1].supplier_id
    return b"".join(written)


def _recipient_row(recipient: CampaignRecipient) -> list[Cell]:
    """The cells of a recipient, in the order of RECIPIENT_COLUMNS."""
    values = ((name, getattr(recipient, name)) for name in RECIPIENT_COLUMNS)
    return [_CELLS[name](value) if name in _CELLS and value is not None else value for name, value in values]


@campaigns_endpoint(
    "POST", "/campaigns/{id}/send", answers=Campaign, headers=IDEMPOTENCY_KEY, problems=("conflict", "email-quota")
)
async def create_campaign_mails(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """E-mail the recipients with an address, each with a link of its own.

    Nobody is written to twice: sent again, it goes on where the organisation's quota of e-mails of a day (429) or a
    failure stopped it. Failures are tried again for three days. 409 without a recipient or without a mail server.
    """
    return await _answer_step(call, connection, id, send_campaign)


class LinksQuery(msgspec.Struct, frozen=True):
    """The recipients for whom links are made, and how CSV is written."""

    all: bool = False
    """Also for those with an e-mail address, where the buyer writes to these itself"""
    csv: CsvDialect = "plain"
    """`excel`: CSV as French spreadsheets open it by a double click"""


@campaigns_endpoint(
    "POST",
    "/campaigns/{id}/links",
    answers={CSV: str, PDF: bytes},
    headers=IDEMPOTENCY_KEY,
    problems=("conflict", "storage-quota", "too-many-requests"),
)
async def create_campaign_links(call: Call, id: UUID, query: LinksQuery) -> Response[bytes]:
    """Make new links for the recipients without an e-mail address, and for those whose e-mail failed.

    They are shown this once: as CSV for a mail merge (`name`, `address`, `link`, `code`), or as letters in PDF, a page
    to each recipient with a postal address, by postal code. Those made before go on working. Sent again with the same
    `Idempotency-Key` and the same key of the API, the request is answered with the same links. After the reminder,
    letters to who was written to before say that they are one.
    """
    async with transaction(call.services.database) as connection:
        is_again = await is_answered(call, connection)
    asked = LinksAsked(id, call.media_type, all_ways=query.all, dialect=query.csv, is_again=is_again)
    return await answer_with_links(call, acting_of(call), asked)


@campaigns_endpoint("POST", "/campaigns/{id}/posted", answers=Campaign, headers=IDEMPOTENCY_KEY, problems=("conflict",))
async def update_campaign_posting(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """Say that the letters left, of all links that were made for letters; 409 where none were."""
    return await _answer_step(call, connection, id, post_campaign)


@campaigns_endpoint(
    "POST", "/campaigns/{id}/reminder", answers=Campaign, headers=IDEMPOTENCY_KEY, problems=("conflict", "email-quota")
)
async def create_campaign_reminder(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """E-mail the silent once more; the links that are made from then on are those of reminders, too.

    Once for each campaign, and not before the seventh day after e-mails or letters last left: else 409.
    """
    return await _answer_step(call, connection, id, remind_silent)


async def _answer_step(call: Call, connection: Connection, id: UUID, take: Step) -> Response[bytes]:
    """Respond with the campaign after a step was taken, or as it was answered for the same Idempotency-Key."""

    async def take_step() -> Answer:
        campaign = await take(connection, acting_of(call), id)
        return created_answer(campaign, etag=etag_of(campaign), status=200)

    return await answer_once(call, connection, b"", take_step)
