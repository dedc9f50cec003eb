"""A person's rights over HTTP: everything held is told, then nothing of it is left, and nothing comes back."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from api.admin import privacy
from api.admin.privacy import remove_due
from api.runtime.auth import Keys
from api.runtime.metrics import Metrics
from api.runtime.services import Services
from api.settings import BadSetting, Settings, read_settings
from db.core.engine import Engine, LockKind, lock, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_exchange
from db.schema.organisation_tables import needs
from domain.exchanges.exchange import ExchangeSummary, MessageRequest, Recipient, make_message
from matching.reference import Reference
from tests.api.needs.steps import NEED, meeting_about
from tests.api.organisations import Member, member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, lines, put_record, rows, send
from tests.db.exchanges.samples import exchange
from tests.db.suppliers.samples import NOW


class Anne:
    """Somebody whom no other test names: contact of a supplier, met by a buyer, and written to."""

    def __init__(self, client: Client, buyer: Member, source: str) -> None:
        self.client, self.buyer, self.source = client, buyer, source
        self.family = f"Kermarrec{uuid4().hex[:6].translate(str.maketrans('0123456789', 'ghijklmnop'))}"
        self.name, self.email, self.phone = f"Anne {self.family}", f"a.{self.family}@esat.example", "02 97 01 02 03"
        self.contact = {"email": self.email, "phone": self.phone, "person": self.name, "website": "https://e.example"}

    def is_in(self, content: str) -> bool:
        return self.family.casefold() in content.casefold()

    async def known(self) -> None:
        """Have her known wherever somebody can be."""
        offers = [{"segments": ["te-secretariat"]}]
        stored = await put_record(self.client, self.source, contact=self.contact, offers=offers)
        self.supplier = stored["supplier_id"]
        await self.client.services.directory.wait_beyond(stored["data_version"] - 1, 60)
        note = f"Vu avec {self.name.upper()} ({self.email})"
        lot = NEED["lots"][0] | {"title": note, "segments": ["te-secretariat"]}
        kept = await self.buyer.post("/needs", NEED | {"description": note, "lots": [lot], "limit": 100})
        assert kept.status_code == 201, kept.text
        self.need = kept.json()["need"]["id"]
        self.shortlist = f"/needs/{self.need}/shortlists/1"
        decision = {"lot_id": "1", "decision": "kept", "reason": note}
        decided = await self.buyer.patch(f"{self.shortlist}/suppliers/{self.supplier}", decision)
        assert decided.status_code == 200, decided.text
        await self._met(note)
        await self._written_to(note)

    async def _met(self, note: str) -> None:
        person = {"role": "supplier", "name": self.name, "organisation": "ESAT"}
        follow_ups = [{"what": "Chiffrer", "who": self.name}]
        body = meeting_about(self.need, participants=[person], minutes=note, follow_ups=follow_ups)
        met = await self.buyer.post("/meetings", body, **{"Idempotency-Key": uuid4().hex})
        assert met.status_code == 201, met.text
        self.meeting = f"/meetings/{met.json()['id']}"

    async def _written_to(self, note: str) -> None:
        now = self.client.services.now()
        recipient = Recipient(supplier_id=UUID(self.supplier), name="ESAT", siret=None, email=self.email, why="named")
        exchange = ExchangeSummary(
            id=new_id(now),
            need_id=UUID(self.need),
            subject="Volumes",
            lot_ids=(),
            channel="email",
            opened_at=now,
            recipients=(recipient,),
        )
        first = make_message(MessageRequest(note, author="buyer"), new_id(now), "email", now)
        self.message = f"message:{first.id}"
        async with transaction(self.client.services.database) as connection:
            await insert_exchange(connection, self.buyer.organisation_id, exchange, first)

    async def ask(self, what: str, **body: Any) -> dict[str, Any]:
        answer = await self.buyer.post(f"/privacy/{what}", body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def anne(served: Client, source: str) -> Anne:
    somebody = Anne(served, await member(served, "needs", "platform"), source)
    await somebody.known()
    return somebody


def places(holdings: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(each["where"].partition(":")[0], each["field"]) for each in holdings}


ERASED = {
    ("person", "name"),
    ("person", "employer"),
    ("meeting", "participants"),
    ("meeting", "minutes"),
    ("need", "content"),
    ("shortlist", "need"),
    ("shortlist", "contact.email"),
    ("shortlist", "contact.phone"),
    ("decision", "reason"),
    ("exchange", "recipients.email"),
    ("answer", "body"),
    ("record", "contact.email"),
    ("record", "contact.phone"),
    ("record", "contact.person"),
}


async def test_a_copy_is_given_of_everything(anne: Anne) -> None:
    """Where it is, what it says, since when, and what an erasure would make of it."""
    told = await anne.ask("export", email=anne.email.upper(), name=anne.name)
    assert places(told["holdings"]) == ERASED | {("message", "body")}
    assert all(each["since"] for each in told["holdings"])
    assert {each["text"] for each in told["holdings"] if each["field"] == "contact.person"} == {anne.name}
    assert {each["organisation"] for each in told["holdings"] if each["where"].startswith("record:")} == {None}
    (kept,) = (each for each in told["holdings"] if each["fate"] == "kept")
    assert (kept["where"], kept["why"]) == (anne.message, "append_only")
    assert anne.email in kept["text"]


@pytest.mark.parametrize("what", ["export", "erase"])
async def test_a_search_that_takes_too_long_is_ended(anne: Anne, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it waits for a table that somebody else keeps; afterwards the same connections take their time again."""
    services = anne.client.services
    monkeypatch.setattr(privacy, "SEARCH_SECONDS", 0.001)
    async with transaction(services.database) as connection:
        await connection.execute(text("LOCK TABLE meetings"))
        refused = await anne.buyer.post(f"/privacy/{what}", {"name": anne.name})
    assert_refused(refused, 503, "query-not-finished")
    assert "retry-after" in refused.headers
    async with transaction(services.database) as connection:
        assert await connection.scalar(text("SHOW statement_timeout")) == "0"


