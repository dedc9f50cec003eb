"""E-mail goes to a real mail server, once it can, and says what came of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any
from uuid import UUID

import msgspec
import pytest

from api.exchanges.email import SCHEDULE, EmailSender
from api.exchanges.supplier_links import deliver_link
from api.people_settings import MailServer, mail_server
from api.runtime.outbox_worker import Deliverer, DeliveryKind
from db.core.engine import Connection, Engine, transaction
from db.declarations.links import NewLink, follow, insert_links, insert_mail, link_mail_columns, revoke_link
from db.delivery.outbox import ClaimedRow, mail_columns
from db.exchanges.exchanges import select_exchange
from db.exchanges.reply_links import select_outgoing_message
from db.schema.campaign_tables import declaration_mails
from db.schema.organisation_tables import message_mails
from domain.exchanges.letter import OutgoingMessage
from tests.api.exchanges.steps import some_suppliers
from tests.api.mailbox import Mailbox, authenticator, certificate, listening
from tests.api.organisations import member
from tests.api.sync.factories import Client
from tests.db.exchanges.samples import ANNE, OpenedExchange, exchange
from tests.db.suppliers.samples import NOW

MINUTE = timedelta(minutes=1)
NOBODY_LISTENS = MailServer("127.0.0.1", 1, None, None, "never")


class Office:
    """A server that delivers mail, with a clock that stands still until it is moved."""

    def __init__(self, engine: Engine, server: MailServer, tls: SSLContext | None = None) -> None:
        self.now = NOW
        self.engine = engine
        self.email_sender = EmailSender(
            server=server,
            sender="sourcing@example.org",
            base="https://vivier.example.org",
            link_days=60,
            engine=engine,
            now=lambda: self.now,
            tls=tls,
        )
        kind = DeliveryKind(
            outbox=message_mails, schedule=SCHEDULE, attempt=self.email_sender.deliver, columns=mail_columns
        )
        self.deliverer = Deliverer(kind, engine, lambda: self.now, jitter=lambda: 0.0)

    async def deliver(self) -> None:
        """Attempt what is due."""
        while await self.deliverer.begin():
            await asyncio.gather(*self.deliverer.under_way)


@asynccontextmanager
async def office(engine: Engine, *refusals: str | None, stage: str = "DATA") -> AsyncIterator[tuple[Office, Mailbox]]:
    async with listening(Mailbox(*refusals, stage=stage)) as mailbox:
        yield Office(engine, mail_server(f"smtp://127.0.0.1:{mailbox.port}")), mailbox


async def told(engine: Engine, email: str = "anne@example.org") -> OpenedExchange:
    return await exchange(engine, emails=(email, None))


async def state(said: OpenedExchange) -> tuple[str, str | None]:
    """What the buyer sees of its second message on its way to Anne."""
    async with transaction(said.engine) as connection:
        seen = await select_exchange(connection, said.organisation_id, said.exchange.id)
    assert seen is not None
    (last,) = (each for each in seen.deliveries if each.supplier_id == ANNE and each.message_id != said.first.id)
    return last.state, last.failure


async def test_a_server_that_wants_time_gets_it(engine: Engine) -> None:
    """The pauses grow; both attempts are of one message."""
    said = await told(engine)
    async with office(engine, "451 4.7.1 Greylisted", None) as (ours, mailbox):
        await said.say(NOW)
        assert await state(said) == ("queued", None)
        await ours.deliver()
        assert (await state(said), mailbox.raw) == (("queued", "deferred"), [])
        ours.now += MINUTE - timedelta(seconds=1)
        await ours.deliver()
        assert mailbox.raw == []
        ours.now += timedelta(seconds=1)
        await ours.deliver()
    assert (await state(said), len(mailbox.raw)) == (("sent", None), 1)


@pytest.mark.parametrize(
    ("stage", "answer", "failure"),
    [("RCPT", "550 5.1.1 No such user", "recipient_refused"), ("DATA", "554 5.7.1 Spam", "refused")],
)
async def test_what_is_refused_for_good_is_not_tried_again(
    engine: Engine, stage: str, answer: str, failure: str
) -> None:
    said = await told(engine)
    async with office(engine, answer, stage=stage) as (ours, mailbox):
        await said.say(NOW)
        await ours.deliver()
        ours.now += timedelta(days=1)
        await ours.deliver()
    assert (await state(said), mailbox.raw) == (("undeliverable", failure), [])


async def test_a_server_that_is_away_is_waited_for_three_days(engine: Engine) -> None:
    said = await told(engine)
    ours = Office(engine, NOBODY_LISTENS)
    await said.say(NOW)
    await ours.deliver()
    assert await state(said) == ("queued", "unreachable")
    while ours.now < NOW + timedelta(days=3):
        ours.now += timedelta(hours=2)
        await ours.deliver()
    assert await state(said) == ("undeliverable", "unreachable")


async def test_copies_of_one_message_have_one_id(engine: Engine) -> None:
    """Where the server took a message but its answer was lost, it is sent again."""
    said = await told(engine)
    async with office(engine) as (ours, mailbox):
        await said.say(NOW)
        await ours.deliver()
        async with transaction(engine) as connection:
            await connection.execute(message_mails.update().values(status="waiting", due_at=NOW))
        await ours.deliver()
        await said.say(NOW)
        await ours.deliver()
    first, second, other = (mail["Message-ID"] for mail in mailbox.received)
    assert first == second != other
    assert first.endswith("@example.org>")


@pytest.mark.parametrize("address", ["anne", "anne@", "anne@example.org\nBcc: eve@example.org", "a b@c.fr", "<a@b.fr>"])
async def test_what_is_no_address_is_not_written_to(engine: Engine, address: str) -> None:
    said = await told(engine, address)
    async with office(engine) as (ours, mailbox):
        await said.say(NOW)
        await ours.deliver()
    assert (await state(said), mailbox.raw) == (("undeliverable", "not_an_address"), [])


async def test_headers_cannot_be_slipped_in(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the buyer calls itself or the exchange."""
    said = await told(engine)
    evil = "Bonjour\r\nBcc: eve@example.org\r\n\r\nAutre corps"

    async def evil_telling(connection: Connection, mail: ClaimedRow) -> OutgoingMessage | None:
        telling = await select_outgoing_message(connection, mail)
        assert telling is not None
        return msgspec.structs.replace(telling, subject=evil, buyer=f'Ville <x@example.org>, "{evil}')

    monkeypatch.setattr("api.exchanges.email.select_outgoing_message", evil_telling)
    async with office(engine) as (ours, mailbox):
        await said.say(NOW)
        await ours.deliver()
    (mail,) = mailbox.received
    assert (mail["Bcc"], mail["From"].addresses[0].addr_spec) == (None, "sourcing@example.org")
    assert mail["Date"].datetime == NOW
    assert len(mail["From"].addresses) == 1
    assert mail["Subject"].startswith('Ville <x@example.org>, "Bonjour Bcc: eve@example.org')
    assert mailbox.envelopes[0].rcpt_tos == ["anne@example.org"]


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


