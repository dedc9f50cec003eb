"""Connections to PostgreSQL: several hosts are tried in turn, each for a short time, until one accepts writes.

Errors are classified: the database is away (`is_unreachable`), refuses (`refusal`) or ended a statement
(`is_statement_ended`); something is full (`is_out_of_space`).
"""

import asyncio
import errno
import math
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from operator import methodcaller
from traceback import walk_tb
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg
from sqlalchemy import exc

from domain.errors import DomainError
from domain.text.bilingual import Text

T = TypeVar("T")

PATIENCE_SECONDS = 5.0
"""The usual time after which a database that does not answer counts as away."""
# Just-in-time compilation costs more than the one big query here, loading every supplier, could gain from it.
# A date that PostgreSQL derives from an instant must not depend on where the server stands.
TIME_ZONE = {"timezone": "UTC"}
SESSION = {"jit": "off", **TIME_ZONE}
STEP_SECONDS = 0.25
LONGEST_COMMAND_SECONDS = 3_600.0
"""More than any statement takes, of imports and migrations too; one that is not answered by then never will be."""
COMMIT_SECONDS = 15.0
"""More than a commit takes where the synchronous standby is there; who waits for the same lock waits as long again."""
_PASSED_OVER = (
    OSError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.TooManyConnectionsError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,
)
_TAKES_WRITES = frozenset({"read-write", "primary"})
# a standby that is promoted begins another timeline, which is the first part of the names of its files
_TIMELINE = "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"


class InvalidDatabaseUrl(DomainError):
    """Raised for an address that is not that of a PostgreSQL database."""


class NoAnswer(OSError):
    """Raised where the database accepted a connection or a query, and did not answer in time."""


