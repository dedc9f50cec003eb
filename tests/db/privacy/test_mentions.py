"""PostgreSQL finds each spelling of a person's name, address and number in a text, and masks that alone.

Contact details of a person in many frozen shortlists are found and taken out.

No column that may say something of a person is overlooked, and no text becomes one that cannot be read.
"""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, LargeBinary, Text, literal, select
from sqlalchemy import text as sql

from db.core.engine import Connection, Engine, transaction
from db.meetings import insert_meeting, select_meeting
from db.needs.needs import insert_need, select_need
from db.privacy import erase, mentions
from db.privacy.erase import erase_person
from db.privacy.mentions import MENTION_COLUMNS, READ_AT_ONCE, mask_mentions, mention_pattern, name_pattern
from db.schema.organisation_tables import needs
from db.schema.supplier_tables import Document, metadata, webhooks
from domain.journal import Actor
from domain.meetings.meeting import AgendaItem, MeetingRequest
from domain.needs.need import Lot, PlannedNeed
from domain.privacy import DataSubject, Identifiers, identifiers_of
from domain.text.normalise import fold
from tests.db.exchanges.samples import OpenedExchange, exchange
from tests.db.suppliers.samples import LATER, NOW

ADDRESS, PHONE = "anne.legoff@esat.example", "02 97 00 00 01"
ANNE = identifiers_of(DataSubject(ADDRESS, "Anne Le Goff", PHONE))
SPELLINGS = {
    "e": "eEéÈêë",
    "a": "aAàÂ",
    "o": "oOôÖ",
    "c": "cCç",
    "œ": ("œ", "Œ", "oe", "OE"),
    "é": ("é", "e\u0301", "E", "e"),
}


async def written(engine: Engine, text: str, who: Identifiers = ANNE) -> str:
    async with transaction(engine) as connection:
        return str(await connection.scalar(select(mask_mentions(literal(text), who, "X"))))


async def test_a_mention_is_masked_alone(engine: Engine) -> None:
    for text, expected in (
        ("Vu avec Anne Le Goff hier", "Vu avec X hier"),
        ("Vu avec LE GOFF Anne.", "Vu avec X."),
        ("Le Goff, Anne : oui", "X : oui"),
        ('{"title":"Anne Le-Goff"}', '{"title":"X"}'),
        ('{"text":"Vu\\nanne.legoff@esat.example\\nAnne Le\\nGoff\\nhier"}', '{"text":"Vu\\nX\\nX\\nhier"}'),
        (f"écrire à {ADDRESS.upper()}.", "écrire à X."),
        (f"<mailto:{ADDRESS}>", "<mailto:X>"),
        ("Anne Le Goff et Anne Le Goff", "X et X"),
        ("tél. 02.97.00.00.01, +33 (0)2 97 00 00 01, 0033297000001", "tél. X, X, X"),
        ("02\N{NON-BREAKING HYPHEN}97\N{EN DASH}00 00\N{FIGURE SPACE}01", "X"),
        (
            "Anne Le\N{NON-BREAKING HYPHEN}Goff, LE GOFF (Anne) ; Anne\N{THIN SPACE}Le\N{ZERO WIDTH SPACE}Goff",
            "X, X) ; X",
        ),
        ("Anne_Le_Goff.pdf, Le Goff/Anne", "X.pdf, X"),
    ):
        assert await written(engine, text) == expected


def test_the_pattern_of_a_long_name_is_not_much_longer() -> None:
    """Twice the words make it twice as long: PostgreSQL takes minutes for longer ones."""
    words = [f"{first}{second}" for first in "abcdef" for second in "ghijklmnopq"]
    short, long = (mention_pattern(identifiers_of(DataSubject(name=" ".join(words[:count])))) for count in (33, 66))
    assert short
    assert long
    assert len(long) < 2.5 * len(short)


async def test_a_long_name_is_found_as_it_is_given(engine: Engine) -> None:
    name = " ".join(f"de Saint{letter}" for letter in "ABCDEFGHIJ")
    assert await written(engine, f"Vu {name.upper()}.", identifiers_of(DataSubject(name=name))) == "Vu X."


