"""Links of a campaign for letters and calls: made anew each time, and answered this once as CSV or as letters in PDF.

A link's secrets are derived from the caller's secret and from a number that the answer has: the same request sent again
is answered with the same links, while nothing that is stored leads to them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.campaigns.letters import AddressedLetter, letters_pdf
from api.campaigns.recipients import refresh_recipients, write_next_version
from api.campaigns.run_campaign import lock_own_campaign, own_campaign
from api.declarations.link_pages import last_day, link_expiry
from api.exchanges.supplier_links import page_address
from api.runtime.actor import Acting, require_storage
from api.runtime.endpoint import Call
from api.runtime.idempotency import Sender, answer_once, created_answer
from api.runtime.processes.match_work import run_in_thread
from api.web.content_negotiation import CSV, NAMES
from db.campaigns.mails import note_links, recipients_by_town, recipients_to_link
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.declarations.links import NewLink, digests_of, insert_links, issued_digests, secret_digest
from db.idempotency import Answer
from db.needs.needs import LINK_BYTES
from db.suppliers.read import active_suppliers
from db.suppliers.sources import origins_of_addresses
from db.suppliers.write import survivors
from domain.campaigns.campaign import CampaignRecipient, CampaignRequest, StoredCampaign, require_somebody
from domain.campaigns.letter import letter_texts
from domain.declarations.declaration import code_of
from domain.errors import Conflict
from domain.exchanges.letter import data_sentences
from domain.journal import Detail
from domain.text.bilingual import PARIS, said_by, typeset
from sources.file_types.csv_cells import Dialect, csv_of

_SAID = said_by(__name__)

PDF = "application/pdf"
COLUMNS = ("name", "address", "link", "code")
PAGE = "/fiche"
DAYS_AFTER_REPLY_BY = 30
AT_ONCE = 500


class LinkBatch(msgspec.Struct, frozen=True):
    """Links that were made at once; what is stored of an answer. `seed`: the secrets are derived from it."""

    seed: UUID
    made_at: datetime
    links: int


class MadeLink(NamedTuple):
    """A link that was made, with its recipient."""

    recipient: CampaignRecipient
    link: NewLink


class ToldLinks(NamedTuple):
    """The links of a batch, to be written; `origins`: the sources of the postal addresses, by their labels."""

    campaign: StoredCampaign
    batch: LinkBatch
    links: list[MadeLink]
    origins: Mapping[UUID, str]


class LinksAsked(NamedTuple):
    """A request for links of a campaign. `sender`: where it comes without a key; `is_again`: it was answered before."""

    campaign_id: UUID
    media_type: str
    all_ways: bool = False
    dialect: Dialect = "plain"
    is_again: bool = False
    sender: Sender | None = None


async def answer_with_links(call: Call, acting: Acting, asked: LinksAsked) -> Response[bytes]:
    """Make links, or the same again for a request that was answered, and respond with them as CSV or as letters.

    Raises NotFound, Conflict (`nobody_to_link`, `shown_once`, `no_postal_address`), Refusal (429).
    """
    campaign_id, seed = asked.campaign_id, new_id(acting.now())
    digests = {} if asked.is_again else await make_digests(acting, campaign_id, seed, all_ways=asked.all_ways)
    async with transaction(acting.services.database) as connection:

        async def make_links() -> Answer:
            return created_answer(await store_links(connection, acting, campaign_id, seed, digests), status=200)

        stored = await answer_once(call, connection, b"", make_links, sender=asked.sender)
        batch = msgspec.json.decode(stored.content, type=LinkBatch)
        told = await told_links(connection, acting, asked, batch)
    content = await links_as_file(acting, asked, told)
    name = f"{batch.made_at.astimezone(PARIS):%Y-%m-%d-%H%M}.{NAMES[asked.media_type]}"
    headers = {
        "content-type": PDF if asked.media_type == PDF else f"{CSV}; charset=utf-8",
        "content-disposition": f'attachment; filename="vivier-campagne-{name}"',
        "cache-control": "no-store",
    }
    return Response(content, headers=headers)


async def told_links(connection: Connection, acting: Acting, asked: LinksAsked, batch: LinkBatch) -> ToldLinks:
    """The links of a batch with what their file needs besides. Raises NotFound, Conflict (`shown_once`)."""
    campaign = await own_campaign(connection, acting.organisation_id, asked.campaign_id)
    made = await made_links(connection, acting, asked.campaign_id, batch)
    ids = [each.recipient.supplier_id for each in made if each.recipient.address]
    origins = await origins_of_addresses(connection, ids, "address") if asked.media_type == PDF else {}
    return ToldLinks(campaign, batch, made, origins)


async def links_as_file(acting: Acting, asked: LinksAsked, told: ToldLinks) -> bytes:
    """The links as the file that is asked for: CSV, or letters in PDF. Raises as `links_as_letters`."""
    return await (links_as_letters(acting, told) if asked.media_type == PDF else _links_as_csv(acting, asked, told))


def link_end(now: datetime, content: CampaignRequest, days: int) -> datetime:
    """The end of a campaign's links: `days` from now, and some weeks after the day by which an answer is asked for."""
    if content.reply_by is not None:
        days = max(days, (content.reply_by - now.astimezone(PARIS).date()).days + DAYS_AFTER_REPLY_BY)
    return link_expiry(now, days)


