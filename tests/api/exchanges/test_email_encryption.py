"""Mail servers are spoken to as the settings say: encrypted or not at all, encrypted where offered, or never."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest

from api.mail_settings import mail_server
from db.core.engine import Engine
from tests.api.exchanges.test_email import Office, state, told
from tests.api.mailbox import Mailbox, authenticator, certificate, listening
from tests.db.suppliers.samples import NOW

PASSWORD = "s@cret"
SENT = ("sent", None)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[SSLContext, SSLContext]:
    """How a server with a certificate listens, and how those who trust it connect."""
    return certificate(Path(tmp_path_factory.mktemp("certificate")))


@asynccontextmanager
async def mailbox_at(address: str, **options: Any) -> AsyncIterator[tuple[Mailbox, str]]:
    """A mailbox, and the address of its server, PORT filled in."""
    async with listening(Mailbox(), **options) as mailbox:
        yield mailbox, address.replace("PORT", str(mailbox.port))


async def attempt(engine: Engine, address: str, trusted: SSLContext | None) -> tuple[str, str | None]:
    """What becomes of a message, after one attempt."""
    said = await told(engine)
    await said.say(NOW)
    await Office(engine, mail_server(address), trusted).deliver()
    return await state(said)


@pytest.mark.parametrize(
    ("offers", "starttls", "expected", "encrypted"),
    [
        (True, "always", SENT, [True]),
        (True, "offered", SENT, [True]),
        (True, "never", SENT, [False]),
        (False, "always", ("queued", "not_encrypted"), []),
        (False, "offered", SENT, [False]),
        (False, "never", SENT, [False]),
    ],
)
async def test_encryption_that_is_asked_for(
    engine: Engine,
    tls: tuple[SSLContext, SSLContext],
    offers: bool,
    starttls: str,
    expected: tuple[str, str | None],
    encrypted: list[bool],
) -> None:
    listens, trusted = tls
    options = {"tls_context": listens} if offers else {}
    async with mailbox_at(f"smtp://127.0.0.1:PORT?starttls={starttls}", **options) as (mailbox, address):
        assert await attempt(engine, address, trusted) == expected
    assert mailbox.encrypted == encrypted


async def test_encryption_from_the_first_byte(engine: Engine, tls: tuple[SSLContext, SSLContext]) -> None:
    listens, trusted = tls
    async with mailbox_at("smtps://127.0.0.1:PORT", encrypted=listens) as (mailbox, address):
        assert await attempt(engine, address, trusted) == SENT
    assert len(mailbox.raw) == 1


@pytest.mark.parametrize("scheme", ["smtps", "smtp"])
async def test_a_certificate_that_is_not_trusted(
    engine: Engine, tls: tuple[SSLContext, SSLContext], scheme: str
) -> None:
    """Nothing is sent, and it is tried again: it may be mended."""
    listens, _ = tls
    options = {"encrypted": listens} if scheme == "smtps" else {"tls_context": listens}
    async with mailbox_at(f"{scheme}://127.0.0.1:PORT", **options) as (mailbox, address):
        assert await attempt(engine, address, None) == ("queued", "not_encrypted")
    assert mailbox.raw == []


async def test_a_server_that_does_not_speak_tls(engine: Engine, tls: tuple[SSLContext, SSLContext]) -> None:
    async with mailbox_at("smtps://127.0.0.1:PORT") as (mailbox, address):
        assert await attempt(engine, address, tls[1]) == ("queued", "not_encrypted")
    assert mailbox.raw == []


@pytest.mark.parametrize(
    ("password", "expected"), [("s%40cret", SENT), ("wrong", ("queued", "not_authenticated"))], ids=("right", "wrong")
)
async def test_a_server_that_asks_who_writes(
    engine: Engine, tls: tuple[SSLContext, SSLContext], password: str, expected: tuple[str, str | None]
) -> None:
    listens, trusted = tls
    options = {"tls_context": listens, "authenticator": authenticator("vivier", PASSWORD), "auth_required": True}
    async with mailbox_at(f"smtp://vivier:{password}@127.0.0.1:PORT", **options) as (mailbox, address):
        assert await attempt(engine, address, trusted) == expected
    assert mailbox.encrypted == ([True] if expected == SENT else [])


async def test_a_password_is_never_sent_in_the_clear(engine: Engine) -> None:
    """Not to a server that offers no encryption, as somebody in between may pretend."""
    seen: list[bytes] = []

    def check(*arguments: Any) -> Any:
        seen.append(arguments[-1].password)
        return authenticator("vivier", PASSWORD)(*arguments)

    options = {"authenticator": check, "auth_require_tls": False}
    async with mailbox_at("smtp://vivier:s%40cret@127.0.0.1:PORT", **options) as (mailbox, address):
        assert await attempt(engine, address, None) == ("queued", "not_encrypted")
    assert (seen, mailbox.raw) == ([], [])
