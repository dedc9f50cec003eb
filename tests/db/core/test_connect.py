"""Addresses as people write them, the host that is connected to, and an absent database told from a mistake."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from db.core import connect as connecting
from db.core.connect import (
    Connector,
    FormerPrimary,
    NoAnswer,
    dsn,
    is_out_of_space,
    is_statement_ended,
    is_unreachable,
    result_within,
)
from db.core.engine import Engine, engine, transaction


def test_every_usual_scheme_is_taken_and_another_refused_without_repeating_the_password() -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        given = f"{scheme}://me:p%40ss@host/base?sslmode=require"
        assert dsn(given) == "postgresql://me:p%40ss@host/base?sslmode=require"
    for url in ("mysql://me:secret@host/base", "me:secret@host/base", "", "postgresql+psycopg://h/secret"):
        with pytest.raises(connecting.InvalidDatabaseUrl) as refusal:
            dsn(url)
        assert "postgresql://" in refusal.value.detail.fr
        assert "secret" not in "".join(refusal.value.detail)


@pytest.fixture
async def silent_host() -> AsyncIterator[str]:
    """A host that takes connections and says nothing, as a server that is stopped does."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"{host}:{port}"
    for each in taken:
        each.close()
    server.close()


def with_hosts(url: str, *others: str) -> str:
    """The address with these hosts before its own, which is a socket's folder or a name with a port."""
    parts = urlsplit(dsn(url))
    query = parse_qs(parts.query)
    if "host" in query:
        ports = [other.rpartition(":")[2] for other in others]
        hosts = ",".join([other.rpartition(":")[0] for other in others] + query["host"])
        return (
            f"postgresql://postgres@{parts.path}?host={hosts}&port={','.join([*ports, *query.get('port', ['5432'])])}"
        )
    user, at, own = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{','.join([*others, own])}").geturl()


async def test_a_host_that_refuses_is_passed_over(database_url: str) -> None:
    connection = await Connector(with_hosts(database_url, "127.0.0.1:1"))()
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


