"""Sends the signed heads of the journals where the operator keeps them: to a file, an address on the web, a mailbox."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from api.exchanges.email import EmailSender, email_sender_of
from api.journal.signing_key import JournalKey, journal_key
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.core.engine import Connection
from db.delivery.outbox import ClaimedRow
from db.journal.entries import queue_heads
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


class HeadSender:
    """Sends lines `to` the operator: the path of a file, an address on the web, or `mailto:` and an e-mail address."""

    def __init__(self, to: str, client: "httpx.AsyncClient", email_sender: EmailSender | None) -> None:
        self._to, self._client, self._email_sender = to, client, email_sender

    async def attempt(self, claimed: ClaimedRow) -> Outcome:
        """Attempt once to send the row's line, or to append it to the file."""
        line: str = claimed.row["line"]
        if self._to.startswith(MAILTO):
            if (sender := self._email_sender) is None:
                return Outcome(failure="no_mail_server")
            message = EmailMessage(policy=WIRE)
            message["From"], message["To"] = sender.sender, self._to.removeprefix(MAILTO)
            message["Subject"] = "Vivier : dernières entrées des journaux, signées"
            message["Date"] = format_datetime(claimed.queued_at)
            message["Message-ID"] = f"<{claimed.id}@{sender.sender.rpartition('@')[2]}>"
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(f"{line}\n", cte="base64")
            return await sender.submit(message)
        if not self._to.startswith(("http://", "https://")):
            return await asyncio.to_thread(_append_line, Path(self._to), line)
        from httpx import HTTPError, TimeoutException  # noqa: PLC0415 - see above

        try:
            answer = await self._client.post(
                self._to, content=line, headers={"User-Agent": "Vivier", "Content-Type": "application/json"}
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
    """The kind of delivery that sends the heads of the journals; None without an address, or without a key."""
    settings = services.settings
    key = journal_key(settings) if settings.journal_to else None
    if settings.journal_to is None or key is None:
        yield None
        return
    from httpx import AsyncClient  # noqa: PLC0415 - see above

    async def queue_signed_heads(connection: Connection) -> None:
        """Queue one signed line with the last hash of every journal, unless one was queued less than a day ago."""
        now = services.now()
        await queue_heads(connection, lambda heads: signed_line(JournalHeads(now, tuple(heads)), key), SENT_EVERY, now)

    async with AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False) as client:
        sender = HeadSender(settings.journal_to, client, email_sender_of(services))
        yield DeliveryKind(
            outbox=audit_heads, schedule=SCHEDULE, attempt=sender.attempt, queue=queue_signed_heads, at_once=1
        )


def signed_line(heads: JournalHeads, key: JournalKey) -> str:
    """The heads, signed, as one line of JSON."""
    text = msgspec.json.encode(heads)
    return msgspec.json.encode(SignedHeads(text.decode(), key.public, key.sign(text).hex())).decode()