def dsn(url: str) -> str:
    """The address `url` as asyncpg takes it; its scheme may be postgres, postgresql or postgresql+asyncpg.

    Everything after the scheme is kept: a socket directory as `?host=/dir`, `sslmode`, several hosts, `options`.
    Raises InvalidDatabaseUrl on any other scheme; the message holds the scheme alone: the rest may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        seen = f"{scheme}://" if separator else "…"
        raise InvalidDatabaseUrl(
            Text(
                f"L'adresse d'une base PostgreSQL commence par postgresql:// ; celle-ci commence par {seen}",
                f"The address of a PostgreSQL database begins with postgresql://; this one begins with {seen}",
            )
        )
    return f"postgresql://{rest}"


class FormerPrimary(OSError):
    """Raised for a host that accepts writes although another host was promoted to primary later."""


class Connector:
    """Opens connections to the first host of an address that accepts one; later connections begin with that host.

    A host is passed over where it is away, starting, full, silent for `patience` seconds, or not what the address asks
    for in `target_session_attrs`: without that, one that takes writes (`read-write`). A pooler that does not
    know all of `SESSION`, as PgBouncer does not know `jit`, is sent the time zone alone.

    Of several that take writes, the one that was promoted last is meant: a former primary may have come back, or go on,
    without knowing. So all are looked at before the first connection, and none is taken that is known to be outdone.
    """

    def __init__(self, url: str, patience: float = PATIENCE_SECONDS) -> None:
        self._patience, self._session = patience, SESSION
        self._attempts = list(_attempts(dsn(url)))
        self.compares = len(self._attempts) > 1 and all(wanted in _TAKES_WRITES for _, wanted in self._attempts)
        self._latest, self._has_compared = 0, False

    async def __call__(self) -> "asyncpg.Connection[Any]":
        """A new connection. Raises what the last host said: OSError or asyncpg.PostgresError."""
        if self.compares and not self._has_compared:
            await self.compare_hosts()
        *others, last = self._attempts
        for attempt in others:
            with suppress(*_PASSED_OVER):
                return await self._connect_and_prefer(attempt)
        return await self._connect_and_prefer(last)

    async def compare_hosts(self) -> None:
        """Find out which host was promoted last; hosts that accept a connection are tried first from then on."""
        answered = await asyncio.gather(*(self._accepts_connections(attempt) for attempt in self._attempts))
        taken = {attempt for attempt, is_taken in zip(self._attempts, answered, strict=True) if is_taken}
        self._attempts.sort(key=lambda each: each not in taken)
        self._has_compared = True

    def forget_comparison(self) -> None:
        """Have the next connection ask all hosts again which of them was promoted last."""
        self._has_compared = False

    def is_outdone(self, connection: "asyncpg.Connection[Any]") -> bool:
        """Whether a host is known that was promoted later than the host of this connection."""
        timeline: int = connection.timeline
        return timeline < self._latest

    async def _accepts_connections(self, attempt: tuple[str, str]) -> bool:
        """Whether a host (address, `target_session_attrs`) accepts a connection now; False after any error."""
        with suppress(*_PASSED_OVER, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await self._connect_in_time(attempt)
            await connection.close(timeout=self._patience)
            return True
        return False

    async def _connect_and_prefer(self, attempt: tuple[str, str]) -> "asyncpg.Connection[Any]":
        connection = await self._connect_in_time(attempt)
        self._attempts.sort(key=lambda each: each != attempt)  # the others keep their order
        return connection

    async def _connect_in_time(self, attempt: tuple[str, str]) -> "asyncpg.Connection[Any]":
        # whoever asked for it may be gone just when it is there
        close = methodcaller("terminate")
        return await result_within(self._patience, self._connect_unless_outdone(*attempt), discard=close)

    async def _connect_unless_outdone(self, host: str, wanted: str) -> "asyncpg.Connection[Any]":
        """Connect to the host if its state is `wanted` ("read-write"…). Raises FormerPrimary where it is outdone."""
        connect = partial(
            asyncpg.connect,
            host,
            target_session_attrs=wanted,
            connection_class=_Connection,
            command_timeout=LONGEST_COMMAND_SECONDS,
        )
        try:
            connection = await connect(server_settings=self._session)
        except asyncpg.exceptions.ProtocolViolationError:
            self._session = TIME_ZONE
            connection = await connect(server_settings=self._session)
        if not self.compares:
            return connection
        try:
            # where the server does not tell, no other is known to outdo it
            with suppress(asyncpg.PostgresError):
                connection.timeline = int(await connection.fetchval(_TIMELINE), 16)
            if self.is_outdone(connection):
                raise FormerPrimary("the host takes writes, and another that was promoted since does so too")
        except BaseException:
            connection.terminate()
            raise
        self._latest = connection.timeline
        return connection


async def connect(url: str) -> "asyncpg.Connection[Any]":
    """A new connection, outside any pool; the caller closes it."""
    return await Connector(url)()


async def result_within(
    seconds: float, answer: Coroutine[Any, Any, T], discard: Callable[[T], object] = lambda _: None
) -> T:
    """Await `answer` and return its result. Raises NoAnswer after `seconds`; a later result goes to `discard`.

    Seconds in which the event loop was busy with other things do not count: the answer may have come meanwhile.
    """

    def discard_late_result(done: asyncio.Task[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            discard(done.result())

    task = asyncio.create_task(answer)
    is_taken = False
    try:
        for _ in range(math.ceil(seconds / STEP_SECONDS)):
            if (await asyncio.wait({task}, timeout=min(seconds, STEP_SECONDS)))[0]:
                is_taken = True
                return task.result()
    finally:
        if not is_taken:
            task.cancel()
            task.add_done_callback(discard_late_result)
    raise NoAnswer(f"the database has not answered for {seconds:g} s")


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that TCP keep-alives end where the server is gone, and whose commits have a time limit.

    `timeline`: of the server, where hosts are compared: it grows whenever a standby is promoted.
    """

    timeline = 0

    def __init__(self, protocol: Any, transport: asyncio.BaseTransport, *others: Any) -> None:
        super().__init__(protocol, transport, *others)
        channel: socket.socket = transport.get_extra_info("socket")
        if channel.family == socket.AF_UNIX:
            return
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # not every system has all of them
        for name, value in (("KEEPIDLE", 5), ("KEEPINTVL", 2), ("KEEPCNT", 3), ("USER_TIMEOUT", 10_000)):
            if (option := getattr(socket, f"TCP_{name}", None)) is not None:
                channel.setsockopt(socket.IPPROTO_TCP, option, value)

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        """Run the query; a commit, which may wait for a standby that is gone, for at most `COMMIT_SECONDS`."""
        if query == "COMMIT;":
            options.setdefault("timeout", COMMIT_SECONDS)
        status: str = await super().execute(query, *args, **options)
        return status


