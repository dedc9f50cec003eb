"""E-mail to suppliers, composed at each attempt and handed to the mail server of the settings.

Each organisation has a quota of it for a day.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from functools import partial
from math import ceil
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib
from aiosmtplib import SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponse, SMTPResponseException

from api.declarations.declare import emails_left_of
from api.declarations.link_pages import TOKEN_BYTES, last_day, link_expiry
from api.exchanges.reply_links import link_address
from api.people_settings import ADDRESS, MailServer, ascii_domain
from api.runtime.actor import Acting
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from api.web.problems import Refusal
from db.core.engine import Connection, Engine, transaction
from db.delivery.outbox import ClaimedRow, Outbox, mail_columns, organisation_mail_times
from db.exchanges.exchanges import insert_handovers
from db.exchanges.reply_links import insert_links, insert_mails, select_link, select_outgoing_message
from db.journal.content import stored_name
from db.journal.entries import write_entry
from db.schema.organisation_tables import message_mails
from domain.errors import InvalidContent, Problem
from domain.exchanges.exchange import ExchangeSummary, Message
from domain.exchanges.letter import Letter, Link, letter, shown_buyer
from domain.journal import Actor, Detail
from domain.text.bilingual import Language, said_by
from domain.webhooks import Outcome, Result, Schedule

_SAID = said_by(__name__)

SCHEDULE = Schedule(
    first=timedelta(minutes=1), factor=2, longest=timedelta(hours=2), attempts=60, age=timedelta(days=3)
)
AT_ONCE = 4
ANSWER_SECONDS, TEXT_SECONDS, IDLE_SECONDS = 20, 60, 5
MOST_MESSAGES = 100
"""Messages of a connection: some mail servers end it at as many."""
IN_DOUBT = "interrupted"
"""The failure of a message of which nobody knows whether the mail server took it."""
CLOSING = 421
PATIENCE = timedelta(seconds=90)


MailKind = partial(DeliveryKind, schedule=SCHEDULE, at_once=AT_ONCE, patience=PATIENCE)
"""Makes a kind of delivery by e-mail."""


def kind_of_mail(
    services: Services,
    outbox: Outbox,
    attempt: Callable[["EmailSender", ClaimedRow], Awaitable[Outcome]],
    columns: Callable[[Result], Mapping[str, Any]] = mail_columns,
) -> AbstractAsyncContextManager[DeliveryKind | None]:
    """The kind of delivery that sends the e-mails of an outbox; None where no mail server is set."""
    sender = email_sender_of(services)
    if sender is None:
        return nullcontext()
    return nullcontext(MailKind(outbox=outbox, attempt=partial(attempt, sender), columns=columns))


def email_sender_of(services: Services) -> "EmailSender | None":
    """The sender of e-mail by the settings; None without a mail server, a sender's address or a public URL."""
    settings = services.settings
    if settings.smtp is None or settings.mail_from is None or settings.public_url is None:
        return None
    return EmailSender(
        server=settings.smtp,
        sender=settings.mail_from,
        base=settings.public_url,
        link_days=settings.reply_link_days,
        engine=services.database,
        now=services.now,
        contact=settings.contact,
    )


async def queue_deliveries(
    connection: Connection, acting: Acting, exchange: ExchangeSummary, message: Message
) -> tuple[str, ...]:
    """Queue or note the deliveries of a buyer's message; returns the journal's names of handovers made already.

    Queued as e-mails where that is its channel and a mail server is set; all others are noted as the buyer's to make,
    or as made in a call, a talk or a portal. Raises as `require_email_quota`.
    """
    if message.author != "buyer":
        return ()
    receivers = [each for each in exchange.recipients if message.supplier_id in {None, each.supplier_id}]
    if message.channel == "email" and acting.services.settings.smtp is not None:
        await require_email_quota(connection, acting, sum(bool(each.email) for each in receivers))
        await insert_mails(connection, exchange.id, message, receivers, acting.language, acting.now())
    told = await insert_handovers(connection, exchange.id, message, (each.supplier_id for each in receivers))
    return tuple(stored_name("handover", message.id, each) for each in told)


