"""An exchange with two suppliers, and short ways to add to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

import msgspec

from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_exchange, insert_message
from db.exchanges.reply_links import insert_links, insert_mails
from db.needs.needs import insert_need
from domain.exchanges.exchange import ExchangeSummary, Message, Recipient
from domain.needs.need import Buyer, Lot, PlannedNeed
from tests.db.suppliers.samples import NOW
from tests.domain.exchanges.samples import PLAIN

ANNE, PAUL = UUID(int=1), UUID(int=2)


@dataclass(frozen=True)
class OpenedExchange:
    """An exchange that is kept. `tokens`: of the recipients' links, by their ids."""

    engine: Engine
    organisation_id: UUID
    need_id: UUID
    exchange: ExchangeSummary
    first: Message
    tokens: dict[UUID, str]

    async def say(self, now: datetime, *, language: str = "fr", **fields: Any) -> Message:
        """Add a message of the buyer's to all and queue its e-mails."""
        message = _message(now, **fields)
        async with transaction(self.engine) as connection:
            await insert_message(connection, self.exchange.id, message)
            await insert_mails(connection, self.exchange.id, message, self.exchange.recipients, language, now)
        return message

    async def hear(self, hours: float, supplier_id: UUID | None = ANNE, **fields: Any) -> Message:
        """Add a supplier's message by its link, so many hours after the opening, or any other."""
        at = NOW + timedelta(hours=hours)
        usual = {"author": "supplier", "supplier_id": supplier_id, "channel": "portal", "body": "…"}
        message = _message(at, **usual | fields)
        async with transaction(self.engine) as connection:
            await insert_message(connection, self.exchange.id, message)
        return message


async def exchange(
    engine: Engine, *, emails: tuple[str | None, str | None] = (None, None), **fields: Any
) -> OpenedExchange:
    """An exchange about the biowaste of a hospital, with Anne and Paul, who have these addresses. Nothing is queued."""
    need = PlannedNeed(
        lots=(Lot(id="1"),), title="Collecte des biodéchets", buyer=Buyer(name="Centre hospitalier de Vannes")
    )
    exchange = ExchangeSummary(
        id=new_id(NOW),
        need_id=UUID(int=0),
        subject="Volumes et fréquences",
        lot_ids=(),
        channel="email",
        opened_at=NOW,
        recipients=tuple(
            Recipient(supplier_id=id_, name=name, siret=None, email=email, why="named")
            for id_, name, email in zip((ANNE, PAUL), ("Chez Anne", "Chez Paul"), emails, strict=True)
        ),
    )
    first = _message(NOW, **{"body": "Pourriez-vous passer trois fois par semaine ?"} | fields)
    async with transaction(engine) as connection:
        organisation_id = await ensure_organisation(connection, "Acheteurs du Golfe", NOW)
        stored = await insert_need(connection, organisation_id, need, NOW)
        exchange = msgspec.structs.replace(exchange, need_id=stored.id)
        await insert_exchange(connection, organisation_id, exchange, first)
        tokens = {ANNE: token_urlsafe(32), PAUL: token_urlsafe(32)}
        await insert_links(connection, exchange.id, tokens, NOW, NOW + timedelta(days=60))
    return OpenedExchange(engine, organisation_id, stored.id, exchange, first, tokens)


def _message(now: datetime, **fields: Any) -> Message:
    plain = {"author": "buyer", "supplier_id": None, "channel": "email", "body": "Bonjour"}
    return Message(id=new_id(now), created_at=now, **PLAIN | plain | fields)