def derive_link(acting: Acting, seed: UUID, supplier_id: UUID) -> NewLink:
    """The link to a supplier's page whose secrets the seed and the caller's secret give."""
    token = acting.token_of(f"campaign link {seed}/{supplier_id}")
    code = code_of(sha256(acting.token_of(f"campaign code {seed}/{supplier_id}").encode()).digest())
    return NewLink(supplier_id, token, code)


async def make_digests(acting: Acting, campaign_id: UUID, seed: UUID, *, all_ways: bool) -> dict[UUID, list[bytes]]:
    """The digests of links to be made, by recipient; they take a while, so they are made before anything is locked.

    Raises NotFound, Conflict (`nobody_to_link`), and as `require_storage`.
    """
    async with transaction(acting.services.database) as connection:
        campaign = await lock_own_campaign(connection, acting, campaign_id)
        await require_storage(connection, acting)
        await refresh_recipients(connection, acting, campaign)
        found = await recipients_to_link(connection, campaign_id, all_ways=all_ways)
        ids = await _one_of_each_supplier(connection, campaign_id, [each.supplier_id for each in found])
    if not ids:
        raise Conflict("nobody_to_link", _SAID["nobody_left"])
    return await run_in_thread(None, lambda: {each: digests_of(derive_link(acting, seed, each)) for each in ids})


async def _one_of_each_supplier(connection: Connection, campaign_id: UUID, ids: Sequence[UUID]) -> list[UUID]:
    """The recipients among these that are active, and became part of no other recipient since: one of each supplier."""
    others = [each.supplier_id for each in await recipients_by_town(connection, campaign_id)]
    theirs = set((await survivors(connection, set(others) - set(ids))).values())
    firsts = dict[UUID, UUID]()
    for asked, living in sorted((await active_suppliers(connection, ids)).items()):
        if living not in theirs:
            firsts.setdefault(living, asked)
    chosen = set(firsts.values())
    return [each for each in ids if each in chosen]


async def store_links(
    connection: Connection, acting: Acting, campaign_id: UUID, seed: UUID, digests: dict[UUID, list[bytes]]
) -> LinkBatch:
    """Store links, and that the campaign has begun. Raises NotFound, Conflict (`nobody_to_ask`)."""
    campaign = await lock_own_campaign(connection, acting, campaign_id)
    require_somebody(campaign)
    now = acting.now()
    end, ids = link_end(now, campaign, acting.services.settings.reply_link_days), list(digests)
    for first in range(0, len(ids), AT_ONCE):
        some = ids[first : first + AT_ONCE]
        links = [derive_link(acting, seed, each) for each in some]
        of_links = [digests[each] for each in some]
        organisation = acting.organisation_id
        await insert_links(connection, organisation, links, now, end, campaign_id=campaign_id, digests=of_links)
    acting.services.storage_use.add(acting.organisation_id, len(ids) * LINK_BYTES)
    await note_links(connection, campaign_id, ids, now)
    began, detail = campaign.started_at or now, Detail(links=len(ids))
    await write_next_version(connection, acting, campaign, "campaign.links_made", detail, started_at=began)
    return LinkBatch(seed, now, len(ids))


async def made_links(connection: Connection, acting: Acting, campaign_id: UUID, batch: LinkBatch) -> list[MadeLink]:
    """The links of a batch. Raises Conflict (`shown_once`) where another caller made them."""
    found = await recipients_by_town(connection, campaign_id)

    def derive_links() -> dict[bytes, MadeLink]:
        links = [MadeLink(each, derive_link(acting, batch.seed, each.supplier_id)) for each in found]
        return {secret_digest(each.link.token): each for each in links}

    derived = await asyncio.to_thread(derive_links)
    issued = await issued_digests(connection, derived.keys())
    if not issued:
        raise Conflict("shown_once", _SAID["shown_once"])
    return [made for digest, made in derived.items() if digest in issued]


async def _links_as_csv(acting: Acting, asked: LinksAsked, told: ToldLinks) -> bytes:
    """The links as CSV, a row to a recipient: name, postal address, link, code."""

    def write_rows() -> bytes:
        rows = (
            (each.name, "\n".join(each.address), page_address(acting.base_url, link.token), link.code)
            for each, link in told.links
        )
        return csv_of(COLUMNS, rows, asked.dialect)

    return await asyncio.to_thread(write_rows)


async def links_as_letters(acting: Acting, told: ToldLinks) -> bytes:
    """The letters as one PDF, for those with a postal address. Raises Conflict (`no_postal_address`), Refusal (429)."""
    campaign, batch, made, origins = told
    addressed = [each for each in made if each.recipient.address]
    if not addressed:
        raise Conflict("no_postal_address", _SAID["no_letter"])
    base, services, language = acting.base_url, acting.services, acting.language
    until = last_day(link_end(batch.made_at, campaign, services.settings.reply_link_days))
    page = f"{base.partition('://')[2]}{PAGE}"
    day = batch.made_at.astimezone(PARIS).date()
    texts = letter_texts(campaign, acting.organisation, page, day, until, language)
    from_source = partial(
        data_sentences, operator=services.settings.contact, asking=acting.organisation, contact=campaign.contact
    )
    letters = [
        AddressedLetter(
            address=(each.name, *each.address),
            source=typeset(from_source(origins.get(each.supplier_id)).to(language), language),
            link=page_address(base, link.token),
            code=link.code or "",
            is_reminder=campaign.reminded_at is not None and each.state == "sent",
        )
        for each, link in addressed
    ]
    async with services.reports.slot_of(str(acting.organisation_id)):
        return await run_in_thread(None, lambda: letters_pdf(texts, letters, int(batch.made_at.timestamp())))
