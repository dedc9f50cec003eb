"""Purges in a real database: what has been kept for its time goes, whole, and nothing that is younger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec.structs import asdict
from sqlalchemy import Table, insert, select, update

from db.campaigns.campaigns import insert_campaign, replace_recipients, write_wish
from db.core.engine import Engine
from db.core.uuid7 import uuid7
from db.journal.entries import entries
from db.meetings import insert_meeting
from db.needs.needs import insert_award
from db.privacy.purge import plan, purge
from db.schema.campaign_tables import campaign_recipients, campaigns, unsolicited_suppliers
from db.schema.organisation_tables import (
    awards,
    exchange_recipients,
    exchanges,
    meetings,
    messages,
    needs,
    participants,
    reply_links,
    shortlists,
)
from db.schema.person_tables import persons
from db.schema.supplier_tables import idempotency_keys, import_errors, imports, metadata
from domain.campaigns.campaign import CampaignRecipient, CampaignRequest, LeftOut, StoredCampaign, WayCounts
from domain.journal import Chain
from domain.meetings.meeting import MeetingRequest, Participant
from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.privacy import RetentionPeriods, RetentionPlan, years_before
from domain.shortlists.shortlist import Stamp
from tests.db.exchanges.samples import exchange
from tests.db.suppliers.samples import NOW, ask, broken, execute, load, new_id, row
from tests.factories import award

FIVE_YEARS, THREE_YEARS = years_before(NOW, 5), years_before(NOW, 3)
INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)
HOME = "default"


@dataclass(frozen=True)
class Ended:
    """A need that ended, with everything that can hang on it."""

    id: UUID
    organisation_id: UUID
    meeting_id: UUID


async def ended(engine: Engine, at: datetime, **status: Any) -> Ended:
    """Everything about it happened before."""
    started = await exchange(engine)
    before = at - timedelta(days=30)
    need = PlannedNeed(lots=(Lot(id="1"),))
    frozen = {"need_version": 1, "need": need, "language": "fr", "stamp": Stamp(1, "", "", "", NOW.date())}
    won = award(id=new_id(), need_id=started.need_id, awarded_on=before.date(), created_at=before)
    request = MeetingRequest(
        need_ids=(started.need_id,),
        format="online",
        title="Visio",
        starts_at=before,
        ends_at=before + timedelta(hours=1),
        agenda=(),
        participants=(Participant("supplier", name=f"Anne {uuid4().hex}"),),
    )
    version = {"need_id": started.need_id, "number": 1, "totals": (), "body": b"{}", "created_at": before}
    await execute(engine, insert(shortlists).values(version | frozen))
    await ask(engine, insert_award, started.organisation_id, won)
    meeting = await ask(engine, insert_meeting, started.organisation_id, request, before)
    values = {"status": "closed", "ended_at": at, "shortlists": 1, **status}
    await execute(engine, update(needs).where(needs.c.id == started.need_id).values(values))
    return Ended(started.need_id, started.organisation_id, meeting.id)


async def planned(engine: Engine, *spared: UUID, now: datetime = NOW, **periods: int) -> RetentionPlan:
    return await ask(engine, plan, RetentionPeriods(**periods), now, spared)


async def count(engine: Engine, table: Table) -> int:
    return len(await execute(engine, select(table)))


def others(told: RetentionPlan) -> Mapping[str, int]:
    return {each.kind: each.count for each in told.others}


async def test_a_need_goes_with_all_that_hangs_on_it_and_its_journal_tells_so(engine: Engine) -> None:
    gone, kept = await ended(engine, FIVE_YEARS), await ended(engine, FIVE_YEARS + INSTANT)
    told = await planned(engine)
    (due,) = told.needs
    assert (due.id, due.shortlists, due.exchanges, due.awards, due.meetings) == (gone.id, 1, 1, 1, 1)
    assert (await purge(engine, told, HOME)).needs == [due]
    for table in (needs, shortlists, exchanges, messages, awards, meetings, persons, participants):
        assert await count(engine, table) == 1, table.name
    assert await count(engine, exchange_recipients) == 2
    (entry,) = await ask(engine, entries, gone.organisation_id, f"need:{gone.id}", 0, 9)
    assert [each.id for each in await execute(engine, select(needs))] == [kept.id]
    assert (entry.action, entry.means) == ("need.purged", "command")
    assert entry.detail == {"shortlists": 1, "exchanges": 1, "awards": 1, "meetings": 1}


@pytest.mark.parametrize("after", [INSTANT, timedelta(days=400)])
@pytest.mark.parametrize("what", ["end", "award", "meeting", "noted"])
async def test_nothing_younger_is_touched(engine: Engine, what: str, after: timedelta) -> None:
    """Whatever happened to the need last counts: its end, an award, when it was noted, a meeting."""
    need = await ended(engine, FIVE_YEARS + after if what == "end" else FIVE_YEARS)
    late = FIVE_YEARS + after
    changes = {
        "award": update(awards).values(awarded_on=late.date()),
        "noted": update(awards).values(created_at=late),
        "meeting": update(meetings).values(ends_at=late),
    }
    if what in changes:
        await execute(engine, changes[what])
    told = await planned(engine)
    assert told.needs == []
    await purge(engine, told, HOME)
    assert await count(engine, needs) == 1
    assert [each.id for each in (await planned(engine, now=NOW + after + DAY)).needs] == [need.id]


async def test_only_what_was_planned_goes_and_only_if_it_is_still_due(engine: Engine) -> None:
    """A need may be spared; one that has not ended stays however old."""
    one, other, revived = [await ended(engine, FIVE_YEARS) for _ in range(3)]
    await ended(engine, FIVE_YEARS - 10_000 * DAY, status="sourcing", ended_at=None)
    told = await planned(engine, one.id)
    assert {each.id for each in told.needs} == {other.id, revived.id}
    await ended(engine, FIVE_YEARS)
    await execute(engine, update(awards).where(awards.c.need_id == revived.id).values(created_at=NOW))
    assert [each.id for each in (await purge(engine, told, HOME)).needs] == [other.id]
    assert (await count(engine, needs), await count(engine, awards)) == (4, 4)


async def test_a_meeting_stays_as_long_as_one_of_its_needs(engine: Engine) -> None:
    gone, kept = await ended(engine, FIVE_YEARS), await ended(engine, NOW)
    await execute(engine, f"INSERT INTO meeting_needs VALUES ('{gone.meeting_id}', '{kept.id}', 1)")
    told = await planned(engine)
    assert [each.meetings for each in told.needs] == [0]
    await purge(engine, told, HOME)
    assert (await count(engine, needs), await count(engine, meetings)) == (1, 2)


@pytest.mark.parametrize(("after", "known"), [(timedelta(), False), (INSTANT, True), (DAY, True)])
async def test_who_was_met_is_known_for_so_long(engine: Engine, after: timedelta, known: bool) -> None:
    """Then by a pseudonym; the meeting itself stays with its need."""
    met = await ended(engine, NOW)
    await execute(engine, update(meetings).values(ends_at=THREE_YEARS + after))
    await execute(engine, update(persons).values(created_at=THREE_YEARS - DAY))
    told = await planned(engine)
    assert others(told) == ({} if known else {"persons": 1})
    assert others(await purge(engine, told, HOME)) == others(told)
    ((name, version),) = await execute(engine, "SELECT persons.name, version FROM persons, meetings")
    journal = await ask(engine, entries, met.organisation_id, "retention:persons", 0, 9)
    assert (name.startswith("Anne"), version, len(journal)) == ((True, 1, 0) if known else (False, 2, 1))


@pytest.mark.parametrize(
    ("status", "after", "left"),
    [("published", timedelta(), 0), ("published", INSTANT, 2), ("sourcing", timedelta(days=-400), 2)],
)
async def test_reply_links_go_once_nobody_can_write_any_more(
    engine: Engine, status: str, after: timedelta, left: int
) -> None:
    """Before that, one that was revoked still says that nothing is sent there."""
    await exchange(engine)
    await execute(engine, update(needs).values(status=status))
    await execute(engine, update(reply_links).values(expires_at=NOW - 90 * DAY + after))
    told = await planned(engine)
    assert others(told) == ({} if left else {"reply_links": 2})
    await purge(engine, told, HOME)
    assert await count(engine, reply_links) == left


async def test_rejected_rows_go_and_the_counts_of_the_import_stay(engine: Engine) -> None:
    await load(engine, [row(1, "1"), broken(2, "2")], now=NOW - 365 * DAY)
    await load(engine, [row(1, "1"), broken(2, "2")], now=NOW - 364 * DAY)
    told = await planned(engine)
    assert others(told) == {"import_errors": 1}
    assert [each.organisation for each in told.others] == [None]
    await purge(engine, told, HOME)
    assert await count(engine, import_errors) == 1
    assert await execute(engine, select(imports.c.rejected)) == [(1,), (1,)]


async def test_answers_and_deliveries_go_where_nobody_else_removed_them(engine: Engine) -> None:
    started = await exchange(engine)
    hook = {
        "url": "https://x.example",
        "events": [],
        "active": False,
        "secret": "s",
        "organisation_id": started.organisation_id,
    }
    zero = {"acknowledged_version": 0, "queued_version": 0, "created_at": NOW, "updated_at": NOW}
    webhook_id, sent = new_id(), NOW - 30 * DAY
    tables = metadata.tables
    for at in (NOW - DAY, NOW - DAY + INSTANT):
        key = {"organisation_id": started.organisation_id, "route": "POST /needs", "key": uuid4().hex}
        await execute(engine, insert(idempotency_keys).values(**key, body_hash=b"", created_at=at))
    await execute(engine, insert(tables["webhooks"]).values(id=webhook_id, **hook, **zero))
    for at in (sent - timedelta(milliseconds=1), sent):
        delivery = {"lane": webhook_id, "queued_at": at, "event": "ping", "body": b"", "status": "delivered"}
        await execute(engine, insert(tables["webhook_deliveries"]).values(id=uuid7(at, bytes(10)), **delivery))
    told = await planned(engine)
    assert others(told) == {"answers": 1, "deliveries": 1}
    assert (await purge(engine, told, HOME)).others == told.others
    assert others(await planned(engine)) == {}


async def test_a_campaign_goes_with_its_recipients_and_who_refused_stays_known(engine: Engine) -> None:
    owner = (await exchange(engine)).organisation_id
    question = CampaignRequest("Métiers", TerritoryRequest(codes=("commune:29083",)), "Que faites-vous ?", "Dites.")
    for at in (THREE_YEARS, THREE_YEARS + INSTANT):
        drawn_up = StoredCampaign(
            **asdict(question),
            id=new_id(),
            version=1,
            by_way=WayCounts(),
            left_out=LeftOut(),
            created_at=at,
            updated_at=at,
        )
        await ask(engine, insert_campaign, owner, drawn_up)
        asked = CampaignRecipient(
            supplier_id=new_id(), name="ESAT", siret=None, kinds=(), commune=None, way="email", email="a@b.example",
            address=(), state="draft",
        )  # fmt: skip
        await ask(engine, replace_recipients, drawn_up.id, [asked])
        await ask(engine, write_wish, owner, [asked.supplier_id], at, ask_again=False)
    told = await planned(engine)
    assert others(told) == {"campaigns": 1}
    assert (await purge(engine, told, HOME)).others == told.others
    assert [await count(engine, each) for each in (campaigns, campaign_recipients, unsolicited_suppliers)] == [1, 1, 2]
    (noted,) = await ask(engine, entries, owner, "retention:campaigns", 0, 9)
    assert noted.detail == {"count": 1}


async def test_the_journal_itself_stays_whole(engine: Engine) -> None:
    """It is never purged, and its chain holds across purges."""
    need = await ended(engine, FIVE_YEARS - 10_000 * DAY)
    await purge(engine, await planned(engine), HOME)
    chain = Chain(need.organisation_id)
    for entry in await ask(engine, entries, need.organisation_id, None, 0, 99):
        chain.verify_entry(entry.number, bytes.fromhex(entry.hash), entry)
    assert chain.number >= 1
    assert chain.breaks == []
    assert (await planned(engine, now=NOW + 100_000 * DAY)).needs == []