@dataclass(frozen=True, kw_only=True)
class EmailSender:
    """Hands messages to the mail server. `tls`: the authorities to trust, the system's by default.

    `kept`: the connections that serve many messages; None: each message has its own. `contact`: whom the operator
    names to be asked about personal data.
    """

    server: MailServer
    sender: str
    base: str
    link_days: int
    engine: Engine
    now: Callable[[], datetime]
    tls: ssl.SSLContext | None = None
    kept: "KeptConnections | None" = None
    contact: str | None = None

    async def deliver(self, mail: ClaimedRow) -> Outcome:
        """Attempt once to send a queued e-mail; with a new reply link, as one that failed may have arrived."""
        if _recipient(mail) is None:
            return Outcome(failure="not_an_address", final=True)
        language: Language = mail.row["language"]
        now, token = self.now(), token_urlsafe(TOKEN_BYTES)
        async with transaction(self.engine) as connection:
            outgoing = await select_outgoing_message(connection, mail)
            if outgoing is None:
                return Outcome(failure="link_revoked", final=True)
            expires_at = link_expiry(now, self.link_days)
            exchange, supplier = mail.row["exchange_id"], mail.row["supplier_id"]
            await insert_links(connection, exchange, {supplier: token}, now, expires_at)
            made = await select_link(connection, token, now)
            if made is not None:
                actor, about = Actor(made.organisation_id, "server"), f"exchange:{exchange}"
                said: Detail = {"supplier_id": str(supplier)}
                await write_entry(connection, actor, "reply_link.created", about, now, detail=said)
        reply_link = Link(link_address(self.base, token), last_day(expires_at))
        text = letter(outgoing, reply_link, language, by_server=True)
        return await self.send_letter(mail, outgoing.buyer, text, language)

    async def send_letter(self, mail: ClaimedRow, organisation: str, text: Letter, language: Language) -> Outcome:
        """Attempt once to send a letter in the name of an organisation to the address of a queued e-mail."""
        author = shown_buyer(organisation).to(language)
        message = message_to(mail, author, self.sender, text, language, self.now())
        return Outcome(failure="not_an_address", final=True) if message is None else await self.submit(message)

    async def submit(self, message: EmailMessage) -> Outcome:
        """Attempt once to submit a message to the mail server.

        With `kept` connections, whose messages are to arrive once at most, one that was lost while the server had the
        text but had not yet said whether it took it is `interrupted` for good.
        """
        while True:
            client = self.kept.take() if self.kept else None
            is_used = client is not None
            client = client or MailClient(self)
            try:
                if not is_used:
                    await client.begin()
                await client.send_message(message)
            except (SMTPException, OSError, asyncio.CancelledError) as error:
                client.close()
                is_answered = isinstance(error, SMTPResponseException | SMTPRecipientsRefused)
                if self.kept and client.may_have_it and not is_answered:
                    return Outcome(failure=IN_DOUBT, final=True)
                if isinstance(error, asyncio.CancelledError):
                    raise
                is_closing = isinstance(error, SMTPResponseException) and error.code == CLOSING  # RFC 5321 §3.8
                if is_used and not client.may_have_it and (is_closing or isinstance(error, ConnectionError)):
                    continue  # the server had ended a connection that was kept
                return outcome_of_error(client.stage, error)
            if self.kept is None:
                with suppress(SMTPException, OSError):
                    await client.quit()
                client.close()
            else:
                self.kept.give(client)
            return Outcome()


class MailClient(aiosmtplib.SMTP):
    """A connection to the mail server of a sender. `stage`: the failure code of the step it is at; empty once begun.

    `may_have_it`: whether the server has the text of a message that it has not yet answered; `messages`: those sent.
    """

    def __init__(self, sender: EmailSender) -> None:
        server = self.server = sender.server
        super().__init__(
            hostname=server.host,
            port=server.port,
            use_tls=server.encryption == "tls",
            start_tls=False,
            timeout=ANSWER_SECONDS,
            tls_context=sender.tls,
            local_hostname=urlsplit(sender.base).hostname,
        )
        self.stage, self.may_have_it, self.messages = "unreachable", False, 0

    async def begin(self) -> None:
        """Connect, encrypt and sign in as the settings say."""
        server = self.server
        await self.connect()
        self.stage = "not_encrypted"
        await self.ehlo()
        if server.encryption == "always" or (server.encryption == "offered" and self.supports_extension("starttls")):
            await self.starttls()
        self.stage = "not_authenticated"
        if server.user is not None and server.password is not None:
            await self.login(server.user, server.password)
        self.stage = ""

    async def data(self, message: str | bytes, **_: Any) -> SMTPResponse:
        """Hand over the text of a message, and wait until the server has said whether it takes it."""
        self.may_have_it = True
        answer = await super().data(message, timeout=TEXT_SECONDS)
        self.may_have_it, self.messages = False, self.messages + 1
        return answer


