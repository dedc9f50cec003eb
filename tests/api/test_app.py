"""The application with a database attached: keys are those that it holds."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from litestar.testing import AsyncTestClient
from sqlalchemy import text

from api.app import create_app, database
from api.runtime.endpoint import Call, endpoint
from api.settings import BadSetting, Settings
from db.api_keys import secret_of
from db.core.engine import Engine, transaction
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


class Who(msgspec.Struct):
    """The caller."""

    organisation: str
    organisation_id: UUID


@endpoint("GET", "/who", tag="Test", scope="match", answers=Who)
async def who(call: Call) -> Who:
    """Tell the caller who it is."""
    return Who(call.bearer.organisation, call.bearer.organisation_id)


@pytest.fixture
async def attached(settings: Settings, reference: Reference, database_url: str) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client of an application on this test's own database, which asks it about every key every time."""
    settings = replace(settings, database_url=database_url, key_cache_seconds=0)
    app = create_app(settings, reference, routes=(who,), parts=(database,))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


async def ask(client: AsyncTestClient[Any], key: str) -> Any:
    return await client.get("/who", headers={"Authorization": f"Bearer {key}"})


async def test_the_administrators_organisation_is_stored(attached: AsyncTestClient[Any], engine: Engine) -> None:
    """What it writes belongs to an organisation that exists, the same each time."""
    first, second = [(await ask(attached, ADMIN_KEY)).json() for _ in range(2)]
    async with transaction(engine) as connection:
        stored = (await connection.execute(text("SELECT id FROM organisations WHERE name = 'default'"))).scalar_one()
    assert first["organisation_id"] == second["organisation_id"] == str(stored)


async def test_a_connection_that_is_lent_when_the_server_stops_is_closed(
    settings: Settings, reference: Reference, database_url: str
) -> None:
    """As by a read that goes on for others than the request that began it; the pool has no more to do with it.

    Without an address a server does not pretend to work.
    """
    services = create_app(replace(settings, database_url=database_url), reference, parts=()).state.services
    async with database(services):
        lent = await services.database.connect()
        driven = (await lent.get_raw_connection()).driver_connection
    assert driven.is_closed()
    await lent.close()
    with pytest.raises(BadSetting, match="DATABASE_URL"):
        async with database(create_app(settings, reference, parts=()).state.services):
            pass


async def test_an_absent_database_is_503(settings: Settings, reference: Reference) -> None:
    """A key that was never seen cannot be judged; the administrator's needs no database."""
    settings = replace(settings, database_url="postgresql://localhost:1/nothing")
    app = create_app(settings, reference, routes=(who,), parts=(database,))
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        refused, answered = await ask(client, secret_of(bytes(24))), await ask(client, ADMIN_KEY)
        noise = await ask(client, secret_of(bytes(24))[:-1])
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/database-away")
    assert int(refused.headers["retry-after"]) > 0
    assert answered.status_code == 200
    # it is asked about no noise
    assert noise.status_code == 401


def test_a_server_can_search_places_before_the_first_who_asks(settings: Settings) -> None:
    """Or the first search would hold up all that is asked meanwhile."""
    assert "gazetteer" in vars(create_app(settings, parts=()).state.services.reference)