async def test_an_address_that_touches_the_name_goes_with_it(engine: Engine) -> None:
    """Whole, also where a part of it reads as the name, and where it was not known; the organisation's own stays."""
    for text, expected in (
        (f"Anne Le Goff, {ADDRESS}", "X, X"),
        (f"Mme Le Goff, {ADDRESS}", "Mme X.X"),
        (f"Anne Le Goff{ADDRESS}, {ADDRESS}Anne Le Goff", "XX, XX"),
        (f"Anne Le Goff_{ADDRESS} ; {ADDRESS}.Anne Le Goff", "X_X ; X.X"),
        ("Anne Le Goff (anne.lg@ailleurs.example), alg@x.example Anne Le Goff", "X (X), X X"),
        ("Anne Le Goff\\na.goff@x.example ; anne.le.goff@x.example", "X\\nX ; X"),
        ("Anne Le Goff : contact@x.example ; paul@x.example", "X : contact@x.example ; paul@x.example"),
        ("x@le.goff.example | anne.le.goff@x.example", "x@le.goff.example | X"),
        (f"{ADDRESS} | anne.le.goff@x.example.", "X | X."),
        ("https://x.example/?a=anne.legoff%40esat.example&b=1", "https://x.example/?a=X&b=1"),
    ):
        assert await written(engine, text) == expected
    by_name = identifiers_of(DataSubject(name="Anne Le Goff"))
    assert await written(engine, "Anne Le Goff, a.legoff@esat.example", by_name) == "X, X"


@pytest.mark.parametrize(
    "text",
    [
        "Anne a vu Le Goff",
        "Anne Martin, Le Goff",
        '["Anne","Le Goff"]',
        f"x{ADDRESS}",
        f"{ADDRESS}.fr",
        "Annette Le Goff ; Roxanne Le Goff ; Anne Le Goffic",
        "02 97 00 00 011, 10297000001",
    ],
)
async def test_others_are_left_alone(engine: Engine, text: str) -> None:
    assert await written(engine, text) == text


def test_a_name_of_one_word_is_not_looked_for_in_texts() -> None:
    assert mention_pattern(identifiers_of(DataSubject(name="Martin"))) is None


async def test_a_name_is_recognised_where_it_is_all_there_is(connection: Connection) -> None:
    for text, expected in {"MARTIN ": True, " (martin)": True, "Martin Paul": False, "Martinez": False}.items():
        assert await connection.scalar(select(literal(text).regexp_match(name_pattern(["martin"])))) == expected, text


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and the same in another spelling."""
    words = draw(st.lists(st.text(st.sampled_from("aeocmlœé"), min_size=2, max_size=8), min_size=2, max_size=3))
    name = " ".join(words)
    return name, "".join(draw(st.sampled_from(SPELLINGS.get(sign, (sign, sign.upper())))) for sign in name)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(both=spelt())
async def test_every_spelling_is_found(connection: Connection, both: tuple[str, str]) -> None:
    name, other = both
    assert fold(name) == fold(other)
    pattern = mention_pattern(identifiers_of(DataSubject(name=name)))
    assert await connection.scalar(select(literal(f"Vu {other}, hier").regexp_match(pattern)))


CONTACT_ADDRESS = "a.legoff@esat.example"
MANY = 10 * READ_AT_ONCE
SUPPLIER = '{{"supplier":{{"id":"00000000-0000-0000-0000-000000000001"}},'
BODY = SUPPLIER + '"contact":{{"email":"{}","phone":null,"website":null}}}}'


async def frozen(engine: Engine, started: OpenedExchange, body: str) -> None:
    """Freeze `MANY` shortlists of one need with that body."""
    async with transaction(engine) as connection:
        await connection.execute(
            sql("""
                INSERT INTO shortlists
                    (need_id, number, need_version, need, language, stamp, totals, ledger, body, created_at)
                SELECT id, number, 1, json_build_object('lots', json_build_array(), 'title', 'Vu Anne Le Goff'), 'fr',
                    '{}', '[]', '[]', convert_to(:body, 'UTF8'), now()
                FROM needs, generate_series(1, :many) number WHERE id = :need
            """),
            {"body": body, "many": MANY, "need": started.need_id},
        )


async def test_the_server_goes_on_while_many_shortlists_are_redacted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes long is done in other threads, a slice at a time, and the event loop turns between two slices."""
    started = await exchange(engine)
    await frozen(engine, started, BODY.format(CONTACT_ADDRESS))
    turns, slices, threads = 0, [], set()

    async def beat() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def noted(module: Any, name: str) -> None:
        work = getattr(module, name)

        def wrapped(rows: Any, *given: Any) -> Any:
            slices.append((turns, len(rows)))
            threads.add(threading.current_thread())
            return work(rows, *given)

        monkeypatch.setattr(module, name, wrapped)

    noted(mentions, "_redact")
    noted(erase, "_unreadable_keys")
    beating = asyncio.create_task(beat())
    owner = started.organisation_id
    done = await erase_person(
        engine, DataSubject(CONTACT_ADDRESS, "Anne Le Goff"), [owner], Actor(owner, "command"), LATER
    )
    beating.cancel()
    assert threading.main_thread() not in threads
    of_shortlists = [(turn, rows) for turn, rows in slices if rows <= READ_AT_ONCE]
    # twice to find them, once to write them
    assert len(of_shortlists) == 3 * MANY / READ_AT_ONCE
    assert len({turn for turn, _ in of_shortlists}) == len(of_shortlists)
    assert len([each for each in done.changed if each.field == "contact.email"]) == MANY
    async with transaction(engine) as connection:
        left = await connection.execute(sql("SELECT DISTINCT convert_from(body, 'UTF8') FROM shortlists"))
        assert left.scalars().all() == [BODY.replace('"{}"', "null").format()]


