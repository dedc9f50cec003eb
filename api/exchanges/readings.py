"""Use cases of reading: the exchanges about a need with what nobody of the organisation has read yet."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from api.needs.own_need import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.exchanges import READ, exchanges_of
from db.journal.entries import last_details, write_entry
from domain.audit import Detail
from domain.exchanges.deliveries import UP_TO_THE_BUYER
from domain.exchanges.exchange import Exchange, Message
from domain.exchanges.questions import ExchangeQuestions, questions_of
from domain.needs.status import StoredNeed


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