async def test_a_host_that_says_nothing_is_passed_over_and_tried_last_from_then_on(
    database_url: str, silent_host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    async def counted(address: str, **options: object) -> object:
        tried.append(address)
        return await connect(address, **options)

    connect = asyncpg.connect
    monkeypatch.setattr(asyncpg, "connect", counted)
    connector = Connector(with_hosts(database_url, silent_host), patience=0.5)
    for _ in range(2):
        await (await connector()).close()
    port = silent_host.rpartition(":")[2]
    looked, *later = [[port in address for address in tried[at : at + 2]] for at in (0, 2)]
    assert (sorted(looked), later) == ([False, True], [[False, False]])


async def test_where_nobody_answers_it_says_so(silent_host: str) -> None:
    """Each host has its port: nobody listens on the first, and the last says nothing."""
    host, _, port = silent_host.rpartition(":")
    for url in (f"postgresql://me@{silent_host}/base", f"postgresql:///base?host={host},{host}&port=1,{port}"):
        with pytest.raises(NoAnswer):
            await Connector(url, patience=0.1)()


async def test_a_server_that_takes_no_writes_is_passed_over(
    own_database_url: str, administrator: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Unless the address says that any will do."""
    name = urlsplit(dsn(own_database_url)).path.removeprefix("/")
    await administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
    with pytest.raises(asyncpg.exceptions.TargetServerAttributeNotMatched):
        await Connector(own_database_url)()
    separator = "&" if "?" in own_database_url else "?"
    connection = await Connector(f"{own_database_url}{separator}target_session_attrs=any")()
    assert await connection.fetchval("SHOW transaction_read_only") == "on"
    await connection.close()


class Primary:
    """A server on a timeline that takes writes, as far as a connector asks."""

    def __init__(self, address: str, timeline: int) -> None:
        self.address, self._timeline = address, timeline
        self.timeline = 0

    async def fetchval(self, _: str) -> str:
        return f"{self._timeline:08X}"

    async def close(self, timeout: float) -> None:
        """It has nothing to close."""

    def terminate(self) -> None:
        """Nor to end."""


async def test_a_former_primary_that_came_back_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes writes too, and nobody else would ever see them; while the one after it is away, nobody is taken."""
    timelines = {"db1:5432": 1, "db2:5432": 2}

    async def answered(address: str, **_: object) -> Primary:
        host = urlsplit(address).netloc
        if host not in timelines:
            raise ConnectionRefusedError
        return Primary(host, timelines[host])

    monkeypatch.setattr(asyncpg, "connect", answered)
    connector = Connector("postgresql://db1:5432,db2:5432/base")
    assert (await connector()).address == "db2:5432"
    del timelines["db2:5432"]
    with pytest.raises((FormerPrimary, ConnectionRefusedError)):
        await connector()
    timelines["db2:5432"] = 2
    assert (await connector()).address == "db2:5432"
    timelines["db1:5432"] = 3
    del timelines["db2:5432"]
    assert (await connector()).address == "db1:5432"


async def test_without_a_standby_one_that_is_preferred_is_done_without(database_url: str) -> None:
    separator = "&" if "?" in database_url else "?"
    connection = await Connector(f"{database_url}{separator}target_session_attrs=prefer-standby")()
    assert await connection.fetchval("SELECT pg_is_in_recovery()") is False
    await connection.close()


async def test_a_busy_event_loop_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other work may hold it for longer than the database has to answer."""
    monkeypatch.setattr(connecting, "STEP_SECONDS", 0.05)

    async def answer_once_the_loop_is_free() -> bool:
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            pass
        await asyncio.sleep(0)
        return True

    assert await result_within(0.1, answer_once_the_loop_is_free())


@pytest.mark.parametrize("later", range(3))
async def test_a_connection_that_nobody_waits_for_any_more_is_closed(
    database_url: str, monkeypatch: pytest.MonkeyPatch, later: int
) -> None:
    """Whoever asked for it may be cancelled when it is there and not handed over yet, as where a server stops."""
    opened: list[asyncpg.Connection[asyncpg.Record]] = []

    async def leave() -> None:
        for _ in range(later):
            await asyncio.sleep(0)
        asking.cancel()

    async def connect_and_leave(address: str, **options: object) -> object:
        opened.append(await connect(address, **options))
        leaving.append(asyncio.create_task(leave()))
        return opened[0]

    connect, leaving = asyncpg.connect, list[asyncio.Task[None]]()
    monkeypatch.setattr(asyncpg, "connect", connect_and_leave)
    asking = asyncio.create_task(Connector(database_url)())
    with suppress(asyncio.CancelledError):
        (await asking).terminate()
    await asyncio.gather(*leaving)
    assert [connection.is_closed() for connection in opened] == [True]


async def failure_of(attached: Engine, *statements: str) -> Exception:
    """What running `statements` in one transaction raises."""
    try:
        async with transaction(attached) as connection:
            for statement in statements:
                await connection.execute(text(statement))
    except Exception as failure:  # noqa: BLE001 - whatever it is, is what is asked
        return failure
    pytest.fail("nothing was raised")


@pytest.mark.parametrize("place", ["localhost:1/x", "/x?host=/no/such/folder", "no-such-host.invalid/x"])
async def test_nobody_listens(place: str) -> None:
    """A refused connection, a missing socket, an unknown host."""
    nowhere = engine(f"postgresql://{place}", pool_size=0)
    assert is_unreachable(await failure_of(nowhere, "SELECT 1"))
    await nowhere.dispose()


@pytest.mark.parametrize("pooled", [True, False])
async def test_the_connection_is_cut(database_url: str, pooled: bool) -> None:
    """The server ends a session in the middle of a transaction, as it does when it is stopped."""
    attached = engine(database_url, pool_size=1 if pooled else 0)
    assert is_unreachable(await failure_of(attached, "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"))
    await attached.dispose()


async def test_no_connection_is_free(database_url: str) -> None:
    """More callers than connections: who waited too long is told to come back."""
    attached = engine(database_url, pool_size=1)
    attached.pool._timeout = 0.01  # type: ignore[attr-defined]
    async with transaction(attached):
        assert is_unreachable(await failure_of(attached, "SELECT 1"))
    await attached.dispose()


@pytest.mark.parametrize(
    ("statements", "took_too_long"),
    [
        (("nonsense",), False),
        (("SELECT * FROM no_such_table",), False),
        (("SELECT 1 / 0",), False),
        (("SET LOCAL statement_timeout = '1ms'", "SELECT pg_sleep(60)"), True),
    ],
)
async def test_neither_a_mistake_nor_what_took_too_long_is_an_absence_or_want_of_room(
    engine: Engine, statements: tuple[str, ...], took_too_long: bool
) -> None:
    """Wrong SQL stays a fault of ours."""
    failure = await failure_of(engine, *statements)
    told = (is_unreachable(failure), is_out_of_space(failure), is_statement_ended(failure))
    assert told == (False, False, took_too_long)


FULL = (
    asyncpg.exceptions.DiskFullError("could not extend file"),
    asyncpg.exceptions.OutOfMemoryError("out of memory"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
)
NOT_OF_THE_DRIVER = (OSError("disk full"), PermissionError(), FileNotFoundError("upload"), TimeoutError(), ValueError())


@pytest.mark.parametrize("failure", [*FULL, *NOT_OF_THE_DRIVER], ids=repr)
def test_a_full_disk_is_no_absence_and_other_failures_are_neither(failure: Exception) -> None:
    """The same kinds of error, but not from the driver, are none of the database's."""
    assert (is_unreachable(failure), is_out_of_space(failure)) == (False, failure in FULL)
