"""Erasures in a real database: against imports at the same time, across organisations, and with nobody to be found."""

import asyncio
import threading
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import select

from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.delivery.webhooks import create_webhook
from db.idempotency import Answer, Submission, claim_key, find_answer, store_answer
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, run_import
from db.meetings import insert_meeting, select_meeting
from db.persons import find_or_insert_person
from db.privacy.erase import erase_person
from db.schema.person_tables import persons, suppressions
from db.suppliers.records import get_record
from db.suppliers.suppression_list import suppressions_of
from domain.errors import InvalidContent, Problem, pointer
from domain.journal import Actor
from domain.meetings.meeting import Meeting, MeetingRequest, Participant
from domain.privacy import BEYOND_ANY_ERASURE, DataSubject, Erasure
from domain.suppliers.source import Batch, CheckedRecord, RowError
from domain.suppliers.supplier import Contact
from domain.text.bilingual import Text
from domain.webhooks import WebhookSettings
from tests.db.exchanges import samples
from tests.db.suppliers.samples import (
    LATER,
    NOW,
    PONTIVY,
    ask,
    counts,
    execute,
    load,
    lock_is_awaited,
    new_id,
    put,
    record,
    row,
    same_name,
)

ANNE = DataSubject("a.legoff@esat.example", "Anne Le Goff")
CONTACT = Contact(email="a.legoff@esat.example", phone="02 97 00 00 00", person="Anne Le Goff")


async def organisation(engine: Engine, name: str = "Morbihan") -> UUID:
    return await ask(engine, ensure_organisation, name, NOW)


async def erase(engine: Engine, subject: DataSubject = ANNE, *organisations: str) -> Erasure:
    ids = [await organisation(engine, each) for each in organisations or ("Morbihan",)]
    return await erase_person(engine, subject, ids, Actor(ids[0], "command"), LATER)


async def contact(engine: Engine, external_id: str = "1", source: str = "reseau") -> Contact | None:
    stored = await ask(engine, get_record, source, external_id)
    assert stored is not None
    return stored.record.contact


async def planned(engine: Engine, title: str, *others: Participant, minutes: str | None = None) -> Meeting:
    """A stored meeting of these participants and a buyer."""
    people = (*others, Participant("buyer", name="Paul Martin", organisation="CHBA"))
    request = MeetingRequest((), "site_visit", title, LATER, LATER, agenda=(), participants=people, minutes=minutes)
    return await ask(engine, insert_meeting, await organisation(engine), request, NOW)


async def read(engine: Engine, meeting: Meeting) -> Meeting:
    after = await ask(engine, select_meeting, await organisation(engine), meeting.id)
    assert after is not None
    return after


async def test_an_import_under_way_does_not_bring_back_what_it_read_before(engine: Engine) -> None:
    """The erasure waits for it, and then finds what it brought."""
    begun, goes_on = threading.Event(), threading.Event()

    def batches() -> Iterator[Batch]:
        begun.set()
        yield Batch([CheckedRecord(1, "1", record(contact=CONTACT), PONTIVY)])
        goes_on.wait(10)

    order = Order(id=new_id(), source="reseau")
    under_way = asyncio.create_task(run_import(engine, order, prepare_here(batches()), lambda: NOW, same_name))
    await asyncio.to_thread(begun.wait, 10)
    erasure = asyncio.create_task(erase(engine))
    await lock_is_awaited(engine)
    assert not erasure.done()
    goes_on.set()
    assert counts(await under_way) == {"received": 1, "added": 1}
    assert {each.where for each in (await erasure).changed} == {"record:reseau/1"}
    assert await contact(engine) == Contact()


async def test_nothing_is_kept_that_leads_back(engine: Engine) -> None:
    """Of what is held back there are keyed digests alone; and without any there is nothing to apply."""
    assert await ask(engine, suppressions_of, "reseau") is None
    await put(engine, "a.legoff@esat.example", record(contact=CONTACT))
    await erase(engine)
    kept = await execute(engine, select(suppressions))
    assert (len(kept), "legoff" in str(kept)) == (5, False)
    held_back = await ask(engine, suppressions_of, "elsewhere")
    assert held_back is not None
    assert held_back.redact("9", record(contact=CONTACT)).contact == Contact()
    other = record(contact=Contact(email="b@x.example", phone="02 97 00 00 00", person="Anne Le Goff"))
    assert held_back.redact("9", other) is other
    of_source = await ask(engine, suppressions_of, "reseau")
    assert of_source is not None
    assert of_source.redact("a.legoff@esat.example", other).contact == Contact(email="b@x.example")


