"""A need with all that entries can bind, and its alteration by who owns the tables."""

from uuid import UUID

import msgspec
from sqlalchemy import text

from db.core.engine import Connection, Engine, transaction
from db.journal.content import content_digests, stored_name, unrecorded_names
from db.journal.entries import stored_entries, write_entry
from db.meetings import insert_meeting
from db.needs.needs import insert_award
from db.needs.shortlists import write_decision
from domain.journal import Actor, BoundContent, Break, Detail
from domain.meetings.meeting import FollowUp, MeetingRequest, Participant
from domain.shortlists.version import Decision
from tests.db.exchanges.samples import OpenedExchange, exchange
from tests.db.suppliers.samples import NOW, ask
from tests.factories import award

DECISION = Decision("1", UUID(int=1), "kept", "Vu Anne Le Goff", NOW)
VISIT = MeetingRequest(
    (),
    "site_visit",
    "Visite",
    NOW,
    NOW,
    agenda=(),
    minutes="Vu les quais",
    participants=(Participant("buyer", name="Paul Martin"), Participant("network", organisation="Région")),
    follow_ups=(FollowUp("Envoyer les volumes"),),
)
GUARDED = ("messages", "exchanges", "exchange_recipients", "audit_entries")
AWARD = award(id=UUID(int=7), supplier_name="Chez Anne", segments=("de-biodechets",))


async def told(engine: Engine, *, body: str = '{"lots":[]}', email: str | None = None) -> OpenedExchange:
    """A need with a shortlist, a decision and an award, an exchange of one message and a meeting: all are told of."""
    started = await exchange(engine, emails=(email, None))
    actor, need, about = Actor(started.organisation_id, "server"), started.need_id, f"exchange:{started.exchange.id}"
    opened: Detail = {"need_id": str(need), "message_id": str(started.first.id)}
    of_exchange = [f"{kind}:{started.exchange.id}" for kind in ("recipients", "reply_links")]
    names: tuple[str, ...] = (about, f"message:{started.first.id}", *of_exchange)
    async with transaction(engine) as connection:
        await connection.execute(
            text("""
                INSERT INTO shortlists
                    (need_id, number, need_version, need, language, stamp, totals, ledger, body, created_at)
                VALUES (:need, 1, 1, '{}', 'fr', '{}', '[]', '[]', convert_to(:body, 'UTF8'), now())
            """),
            {"need": need, "body": body},
        )
        await write_decision(connection, need, 1, DECISION)
        await insert_award(connection, started.organisation_id, msgspec.structs.replace(AWARD, need_id=need))
        await write_entry(connection, actor, "exchange.opened", about, NOW, detail=opened, about=names)
        chosen = stored_name("decision", need, 1, DECISION.supplier_id, DECISION.lot_id)
        decided: Detail = {"number": 1, "lot_id": DECISION.lot_id, "supplier_id": str(DECISION.supplier_id)}
        entries: tuple[tuple[str, Detail, str], ...] = (
            ("need.created", {}, f"need:{need}"),
            ("shortlist.frozen", {"number": 1}, stored_name("shortlist", need, 1)),
            ("shortlist.stamped", {"number": 1}, stored_name("stamp", need, 1)),
            ("decision.made", decided, chosen),
            ("award.noted", {"award_id": str(AWARD.id)}, f"award:{AWARD.id}"),
        )
        for action, detail, name in entries:
            await write_entry(connection, actor, action, f"need:{need}", NOW, detail=detail, about=(name,))
        meeting = await insert_meeting(connection, started.organisation_id, VISIT, NOW)
        names, about = (f"meeting:{meeting.id}",), f"meeting:{meeting.id}"
        await write_entry(connection, actor, "meeting.created", about, NOW, about=names)
    return started


async def alter(connection: Connection, *statements: str) -> None:
    """As the owner of the tables may, who can take their guards off."""
    for table in GUARDED:
        await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    for statement in statements:
        await connection.execute(text(statement))
    for table in GUARDED:
        await connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


async def altered(engine: Engine, *statements: str) -> None:
    await ask(engine, alter, *statements)


async def find(connection: Connection, organisation_id: UUID) -> list[Break | str]:
    """The breaks, and the names of what no entry tells of."""
    bound = BoundContent()
    async for some in stored_entries(connection, organisation_id):
        for stored in some:
            assert stored.entry is not None
            bound.collect_entry(stored.entry)
    fallen = bound.breaks(await content_digests(connection, bound.names))
    return [*fallen, *await unrecorded_names(connection, organisation_id, bound.recorded)]


async def found(engine: Engine, organisation_id: UUID) -> list[Break | str]:
    return await ask(engine, find, organisation_id)