async def test_persons_are_searched_for_one_at_a_time(anne: Anne) -> None:
    """Others wait without a connection, and not more than a few of an organisation."""
    searches, organisation = anne.client.services.person_searches, str(anne.buyer.organisation_id)
    async with searches.slot_of("another"):
        waiting = [asyncio.create_task(anne.ask("export", name=anne.name)) for _ in range(3)]
        while searches.present[organisation] < 3:
            await asyncio.sleep(0)
        assert_refused(await anne.buyer.post("/privacy/erase", {"name": anne.name}), 429, "too-many-requests")
        assert not any(each.done() for each in waiting)
    assert all(told["holdings"] for told in await asyncio.gather(*waiting))


async def test_nothing_is_left_but_what_nobody_may_alter(anne: Anne) -> None:
    """And the answer tells exactly that; the same again changes nothing. Followers of the directory hear of it."""
    frozen = (await anne.buyer.get(anne.shortlist)).content
    version = (await anne.client.get(f"/sources/{anne.source}/suppliers/1")).json()["data_version"]
    feed = (await anne.client.get("/suppliers/changes?limit=200")).json()
    while feed["items"]:
        feed = (await anne.client.get(f"/suppliers/changes?limit=200&cursor={feed['next_cursor']}")).json()
    rehearsed = await anne.ask("erase", email=anne.email, name=anne.name, dry_run=True)
    done = await anne.ask("erase", email=anne.email, name=anne.name)
    (change,) = (await anne.client.get(f"/suppliers/changes?cursor={feed['next_cursor']}")).json()["items"]
    assert (change["id"], change["contact"]["email"]) == (anne.supplier, None)
    assert (await anne.client.get(f"/sources/{anne.source}/suppliers/1")).json()["data_version"] == version + 1
    # byte for byte, without the address and the number: what is the organisation's stays
    hers = f'"email":"{anne.email}","phone":"{anne.phone}"'.encode()
    assert frozen.count(hers) == 1
    assert (await anne.buyer.get(anne.shortlist)).content == frozen.replace(hers, b'"email":null,"phone":null')
    assert (places(done["changed"]), places(done["kept"])) == (ERASED, {("message", "body")})
    assert (rehearsed["changed"], rehearsed["reference"]) == (done["changed"], None)

    for path in (anne.meeting, f"/needs/{anne.need}", anne.shortlist, f"{anne.shortlist}/decisions"):
        shown = (await anne.buyer.get(path)).text
        assert not anne.is_in(shown), path
    meeting = (await anne.buyer.get(anne.meeting)).json()
    called = meeting["participants"][0]["name"]
    assert called.startswith("Personne ")
    assert (meeting["follow_ups"][0]["who"], meeting["minutes"]) == (called, f"Vu avec {called} ({called})")
    assert meeting["version"] == 2
    for path in (f"/suppliers/{anne.supplier}", f"/sources/{anne.source}/suppliers/1"):
        assert not anne.is_in((await anne.client.get(path)).text)
    left = await anne.ask("export", email=anne.email, name=anne.name)
    assert places(left["holdings"]) == {("message", "body")}
    again = await anne.ask("erase", email=anne.email, name=anne.name)
    assert (again["changed"], again["reference"]) == ([], None)


