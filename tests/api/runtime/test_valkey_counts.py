"""Quotas and attempts that two applications count together by a real Valkey or Redis, and go on without when it dies.

Its program is named by VALKEY_SERVER, or is on the search path as valkey-server or redis-server.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from litestar import Litestar
from sqlalchemy import text

from api.app import create_app
from api.runtime.auth import UNKNOWN_PER_MINUTE
from api.settings import BadSetting, Settings
from db.api_keys import SECRET_BYTES, Share, secret_of
from db.core.engine import transaction
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.mailbox import certificate
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client
from tests.faults.postgres import free_port

counts = pytest.importorskip("api.runtime.valkey_counts", reason="vivier[valkey] is not installed")

READ = "/suppliers?limit=1"
ATTEMPTS = 2 * UNKNOWN_PER_MINUTE - 1
"""So many attempts, by two applications in turn, pass where each counts for itself."""


class Server:
    """A Valkey that tests stop, kill and start again, empty each time."""

    def __init__(self, program: str, certified: Path | None = None) -> None:
        """With TLS where a folder holds its certificate."""
        self.port = free_port()
        self._command = [program, "--bind", "127.0.0.1", "--save", ""]
        if certified:
            files = ("--tls-cert-file", str(certified / "cert.pem"), "--tls-key-file", str(certified / "key.pem"))
            self._command += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no", *files]
        else:
            self._command += ["--port", str(self.port)]
        self.url = f"valkey://127.0.0.1:{self.port}"
        self._client = counts.Valkey.from_url(self.url)
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert any(b"Ready to accept connections" in line for line in self._process.stdout)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def hang(self, hangs: bool) -> None:
        self._process.send_signal(signal.SIGSTOP if hangs else signal.SIGCONT)

    async def names(self) -> set[str]:
        """The names of all that is counted."""
        async with self._client:
            return {name.decode() for name in await self._client.keys()}

    async def minute(self) -> int:
        async with self._client:
            seconds, _ = await self._client.time()
            return int(seconds) // 60


@pytest.fixture
def program() -> str:
    found = os.environ.get("VALKEY_SERVER") or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        pytest.skip("neither valkey-server nor redis-server is on the search path, nor named by VALKEY_SERVER")
    return found


@pytest.fixture
def server(program: str) -> Iterator[Server]:
    server = Server(program)
    yield server
    server.kill()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for a machine that is busy, and asks again at once a server that was away."""
    monkeypatch.setattr(counts, "PATIENCE_SECONDS", 30.0)
    monkeypatch.setattr(counts, "RETRY_SECONDS", 0.0)


Application = Callable[[], Litestar]


@pytest.fixture
def application(settings: Settings, reference: Reference, lasting_database_url: str, server: Server) -> Application:
    """One more application that counts by the server."""
    given = replace(settings, database_url=lasting_database_url, valkey_url=server.url)
    return lambda: create_app(given, reference)


@pytest.fixture
async def clients(application: Application) -> AsyncIterator[tuple[Client, Client]]:
    """The administrator's clients of two applications on one database."""
    one, other = application(), application()
    async with AsyncExitStack() as stack:
        for app in (one, other):
            await stack.enter_async_context(alive(app))
        yield (
            await stack.enter_async_context(Client(one, ADMIN_KEY)),
            await stack.enter_async_context(Client(other, ADMIN_KEY)),
        )


def through(client: Client, bearer: Member) -> Member:
    """The bearer, asking another application."""
    secret = bearer.headers["Authorization"].removeprefix("Bearer ")
    return Member(client, bearer.organisation_id, secret, bearer.key)


def is_away(counter: Any) -> bool:
    return counter._retry_at is not None


async def is_counted_in_database(client: Client, key_id: UUID) -> bool:
    async with transaction(client.services.database) as connection:
        found = text("SELECT true FROM key_minutes WHERE key_id = :key_id")
        return bool(await connection.scalar(found, {"key_id": key_id}))


async def refused(asked: list[asyncio.Task[int]]) -> int:
    statuses = await asyncio.gather(*asked)
    assert set(statuses) <= {401, 404, 429}
    return statuses.count(429)


