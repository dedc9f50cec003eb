"""The exchanges of the caller's organisation, or a 404."""

from uuid import UUID

from api.needs.own_need import lock_own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.exchanges import select_exchange, select_need_id
from domain.errors import NotFound
from domain.exchanges.exchange import Exchange
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
