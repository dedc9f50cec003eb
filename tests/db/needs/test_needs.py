"""Needs in a real database: kept, held, changed; their progress, as their exchanges say, and the other needs of a year.

Awards, of which withdrawn ones are kept but not read, and frozen shortlists, byte for byte and numbered.
"""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine
from db.exchanges.exchanges import insert_handovers, write_handovers
from db.needs.needs import (
    awards_until,
    insert_award,
    insert_need,
    mark_award_withdrawn,
    needs_of_year,
    progress_of,
    select_awards,
    write_need,
)
from db.needs.shortlists import insert_shortlist, select_listed_supplier
from db.schema.organisation_tables import awards
from domain.exchanges.exchange import Message
from domain.needs.need import Award, Buyer, Lot, Need, OtherNeed, Place, PlannedNeed, TerritoryRequest
from domain.needs.status import StoredNeed
from domain.shortlists.shortlist import Shortlist
from domain.shortlists.version import IdAndName
from tests.db.exchanges.samples import ANNE, PAUL, exchange
from tests.db.suppliers.samples import NOW as OPENED
from tests.db.suppliers.samples import ask, new_id
from tests.domain.equal_treatment.samples import frozen
from tests.domain.shortlists.samples import STAMP, listed, summary
from tests.factories import award

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


async def test_what_waits_for_the_buyer_is_neither_confirmed_nor_answered(engine: Engine) -> None:
    """As the exchange, the matrix and the report say it.

    An answer noted by the buyer shows that of the opening alone, one by the link all that was sent before.
    """
    one = await exchange(engine)

    async def waiting() -> int:
        return (await ask(engine, progress_of, one.organisation_id, [one.need_id]))[one.need_id].to_deliver

    async def hand_over(message: Message, *suppliers: UUID) -> None:
        await ask(engine, insert_handovers, one.exchange.id, message, suppliers)

    assert await waiting() == 0
    await hand_over(one.first, ANNE, PAUL)
    assert await waiting() == 2
    await ask(engine, write_handovers, one.exchange.id, one.first.id, [ANNE], "letter", OPENED.date(), OPENED)
    assert await waiting() == 1
    await hand_over(await one.hear(1, None, author="buyer", body="Et en mai ?", channel="email"), PAUL)
    assert await waiting() == 2
    await one.hear(2, PAUL, channel="phone")
    assert await waiting() == 1
    await one.hear(3, PAUL)
    assert await waiting() == 0


BESIDES = UUID(int=1)
HERE, ELSEWHERE = "22560001400016", "21560260300016"
LOT = Lot("1", segments=("ev-entretien",), cpv=("77310000",), keywords=("tonte",), nature="services", value_eur=5.25)


async def stored(connection: Connection, own: UUID, at: datetime = NOW, **fields: Any) -> StoredNeed:
    content = PlannedNeed(**({"lots": (LOT,)} | fields))
    return await insert_need(connection, own, content, at)


async def test_only_what_is_added_up_is_read(connection: Connection) -> None:
    """Places and territories are left in the database, however large they are."""
    own = await ensure_organisation(connection, "Morbihan", NOW)
    parks = msgspec.structs.replace(LOT, title="Parcs")
    parks = msgspec.structs.replace(parks, duration_months=12, renewal_months=36, options_eur=1.5)
    whole = Lot("2", value_eur=9, value_covers="all")
    lots = (msgspec.structs.replace(parks, site=Place(commune="56260"), innovative=True), whole)
    need = await stored(
        connection,
        own,
        lots=lots,
        reference="R",
        title="T",
        buyer=Buyer(name="Mairie", siret=HERE),
        estimated_total_eur=10,
        territory=TerritoryRequest(codes=("departement:56",)),
    )
    kept = Need((parks, whole), "R", "T", estimated_total_eur=10)
    found = await needs_of_year(connection, own, 2026, None, BESIDES)
    assert found == (OtherNeed(need.id, HERE, kept),)


