"""The signed heads of the journals, as a kind of delivery."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec

from api.exchanges.email import email_sender_of
from api.journal.signing_key import JournalKey, journal_key
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from db.core.engine import Connection
from db.journal.entries import queue_heads
from db.schema.need_tables import audit_heads
from domain.audit import JournalHeads, SignedHeads
from domain.delivery import Schedule

SCHEDULE = Schedule(
    first=timedelta(minutes=1), factor=2, longest=timedelta(hours=6), attempts=60, age=timedelta(days=14)
)
SENT_EVERY = timedelta(days=1)
ANSWER_SECONDS = 20


@asynccontextmanager
async def journal_kind(services: Services) -> AsyncIterator[DeliveryKind | None]:
    """The kind of delivery that sends the heads of the journals; None where nowhere is set, or there is no key."""
    settings = services.settings
    key = journal_key(settings) if settings.journal_to else None
    if settings.journal_to is None or key is None:
        yield None
        return
    # where heads are sent: elsewhere this library would keep every start waiting
    from httpx import AsyncClient  # noqa: PLC0415

    from api.journal.send_heads import HeadSender  # noqa: PLC0415

    async def queue(connection: Connection) -> None:
        now = services.now()
        await queue_heads(connection, lambda heads: signed_line(JournalHeads(now, tuple(heads)), key), SENT_EVERY, now)

    async with AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False) as client:
        sender = HeadSender(settings.journal_to, client, email_sender_of(services))
        yield DeliveryKind(outbox=audit_heads, schedule=SCHEDULE, attempt=sender.attempt, queue=queue, at_once=1)


def signed_line(heads: JournalHeads, key: JournalKey) -> str:
    """The heads, signed, as one line of JSON."""
    text = msgspec.json.encode(heads)
    return msgspec.json.encode(SignedHeads(text.decode(), key.public, key.sign(text).hex())).decode()