async def test_no_source_brings_her_back(anne: Anne) -> None:
    """Neither the record put again, nor a file, nor another record with her address, in whatever source."""
    await anne.ask("erase", email=anne.email, name=anne.name)
    again = await put_record(anne.client, anne.source, contact=anne.contact)
    assert again["contact"] == {"email": None, "phone": None, "website": "https://e.example", "person": None}
    file = lines(rows(anne.source, "1", "2", contact=anne.contact))
    assert (await send(anne.client, anne.source, file)).status_code == 200
    other = f"{anne.source}-other"
    assert (await send(anne.client, other, lines(rows(other, "1", contact=anne.contact)))).status_code == 200
    for source, external_id in ((anne.source, "1"), (anne.source, "2"), (other, "1")):
        shown = await anne.client.get(f"/sources/{source}/suppliers/{external_id}")
        assert not anne.is_in(shown.text)
        assert shown.json()["contact"]["website"] == "https://e.example"


async def test_the_journal_tells_of_it_and_of_nobody(anne: Anne) -> None:
    await anne.ask("export", name=anne.name)
    done = await anne.ask("erase", name=anne.name)
    journal = await anne.buyer.get("/audit?limit=200")
    assert not anne.is_in(journal.text)
    entries = [each for each in journal.json()["items"] if each["object"] == f"person:{done['reference']}"]
    assert [each["action"] for each in entries] == ["person.exported", "person.erased"]
    assert entries[1]["detail"] == {
        "persons": [done["reference"]],
        "needs": 1,
        "meetings": 1,
        "exchanges": 1,
        "records": 1,
    }
    for path in (f"need:{anne.need}", anne.meeting[1:].replace("s/", ":")):
        about = (await anne.buyer.get(f"/audit?object={path}")).json()["items"][-1]
        assert about["action"].endswith(".redacted")
        assert about["detail"]["person"] == done["reference"]
        assert about["detail"].get("shortlists", ["1"]) == ["1"]


async def test_an_organisations_administrator_does_not_reach_the_directory(anne: Anne) -> None:
    """It is other organisations' too: what it says of her is neither shown nor changed, and told as not reached."""
    own = await member(anne.client, "admin", organisation=anne.buyer.key.organisation)
    told = (await own.post("/privacy/export", {"name": anne.name, "email": anne.email})).json()["holdings"]
    assert {where for where, _ in places(told)} & {"record", "source", "import"} == set()
    done = (await own.post("/privacy/erase", {"name": anne.name, "email": anne.email})).json()
    assert ("person", "name") in places(done["changed"])
    assert (done["complete"], "directory" in done["unreached"]) == (False, True)
    assert anne.is_in((await anne.client.get(f"/sources/{anne.source}/suppliers/1")).text)
    again = await put_record(anne.client, anne.source, contact=anne.contact)
    assert again["contact"]["email"] == anne.email