@pytest.mark.usefixtures("patient")
async def test_two_applications_share_a_quota_without_the_database(
    clients: tuple[Client, Client], server: Server
) -> None:
    one, other = clients
    for _ in range(5):  # again where the minute ended meanwhile
        bearer = await member(one, "read", rate_per_minute=9)
        both = (bearer, through(other, bearer))
        minute = await server.minute()
        statuses = [(await both[n % 2].get(READ)).status_code for n in range(20)]
        if minute == await server.minute():
            assert statuses == [200] * 9 + [429] * 11
            assert not await is_counted_in_database(one, bearer.key.id)
            return
    pytest.fail("five minutes ended meanwhile")


@pytest.mark.usefixtures("patient")
async def test_shares_taken_at_once_are_never_more_than_the_quota(server: Server) -> None:
    """Of each key by itself; a quota that was lowered meanwhile holds at once."""
    counter = counts.ValkeyCounts(server.url)
    granted, key, shares = 0, uuid4(), list[Share]()
    while granted != 100:  # again where the minute ended meanwhile
        key = uuid4()
        shares = await asyncio.gather(*(counter.take_share(key, 7, 100) for _ in range(20)))
        granted = sum(share.granted for share in shares)
        assert granted >= 100
    assert min(share.untaken for share in shares) == 0
    assert all(0 < share.seconds <= 60 for share in shares)
    assert (await counter.take_share(uuid4(), 7, 100)).granted == 7
    assert (await counter.take_share(key, 7, 10)).granted in {0, 7}  # 7 in another minute
    await counter._client.aclose()


@pytest.mark.usefixtures("patient")
async def test_unknown_keys_of_an_address_are_counted_by_both(clients: tuple[Client, Client], server: Server) -> None:
    """A key that is known goes on, and one that is found was no attempt."""
    one, other = clients
    bearer = await member(one, "read")
    both = (bearer, through(other, bearer))
    assert [(await each.get(READ)).status_code for each in both] == [200, 200]

    async def attempt(number: int) -> int:
        wrong = {"Authorization": f"Bearer {secret_of(number.to_bytes(SECRET_BYTES))}"}
        return (await clients[number % 2].get(READ, headers=wrong)).status_code

    assert await refused([asyncio.create_task(attempt(number)) for number in range(ATTEMPTS)]) > 0
    assert [(await each.get(READ)).status_code for each in both] == [200, 200]
    assert any(name.startswith("vivier:unknown-key:127.0.0.1") for name in await server.names())


@pytest.mark.usefixtures("patient")
async def test_a_valid_request_counts_nothing(clients: tuple[Client, Client], server: Server) -> None:
    """A new key is given back what was counted before it was looked up; one already seen asks nobody."""
    one, _ = clients
    for _ in range(UNKNOWN_PER_MINUTE + 1):
        assert (await (await member(one, "read")).get(READ)).status_code == 200
    bearer = await member(one, "read")
    await bearer.get(READ)
    server.kill()
    one.services.keys.unknown.take = None  # type: ignore[method-assign,assignment] # not to be called
    assert (await bearer.get(READ)).status_code == 200
    server.start()


@pytest.mark.usefixtures("patient")
async def test_links_that_do_not_exist_are_counted_by_both(clients: tuple[Client, Client]) -> None:
    async def attempt(number: int) -> int:
        return (await clients[number % 2].get(f"/replies/{number}")).status_code

    assert await refused([asyncio.create_task(attempt(number)) for number in range(ATTEMPTS)]) > 0


@pytest.mark.usefixtures("patient")
async def test_an_attempt_is_a_token_of_a_bucket(server: Server) -> None:
    """It comes back after its pause, or when it is given back; names are counted apart."""
    counter = counts.ValkeyCounts(server.url)
    assert [await counter.take("a", 1800, 3600) for _ in range(2)] == [0, 0]
    wait = await counter.take("a", 1800, 3600)
    assert 0 < wait <= 1800
    await counter.give_back("a", 1800)
    assert await counter.take("a", 1800, 3600) == 0
    assert await counter.take("b", 1800, 3600) == 0
    await counter.give_back("nobody", 1800)
    assert await server.names() == {"vivier:a", "vivier:b"}
    await counter._client.aclose()


