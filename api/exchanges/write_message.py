"""Use cases of messages: added to an exchange, published as an answer, brought by the buyer, sent to who lacks them."""

from collections.abc import Callable, Collection
from uuid import UUID

import msgspec

from api.exchanges.email import queue_deliveries
from api.exchanges.own_exchange import (
    CreatedMessage,
    exchange_document,
    lock_own_exchange,
    moment_after,
    own_exchange,
    recipients_up_to_buyer,
    write_letter,
)
from api.needs.freeze_shortlist import own_need
from api.runtime.actor import Acting, require_storage
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.exchanges.exchanges import exchanges_of, insert_message, write_handovers
from db.journal.content import stored_name
from db.journal.entries import write_entry
from db.suppliers.write import survivors
from domain.errors import require_found
from domain.exchanges.deliveries import deliveries_to_confirm, find_buyers_message
from domain.exchanges.exchange import (
    Channel,
    DeliveryConfirmation,
    Exchange,
    Message,
    MessageRequest,
    PublicationRequest,
    Recipient,
    make_message,
)
from domain.exchanges.rules import NO_MESSAGE, published_question, require_message
from domain.journal import Detail
from domain.needs.status import StoredNeed, require_not_ended, require_open
from domain.text.bilingual import PARIS


async def write_message(
    connection: Connection, acting: Acting, exchange_id: UUID, request: MessageRequest
) -> CreatedMessage:
    """Add a message to an exchange: the buyer's own, or a supplier's answer that reached the buyer by other means.

    Raises NotFound, Conflict (`after-publication`, `storage_quota`), InvalidContent.
    """
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    require_open(need.status)
    require_message(exchange, request)
    now = moment_after(exchange.last_message_at, acting.now())
    message = make_message(request, new_id(now), exchange.channel, now)
    action = "message.sent" if message.author == "buyer" else "message.noted"
    return await _store_message(connection, acting, need, exchange, message, action)


async def publish_answer(
    connection: Connection, acting: Acting, exchange_id: UUID, message_id: UUID, request: PublicationRequest
) -> CreatedMessage:
    """Share a question and its answer with all recipients. Raises as `write_message` and `published_question`."""
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    require_open(need.status)
    question = published_question(exchange, message_id, request)
    now = moment_after(exchange.last_message_at, acting.now())
    written = MessageRequest(request.answer, author="buyer")
    message = make_message(written, new_id(now), exchange.channel, now, message_id, question)
    return await _store_message(connection, acting, need, exchange, message, "question.published")


async def _store_message(
    connection: Connection, acting: Acting, need: StoredNeed, exchange: Exchange, message: Message, action: str
) -> CreatedMessage:
    """Store a message, queue its e-mails and note `action` in the journal. Raises as `require_storage`."""
    await require_storage(connection, acting)
    await insert_message(connection, exchange.id, message)
    acting.services.storage_use.add(acting.organisation_id, len(message.body))
    told = await queue_deliveries(connection, acting, exchange, message)
    after = await own_exchange(connection, acting.organisation_id, exchange.id)
    needs_letter = bool(recipients_up_to_buyer(after, message.id))
    detail: Detail = {"message_id": str(message.id)}
    for name, value in (("supplier_id", message.supplier_id), ("publishes", message.publishes)):
        if value is not None:
            detail[name] = str(value)
    name, about = f"exchange:{exchange.id}", (f"message:{message.id}", *told)
    await write_entry(connection, acting.actor, action, name, message.created_at, detail=detail, about=about)
    letter = write_letter(acting, need, after, message) if needs_letter else None
    (document,) = (each for each in exchange_document(after, {}).messages if each.id == message.id)
    return CreatedMessage(**msgspec.structs.asdict(document), letter=letter)


async def confirm_delivery(
    connection: Connection,
    acting: Acting,
    exchange_id: UUID,
    message_id: UUID,
    confirmation: DeliveryConfirmation,
    require_known: Callable[[Exchange], None] = lambda _: None,
) -> Exchange:
    """Note that the buyer brought a message to recipients, unless `require_known` raises; returns the changed exchange.

    Also after the notice is published: what was brought before can still be said. `require_known` raises where the
    exchange is not as the caller knows it. Raises NotFound, Conflict once the need has ended, and as
    `deliveries_to_confirm`.
    """
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    message = find_buyers_message(exchange, message_id)
    require_known(exchange)
    require_not_ended(need.status)
    now = acting.now()
    today = now.astimezone(PARIS).date()
    changed = deliveries_to_confirm(exchange, message, confirmation, today)
    if not changed:
        return exchange
    on, way, suppliers = confirmation.on or today, confirmation.way, [each.supplier_id for each in changed]
    await write_handovers(connection, exchange_id, message_id, suppliers, way, on, now)
    for each in suppliers:
        detail: Detail = {"message_id": str(message_id), "supplier_id": str(each), "way": way, "on": on.isoformat()}
        about = (stored_name("handover", message_id, each),)
        name = f"exchange:{exchange_id}"
        await write_entry(connection, acting.actor, "message.handed_over", name, now, detail=detail, about=about)
    return await own_exchange(connection, acting.organisation_id, exchange_id)


class MissingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that some suppliers lack, and who these are.

    `opens`: it opened its exchange, so that its subject and lots are part of what was told: they are told it by an
    exchange of their own. `body`: the words to send otherwise, to each addressee: the recipient of an exchange.
    """

    need: StoredNeed
    exchange: Exchange
    message: Message
    opens: bool
    body: str
    addressees: tuple[tuple[Exchange, Recipient], ...]


async def missing_message(
    connection: Connection, acting: Acting, need_id: UUID, message_id: UUID, supplier_ids: Collection[UUID]
) -> MissingMessage:
    """The message of this id, which these suppliers lack, with the exchange in which to reach each supplier.

    Suppliers that are recipients of no exchange about the need are left out. Raises NotFound.
    """
    need = await own_need(connection, acting.organisation_id, need_id)
    exchanges = await exchanges_of(connection, acting.organisation_id, need_id)
    written = ((each, message) for each in exchanges for message in each.messages if message.author == "buyer")
    found = require_found(next((pair for pair in written if pair[1].id == message_id), None), NO_MESSAGE)
    exchange, message = found
    # the question that it publishes, itself or as a correction of one that does
    by_id, asking = {each.id: each for each in exchange.messages}, message
    while asking.question is None and asking.corrects is not None:
        asking = by_id[asking.corrects]
    # its own exchange first, then the latest
    order = [exchange, *(each for each in reversed(exchanges) if each.id != exchange.id)]
    living = await survivors(connection, {who.supplier_id for each in exchanges for who in each.recipients})
    places: dict[UUID, tuple[Exchange, Recipient]] = {}
    for each in order:
        for who in each.recipients:
            places.setdefault(living.get(who.supplier_id, who.supplier_id), (each, who))
    return MissingMessage(
        need=need,
        exchange=exchange,
        message=message,
        opens=message.id == exchange.messages[0].id,
        body="\n\n".join(filter(None, (asking.question, message.body))),
        addressees=tuple(places[each] for each in dict.fromkeys(supplier_ids) if each in places),
    )


async def send_to_addressees(
    connection: Connection, acting: Acting, missing: MissingMessage, channel: Channel | None
) -> None:
    """Write to each addressee alone, in their exchange, by `channel` or the exchange's. Raises as `write_message`."""
    for exchange, recipient in missing.addressees:
        request = MessageRequest(
            missing.body,
            author="buyer",
            supplier_id=recipient.supplier_id,
            channel=channel,
            confidential=missing.message.confidential,
        )
        await write_message(connection, acting, exchange.id, request)
