"""Use case: the buyer confirms that it brought a message to recipients that got no e-mail, by which way and when."""

from collections.abc import Callable
from uuid import UUID

from api.exchanges.own_exchange import lock_own_exchange, own_exchange
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.exchanges import write_handovers
from db.journal.content import handover_name
from db.journal.entries import write_entry
from domain.audit import Detail
from domain.exchanges.deliveries import buyers_message, newly_confirmed
from domain.exchanges.exchange import DeliveryConfirmation, Exchange
from domain.needs.status import require_not_ended
from domain.text.typography import PARIS


async def confirm_delivery(
    connection: Connection,
    acting: Acting,
    exchange_id: UUID,
    message_id: UUID,
    confirmation: DeliveryConfirmation,
    check: Callable[[Exchange], None] = lambda _: None,
) -> Exchange:
    """The exchange after the confirmation; the same one said again changes nothing, another one corrects it.

    Also after the notice is published: what was brought before can still be said. `check`: raises where the exchange is
    not as the caller knows it. Raises NotFound, Conflict once the need has ended, and as `newly_confirmed`.
    """
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    message = buyers_message(exchange, message_id)
    check(exchange)
    require_not_ended(need.status)
    now = acting.now()
    today = now.astimezone(PARIS).date()
    changed = newly_confirmed(exchange, message, confirmation, today)
    if not changed:
        return exchange
    on, way, suppliers = confirmation.on or today, confirmation.way, [each.supplier_id for each in changed]
    await write_handovers(connection, exchange_id, message_id, suppliers, way, on, now)
    for each in suppliers:
        detail: Detail = {"message_id": str(message_id), "supplier_id": str(each), "way": way, "on": on.isoformat()}
        about = (handover_name(message_id, each),)
        name = f"exchange:{exchange_id}"
        await write_entry(connection, acting.actor, "message.handed_over", name, now, detail=detail, about=about)
    return await own_exchange(connection, acting.organisation_id, exchange_id)