async def test_the_other_needs_of_a_year_are_those_that_are_added_up(connection: Connection) -> None:
    """Not the need itself, the abandoned, concessions, those of other organisations and of another buyer.

    Buyers are told apart by SIRET; where one is not given, the buyer is taken for the same.
    """
    own, other = [await ensure_organisation(connection, name, NOW) for name in ("Morbihan", "Vannes")]
    need, dropped, closed = [await stored(connection, own, buyer=Buyer(siret=HERE)) for _ in range(3)]
    await write_need(connection, own, msgspec.structs.replace(dropped, status="abandoned"))
    await write_need(connection, own, msgspec.structs.replace(closed, status="closed"))
    await stored(connection, other)
    await stored(connection, own, contract="concession")
    elsewhere, unknown = [await stored(connection, own, buyer=Buyer(siret=siret)) for siret in (ELSEWHERE, None)]
    for siret, expected in (
        (HERE, [closed, unknown]),
        (ELSEWHERE, [elsewhere, unknown]),
        (None, [closed, elsewhere, unknown]),
    ):
        found = await needs_of_year(connection, own, 2026, siret, need.id)
        assert {each.id for each in found} == {each.id for each in expected}


async def test_a_need_is_found_by_its_year_and_buyer_as_they_are_now(connection: Connection) -> None:
    own = await ensure_organisation(connection, "Morbihan", NOW)
    need = await stored(connection, own, buyer=Buyer(siret=ELSEWHERE))
    content = PlannedNeed((LOT,), buyer=Buyer(siret=HERE), planned_publication_on=date(2028, 1, 1))
    await write_need(connection, own, msgspec.structs.replace(need, content=content))
    assert await needs_of_year(connection, own, 2026, None, BESIDES) == ()
    assert [each.id for each in await needs_of_year(connection, own, 2028, HERE, BESIDES)] == [need.id]


