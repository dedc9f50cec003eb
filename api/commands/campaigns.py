"""`vivier campaigns`: draws up, sends, and notes what became of an organisation's campaigns, as HTTP does.

What is queued is sent by a running server. Links are told this once, in the file or on standard output.
"""

import argparse
from collections.abc import Sequence
from secrets import token_bytes

from msgspec.structs import asdict

from api.campaigns.links import PDF, LinksAsked, links_as_file, make_digests, store_links, told_links
from api.campaigns.recipients import suppliers_described
from api.campaigns.routes import recipients_as_csv
from api.campaigns.run_campaign import plan_campaign, post_campaign, remind_silent, send_campaign
from api.commands.command import CommandFailed, own_organisation, run_in_transaction
from api.commands.console import Col, Rows, write_told
from api.commands.match import faults_as_failure, file_bytes, load_index
from api.runtime.actor import Acting, wait_for_ever
from api.runtime.auth import Keys
from api.runtime.metrics import Metrics
from api.runtime.rate_limits import Limits
from api.runtime.services import Services
from api.settings import Settings
from api.web.content_negotiation import CSV
from api.web.request_body import JsonBody
from db.campaigns.campaigns import select_campaign, select_campaigns
from db.core.engine import Connection
from db.core.uuid7 import new_id
from domain.campaigns.campaign import Campaign, CampaignRequest
from domain.journal import Actor
from matching.reference import Reference, load_reference

MOST_LISTED = 200
STEPS = {"send": send_campaign, "posted": post_campaign, "remind": remind_silent}
"""The actions that move a campaign on."""


def run(options: argparse.Namespace, settings: Settings) -> int:
    """List campaigns, or write the recipients of one, as `options.action` says."""
    act = {"list": _list_campaigns, "recipients": _write_recipients}[options.action]
    return write_told(run_in_transaction(settings, lambda connection: act(connection, options)))


def create(options: argparse.Namespace, settings: Settings) -> int:
    """Draw up a campaign of a file with the body of POST /campaigns; nothing is sent yet."""
    with faults_as_failure(options.file):
        request = JsonBody(CampaignRequest).decode(file_bytes(options.file))
        index, reference = load_index(settings)

        async def plan(connection: Connection) -> bytes:
            acting = await _acting(connection, options, settings, reference)
            only = suppliers_described(request, index, reference, acting.services.today())
            made = await plan_campaign(connection, acting, request, only)
            ways = "{email} by e-mail, {letter} by letter, {none} without address".format_map(asdict(made.by_way))
            return f"Campaign {made.id}: {made.recipients} recipients, {ways}; nothing is sent yet.\n".encode()

        return write_told(run_in_transaction(settings, plan))


def move(options: argparse.Namespace, settings: Settings) -> int:
    """Send a campaign, note that its letters left, or remind the silent, as `options.action` says."""

    async def take_step(connection: Connection) -> Rows | bytes:
        acting = await _acting(connection, options, settings, load_reference(settings.rules))
        return _rows([await STEPS[options.action](connection, acting, options.campaign)])

    with faults_as_failure(str(options.campaign)):
        return write_told(run_in_transaction(settings, take_step))


def write_links(options: argparse.Namespace, settings: Settings) -> int:
    """Make links of a campaign, and write them as CSV for a mail merge or as letters in PDF."""
    asked = LinksAsked(options.campaign, PDF if options.action == "letters" else CSV, all_ways=options.all)

    async def make_links(connection: Connection) -> bytes:
        acting = await _acting(connection, options, settings, load_reference(settings.rules))
        seed = new_id(acting.now())
        digests = await make_digests(acting, asked.campaign_id, seed, all_ways=asked.all_ways)
        batch = await store_links(connection, acting, asked.campaign_id, seed, digests)
        content = await links_as_file(acting, asked, await told_links(connection, acting, asked, batch))
        if options.out is None:
            return content
        options.out.write_bytes(content)  # before the links are committed, which are told but once
        return f"{options.out}: {batch.links} links\n".encode()

    if settings.public_url is None:
        raise CommandFailed("VIVIER_PUBLIC_URL is not set: the links would lead nowhere")
    with faults_as_failure(str(options.campaign)):
        return write_told(run_in_transaction(settings, make_links))


async def _acting(
    connection: Connection, options: argparse.Namespace, settings: Settings, reference: Reference
) -> Acting:
    """The command line as the caller of use cases, for an organisation. Raises CommandFailed without such a one."""
    owner, limits = await own_organisation(connection, options.organisation), Limits()
    keys = Keys(None, settings.key_cache_seconds, limits)
    services = Services(settings=settings, reference=reference, metrics=Metrics(None), keys=keys, limits=limits)
    services.engine = connection.engine
    return Acting(
        services=services,
        actor=Actor(owner.id, "command"),
        organisation=owner.name,
        language="fr",
        secret=token_bytes(32),
        base_url=settings.public_url or "",
        wait_for_disconnect=wait_for_ever,
    )


async def _list_campaigns(connection: Connection, options: argparse.Namespace) -> bytes | Rows:
    owner = await own_organisation(connection, options.organisation)
    return _rows(await select_campaigns(connection, owner.id, None, MOST_LISTED))


def _rows(campaigns: Sequence[Campaign]) -> Rows | bytes:
    """A row to each campaign, with its id and counts; a sentence where there are none."""
    if not campaigns:
        return b"There are no campaigns.\n"
    numbers = "Recipients", "Sent", "Declared", "Silent"
    columns = Col("Title, id", 1), Col("Status"), *(Col(each, is_number=True) for each in numbers)
    rows = list[Sequence[str | Sequence[str]]]()
    for each in campaigns:
        counts = each.recipients, each.counts.sent, each.counts.declared, each.counts.silent
        rows.append(((each.title, str(each.id)), each.status, *map(str, counts)))
    return Rows(columns, rows)


async def _write_recipients(connection: Connection, options: argparse.Namespace) -> bytes:
    """The recipients of a campaign as CSV. Raises CommandFailed where the organisation has none of this id."""
    owner = await own_organisation(connection, options.organisation)
    if await select_campaign(connection, owner.id, options.campaign) is None:
        raise CommandFailed(f"there is no campaign {options.campaign}; `vivier campaigns list` shows their ids")
    return await recipients_as_csv(connection, options.campaign, "plain")