@pytest.mark.parametrize("harm", ["dies", "hangs"])
async def test_while_it_is_away_the_database_counts(
    clients: tuple[Client, Client], server: Server, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request fails because of it, one finds out for all, and it is asked again later."""
    one, _ = clients
    bearer = await member(one, "read", rate_per_minute=1_000_000)
    with monkeypatch.context() as patience:
        patience.setattr(counts, "PATIENCE_SECONDS", 30.0)
        assert (await bearer.get(READ)).status_code == 200
    assert not await is_counted_in_database(one, bearer.key.id)
    counter = one.services.key_quotas._preferred.__self__  # type: ignore[union-attr]
    assert not is_away(counter)
    server.kill() if harm == "dies" else server.hang(True)
    others = [await member(one, "read", rate_per_minute=60) for _ in range(3)]
    answers = await asyncio.gather(*(each.get(READ) for each in others))
    assert {answer.status_code for answer in answers} == {200}
    assert all([await is_counted_in_database(one, each.key.id) for each in others])
    wrong = {"Authorization": f"Bearer {secret_of(bytes(SECRET_BYTES))}"}
    assert (await one.get(READ, headers=wrong)).status_code == 401
    assert is_away(counter)
    async with transaction(one.services.database) as connection:
        attempts = text("SELECT sum(taken) FROM key_minutes WHERE substr(key_id::text, 15, 1) <> '7'")
        assert await connection.scalar(attempts) >= 1  # the ids of keys are of version 7
    server.start() if harm == "dies" else server.hang(False)
    counter._monotonic = lambda: counter._retry_at  # the pause is over
    monkeypatch.setattr(counts, "PATIENCE_SECONDS", 30.0)
    late = await member(one, "read", rate_per_minute=60)
    assert (await late.get(READ)).status_code == 200
    assert not await is_counted_in_database(one, late.key.id)
    assert f"vivier:quota:{late.key.id}" in await server.names()


async def test_its_absence_is_told_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """With why, and without the password; between two attempts nobody waits for it."""
    now = 1_000.0
    url = f"valkey://:pa55@127.0.0.1:{free_port()}"
    counter = counts.ValkeyCounts(url, lambda: now)
    told = []
    for seconds in (0.0, 0.0, 6.0, 60.0):
        now += seconds
        assert await counter.take("a", 1, 60) is None
        written = capsys.readouterr().out
        assert "pa55" not in written
        told.append(written.count("valkey does not answer"))
    assert told == [1, 0, 0, 1]
    await counter._client.aclose()


async def test_a_wrong_answer_is_an_absence(server: Server) -> None:
    """Such as where the name is taken by something else, or memory is full."""
    counter = counts.ValkeyCounts(server.url)
    async with counter._client as client:
        await client.lpush("vivier:a", "something else")
    assert await counter.take("a", 1, 60) is None
    await counter._client.aclose()


@pytest.mark.usefixtures("patient")
async def test_an_encrypted_one_is_who_its_certificate_says(program: str, tmp_path: Path) -> None:
    """By an authority that is trusted, and under the name of the address."""
    certificate(tmp_path)
    server = Server(program, tmp_path)
    answers = []
    for scheme, host, options in (
        ("valkeys", "127.0.0.1", f"?ssl_ca_certs={tmp_path}/cert.pem"),
        ("rediss", "127.0.0.1", f"?ssl_ca_certs={tmp_path}/cert.pem"),
        ("valkeys", "localhost", f"?ssl_ca_certs={tmp_path}/cert.pem"),
        ("valkeys", "127.0.0.1", ""),
    ):
        counter = counts.ValkeyCounts(f"{scheme}://{host}:{server.port}/0{options}")
        answers.append(await counter.take("a", 1, 60))
        await counter._client.aclose()
    server.kill()
    assert answers == [0, 0, None, None]


def test_without_its_library_the_program_stops(
    settings: Settings, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "api.runtime.valkey_counts", None)
    with pytest.raises(BadSetting, match=r"vivier\[valkey\]"):
        create_app(replace(settings, valkey_url="valkey://h"), reference)


def test_an_address_with_unknown_options_stops_the_program(settings: Settings, reference: Reference) -> None:
    with pytest.raises(BadSetting, match="VIVIER_VALKEY_URL"):
        create_app(replace(settings, valkey_url="valkey://h/0?colour=red"), reference)


def test_without_an_address_its_library_is_not_loaded(
    settings: Settings, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has no Valkey needs none of it."""
    code = "import sys, api.app; sys.exit('valkey' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    monkeypatch.delattr("api.app._valkey_counts")
    create_app(settings, reference)