async def test_ids_of_records_that_earlier_versions_kept_are_hashed_and_still_suppress(engine: Engine) -> None:
    await put(engine, "1", record(contact=CONTACT))
    await erase(engine)
    await execute(engine, "UPDATE suppressions SET external_id = '1' WHERE external_id <> ''")
    name_only = record(contact=Contact(person="Anne Le Goff"))
    await put(engine, "1", name_only)
    assert await contact(engine) == Contact()
    await erase(engine, DataSubject(email="nobody@x.example"))
    assert {each.external_id[:7] for each in await execute(engine, select(suppressions))} == {"", "sha256:"}
    await put(engine, "1", name_only)
    assert await contact(engine) == Contact()


async def test_what_all_share_is_reached_too(engine: Engine) -> None:
    """Rejected rows, what sources are called, webhooks; the ids of records are told as kept: they are the source's."""
    who, address = "Anne Le Goff", "a.legoff@esat.example"
    rejected = RowError(1, address, f"/{who}", "blank", f"« {who} »")
    await load(engine, [row(2, f"x {address}", "ESAT"), rejected])

    def without_heading() -> Iterator[Batch]:
        """A file whose first line is a record."""
        yield Batch([])
        detail = Text(f"Colonne inconnue : « {who} »", f"Unknown column: {who}")
        raise InvalidContent((Problem(pointer(who), "unknown_column", detail),))

    order = Order(id=new_id(), source="reseau")
    with pytest.raises(InvalidContent):
        await run_import(engine, order, prepare_here(without_heading()), lambda: NOW, same_name)
    await execute(engine, f"UPDATE sources SET label = 'Fichier de {who}', url = 'https://x/{address}'")
    hook = WebhookSettings(url=f"https://x.example/?to={address}", events=("import.finished",))
    await ask(engine, create_webhook, await organisation(engine), hook, "secret", NOW)
    done = await erase(engine)
    found = {(each.where.partition(":")[0], each.field): each.fate for each in (*done.changed, *done.kept)}
    assert found == {
        ("import", "external_id"): "pseudonym",
        ("import", "detail"): "pseudonym",
        ("import", "pointer"): "pseudonym",
        ("import", "failure"): "pseudonym",
        ("source", "label"): "pseudonym",
        ("source", "url"): "pseudonym",
        ("webhook", "url"): "pseudonym",
        ("record", "external_id"): "kept",
    }
    assert [(each.where, each.why) for each in done.kept] == [(f"record:reseau/x {address}", "text_of_source")]
    hooks = await execute(engine, "SELECT url, active FROM webhooks")
    queries = ("external_id, pointer, detail FROM import_errors", "failure FROM imports", "label, url FROM sources")
    left = str([*hooks, *[await execute(engine, f"SELECT {query}") for query in queries]])
    assert ("legoff" in left, "Le Goff" in left) == (False, False)
    assert hooks == [("https://x.example/?to=-", False)]
    actions = await execute(engine, "SELECT action FROM audit_entries ORDER BY 1")
    assert [each.action for each in actions] == ["person.erased", "source.redacted", "webhook.redacted"]


async def test_what_clients_call_their_requests_goes_with_the_answers(engine: Engine) -> None:
    owner = await organisation(engine)
    submission = Submission(owner, "POST /needs", "pour a.legoff@esat.example", b"")
    await ask(engine, claim_key, submission, NOW)
    await ask(engine, store_answer, submission, Answer(201, {}, b"{}"))
    done = await erase(engine)
    assert [(each.field, each.fate) for each in done.changed] == [("key", "erased")]
    assert await ask(engine, find_answer, owner, submission.route, submission.key, NOW) is None


async def test_an_erasure_is_told_as_complete_only_where_it_is(engine: Engine) -> None:
    await put(engine, "1", record(contact=CONTACT))
    done = await erase(engine)
    assert (done.complete, done.unreached) == (True, BEYOND_ANY_ERASURE)
    await organisation(engine, "Vannes")
    again = await erase(engine)
    assert (again.complete, again.unreached[0]) == (False, "other_organisations")
    await put(engine, "2", record("Anne Le Goff EI"))
    assert not (await erase(engine, ANNE, "Morbihan", "Vannes")).complete


async def test_sources_without_the_person_are_not_held_up(engine: Engine) -> None:
    """And what comes from them meanwhile is already without an address that was only found beside the name."""
    for source in ("autre", "reseau"):
        await put(engine, "1", record(contact=CONTACT if source == "reseau" else None), source=source)
    await ask(engine, find_or_insert_person, await organisation(engine), "Anne Le Goff", NOW)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, transaction(engine) as connection:
        await connection.execute(select(persons).with_for_update())
        tasks.create_task(erase(engine, DataSubject(name="Anne Le Goff")))
        await lock_is_awaited(engine, "transactionid")
        await put(engine, "2", record("Autre", contact=Contact(email=CONTACT.email)), source="autre")
    assert await contact(engine, "2", "autre") == Contact()
    assert await contact(engine) == Contact()


