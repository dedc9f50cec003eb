"""A buyer's message as a text that the buyer brings to recipients."""

from uuid import UUID

from api.exchanges.own_exchange import own_exchange
from api.needs.own_need import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from domain.errors import NotFound
from domain.exchanges.deliveries import UP_TO_THE_BUYER
from domain.exchanges.exchange import Exchange, Message
from domain.exchanges.letter import Letter, Link, OutgoingMessage, buyer_name, letter, purchase_name
from domain.needs.status import StoredNeed
from domain.text.bilingual import Text

NO_LETTER = Text(
    "Aucun message de l'acheteur de cet identifiant dans cet échange",
    "No message of the buyer with this id in this exchange",
)


def write_letter(
    acting: Acting, need: StoredNeed, exchange: Exchange, message: Message, link: Link | None = None
) -> Letter:
    """A message of the buyer's as a letter. Without `link`: for recipients who have theirs already."""
    outgoing = OutgoingMessage(
        buyer=buyer_name(need.content, acting.organisation),
        purchase=purchase_name(need.content, exchange.lot_ids),
        subject=exchange.subject,
        body=message.body,
        question=message.question,
        is_correction=message.corrects is not None,
        is_first=message.id == exchange.messages[0].id,
    )
    return letter(outgoing, link, acting.language, by_server=False)


async def letter_of(connection: Connection, acting: Acting, exchange_id: UUID, message_id: UUID) -> Letter:
    """The letter of a message of the buyer's, for recipients who have their link. Raises NotFound for any other."""
    exchange = await own_exchange(connection, acting.organisation_id, exchange_id)
    need = await own_need(connection, acting.organisation_id, exchange.need_id)
    message = next((each for each in exchange.messages if each.id == message_id and each.author == "buyer"), None)
    if message is None:
        raise NotFound(NO_LETTER)
    return write_letter(acting, need, exchange, message)


def left_to_buyer(exchange: Exchange, message_id: UUID) -> tuple[UUID, ...]:
    """The recipients to whom the buyer must bring the message itself."""
    deliveries = (each for each in exchange.deliveries if each.message_id == message_id)
    return tuple(each.supplier_id for each in deliveries if each.state in UP_TO_THE_BUYER)
