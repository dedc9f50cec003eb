"""No column that may say something of a person is overlooked, and no text becomes one that cannot be read."""

import pytest
from sqlalchemy import ARRAY, LargeBinary, Text, select, text

from db.core.engine import Engine, transaction
from db.meetings import insert_meeting, select_meeting
from db.needs.needs import insert_need, select_need
from db.privacy.erase import erase_person
from db.privacy.mentions import PLACES
from db.schema.need_tables import needs
from db.schema.supplier_tables import Document, metadata, webhooks
from domain.audit import Actor
from domain.meetings.meeting import AgendaItem, MeetingRequest
from domain.needs.need import Lot, PlannedNeed
from domain.privacy import DataSubject
from tests.db.exchanges.samples import exchange
from tests.db.suppliers.samples import LATER, NOW

ANNE = "Anne Le Goff"

# Columns of text that are not searched, and why.
SEARCHED_OTHERWISE = {"persons", "records", "desk_accounts", "desk_sessions"}  # the last two by their person
IDS_OF_RECORDS = {"external_id", "other_external_id"}
WRITTEN_FROM_RECORDS = {"suppliers"}
# codes, ids, digests, states, and what administrators call sources and organisations
OF_NOBODY = {
    "api_keys": {"prefix", "digest", "scopes", "sources"},
    "audit_entries": {"means", "action", "object", "detail", "hash", "content", "signature"},
    "audit_heads": {"status", "line"},
    "awards": {"lot_id", "supplier_siret", "segments", "reserved"},
    "calendar_feeds": {"digest"},
    "exchange_recipients": {"siret", "why"},
    "exchanges": {"lot_ids", "channel"},
    "idempotency_keys": {"route", "body_hash", "headers"},
    "import_errors": {"code"},
    "imports": {"source", "format", "mode", "status"},
    "meeting_participants": {"role"},
    "meetings": {"status", "format"},
    "merged_records": {"source"},
    "message_handovers": {"way"},
    "message_mails": {"status", "language", "failure"},
    "messages": {"author", "stance", "barriers", "channel", "answers"},
    "needs": {"status", "buyer_siret", "brief"},  # generated from the content
    "organisations": {"name", "siret"},
    "reply_links": {"digest"},
    "shortlist_decisions": {"lot_id", "decision"},
    "shortlists": {"language", "stamp", "totals", "ledger"},
    "sources": {"name", "mapping"},
    "split_records": {"source", "other_source"},
    "suppression_key": {"key"},
    "suppressions": {"digest", "source", "external_id"},
    "webhook_attempts": {"failure"},
    "webhook_deliveries": {"status", "event", "body"},
    "webhooks": {"events", "sources", "secret"},
}


def test_every_column_of_text_is_searched_or_known_to_be_of_nobody() -> None:
    """A new column needs a decision: a place in `db.privacy.mentions`, or a word here."""
    assert webhooks.metadata is metadata
    searched = {(place.table.name, place.column.name) for place in PLACES}
    unknown = {
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, Text | LargeBinary | Document | ARRAY)
        and table.name not in SEARCHED_OTHERWISE | WRITTEN_FROM_RECORDS
        and (table.name, column.name) not in searched
        and not (table.name in {"merged_records", "split_records"} and column.name in IDS_OF_RECORDS)
        and column.name not in OF_NOBODY.get(table.name, set())
    }
    assert unknown == set()


@pytest.mark.parametrize("title", [ANNE, "x" * (400 - len(ANNE) - 1) + " " + ANNE])
async def test_a_text_stays_one_that_can_be_read(engine: Engine, title: str) -> None:
    """Also where the pseudonym, which is longer than the name, does not fit in."""
    started = await exchange(engine)
    owner = started.organisation_id
    need = PlannedNeed(lots=(Lot(id="1", title=title),), title=title, description=f'« {ANNE} »\n"{ANNE}"')
    request = MeetingRequest(
        need_ids=(started.need_id,),
        format="online",
        title=title,
        starts_at=NOW,
        ends_at=LATER,
        url="https://visio.example/?a=a.legoff@esat.example",
        agenda=(AgendaItem(title, 10),),
    )
    async with transaction(engine) as connection:
        stored = await insert_need(connection, owner, need, NOW)
        meeting = await insert_meeting(connection, owner, request, NOW)
    await erase_person(engine, DataSubject("a.legoff@esat.example", ANNE), [owner], Actor(owner, "command"), LATER)

    async with transaction(engine) as connection:
        after, met = (
            await select_need(connection, owner, stored.id),
            await select_meeting(connection, owner, meeting.id),
        )
        raw = await connection.execute(select(needs.c.content).where(text("content::text ILIKE '%goff%'")))
        assert raw.all() == []
    assert after is not None
    assert met is not None
    texts = (after.content.title, after.content.lots[0].title, met.title, met.agenda[0].title if met.agenda else None)
    assert all(each and len(each) <= 400 and ANNE not in each for each in texts)
    assert after.content.description is not None
    assert after.content.description.startswith("« ")
    assert met.url == "https://visio.example/?a=…"
    assert (met.version, met.sequence) == (2, 1)
