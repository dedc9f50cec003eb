"""Persons in a real database: one row for whom an organisation names twice, and none shared between two."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, func, select

from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.meetings.persons import find_or_insert_person
from db.schema.person_tables import persons
from tests.db.suppliers.samples import NOW


async def organisation(engine: Engine, name: str = "Morbihan") -> UUID:
    async with transaction(engine) as connection:
        return await ensure_organisation(connection, name, NOW)


async def named(engine: Engine, organisation_id: UUID, name: str = "Anne Le Goff", **given: Any) -> UUID:
    async with transaction(engine) as connection:
        return await find_or_insert_person(connection, organisation_id, name, NOW, **given)


async def read(engine: Engine, person_id: UUID) -> Row[Any]:
    async with transaction(engine) as connection:
        return (await connection.execute(select(persons).where(persons.c.id == person_id))).one()


async def test_a_person_named_again_is_found_and_completed(engine: Engine) -> None:
    one = await organisation(engine)
    first = await named(engine, one)
    assert await named(engine, one, "LE GOFF Anne", employer="CH Vannes") == first
    assert await named(engine, one, employer="ch vannes") == first
    found = await read(engine, first)
    assert (found.name, found.employer, found.erased_at) == ("Anne Le Goff", "CH Vannes", None)


@pytest.mark.parametrize("other", [{"name": "Yann Le Goff", "employer": "ESAT"}, {"employer": "Another"}])
async def test_namesakes_are_told_apart(engine: Engine, other: dict[str, str]) -> None:
    """By name and by employer."""
    one = await organisation(engine)
    first = await named(engine, one, employer="ESAT")
    assert await named(engine, one, **other) != first


async def test_who_is_named_alone_is_who_is_known_of_that_name(engine: Engine) -> None:
    one = await organisation(engine)
    first = await named(engine, one)
    assert await named(engine, one, employer="ESAT") == first
    assert await named(engine, one, "Yann Tanguy") != first
    assert (await read(engine, first)).employer == "ESAT"


async def test_the_best_known_of_two_namesakes_is_meant(engine: Engine) -> None:
    """Completing one can thus never make it the double of the other."""
    one = await organisation(engine)
    at_esat = await named(engine, one, employer="ESAT")
    elsewhere = await named(engine, one, employer="Another")
    assert await named(engine, one, employer="Another") == elsewhere
    assert await named(engine, one, employer="ESAT") == at_esat


async def test_two_at_once_name_one_person(engine: Engine) -> None:
    one = await organisation(engine)
    ids = await asyncio.gather(*(named(engine, one, employer="ESAT") for _ in range(6)))
    assert len(set(ids)) == 1
    async with transaction(engine) as connection:
        assert await connection.scalar(select(func.count()).select_from(persons)) == 1


async def test_organisations_do_not_share_persons(engine: Engine) -> None:
    one, other = await organisation(engine), await organisation(engine, "Vannes")
    assert await named(engine, one) != await named(engine, other)
