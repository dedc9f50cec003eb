"""Use cases that close gaps of equal treatment: the words that some suppliers lack, and these words sent to them."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from api.exchanges.write_message import write_message
from api.needs.own_need import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.exchanges import exchanges_of
from db.suppliers.write import survivors
from domain.errors import NotFound
from domain.exchanges.exchange import Channel, Exchange, Message, MessageRequest, Recipient
from domain.exchanges.rules import NO_MESSAGE
from domain.needs.status import StoredNeed


class Addressee(msgspec.Struct, frozen=True):
    """A supplier that lacks a message, as a recipient of an exchange in which it can be told."""

    exchange: Exchange
    recipient: Recipient


class MissingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that some suppliers lack.

    `opens`: it opened its exchange, so that its subject and lots are part of what was told: they are told it by an
    exchange of their own. `body`: the words to send otherwise, to each addressee.
    """

    need: StoredNeed
    exchange: Exchange
    message: Message
    opens: bool
    body: str
    addressees: tuple[Addressee, ...]


async def missing_message(
    connection: Connection, acting: Acting, need_id: UUID, message_id: UUID, supplier_ids: Collection[UUID]
) -> MissingMessage:
    """A message of the buyer's about the organisation's need, and where each of these suppliers can be told it.

    Suppliers that are recipients of no exchange about the need are left out. Raises NotFound.
    """
    need = await own_need(connection, acting.organisation_id, need_id)
    exchanges = await exchanges_of(connection, acting.organisation_id, need_id)
    written = ((each, message) for each in exchanges for message in each.messages if message.author == "buyer")
    found = next((pair for pair in written if pair[1].id == message_id), None)
    if found is None:
        raise NotFound(NO_MESSAGE)
    exchange, message = found
    question = _question_of(exchange, message)
    # its own exchange first, then the latest
    order = [exchange, *(each for each in reversed(exchanges) if each.id != exchange.id)]
    living = await survivors(connection, {who.supplier_id for each in exchanges for who in each.recipients})
    places: dict[UUID, Addressee] = {}
    for each in order:
        for who in each.recipients:
            places.setdefault(living.get(who.supplier_id, who.supplier_id), Addressee(each, who))
    return MissingMessage(
        need=need,
        exchange=exchange,
        message=message,
        opens=message.id == exchange.messages[0].id,
        body="\n\n".join(filter(None, (question, message.body))),
        addressees=tuple(places[each] for each in dict.fromkeys(supplier_ids) if each in places),
    )


def _question_of(exchange: Exchange, message: Message) -> str | None:
    """The question that a message publishes, itself or as a correction of one that does."""
    by_id = {each.id: each for each in exchange.messages}
    at = message
    while at.question is None and at.corrects is not None:
        at = by_id[at.corrects]
    return at.question


async def send_to_each(
    connection: Connection, acting: Acting, missing: MissingMessage, channel: Channel | None
) -> Sequence[UUID]:
    """Send the words of a message to each of its addressees alone; the ids of the messages. Raises as `write_message`.

    `channel`: the means, where it is not that of each exchange.
    """
    sent = []
    for each in missing.addressees:
        request = MessageRequest(
            missing.body,
            author="buyer",
            supplier_id=each.recipient.supplier_id,
            channel=channel,
            confidential=missing.message.confidential,
        )
        sent.append((await write_message(connection, acting, each.exchange.id, request)).id)
    return sent