NAME = "Anne Le Goff"

# Columns of text that are not searched, and why.
SEARCHED_OTHERWISE = {
    "persons",
    "records",
    "desk_accounts",
    "desk_sessions",
    "passkeys",
}  # the last three by their person
IDS_OF_RECORDS = {"external_id", "other_external_id"}
WRITTEN_FROM_RECORDS = {"suppliers"}
# codes, ids, digests, states, and what administrators call sources and organisations
OF_NOBODY = {
    "api_keys": {"prefix", "digest", "scopes", "sources"},
    "audit_entries": {"means", "action", "object", "detail", "hash", "content", "signature"},
    "audit_heads": {"status", "line"},
    "awards": {"lot_id", "supplier_siret", "segments", "reserved"},
    "buyer_mails": {"status", "stop_digest", "failure"},
    "calendar_feeds": {"digest"},
    "declaration_links": set(),
    "declaration_mails": {"status", "kind", "language", "failure"},
    "declaration_secrets": {"digest"},
    "declarations": {"sent_from"},  # keyed with what is not in the database
    "exchange_recipients": {"siret", "why", "joined"},
    "exchanges": {"lot_ids", "channel"},
    "idempotency_keys": {"route", "body_hash", "headers"},
    "import_errors": {"code"},
    "imports": {"source", "format", "mode", "status"},
    "law_files": {"version", "content"},
    "meeting_participants": {"role"},
    "meetings": {"status", "format", "territory", "segments"},
    "merged_records": {"source"},
    "message_handovers": {"way"},
    "message_mails": {"status", "language", "failure"},
    "messages": {"author", "stance", "barriers", "channel", "answers"},
    "campaigns": {"left_out"},
    "campaign_recipients": {"siret", "kinds", "commune", "way", "joined"},
    "campaign_mails": {"status", "purpose", "language", "failure"},
    "needs": {"status", "buyer_siret", "brief"},  # generated from the content
    # contacts of organisations, never of persons, and replaced as a whole
    "networks": {"name", "kind", "territories", "reserved", "email", "phone", "url"},
    "organisations": {"name", "siret"},
    "reply_links": {"digest"},
    "shortlist_decisions": {"lot_id", "decision"},
    "unwanted_mails": {"kind", "address_digest"},
    "shortlists": {"language", "stamp", "totals", "ledger"},
    "sign_in_mails": {"status", "language", "browser", "digest", "failure"},
    "sources": {"name", "mapping", "licence"},
    "split_records": {"source", "other_source"},
    "supplier_notes": {"means"},
    "suppression_key": {"key"},
    "suppressions": {"digest", "source", "external_id"},
    "trade_counts": {"commune", "kind"},
    "webhook_attempts": {"failure"},
    "webhook_deliveries": {"status", "event", "body"},
    "webhooks": {"events", "sources", "secret"},
}


def test_every_column_of_text_is_searched_or_known_to_be_of_nobody() -> None:
    """A new column needs a decision: a place in `db.privacy.mentions`, or a word here."""
    assert webhooks.metadata is metadata
    searched = {(place.table.name, place.column.name) for place in MENTION_COLUMNS}
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


@pytest.mark.parametrize("title", [NAME, "x" * (400 - len(NAME) - 1) + " " + NAME])
async def test_a_text_stays_one_that_can_be_read(engine: Engine, title: str) -> None:
    """Also where the pseudonym, which is longer than the name, does not fit in."""
    started = await exchange(engine)
    owner = started.organisation_id
    need = PlannedNeed(lots=(Lot(id="1", title=title),), title=title, description=f'« {NAME} »\n"{NAME}"')
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
    await erase_person(engine, DataSubject("a.legoff@esat.example", NAME), [owner], Actor(owner, "command"), LATER)

    async with transaction(engine) as connection:
        after, met = (
            await select_need(connection, owner, stored.id),
            await select_meeting(connection, owner, meeting.id),
        )
        raw = await connection.execute(select(needs.c.content).where(sql("content::text ILIKE '%goff%'")))
        assert raw.all() == []
    assert after is not None
    assert met is not None
    texts = (after.content.title, after.content.lots[0].title, met.title, met.agenda[0].title if met.agenda else None)
    assert all(each and len(each) <= 400 and NAME not in each for each in texts)
    assert after.content.description is not None
    assert after.content.description.startswith("« ")
    assert met.url == "https://visio.example/?a=…"
    assert (met.version, met.sequence) == (2, 1)