async def test_the_newest_of_very_many_are_read(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many, of so many bytes together; and none that has more words than any buyer writes."""
    words = tuple("x" * 400 for _ in range(50))
    large, too_large = ([Lot(str(n), keywords=words) for n in range(count)] for count in (5, 7))
    own = await ensure_organisation(connection, "Morbihan", NOW)
    later = (NOW + timedelta(seconds=number) for number in itertools.count())
    needs = [await stored(connection, own, next(later), lots=tuple(large)) for _ in range(12)]
    await stored(connection, own, next(later), lots=tuple(too_large))
    found = await needs_of_year(connection, own, 2026, None, BESIDES)
    assert [each.id for each in found] == [each.id for each in needs[-10:]]
    monkeypatch.setattr("db.needs.needs.MOST_NEEDS", 20)
    needs += [await stored(connection, own, next(later)) for _ in range(20)]
    found = await needs_of_year(connection, own, 2026, None, BESIDES)
    assert [each.id for each in found] == [each.id for each in needs[-20:]]


async def test_what_is_read_follows_the_need_whoever_changes_it(connection: Connection) -> None:
    """Such as an erasure, or a server of the release before; and it is not read from the whole need."""
    renamed = text("UPDATE needs SET content = replace(cast(content AS text), 'Zoé', 'Personne 1')::json")
    own = await ensure_organisation(connection, "Morbihan", NOW)
    await stored(connection, own, title="Zoé")
    await connection.execute(renamed)
    (found,) = await needs_of_year(connection, own, 2026, None, BESIDES)
    assert found.need.title == "Personne 1"
    await connection.execute(text("ALTER TABLE needs ALTER COLUMN brief DROP EXPRESSION"))
    await connection.execute(text("UPDATE needs SET content = '1'"))
    assert await needs_of_year(connection, own, 2026, None, BESIDES) == (found,)


async def test_the_database_files_a_need_by_its_content_whoever_writes_it(connection: Connection) -> None:
    """Servers of earlier releases give a year of their own, or none, and no buyer; the year is that of Paris."""
    new_year_in_paris = datetime(2027, 12, 31, 23, 30, tzinfo=UTC)
    own = await ensure_organisation(connection, "Morbihan", NOW)
    planned = {"lots": [], "planned_publication_on": "2031-02-01", "buyer": {"siret": HERE}}
    for number, (year, content) in enumerate(itertools.product((None, 2020), (planned, {"lots": []}))):
        row = {"id": UUID(int=number + 1), "own": own, "at": new_year_in_paris}
        columns, values = (", year", f", {year}") if year else ("", "")
        await connection.execute(
            text(
                "INSERT INTO needs (id, organisation_id, status, version, content, created_at, updated_at"
                f"{columns}) VALUES (:id, :own, 'draft', 1, CAST(:content AS json), :at, :at{values})"
            ),
            row | {"content": msgspec.json.encode(content).decode()},
        )
    filed = (await connection.execute(text("SELECT year, buyer_siret FROM needs ORDER BY id"))).all()
    assert filed == [(2031, HERE), (2028, None)] * 2
    await connection.execute(text("UPDATE needs SET year = 1999, buyer_siret = 'x'"))
    assert (await connection.execute(text("SELECT year, buyer_siret FROM needs ORDER BY id"))).all() == filed


DAY = date(2026, 11, 24)


async def noted(connection: Connection, organisation: UUID, buyer: Buyer | None = None, **fields: Any) -> Award:
    """Keep an award of a need of its own."""
    content = PlannedNeed(lots=(Lot("1", segments=("ev-entretien",)),), buyer=buyer)
    need = await insert_need(connection, organisation, content, NOW)
    usual = {"segments": ("ev-entretien", "pr-locaux"), "awarded_on": DAY, "reserved": ("ess",), "direct": True}
    kept = award(id=new_id(), need_id=need.id, **usual | fields)
    await insert_award(connection, organisation, kept)
    return kept


async def test_awards_up_to_the_day_count_with_the_buyer_of_their_need_unless_withdrawn(connection: Connection) -> None:
    """One that was withdrawn stays in the table alone."""
    own = await ensure_organisation(connection, "Morbihan", NOW)
    kept = [await noted(connection, own, buyer) for buyer in (None, Buyer(name="Vannes"), Buyer(siret=ELSEWHERE))]
    await noted(connection, own, awarded_on=date(2026, 11, 25))
    found = await awards_until(connection, own, DAY)
    assert [(each.id, each.buyer_siret) for each in found] == [
        (award.id, siret) for award, siret in zip(kept, (None, None, ELSEWHERE), strict=True)
    ]
    assert await awards_until(connection, own, date(2026, 11, 23)) == []
    need = kept[0].need_id
    assert await select_awards(connection, own, need, None, 5) == [kept[0]]
    assert await select_awards(connection, own, need, kept[0].id, 5) == []
    assert await mark_award_withdrawn(connection, own, need, kept[0].id, NOW)
    assert not await mark_award_withdrawn(connection, own, need, kept[0].id, NOW)
    assert [each.id for each in await awards_until(connection, own, DAY)] == [each.id for each in kept[1:]]
    assert await connection.scalar(select(func.count()).where(awards.c.withdrawn_at == NOW)) == 1


ONE, OTHER = UUID(int=1), UUID(int=2)


def answer(name: str, supplier: UUID = ONE) -> bytes:
    """An answer of a lot with one candidate."""
    return msgspec.json.encode(Shortlist(None, STAMP, (listed("1", [summary(name, supplier)]),), ()))


async def freeze(connection: Connection, own: UUID, need: StoredNeed, *answers: bytes) -> None:
    """Store the versions of a need from 1 on."""
    for number, body in enumerate(answers, start=1):
        version = msgspec.structs.replace(frozen({"1": "A"}, ()), number=number)
        await insert_shortlist(connection, own, need, version, body)


async def test_a_number_is_given_once(connection: Connection) -> None:
    own = await ensure_organisation(connection, "Morbihan", NOW)
    need = await stored(connection, own)
    await freeze(connection, own, need, answer("x"))
    with pytest.raises(IntegrityError):
        await freeze(connection, own, need, answer("y"))


async def test_a_supplier_is_named_as_it_was_listed_last(connection: Connection) -> None:
    own = await ensure_organisation(connection, "Morbihan", NOW)
    need = await stored(connection, own)
    await freeze(connection, own, need, answer("Avant"), answer("Après"), answer("Autre", OTHER))
    assert await select_listed_supplier(connection, own, need.id, ONE) == IdAndName(ONE, "Après")
    assert await select_listed_supplier(connection, own, need.id, UUID(int=3)) is None