LATER = ("queued", "not_encrypted")


@pytest.mark.parametrize(
    ("offers", "address", "is_trusted", "expected", "encrypted"),
    [
        ("starttls", "smtp://127.0.0.1:PORT?starttls=always", True, SENT, [True]),
        ("starttls", "smtp://127.0.0.1:PORT?starttls=offered", True, SENT, [True]),
        ("starttls", "smtp://127.0.0.1:PORT?starttls=never", True, SENT, [False]),
        ("nothing", "smtp://127.0.0.1:PORT?starttls=always", True, LATER, []),
        ("nothing", "smtp://127.0.0.1:PORT?starttls=offered", True, SENT, [False]),
        ("nothing", "smtp://127.0.0.1:PORT?starttls=never", True, SENT, [False]),
        ("tls", "smtps://127.0.0.1:PORT", True, SENT, [True]),
        ("tls", "smtps://127.0.0.1:PORT", False, LATER, []),
        ("starttls", "smtp://127.0.0.1:PORT", False, LATER, []),
        ("nothing", "smtps://127.0.0.1:PORT", True, LATER, []),
        ("a login", "smtp://vivier:s%40cret@127.0.0.1:PORT", True, SENT, [True]),
        ("a login", "smtp://vivier:wrong@127.0.0.1:PORT", True, ("queued", "not_authenticated"), []),
    ],
)
async def test_encryption_and_login_are_as_asked_for(
    engine: Engine,
    tls: tuple[SSLContext, SSLContext],
    offers: str,
    address: str,
    is_trusted: bool,
    expected: tuple[str, str | None],
    encrypted: list[bool],
) -> None:
    """Else nothing is sent, and it is tried again: what is wrong may be mended."""
    listens, trusted = tls
    login = {"tls_context": listens, "authenticator": authenticator("vivier", PASSWORD), "auth_required": True}
    options: dict[str, dict[str, Any]] = {
        "nothing": {},
        "starttls": {"tls_context": listens},
        "tls": {"encrypted": listens},
        "a login": login,
    }
    async with mailbox_at(address, **options[offers]) as (mailbox, of_server):
        assert await attempt(engine, of_server, trusted if is_trusted else None) == expected
    assert len(mailbox.raw) == len(encrypted)
    if offers != "tls":
        assert mailbox.encrypted == encrypted


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


async def test_a_link_arrives_by_email_and_opens_the_page(served: Client, source: str) -> None:
    owner, services = await member(served, "needs"), served.services
    one, two = map(UUID, await some_suppliers(served, source))
    now, engine = services.now(), services.database
    async with transaction(engine) as connection:
        some = [NewLink(each, f"{source}-{each}", f"{source}-{each}-code") for each in (one, two)]
        ends = now.replace(year=now.year + 1)
        links = await insert_links(connection, owner.organisation_id, some, now, ends)
        for link, address in zip(links, ("un@esat.example", "deux@esat.example"), strict=True):
            await insert_mail(connection, link, "link", address, "fr", now)
        assert await revoke_link(connection, owner.organisation_id, [two], links[1], now)
    async with office(engine) as (ours, mailbox):
        ours.now, deliver = now, partial(deliver_link, ours.email_sender)
        ours.deliverer.kind = DeliveryKind(
            outbox=declaration_mails, schedule=SCHEDULE, attempt=deliver, columns=link_mail_columns
        )
        await ours.deliver()
    (mail,) = [each for each in mailbox.received if each["To"] in {"un@esat.example", "deux@esat.example"}]
    assert mail["To"] == "un@esat.example"
    assert "peut écrire en votre nom" in mail.get_content()
    (token,) = re.findall(r"/fiche/([\w-]{43})", mail.get_content())
    async with transaction(engine) as connection:
        followed = await follow(connection, token, now)
        rows = (await connection.execute(declaration_mails.select().filter_by(link_id=links[0]))).all()
    assert followed is not None
    assert followed.supplier_id == one
    assert [(row.status, row.address) for row in rows] == [("delivered", "")]
