"""Recipients' links to read and answer by: taken away, and given anew."""

from uuid import UUID

import msgspec
from litestar import Response

from api.exchanges.buyer_view import NO_EXCHANGE, NewLinkDocument, telling, written
from api.exchanges.reply_links import Grant, grant_links, granted, last_day
from api.exchanges.routes import TAG, object_of
from api.needs.routes import held
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import JSON
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import select_exchange, select_need_id
from db.exchanges.reply_links import revoke_links
from db.idempotency import Answer
from domain.errors import Conflict, NotFound
from domain.exchanges.exchange import Exchange
from domain.exchanges.letter import Link, OutgoingMessage
from domain.needs.status import StoredNeed
from domain.text.bilingual import Language, Text

NO_RECIPIENT = Text(
    "Ce fournisseur n'est pas destinataire de cet échange", "This supplier is no recipient of this exchange"
)
NO_LINK = Text(
    "Ce destinataire n'a pas de lien en vigueur dans cet échange",
    "This recipient has no link in force in this exchange",
)
SHOWN_ONCE = Text(
    "Ce lien a été donné à une autre clé, et ne se montre qu'une fois : en demander un autre",
    "This link was given to another key, and is shown once only: ask for another",
)


class KeptLink(msgspec.Struct, frozen=True):
    """The answer that gives a link as it is kept for a request sent twice: all of it, but the token."""

    grant: Grant
    told: OutgoingMessage
    language: Language


@endpoint(
    "DELETE", "/exchanges/{id}/recipients/{supplier_id}/reply-link", tag=TAG, scope="needs", answers=None, status=204
)
async def revoke_reply_link(call: Call, id: UUID, supplier_id: UUID) -> None:  # noqa: A002 - as the contract names it
    """Take away a recipient's reply links.

    All that it has to this exchange, at once and for good; messages on their way to it by e-mail are cancelled; later
    ones are left to the buyer. 404 where it has none in force.
    """
    services = call.services
    async with transaction(services.database) as connection:
        await _held_recipient(call, connection, id, supplier_id)
        now = services.now()
        if not await revoke_links(connection, id, supplier_id, now):
            raise NotFound(NO_LINK)
        detail = {"supplier_id": str(supplier_id)}
        await write_entry(connection, actor_of(call), "reply_link.revoked", object_of(id), now, detail=dict(detail))


@endpoint(
    "POST",
    "/exchanges/{id}/recipients/{supplier_id}/reply-link",
    tag=TAG,
    scope="needs",
    answers=NewLinkDocument,
    status=201,
    headers=HEADERS,
    problems=("conflict",),
)
async def give_reply_link(call: Call, id: UUID, supplier_id: UUID) -> Response[bytes]:  # noqa: A002
    """Give a recipient a new reply link, beside those it may have.

    For one who lost its link, whose link expired, or whom e-mail did not reach; after its links were revoked, it is
    written to again. Takes no body, and sends nothing: `letter` is the first message with this link. Shown this once.
    """
    services = call.services
    async with transaction(services.database) as connection:

        async def carry_out() -> Answer:
            need, exchange = await _held_recipient(call, connection, id, supplier_id)
            grant = await grant_links(call, connection, id, (supplier_id,))
            first = exchange.messages[0]
            told = telling(need, call.bearer.organisation, exchange, first, first.id)
            detail = {"supplier_id": str(supplier_id)}
            now = services.now()
            await write_entry(connection, actor_of(call), "reply_link.created", object_of(id), now, detail=dict(detail))
            headers = {"content-type": JSON, "cache-control": "no-store"}
            return Answer(201, headers, msgspec.json.encode(KeptLink(grant, told, call.language)))

        async def completed(answer: Answer) -> Answer:
            given = msgspec.json.decode(answer.body, type=KeptLink)
            links = await granted(call, connection, given.grant)
            if not links:
                raise Conflict("shown_once", SHOWN_ONCE)
            url, expires_at = given.grant.url(links[0]), given.grant.expires_at
            letter = written(given.told, Link(url, last_day(expires_at)), given.language)
            document = NewLinkDocument(supplier_id, url, expires_at, letter)
            return Answer(answer.status, answer.headers, msgspec.json.encode(document))

        return await once(call, connection, b"", carry_out, completed=completed)


ROUTES = (revoke_reply_link, give_reply_link)


async def _held_recipient(
    call: Call, connection: Connection, exchange_id: UUID, supplier_id: UUID
) -> tuple[StoredNeed, Exchange]:
    """The organisation's exchange and its need, held. Raises NotFound, also for no recipient.

    Held, so that links are not taken away while an answer by one of them is being kept.
    """
    organisation = call.bearer.organisation_id
    need_id = await select_need_id(connection, organisation, exchange_id)
    if need_id is None:
        raise NotFound(NO_EXCHANGE)
    need = await held(call, connection, need_id)
    exchange = await select_exchange(connection, organisation, exchange_id)
    if exchange is None:
        raise NotFound(NO_EXCHANGE)
    if all(each.supplier_id != supplier_id for each in exchange.recipients):
        raise NotFound(NO_RECIPIENT)
    return need, exchange
