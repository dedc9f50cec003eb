"""Use cases of messages: the buyer adds one to an exchange, or publishes the answer to a question."""

from datetime import datetime, timedelta
from uuid import UUID

from api.exchanges.buyer_view import CreatedMessage, created_message
from api.exchanges.email import queue_emails
from api.exchanges.own_exchange import lock_own_exchange, own_exchange
from api.exchanges.write_letter import left_to_buyer, write_letter
from api.runtime.actor import Acting, require_storage
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_message
from db.journal.entries import write_entry
from domain.audit import Detail
from domain.exchanges.exchange import Exchange, Message, MessageRequest, PublicationRequest, message_from
from domain.exchanges.rules import published_question, require_message
from domain.needs.status import StoredNeed, require_open


async def write_message(
    connection: Connection, acting: Acting, exchange_id: UUID, request: MessageRequest
) -> CreatedMessage:
    """Add a message to an exchange: the buyer's own, or a supplier's answer that it got by other means.

    Raises NotFound, Conflict (`after-publication`, `storage_quota`), InvalidContent.
    """
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    require_open(need.status)
    require_message(exchange, request)
    now = time_after(exchange.last_message_at, acting.now())
    message = message_from(request, new_id(now), exchange.channel, now)
    action = "message.sent" if message.author == "buyer" else "message.noted"
    return await _add(connection, acting, need, exchange, message, action)


async def publish_answer(
    connection: Connection, acting: Acting, exchange_id: UUID, message_id: UUID, request: PublicationRequest
) -> CreatedMessage:
    """Share a question and its answer with all recipients. Raises as `write_message` and `published_question`."""
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    require_open(need.status)
    question = published_question(exchange, message_id, request)
    now = time_after(exchange.last_message_at, acting.now())
    written = MessageRequest(request.answer, author="buyer")
    message = message_from(written, new_id(now), exchange.channel, now, message_id, question)
    return await _add(connection, acting, need, exchange, message, "question.published")


def time_after(last: datetime, now: datetime) -> datetime:
    """Now, but after the last message: ids sort by the millisecond, and clocks of servers differ."""
    return max(now, last + timedelta(milliseconds=1))


async def _add(
    connection: Connection, acting: Acting, need: StoredNeed, exchange: Exchange, message: Message, action: str
) -> CreatedMessage:
    """Store a message, queue its e-mails and note it in the journal. Raises as `require_storage`."""
    await require_storage(connection, acting)
    await insert_message(connection, exchange.id, message)
    acting.services.storage_use.add(acting.organisation_id, len(message.body))
    told = await queue_emails(connection, acting, exchange, message)
    after = await own_exchange(connection, acting.organisation_id, exchange.id)
    needs_letter = bool(left_to_buyer(after, message.id))
    detail: Detail = {"message_id": str(message.id)}
    for name, value in (("supplier_id", message.supplier_id), ("publishes", message.publishes)):
        if value is not None:
            detail[name] = str(value)
    name, about = f"exchange:{exchange.id}", (f"message:{message.id}", *told)
    await write_entry(connection, acting.actor, action, name, message.created_at, detail=detail, about=about)
    return created_message(after, message, write_letter(acting, need, after, message) if needs_letter else None)