async def test_a_name_of_one_word_is_erased_from_the_participants_alone(engine: Engine) -> None:
    """It is too common to be looked for in texts, such as the organisations of the others."""
    meeting = await planned(engine, "Visite", Participant("supplier", name="Durand", organisation="ESAT"))
    done = await erase(engine, DataSubject(name="Durand"))
    assert [each.field for each in done.changed if each.where == f"meeting:{meeting.id}"] == ["participants"]
    after = await read(engine, meeting)
    assert [each.organisation for each in after.participants] == ["ESAT", "CHBA"]
    assert (after.participants[0].name or "").startswith("Personne ")


async def test_calendars_are_told_of_what_stands_in_them_alone(engine: Engine) -> None:
    """Every meeting that was changed has a new version, so that nobody writes back what was read before."""
    anne = Participant("supplier", name="Anne Le Goff")
    meetings = [await planned(engine, title, anne) for title in ("Visite", "Visite d'Anne Le Goff")]
    meetings.append(await planned(engine, "Visite", minutes="Vu Anne Le Goff"))
    await erase(engine)
    after = [await read(engine, each) for each in meetings]
    assert [(each.version, each.sequence) for each in after] == [(2, 0), (2, 1), (2, 0)]


async def test_addresses_of_exchanges_and_mail_on_its_way_go(engine: Engine) -> None:
    """What was to be sent there is not sent; what was said stays."""
    exchange = await samples.exchange(engine, emails=("a.legoff@esat.example", "paul@b.example"))
    await exchange.say(NOW)
    done = await erase(engine, ANNE, "Acheteurs du Golfe")
    assert sorted(each.field for each in done.changed) == ["mails.address", "recipients.email"]
    mails = await execute(engine, "SELECT address, status, due_at IS NULL FROM message_mails ORDER BY address")
    assert mails == [("", "cancelled", True), ("paul@b.example", "waiting", False)]


async def test_the_operator_reaches_every_organisation_and_each_journal_tells_its_own(engine: Engine) -> None:
    ids = {
        name: await ask(engine, find_or_insert_person, await organisation(engine, name), "Anne Le Goff", NOW)
        for name in ("Morbihan", "Vannes", "Rennes")
    }
    done = await erase(engine, ANNE, "Morbihan", "Vannes")
    assert {each.organisation for each in done.changed} == {"Morbihan", "Vannes"}
    erased = await execute(engine, "SELECT id FROM persons WHERE erased_at IS NOT NULL")
    assert {each.id for each in erased} == {ids["Morbihan"], ids["Vannes"]}
    told = await execute(engine, "SELECT detail->'persons'->>0 AS person FROM audit_entries")
    assert {each.person for each in told} == {str(ids["Morbihan"]), str(ids["Vannes"])}


async def test_erasures_and_records_at_once_end_with_nobody(engine: Engine) -> None:
    """Whoever comes first: none waits for another for ever, and no record is written as it was before."""
    for external_id in "123":
        await put(engine, external_id, record(f"ESAT {external_id}", contact=CONTACT))
    writes = (put(engine, each, record(f"Atelier {each}", contact=CONTACT)) for each in "1234")
    async with asyncio.timeout(60):
        done = await asyncio.gather(erase(engine), *writes, erase(engine, DataSubject(name="Anne Le Goff"), "Vannes"))
    assert len(done) == 6
    await erase(engine)
    left = [await contact(engine, each) for each in "1234"]
    # the number stays where a record comes between: it goes from records that still have the name or address beside it
    assert [each and (each.email, each.person) for each in left] == [(None, None)] * 4


async def test_what_a_source_says_in_its_own_words_is_told_as_kept(engine: Engine) -> None:
    """Where it says it, so that the source can be asked to put it right."""
    await put(
        engine, "1", record("Anne Le Goff EI", description="x " * 999 + "Directrice : Le Goff Anne.", contact=CONTACT)
    )
    done = await erase(engine)
    assert [(each.where, each.field, each.why) for each in done.kept] == [
        ("record:reseau/1", "name", "text_of_source"),
        ("record:reseau/1", "description", "text_of_source"),
    ]
    assert "Directrice : Le Goff Anne." in done.kept[1].text
    assert len(done.kept[1].text) < 600


async def test_a_number_is_found_in_any_spelling_and_goes_alone(engine: Engine) -> None:
    """It may be a switchboard's: the name beside it stays unless that was asked for too."""
    await put(engine, "1", record(contact=CONTACT))
    done = await erase(engine, DataSubject(phone="+33 (0)2 97 00 00 00"))
    assert [(each.field, each.text) for each in done.changed] == [("contact.phone", "02 97 00 00 00")]
    assert await contact(engine) == Contact(email="a.legoff@esat.example", person="Anne Le Goff")


async def test_who_is_not_there_leaves_no_trace_in_the_journal(engine: Engine) -> None:
    done = await erase(engine, DataSubject(email="nobody@x.example"))
    assert (done.changed, done.kept, done.reference) == ((), (), None)
    assert await execute(engine, "SELECT action FROM audit_entries") == []
