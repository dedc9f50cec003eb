"""Addresses as people write them, and transactions."""

import pytest
from sqlalchemy import text

from db.core import engine as database
from db.core.engine import Engine, transaction


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_usual_scheme_is_taken(scheme: str) -> None:
    assert (
        database.dsn(f"{scheme}://me:p%40ss@host/base?sslmode=require")
        == "postgresql://me:p%40ss@host/base?sslmode=require"
    )


@pytest.mark.parametrize(
    "url", ["mysql://me:secret@host/base", "me:secret@host/base", "", "postgresql+psycopg://h/secret"]
)
def test_another_scheme_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(database.InvalidDatabaseUrl) as refusal:
        database.dsn(url)
    assert "postgresql://" in refusal.value.detail.fr
    assert "secret" not in "".join(refusal.value.detail)


async def test_parameters_of_the_address_reach_the_server(database_url: str) -> None:
    """What SQLAlchemy does not know, such as `application_name` and `sslmode`, is not refused."""
    separator = "&" if "?" in database_url else "?"
    engine = database.engine(f"{database_url}{separator}application_name=carnet&sslmode=prefer", pool_size=0)
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SHOW application_name")) == "carnet"
        assert await connection.scalar(text("SHOW timezone")) == "UTC"
    await engine.dispose()


async def test_leaving_a_transaction_commits_and_raising_rolls_back(engine: Engine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE kept (id int)"))
        await connection.execute(text("INSERT INTO kept VALUES (1)"))

    async def fail() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO kept VALUES (2)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with transaction(engine) as connection:
        assert list(await connection.scalars(text("SELECT id FROM kept"))) == [1]


async def test_the_pool_outlives_connections_that_the_server_ended(database_url: str, engine: Engine) -> None:
    """A server that was restarted, or an administrator who cut a session, costs nobody a request."""
    async with transaction(engine) as connection:
        session = await connection.scalar(text("SELECT pg_backend_pid()"))
    other = database.engine(database_url, pool_size=0)
    async with transaction(other) as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:session, 5000)"), {"session": session})
    await other.dispose()
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) != session


async def test_json_is_read_and_written_as_text(engine: Engine) -> None:
    """Its owner decodes it straight into a type; numbers and keys are not touched on the way."""
    async with transaction(engine) as connection:
        query = text("SELECT CAST(:given AS jsonb)")
        assert await connection.scalar(query, {"given": '{"a": 1.50}'}) == '{"a": 1.50}'