def _attempts(address: str) -> Iterator[tuple[str, str]]:
    """Yield an address per host, in the order of trying, with the `target_session_attrs` wanted of the host."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    wanted = query.pop("target_session_attrs", "read-write")
    ports, hosts = query.get("port", "").split(","), []
    names_in_query = query.get("host", "").split(",")
    for number, host in enumerate(names_in_query):
        port = ports[number] if len(ports) == len(names_in_query) else ports[0]
        each = query | ({"host": host} if host else {}) | ({"port": port} if port else {})
        hosts.append(parts._replace(query=urlencode(each, quote_via=quote)))
    user, at, names = parts.netloc.rpartition("@")
    if names:
        hosts = [each._replace(netloc=f"{user}{at}{name}") for name in names.split(",") for each in hosts]
    for each_wanted in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
        yield from ((each.geturl(), each_wanted) for each in hosts)


# asyncpg reports these as errors of the server, yet they only mean that it is stopping, starting, full or read-only
_TEMPORARY = (
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.TooManyConnectionsError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,  # a standby, or a primary that takes no writes for now
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    FormerPrimary,
    NoAnswer,
    exc.TimeoutError,  # the pool had no connection to lend
)

_FULL = (asyncpg.exceptions.InsufficientResourcesError, MemoryError)
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})

_REFUSED = (
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,
    asyncpg.exceptions.InvalidCatalogNameError,
    asyncpg.exceptions.InsufficientPrivilegeError,
)


def is_unreachable(failure: BaseException) -> bool:
    """Whether an error, or a cause of it, says that the database cannot be reached for now."""
    return any(
        isinstance(seen, _TEMPORARY)
        or (isinstance(seen, exc.DBAPIError) and seen.connection_invalidated)
        or (isinstance(seen, asyncpg.InterfaceError) and "closed" in str(seen))
        or (isinstance(seen, OSError) and _raised_by_driver(seen))
        for seen in _with_causes(failure)
    )


def log_fields(failure: BaseException) -> dict[str, Any]:
    """The fields by which a log tells of an error: its traceback, of a table that is gone one sentence."""
    gone = asyncpg.exceptions.UndefinedTableError
    said = next((str(seen) for seen in _with_causes(failure) if isinstance(seen, gone)), None)
    return {"exc_info": failure} if said is None else {"exc_info": None, "failure": f"a table was dropped: {said}"}


def is_out_of_space(failure: BaseException) -> bool:
    """Whether an error, or a cause of it, says that disk or memory is full, of the database or of this machine."""
    return any(
        isinstance(seen, _FULL) or (isinstance(seen, OSError) and seen.errno in _FULL_DISK)
        for seen in _with_causes(failure)
    )


def is_statement_ended(failure: BaseException) -> bool:
    """Whether an error, or a cause of it, says that the database ended a statement that took too long."""
    return any(isinstance(seen, asyncpg.exceptions.QueryCanceledError) for seen in _with_causes(failure))


def _with_causes(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)


def _raised_by_driver(failure: OSError) -> bool:
    """Whether the driver raised the error: a refused connection, a missing socket, an unknown host, a time-out."""
    return any(
        frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame, _ in walk_tb(failure.__traceback__)
    )


def refusal(failure: BaseException) -> str | None:
    """The server's message where an error, or a cause of it, is that it refused the connection; None where none is."""
    return next((str(seen) for seen in _with_causes(failure) if isinstance(seen, _REFUSED)), None)
