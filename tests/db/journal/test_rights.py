"""Rights that were altered, or slipped in, by who owns the tables are found: keys, persons, links, sessions."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Column, text
from sqlalchemy.sql.visitors import iterate

from db.api_keys import create_key, find_organisation
from db.campaigns.campaigns import replace_recipients
from db.core.engine import Engine, transaction
from db.declarations.links import NewLink
from db.declarations.links import insert_links as insert_supplier_links
from db.delivery.webhooks import create_webhook
from db.journal.content import KINDS
from db.journal.entries import write_entry
from db.meetings import CalendarFeed, store_feed
from db.persons import AccountKey, insert_session, note_sign_in
from db.schema.supplier_tables import metadata
from domain.campaigns.campaign import CampaignRecipient
from domain.journal import Actor, Break
from domain.webhooks import WebhookSettings
from tests.db.exchanges.samples import ANNE, OpenedExchange
from tests.db.journal.samples import alter, find, found, told
from tests.db.suppliers.samples import NOW

_OF_DIRECTORY = "of the shared directory, which sources and suppliers rewrite: entries tell when, not what"
_ON_ITS_WAY = "on its way: the server changes it at each attempt, and what is sent is bound elsewhere"
_BY_ITS_ENTRY = "the entries about it have the moment"
_COUNTED = "counted or noted by the server in passing; opens nothing"
EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        (
            *("sources", "directory_version", "change_sets", "suppliers", "records", "merged_records"),
            *("split_records", "trade_counts", "imports", "import_errors", "networks", "declarations"),
        ),
        _OF_DIRECTORY,
    ),
    **dict.fromkeys(
        (
            "message_mails",
            "buyer_mails",
            "campaign_mails",
            "declaration_mails",
            "sign_in_mails",
            "webhook_deliveries",
            "webhook_attempts",
        ),
        _ON_ITS_WAY,
    ),
    "audit_entries": "its own hash and signature",
    "audit_heads": "signed line by line",
    "audit_adoptions": "neither written nor read any more",
    "key_minutes": _COUNTED,
    "idempotency_keys": "answers kept for a day",
    "law_files": "named by the digest of its content, which shortlists' stamps bind",
    "suppressions": "digests of erased persons: to bind them would keep what is erased",
    "suppression_key": "the secret of those digests",
    "unwanted_mails": "a wish of buyers not to be told by e-mail, by keyed digests; it opens nothing",
    "unsolicited_suppliers": "a wish of suppliers in the directory, told again at each refusal",
    "organisations.notes": "drawn anew for caches",
    "needs.year": "made of the content by the database",
    "needs.buyer_siret": "made of the content by the database",
    "needs.brief": "made of the content by the database",
    "needs.shortlists": "counts rows that are bound one by one",
    "shortlists.ledger": "empty, and no longer read",
    **dict.fromkeys(
        ("needs.created_at", "needs.updated_at", "meetings.updated_at", "webhooks.updated_at"), _BY_ITS_ENTRY
    ),
    "meetings.version": "grows where a person is erased; entries have it",
    "meetings.sequence": "grows where a person is erased; of calendars alone",
    **dict.fromkeys(
        [f"campaigns.{each}_at" for each in ("created", "updated", "started", "sent", "posted", "reminded")],
        _BY_ITS_ENTRY,
    ),
    **dict.fromkeys(
        [f"campaign_recipients.{each}_at" for each in ("linked", "posted", "opened", "declared", "declined")], _COUNTED
    ),
    **dict.fromkeys([f"declaration_links.{each}" for each in ("opened_at", "sent_on", "sends")], _COUNTED),
    "declaration_links.campaign_id": "lost with the campaign; whom the link speaks for is bound",
    **dict.fromkeys(
        [f"webhooks.{each}" for each in ("acknowledged_version", "queued_version", "failing_since")], _COUNTED
    ),
    "desk_sessions.id_token": "for the provider alone, at the end of the session",
    "desk_accounts.seen_at": _COUNTED,
    "desk_accounts.language": "of the browser that signed in last; gives no right",
    "passkeys.sign_count": _COUNTED,
    "passkeys.used_at": _COUNTED,
}
"""The tables, and single columns, that no journal entry binds, and why."""

ALTERED_RIGHTS = (
    ("DELETE FROM meeting_needs", "meeting_scope"),
    ("UPDATE meetings SET segments = '{de-biodechets}'", "meeting_scope"),
    ("UPDATE persons SET name = 'Jean Martin' WHERE name = 'Paul Martin'", "person"),
    ("UPDATE persons SET email = 'jean@x.example' WHERE email IS NOT NULL", "person"),
    ("UPDATE persons SET salt = gen_random_uuid() WHERE email IS NOT NULL", "person"),
    ("UPDATE desk_accounts SET subject = 'other'", "person"),
    ("UPDATE api_keys SET name = 'Autre'", "key"),
    ("UPDATE api_keys SET scopes = '{needs,admin}'", "key"),
    ("UPDATE api_keys SET platform = true", "key"),
    ("UPDATE api_keys SET digest = '\\x00'", "key"),
    ("UPDATE api_keys SET revoked_at = NULL, expires_at = NULL, rate_per_minute = 9", "key"),
    ("DELETE FROM api_keys", "key"),
    ("UPDATE desk_sessions SET scopes = '{admin}'", "session"),
    ("UPDATE desk_sessions SET expires_at = expires_at + interval '1 year'", "session"),
    ("UPDATE reply_links SET digest = '\\x00' WHERE supplier_id::text LIKE '%2'", "reply_links"),
    ("UPDATE reply_links SET expires_at = expires_at + interval '1 year'", "reply_links"),
    ("DELETE FROM reply_links", "reply_links"),
    ("UPDATE exchange_recipients SET email = 'x@x.example'", "recipients"),
    ("UPDATE exchanges SET reply_by = '2027-01-01'", "recipients"),
    ("UPDATE calendar_feeds SET digest = '\\x00'", "calendar_feed"),
    ("UPDATE webhooks SET url = 'https://other.example/'", "webhook"),
    ("DELETE FROM webhooks", "webhook"),
    ("UPDATE organisations SET siret = '22560001400016'", "organisation"),
    ("UPDATE declaration_links SET supplier_id = gen_random_uuid()", "supplier_link"),
    ("UPDATE declaration_secrets SET digest = digest || '\\x00'", "supplier_link"),
    ("UPDATE declaration_links SET revoked_at = now()", "supplier_link"),
    ("UPDATE campaign_recipients SET email = 'x@x.example'", "campaign_recipients"),
    ("DELETE FROM campaign_recipients", "campaign_recipients"),
)
_NOW = "now(), now() + interval '1 day'"
SLIPPED_IN = (
    ("desk_sessions (key_id, digest, created_at, expires_at)", f"id, '\\x02', {_NOW} FROM api_keys", "session"),
    (
        "api_keys (id, organisation_id, name, prefix, digest, scopes, sources, created_at)",
        "gen_random_uuid(), id, 'x', 'viv_', '\\x01', '{needs}', '{}', now() FROM organisations",
        "key",
    ),
    (
        "declaration_links (id, organisation_id, supplier_id, created_at, expires_at)",
        f"gen_random_uuid(), id, gen_random_uuid(), {_NOW} FROM organisations",
        "supplier_link",
    ),
    (
        "persons (id, organisation_id, name, name_key, email_key, employer_key, created_at)",
        "gen_random_uuid(), id, 'x', 'x', '', '', now() FROM organisations",
        "person",
    ),
)


async def test_altered_rights_are_found(engine: Engine) -> None:
    """Rows of keys, persons, links, sessions and addresses that were altered, removed, or that no entry tells of."""
    started = await told(engine, email="anne@x.example")
    owner = started.organisation_id
    await with_rights(started)
    assert await found(engine, owner) == []
    slipped_in = ((f"INSERT INTO {into} SELECT {values}", kind) for into, values, kind in SLIPPED_IN)
    for statement, kind in (*ALTERED_RIGHTS, *slipped_in):
        async with engine.connect() as connection:  # rolled back
            await alter(connection, statement)
            fallen = await find(connection, owner)
        abouts = {(each.about or "") if isinstance(each, Break) else each for each in fallen}
        assert {each.partition(":")[0] for each in abouts} == {kind}, statement


async def with_rights(started: OpenedExchange) -> None:
    """A key, somebody who signed in, a session, and links to a supplier's page, to a calendar and of a campaign."""
    owner, later = started.organisation_id, NOW + timedelta(days=1)
    async with transaction(started.engine) as connection:
        organisation = await find_organisation(connection, owner)
        assert organisation is not None
        _, key = await create_key(connection, name="Achats", organisation=organisation.name, scopes=["needs"], now=NOW)
        person = await note_sign_in(
            connection, AccountKey(owner, "https://i.example", "7"), "Zoé", "zoe@x.example", NOW
        )
        await insert_session(connection, b"s" * 32, NOW, later, key_id=key.id)
        await insert_session(connection, b"p" * 32, NOW, later, person_id=person, scopes=["needs"])
        await store_feed(connection, CalendarFeed(owner, key.id), b"f" * 32, NOW)
        await insert_supplier_links(connection, owner, [NewLink(ANNE, "t" * 43, "ABCDEFGHIJ")], NOW, later)
        hook = WebhookSettings(url="https://x.example/", events=("import.finished",))
        await create_webhook(connection, owner, hook, "secret", NOW)
        await connection.execute(
            text("""
                INSERT INTO campaigns (id, organisation_id, version, content, left_out, created_at, updated_at)
                VALUES (:id, :owner, 1, '{}', '{}', now(), now())
            """),
            {"id": UUID(int=9), "owner": owner},
        )
        asked = CampaignRecipient(
            supplier_id=ANNE,
            name="Chez Anne",
            siret=None,
            kinds=(),
            commune=None,
            way="email",
            email="a@x.fr",
            address=(),
            state="draft",
        )
        await replace_recipients(connection, UUID(int=9), [asked])
        about = f"campaign:{UUID(int=9)}"
        await write_entry(connection, Actor(owner, "server"), "campaign.created", about, NOW, about=(about,))
        meeting = (await connection.execute(text("SELECT id FROM meetings"))).scalar_one()
        await connection.execute(text("INSERT INTO meeting_needs SELECT m.id, n.id, 0 FROM meetings m, needs n"))
        name = f"meeting_scope:{meeting}"
        await write_entry(
            connection, Actor(owner, "server"), "meeting.changed", f"meeting:{meeting}", NOW, about=(name,)
        )


def test_each_column_is_bound_or_exempt_for_a_reason() -> None:
    """A new column is one or the other; nothing is exempt that is bound, or is not there."""
    columns = {f"{column.table.name}.{column.name}" for table in metadata.sorted_tables for column in table.c}
    expressions = [each for kind in KINDS.values() for each in (*kind.key, *kind.content)]
    expressions += [each for kind in KINDS.values() for of, parts in kind.parts for each in (of, *parts)]
    named = [each for expression in expressions for each in iterate(expression) if isinstance(each, Column)]
    bound = {f"{each.table.name}.{each.name}" for each in named}
    exempt = {each for each in columns if EXEMPT.keys() & {each, each.partition(".")[0]}}
    assert sorted(columns - bound - exempt) == []
    assert sorted(exempt & bound) == []
    assert sorted(EXEMPT.keys() - columns - {table.name for table in metadata.sorted_tables}) == []
