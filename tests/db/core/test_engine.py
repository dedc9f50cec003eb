"""Sessions, transactions, and the pool; identifiers that sort by the time they were made."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import RFC_4122

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.core import connect as connecting
from db.core import engine as database
from db.core.connect import dsn, is_unreachable
from db.core.engine import Connection, Engine, transaction
from db.core.uuid7 import increasing_ids, lowest_id, new_id, uuid7
from tests.conftest import begin_endless_query
from tests.db.suppliers.samples import execute


async def test_parameters_of_the_address_reach_the_server(database_url: str) -> None:
    """What SQLAlchemy does not know, such as `application_name` and `sslmode`, is not refused."""
    separator = "&" if "?" in database_url else "?"
    engine = database.engine(f"{database_url}{separator}application_name=carnet&sslmode=prefer", pool_size=0)
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SHOW application_name")) == "carnet"
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
    await engine.dispose()


async def test_leaving_a_transaction_commits_and_raising_rolls_back(own_engine: Engine) -> None:
    async with transaction(own_engine) as connection:
        await connection.execute(text("CREATE TABLE kept (id int)"))
        await connection.execute(text("INSERT INTO kept VALUES (1)"))

    with suppress(ZeroDivisionError):
        async with transaction(own_engine) as connection:
            await connection.execute(text("INSERT INTO kept VALUES (2)"))
            raise ZeroDivisionError
    async with transaction(own_engine) as connection:
        assert list(await connection.scalars(text("SELECT id FROM kept"))) == [1]


async def test_the_pool_outlives_connections_that_the_server_ended(own_database_url: str, own_engine: Engine) -> None:
    """A server that was restarted, or an administrator who cut a session, costs nobody a request."""
    async with transaction(own_engine) as connection:
        session = await connection.scalar(text("SELECT pg_backend_pid()"))
    other = database.engine(own_database_url, pool_size=0)
    async with transaction(other) as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:session, 5000)"), {"session": session})
    await other.dispose()
    async with transaction(own_engine) as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != session


async def test_a_cut_ends_what_waits_for_an_answer_and_the_next_connects_anew(own_engine: Engine) -> None:
    """As where the server hangs."""
    waiting = await begin_endless_query(own_engine)
    database.end_connections(own_engine)
    with pytest.raises(DBAPIError) as failure:
        await waiting
    assert is_unreachable(failure.value)
    async with transaction(own_engine) as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_a_server_that_has_become_read_only_is_away_and_left(own_engine: Engine) -> None:
    """Such as a former primary: nothing is written there, and sessions on it are of no use any more."""
    async with transaction(own_engine) as connection:
        session = await connection.scalar(text("SELECT pg_backend_pid()"))

    async def write() -> None:
        async with transaction(own_engine) as connection:
            await connection.execute(text("SET TRANSACTION READ ONLY"))
            await connection.execute(text("CREATE TABLE never (id int)"))

    with pytest.raises(DBAPIError) as failure:
        await write()
    assert is_unreachable(failure.value)
    async with transaction(own_engine) as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != session


async def test_a_connection_that_lands_on_a_read_only_server_is_away(
    own_engine: Engine, own_database_url: str, administrator: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    name = urlsplit(dsn(own_database_url)).path.removeprefix("/")
    await administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
    with pytest.raises(Exception, match="read-write") as failure:
        async with transaction(own_engine):
            pass
    assert is_unreachable(failure.value)
    await administrator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await execute(own_engine, "CREATE TABLE written (id int)")


async def test_json_is_read_and_written_as_text(connection: Connection) -> None:
    """Its owner decodes it straight into a type; numbers and keys are not touched on the way."""
    query = text("SELECT CAST(:given AS jsonb)")
    assert await connection.scalar(query, {"given": '{"a": 1.50}'}) == '{"a": 1.50}'


async def test_a_commit_that_is_never_answered_is_an_absent_database(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the synchronous standby is gone: neither who commits waits for ever, nor who waits behind them."""
    monkeypatch.setattr(connecting, "COMMIT_SECONDS", 0.2)
    async with transaction(own_engine) as connection:
        await connection.execute(text("CREATE TABLE slow (id int)"))
        await connection.execute(
            text("""
                CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_sleep(3600); RETURN NULL; END'
            """)
        )
        trigger = "CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
        await connection.execute(text(f"{trigger} FOR EACH ROW EXECUTE FUNCTION wait()"))

    async def commit() -> None:
        await execute(own_engine, "INSERT INTO slow VALUES (1)")

    behind = await begin_endless_query(own_engine)
    failures = await asyncio.wait_for(asyncio.gather(commit(), behind, return_exceptions=True), 20)
    assert [isinstance(each, Exception) and is_unreachable(each) for each in failures] == [True, True]
    async with transaction(own_engine) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM slow")) == 0


MOMENT = datetime(2026, 11, 24, tzinfo=UTC)


def test_it_is_as_the_rfc_says_and_later_ones_sort_after_earlier_ones() -> None:
    """RFC 9562, appendix A.6."""
    random = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10)
    made = uuid7(datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC), random)
    assert str(made) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    assert (made.version, made.variant) == (7, RFC_4122)
    next_one = MOMENT + timedelta(milliseconds=1)
    assert lowest_id(MOMENT) < new_id(MOMENT) < lowest_id(next_one)
    assert uuid7(MOMENT, bytes([255] * 10)) < uuid7(next_one, bytes(10))
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(MOMENT, b"few")


def test_those_in_order_are_of_their_own_and_sort_by_their_places() -> None:
    """Those of one place, as rows of one line may be, still differ."""
    places = [1, 2, 2, 3, 4_095, 16_383, 16_384, 1_000_000, (1 << 26) - 1]
    made = increasing_ids(MOMENT, places)

    assert len({*made, *increasing_ids(MOMENT, places)}) == 2 * len(places)
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    by_place = sorted(zip(made, places, strict=True))
    assert [place for _, place in by_place] == places
    assert made[-1] < uuid7(MOMENT + timedelta(milliseconds=1), bytes(10))
