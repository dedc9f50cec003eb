"""Sends the signed heads of the journals where the operator keeps them: to a file, an address on the web, a mailbox.

An authority of the operator's choice stamps them with its time before (RFC 3161); where it does not, they are sent
without after some attempts.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from api.exchanges.email import EmailSender, email_sender_of
from api.journal.signing_key import JournalKey, journal_key
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.core.engine import Connection, transaction
from db.delivery.outbox import ClaimedRow
from db.journal.entries import queue_heads, replace_line
from db.schema.organisation_tables import audit_heads
from domain.journal import JournalHeads, SignedHeads
from domain.webhooks import Outcome, Schedule

if TYPE_CHECKING:
    import httpx  # loaded where heads are sent: elsewhere it would keep every start waiting

MAILTO = "mailto:"
SCHEDULE = Schedule(
    first=timedelta(minutes=1), factor=2, longest=timedelta(hours=6), attempts=60, age=timedelta(days=14)
)
ANSWER_SECONDS = 20
SENT_EVERY = timedelta(days=1)
STAMP_ATTEMPTS = 6
"""Attempts, over half an hour, after which heads are sent without a time-stamp."""
LONGEST_ANSWER = 65_536

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class NoTimestamp(Exception):
    """Raised where an authority gave no time-stamp, or one of something else."""


async def request_timestamp(client: "httpx.AsyncClient", authority: str, text: bytes) -> str:
    """The authority's answer about the SHA-256 of a text, in base64, with its certificate. Raises NoTimestamp.

    Verified as whoever relies on it will, except that the authority is the one that the operator chose: the library
    that makes the request refuses answers whose certificates stand in another order than DER's, as OpenSSL has them.
    """
    # loaded where time-stamps are asked for: elsewhere they would keep every start waiting
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from httpx import HTTPError  # noqa: PLC0415
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415

    from api.journal.verify_record import verify_timestamp  # noqa: PLC0415

    request = TimestampRequestBuilder(data=text, hash_algorithm=HashAlgorithm.SHA256).build()
    headers = {"User-Agent": "Vivier", "Content-Type": "application/timestamp-query"}
    try:
        answer = await client.post(authority, content=request.as_bytes(), headers=headers)
        if not answer.is_success or len(answer.content) > LONGEST_ANSWER:
            raise NoTimestamp(f"status {answer.status_code}")
        verify_timestamp(answer.content, text, None)
    except (HTTPError, InvalidSignature, ValueError, LookupError, TypeError) as failure:
        raise NoTimestamp(type(failure).__name__) from failure
    return base64.b64encode(answer.content).decode()


Stamp = Callable[[ClaimedRow], Awaitable[str | None]]
"""Makes the row's line with a time-stamp, and stores it; None where the authority gave none."""


class HeadSender:
    """Sends lines `to` the operator: the path of a file, an address on the web, or `mailto:` and an e-mail address.

    `stamp`: asks for the time-stamp of each first; None where no authority is set. `to` None: they are only stamped.
    """

    def __init__(
        self, to: str | None, client: "httpx.AsyncClient", email_sender: EmailSender | None, stamp: Stamp | None = None
    ) -> None:
        self._to, self._client, self._email_sender, self._stamp = to, client, email_sender, stamp

    async def attempt(self, claimed: ClaimedRow) -> Outcome:
        """Attempt once to send the row's line, stamped, or to append it to the file."""
        line: str = claimed.row["line"]
        if self._stamp is not None:
            stamped = await self._stamp(claimed)
            if stamped is None and (claimed.attempts < STAMP_ATTEMPTS or self._to is None):
                return Outcome(failure="no_timestamp")
            line = stamped or line
        return Outcome() if self._to is None else await self._send(self._to, line, claimed)

    async def _send(self, to: str, line: str, claimed: ClaimedRow) -> Outcome:
        if to.startswith(MAILTO):
            if (sender := self._email_sender) is None:
                return Outcome(failure="no_mail_server")
            message = EmailMessage(policy=WIRE)
            message["From"], message["To"] = sender.sender, to.removeprefix(MAILTO)
            message["Subject"] = "Vivier : dernières entrées des journaux, signées"
            message["Date"] = format_datetime(claimed.queued_at)
            message["Message-ID"] = f"<{claimed.id}@{sender.sender.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(f"{line}\n", cte="base64")
            return await sender.submit(message)
        if not to.startswith(("http://", "https://")):
            return await asyncio.to_thread(_append_line, Path(to), line)
        from httpx import HTTPError, TimeoutException  # noqa: PLC0415 - see above

        try:
            answer = await self._client.post(
                to, content=line, headers={"User-Agent": "Vivier", "Content-Type": "application/json"}
            )
        except HTTPError as failure:
            return Outcome(failure="timeout" if isinstance(failure, TimeoutException) else "connection")
        return Outcome(failure=None if answer.is_success else "http_status", code=answer.status_code)


def _append_line(path: Path, line: str) -> Outcome:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    except OSError:
        return Outcome(failure="not_written")
    return Outcome()


@asynccontextmanager
async def journal_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that stamps and sends the heads of the journals; None without any of both, or a key."""
    settings, authority = services.settings, services.settings.timestamp_url
    key = journal_key(settings) if settings.journal_to or authority else None
    if key is None:
        yield None
        return
    from httpx import AsyncClient  # noqa: PLC0415 - see above

    async def queue_signed_heads(connection: Connection) -> None:
        """Queue one signed line with the last hash of every journal, unless one was queued less than a day ago."""
        now = services.now()
        await queue_heads(connection, lambda heads: signed_line(JournalHeads(now, tuple(heads)), key), SENT_EVERY, now)

    async def stamp_line(claimed: ClaimedRow) -> str | None:
        """The row's line, stored anew with a time-stamp; None where the authority gave none, which is counted."""
        signed = msgspec.json.decode(claimed.row["line"], type=SignedHeads)
        if signed.timestamp is None:
            try:
                token = await request_timestamp(client, authority or "", signed.heads.encode())
            except NoTimestamp as failure:
                services.metrics.timestamps.labels("refused").inc()
                log.warning("the heads of the journals were not stamped", reason=str(failure))
                return None
            services.metrics.timestamps.labels("given").inc()
            signed = msgspec.structs.replace(signed, timestamp=token)
            async with transaction(services.database) as connection:
                await replace_line(connection, claimed.id, msgspec.json.encode(signed).decode())
        return msgspec.json.encode(signed).decode()

    async with AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False) as client:
        stamp = stamp_line if authority else None
        sender = HeadSender(settings.journal_to, client, email_sender_of(services), stamp)
        yield DeliveryKind(
            outbox=audit_heads, schedule=SCHEDULE, attempt=sender.attempt, queue=queue_signed_heads, at_once=1
        )


def signed_line(heads: JournalHeads, key: JournalKey) -> str:
    """The heads, signed, as one line of JSON."""
    opened = tuple(msgspec.json.encode(each).decode() for each in heads.heads)
    text = msgspec.json.encode(
        JournalHeads(heads.at, digests=tuple(sha256(each.encode()).hexdigest() for each in opened))
    )
    return msgspec.json.encode(SignedHeads(text.decode(), key.public, key.sign(text).hex(), opened)).decode()
