"""The organisation's exchanges as use cases read them: found, with what is unread in them, and as letters.

A letter is a buyer's message as a text that the buyer brings to recipients.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from api.needs.own_need import lock_own_need, own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.exchanges import READ, exchanges_of, select_exchange, select_need_id
from db.journal.entries import last_details, write_entry
from domain.audit import Detail
from domain.errors import NotFound
from domain.exchanges.deliveries import UP_TO_THE_BUYER
from domain.exchanges.exchange import Exchange, Message
from domain.exchanges.letter import Letter, Link, OutgoingMessage, buyer_name, letter, purchase_name
from domain.exchanges.rules import ExchangeQuestions, questions_of
from domain.needs.status import StoredNeed
from domain.text.bilingual import Text

NO_EXCHANGE = Text("Aucun échange de cet identifiant", "No exchange with this id")


async def own_exchange(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> Exchange:
    """The organisation's exchange. Raises NotFound."""
    exchange = await select_exchange(connection, organisation_id, exchange_id)
    if exchange is None:
        raise NotFound(NO_EXCHANGE)
    return exchange


async def lock_own_exchange(connection: Connection, acting: Acting, exchange_id: UUID) -> tuple[StoredNeed, Exchange]:
    """The exchange and its need, which nobody else changes until the transaction ends. Raises NotFound."""
    need_id = await select_need_id(connection, acting.organisation_id, exchange_id)
    if need_id is None:
        raise NotFound(NO_EXCHANGE)
    need = await lock_own_need(connection, acting.organisation_id, need_id)
    return need, await own_exchange(connection, acting.organisation_id, exchange_id)


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


class ReadExchange(msgspec.Struct, frozen=True):
    """An exchange as a reader finds it. `unread`: messages of suppliers that nobody of the organisation has read."""

    exchange: Exchange
    unread: tuple[Message, ...]
    questions: ExchangeQuestions

    @property
    def from_suppliers(self) -> list[Message]:
        """The messages of suppliers, in order."""
        return [each for each in self.exchange.messages if each.author == "supplier"]

    @property
    def answered_by(self) -> set[UUID]:
        """The suppliers that said something."""
        return {each.supplier_id for each in self.from_suppliers if each.supplier_id}

    @property
    def to_be_brought(self) -> list[UUID]:
        """The suppliers to whom the buyer brings the first message, and who have said nothing yet."""
        first = self.exchange.messages[0].id
        brought = (each for each in self.exchange.deliveries if each.message_id == first)
        states = UP_TO_THE_BUYER | {"undeliverable"}
        return [
            each.supplier_id for each in brought if each.state in states and each.supplier_id not in self.answered_by
        ]


async def exchanges_to_read(
    connection: Connection, organisation_id: UUID, need_id: UUID
) -> tuple[StoredNeed, list[ReadExchange]]:
    """The organisation's need and its exchanges: first those with something unread, then the latest. Raises NotFound.

    An answer that the organisation noted itself is read.
    """
    need = await own_need(connection, organisation_id, need_id)
    found = await exchanges_of(connection, organisation_id, need_id)
    until = await _read_until(connection, organisation_id, found)
    read = [_as_read(each, until.get(each.id)) for each in found]
    return need, sorted(read, key=lambda each: (bool(each.unread), each.exchange.last_message_at), reverse=True)


async def read_exchange(connection: Connection, acting: Acting, exchange: Exchange) -> ReadExchange:
    """The exchange with what was unread until now; the journal says that it was read, where something was."""
    until = await _read_until(connection, acting.organisation_id, [exchange])
    read = _as_read(exchange, until.get(exchange.id))
    if read.unread:
        detail: Detail = {"message_id": str(read.unread[-1].id)}
        await write_entry(connection, acting.actor, READ, f"exchange:{exchange.id}", acting.now(), detail=detail)
    return read


def _as_read(exchange: Exchange, until: UUID | None) -> ReadExchange:
    """The exchange with its messages that came by a supplier's link after the one of the id `until`."""
    came = (each for each in exchange.messages if each.author == "supplier" and each.channel == "portal")
    unread = tuple(each for each in came if until is None or each.id > until)
    return ReadExchange(exchange, unread, questions_of(exchange))


async def _read_until(connection: Connection, organisation_id: UUID, found: Sequence[Exchange]) -> dict[UUID, UUID]:
    """The last message read in each exchange, as the journal says."""
    names = {f"exchange:{each.id}": each.id for each in found}
    details = await last_details(connection, organisation_id, READ, names)
    return {names[name]: UUID(str(detail["message_id"])) for name, detail in details.items()}