class KeptConnections:
    """Connections to the mail server that are kept open from one message to the next, for some seconds."""

    def __init__(self) -> None:
        self._idle: list[tuple[MailClient, asyncio.TimerHandle]] = []

    def take(self) -> MailClient | None:
        """A connection that is open; None where none is."""
        while self._idle:
            client, ending = self._idle.pop()
            ending.cancel()
            if client.is_connected:
                return client
        return None

    def give(self, client: MailClient) -> None:
        """Keep a connection for the next message, unless it has served many."""
        if client.messages >= MOST_MESSAGES:
            client.close()
            return
        ending = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end, client)
        self._idle.append((client, ending))

    def close(self) -> None:
        """End all connections that nobody uses."""
        while client := self.take():
            client.close()

    def _end(self, client: MailClient) -> None:
        self._idle = [each for each in self._idle if each[0] is not client]
        client.close()


mail_kind = partial(kind_of_mail, outbox=message_mails, attempt=EmailSender.deliver)
"""The kind of delivery that sends e-mail about exchanges."""


def _recipient(mail: ClaimedRow) -> Address | None:
    """The address that a queued e-mail goes to; None where it is none."""
    address = mail.row["address"].strip()
    user, _, written = address.rpartition("@")
    domain = ascii_domain(written) if ADDRESS.fullmatch(address) else None
    return None if domain is None else Address(username=user, domain=domain)


def message_to(
    mail: ClaimedRow, author: str, sender: str, text: Letter, language: Language, now: datetime
) -> EmailMessage | None:
    """The e-mail with a letter, from the address `sender` under the author's name; None where it goes to no address."""
    to = _recipient(mail)
    if to is None:
        return None
    message = EmailMessage(policy=WIRE)
    message["From"] = Address(author, addr_spec=sender)
    message["To"] = to
    message["Subject"] = text.subject
    message["Date"] = format_datetime(now)
    # the same at every attempt, so that mailboxes show one where two arrive
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Content-Language"] = language
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text.text, cte="quoted-printable")
    return message


def outcome_of_error(stage: str, error: Exception) -> Outcome:
    """The outcome of a delivery that failed. `stage`: the failure code of its step; empty once the message was sent.

    Only then is it final: for a lasting refusal (5xx, RFC 5321 §4.2.1), or an address that the server cannot take.
    """
    if isinstance(error, SMTPRecipientsRefused):
        error = error.recipients[0]
    code = error.code if isinstance(error, SMTPResponseException) else None
    if isinstance(error, TimeoutError):
        return Outcome(failure="timeout")
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return Outcome(failure="not_encrypted")
    if stage:
        lost = isinstance(error, ConnectionError)
        return Outcome(failure="unreachable" if lost else stage, code=code)
    if code is not None:
        final = code >= 500
        refused = isinstance(error, aiosmtplib.SMTPRecipientRefused)
        for_good = "recipient_refused" if refused else "refused"
        return Outcome(failure=for_good if final else "deferred", code=code, final=final)
    if isinstance(error, SMTPNotSupported):
        return Outcome(failure="address_not_supported", final=True)
    return Outcome(failure="unreachable")


DAY = timedelta(days=1)


async def emails_left(connection: Connection, acting: Acting) -> int:
    """The number of e-mails that the organisation may still send now. Raises as `require_email_quota` for none."""
    await require_email_quota(connection, acting, 1)
    return await emails_left_of(connection, acting.services, acting.organisation_id)


async def require_email_quota(connection: Connection, acting: Acting, wanted: int) -> None:
    """Raises Refusal (429) where `wanted` more e-mails exceed what the organisation may send in 24 hours.

    `Retry-After` says when they no longer are. Raises InvalidContent where they are more than a day's quota.
    """
    quota, now, organisation_id = acting.services.settings.emails_per_day, acting.now(), acting.organisation_id
    if wanted > quota:
        never = _SAID["more_than_a_day"].filled(wanted=wanted, quota=quota)
        raise InvalidContent((Problem("", "over_email_quota", never),))
    queued = await organisation_mail_times(connection, organisation_id, now - DAY)
    sent = len(queued)
    if (over := sent + wanted - quota) > 0:
        seconds = max(1, ceil((queued[over - 1] + DAY - now).total_seconds()))
        later = _SAID["quota_used_up"].filled(sent=sent, quota=quota, wanted=wanted)
        raise Refusal("email-quota", later, headers={"retry-after": str(seconds)})
