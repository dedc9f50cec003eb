"""A real mail server on a free port, which answers what a test wants it to, and an application that writes to it."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from api.app import create_app
from api.settings import read_settings
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, JOURNAL_KEY, alive
from tests.api.exchanges.steps import Opened
from tests.api.sync.factories import Client

PUBLIC_URL = "https://vivier.example.org"


LOST = "lost"


class Mailbox:
    """What arrived. `refusals`: answers to be given first, at `stage` (RCPT or DATA); None takes the message.

    LOST: the connection ends before the answer, at DATA with the message taken.
    """

    def __init__(self, *refusals: str | None, stage: str = "DATA") -> None:
        self.refusals, self.stage = list(refusals), stage
        self.raw: list[bytes] = []
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []
        self.port = 0

    @property
    def received(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=policy.default) for raw in self.raw]

    def _refusal(self, stage: str) -> str | None:
        return self.refusals.pop(0) if stage == self.stage and self.refusals else None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := self._refusal("RCPT"):
            return self._answer(server, refusal)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        refusal = self._refusal("DATA")
        if refusal and refusal != LOST:
            return refusal
        assert isinstance(envelope.content, bytes)
        self.raw.append(envelope.content)
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return self._answer(server, refusal or "250 OK")

    def _answer(self, server: SMTP, answer: str) -> str:
        if answer == LOST and server.transport is not None:
            server.transport.close()
        return answer


@asynccontextmanager
async def listening(
    mailbox: Mailbox, encrypted: ssl.SSLContext | None = None, **options: Any
) -> AsyncIterator[Mailbox]:
    """The mailbox behind a port of its own. `encrypted`: from the first byte; `options`: of aiosmtpd's server."""
    given: dict[str, Any] = {"hostname": "mail.test", "enable_SMTPUTF8": True, **options}
    connections: set[SMTP] = set()

    # not the mailbox itself: of its handler aiosmtpd reads all members at each connection, and `received` parses all
    hooks = SimpleNamespace(handle_RCPT=mailbox.handle_RCPT, handle_DATA=mailbox.handle_DATA)

    def connection() -> SMTP:
        one = SMTP(hooks, loop=asyncio.get_running_loop(), **given)
        connections.add(one)
        return one

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0, ssl=encrypted)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        for one in connections:
            if one.transport is not None:
                one.transport.close()
        await server.wait_closed()


def authenticator(user: str, password: str) -> Any:
    """Lets in one user."""

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (user.encode(), password.encode()), handled=False)

    return check


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """How a server with a certificate of its own for 127.0.0.1 listens, and how those who trust it connect."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    listens = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    listens.load_cert_chain(cert, key)
    return listens, ssl.create_default_context(cafile=cert)


@dataclass
class JumpingClock:
    """The time, wrong by `jump`."""

    jump: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.jump


PostOffice: TypeAlias = tuple[Client, Mailbox, JumpingClock]


@asynccontextmanager
async def emailing(
    database_url: str, reference: Reference, now: Callable[[], datetime] | None = None
) -> AsyncIterator[tuple[Client, Mailbox]]:
    """The administrator's client of such an application, and the mailbox where everything arrives.

    `now`: its clock, where that is not the machine's.
    """
    async with listening(Mailbox()) as mailbox:
        settings = read_settings(
            {
                "VIVIER_ADMIN_KEY": ADMIN_KEY,
                "DATABASE_URL": database_url,
                "VIVIER_SMTP_URL": f"smtp://127.0.0.1:{mailbox.port}?starttls=never",
                "VIVIER_MAIL_FROM": "sourcing@example.org",
                "VIVIER_PUBLIC_URL": PUBLIC_URL,
                "VIVIER_JOURNAL_KEY": JOURNAL_KEY,
            }
        )
        app = create_app(settings, reference)
        app.state.services.now = now or app.state.services.now
        async with alive(app), Client(app, ADMIN_KEY) as client:
            await client.services.directory.wait_beyond(-1, 60)
            yield client, mailbox


async def all_sent(exchange: Opened) -> dict[str, Any]:
    """The exchange, once none of its messages waits for its e-mail any more."""
    async with asyncio.timeout(60):
        while True:
            shown = await exchange.shown()
            states = {each["state"] for message in shown["messages"] for each in message["deliveries"]}
            if "queued" not in states:
                return shown
            await asyncio.sleep(0.02)