async def test_who_is_meant_must_be_said(anne: Anne) -> None:
    for body in ({}, {"name": "--"}, {"email": "nobody"}, {"who": "x"}):
        for path in ("/privacy/export", "/privacy/erase"):
            assert_refused(await anne.buyer.post(path, body), 422, "invalid-content")
    assert_refused(await (await member(anne.client, "needs")).post("/privacy/erase", {}), 403, "missing-scope")


async def test_what_has_been_kept_for_its_time_is_shown_to_its_organisation(anne: Anne) -> None:
    """With the periods of the server; another's need is not in it."""
    await anne.buyer.patch(f"/needs/{anne.need}", {"status": "abandoned"})
    ago, need = "now() - interval '9 years'", {"need": UUID(anne.need)}
    met = "SELECT meeting_id FROM meeting_needs WHERE need_id = :need"
    async with transaction(anne.client.services.database) as connection:
        await connection.execute(text(f"UPDATE needs SET ended_at = {ago} WHERE id = :need"), need)
        await connection.execute(text(f"UPDATE meetings SET ends_at = {ago} WHERE id IN ({met})"), need)
    told = (await anne.buyer.get("/retention")).json()
    assert told["periods"]["needs_years"] == 5
    assert [each["id"] for each in told["needs"]] == [anne.need]
    stranger = await member(anne.client, "admin")
    assert (await stranger.get("/retention")).json()["needs"] == []
    assert_refused(await (await member(anne.client, "needs")).get("/retention"), 403, "missing-scope")


LONG_AFTER = NOW + timedelta(days=6 * 366)


async def ended(engine: Engine) -> UUID:
    """A need that ended long ago."""
    need_id = (await exchange(engine)).need_id
    async with transaction(engine) as connection:
        query = text("UPDATE needs SET status = 'closed', ended_at = :now WHERE id = :id")
        await connection.execute(query, {"now": NOW, "id": need_id})
    return need_id


@pytest.fixture
def services(engine: Engine, tmp_path: Path, reference: Reference) -> Services:
    known = Services(
        settings=Settings(home=tmp_path, retention="daily"),
        reference=reference,
        metrics=Metrics(),
        keys=Keys(None, 0.0),
        engine=engine,
    )
    known.now = lambda: LONG_AFTER
    return known


async def left(engine: Engine) -> list[UUID]:
    async with transaction(engine) as connection:
        return list((await connection.execute(select(needs.c.id))).scalars())


async def test_what_is_due_goes_and_what_is_spared_stays(engine: Engine, services: Services, tmp_path: Path) -> None:
    gone, spared = await ended(engine), await ended(engine)
    services.settings = Settings(home=tmp_path, retention="daily", retention_spare=(spared,))
    # one process does it at a time
    async with transaction(engine) as connection:
        await lock(connection, LockKind.IMPORT, "retention")
        assert await remove_due(services) is None
    done = await remove_due(services)
    assert done is not None
    assert [each.id for each in done.needs] == [gone]
    assert await left(engine) == [spared]
    async with transaction(engine) as connection:
        noted = await connection.execute(text("SELECT object, means FROM audit_entries WHERE action = 'need.purged'"))
        assert noted.all() == [(f"need:{gone}", "server")]


@pytest.mark.parametrize(("retention", "runs"), [("daily", 1), ("manual", 0)])
async def test_a_server_does_it_where_it_is_asked_to(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retention: Any, runs: int
) -> None:
    """At its start, and it goes on when that fails."""
    services.settings = Settings(home=tmp_path, retention=retention)
    seen: list[Services] = []

    async def fail(given: Services) -> None:
        seen.append(given)
        raise OSError

    monkeypatch.setattr(privacy, "remove_due", fail)
    async with privacy.daily_retention(services):
        await asyncio.sleep(0)
    assert seen == [services] * runs


def test_settings_of_retention_are_read_strictly() -> None:
    one, two = UUID(int=1), UUID(int=2)
    assert read_settings({"VIVIER_RETENTION_SPARE": f"{one}, {two}"}).retention_spare == (one, two)
    for name, wrong in (("VIVIER_RETENTION", "weekly"), ("VIVIER_RETENTION_SPARE", "need")):
        with pytest.raises(BadSetting, match=name):
            read_settings({name: wrong})
