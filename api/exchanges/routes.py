"""Exchanges with suppliers before publication: exchanges opened, added to, read; questions answered to all."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.exchanges.buyer_view import (
    NO_EXCHANGE,
    ExchangeDocument,
    LetterDocument,
    NewExchangeDocument,
    NewMessageDocument,
    by_hand,
    exchange_document,
    letter_of,
    message_document,
)
from api.exchanges.email import have_sent
from api.exchanges.open_exchange import kept, opened, recipients_of
from api.needs.routes import NO_NEED, held
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, unless_known
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import JSON
from api.web.pagination import Page, Paging, paged
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_exchange, insert_message, select_exchange, select_exchanges, select_need_id
from db.exchanges.reply_links import select_link_expiries
from db.idempotency import Answer
from db.needs.needs import select_need
from domain.audit import Detail
from domain.errors import NotFound
from domain.exchanges.exchange import Exchange, ExchangeSummary, Message, NewMessage, Opening, Publication
from domain.exchanges.rules import published_question, require_message
from domain.needs.status import StoredNeed, require_open

TAG = "Exchanges"
REFUSALS = ("conflict", "after-publication")


@endpoint(
    "POST",
    "/needs/{id}/exchanges",
    tag=TAG,
    scope="needs",
    answers=NewExchangeDocument,
    status=201,
    headers=HEADERS,
    problems=REFUSALS,
    example="exchange",
)
async def create_exchange(call: Call, id: UUID, body: Opening) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """Open an exchange with suppliers about a need.

    `recipients`: ids of suppliers (the present one where records were merged), or `shortlist`: all of the latest
    version that are not set aside. Where the channel is `email` and a mail server is configured, Vivier writes to those
    whose address is known; the text for all others is in `to_be_delivered_by_you`. `reply_links` are shown this once:
    sent again with the same `Idempotency-Key` and the same key of the API, the request is answered with the same links;
    with another key of the organisation, without any.
    """
    services = call.services
    async with transaction(services.database) as connection:

        async def carry_out() -> Answer:
            need = await held(call, connection, id)
            require_open(need.status)
            recipients = await recipients_of(call, connection, need, body)
            now = services.now()
            exchange = ExchangeSummary(
                id=new_id(now),
                need_id=id,
                subject=body.subject,
                lot_ids=tuple(dict.fromkeys(body.lot_ids)),
                channel=body.channel,
                opened_at=now,
                recipients=recipients,
            )
            first = Message(
                id=new_id(now), author="buyer", supplier_id=None, body=body.body, channel=body.channel, created_at=now
            )
            await insert_exchange(connection, call.bearer.organisation_id, exchange, first)
            await have_sent(call, connection, exchange, first)
            answer = await kept(call, connection, need, exchange, first)
            detail: Detail = {
                "need_id": str(id),
                "message_id": str(first.id),
                "channel": body.channel,
                "recipients": [str(each.supplier_id) for each in recipients],
            }
            await write_entry(connection, actor_of(call), "exchange.opened", object_of(exchange.id), now, detail=detail)
            return answer

        async def completed(answer: Answer) -> Answer:
            return await opened(call, connection, answer)

        return await once(call, connection, msgspec.json.encode(body), carry_out, completed=completed)


@endpoint("GET", "/needs/{id}/exchanges", tag=TAG, scope="needs", answers=Page[ExchangeSummary])
async def list_exchanges(call: Call, id: UUID, query: Paging) -> Response[bytes]:  # noqa: A002
    """The exchanges about a need, the oldest first, with their recipients."""
    organisation = call.bearer.organisation_id
    async with transaction(call.services.database) as connection:
        if await select_need(connection, organisation, id) is None:
            raise NotFound(NO_NEED)
        fetch = partial(select_exchanges, connection, organisation, id)
        return await paged(call, query, f"exchanges/{id}", UUID, fetch)


@endpoint(
    "GET", "/exchanges/{id}", tag=TAG, scope="needs", answers=ExchangeDocument, status=(200, 304), headers=IF_NONE_MATCH
)
async def show_exchange(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002
    """An exchange whole: who was asked, all that was said, and what became of each message sent."""
    async with transaction(call.services.database) as connection:
        exchange = await _own(call, connection, id)
        links = await select_link_expiries(connection, id, call.services.now())
    return unless_known(call, msgspec.json.encode(exchange_document(exchange, links)), JSON, max_age=None)


@endpoint(
    "POST",
    "/exchanges/{id}/messages",
    tag=TAG,
    scope="needs",
    answers=NewMessageDocument,
    status=201,
    headers=HEADERS,
    problems=REFUSALS,
    example="message",
)
async def write_message(call: Call, id: UUID, body: NewMessage) -> Response[bytes]:  # noqa: A002
    """Add a message to an exchange.

    The buyer's own, to all recipients or to the one of `supplier_id`; or what a supplier said by other means, which
    only the buyer sees and that supplier. Nothing said is changed: a correction is a message that `corrects` another,
    with the same author and the same recipients.
    """
    async with transaction(call.services.database) as connection:

        async def carry_out() -> Answer:
            need, exchange = await own_exchange(call, connection, id)
            require_message(exchange, body)
            now = next_moment(call, exchange)
            fields = {name: getattr(body, name) for name in NewMessage.__struct_fields__}
            channel = body.channel or exchange.channel
            message = Message(**fields | {"id": new_id(now), "channel": channel, "created_at": now})
            action = "message.sent" if message.author == "buyer" else "message.noted"
            return await _added(call, connection, need, exchange, message, action)

        return await once(call, connection, msgspec.json.encode(body), carry_out)


@endpoint(
    "POST",
    "/exchanges/{id}/messages/{message_id}/publication",
    tag=TAG,
    scope="needs",
    answers=NewMessageDocument,
    status=201,
    headers=HEADERS,
    problems=REFUSALS,
    example="publication",
)
async def publish_answer(
    call: Call,
    id: UUID,  # noqa: A002
    message_id: UUID,
    body: Publication,
) -> Response[bytes]:
    """Share a supplier's question and its answer with every recipient, without naming who asked.

    The question as it was last corrected, unless `question` gives it in other words: 422 where it or the answer holds
    the asker's name, address or SIRET. 409 for a message that is no question, is confidential, or is published already.
    """
    async with transaction(call.services.database) as connection:

        async def carry_out() -> Answer:
            need, exchange = await own_exchange(call, connection, id)
            question = published_question(exchange, message_id, body)
            now = next_moment(call, exchange)
            message = Message(
                id=new_id(now),
                author="buyer",
                supplier_id=None,
                body=body.answer,
                publishes=message_id,
                question=question,
                channel=exchange.channel,
                created_at=now,
            )
            return await _added(call, connection, need, exchange, message, "question.published")

        return await once(call, connection, msgspec.json.encode(body), carry_out)


@endpoint("GET", "/exchanges/{id}/messages/{message_id}/letter", tag=TAG, scope="needs", answers=LetterDocument)
async def show_letter(call: Call, id: UUID, message_id: UUID) -> LetterDocument:  # noqa: A002
    """A message of the buyer's as a text to be sent or printed, for recipients that Vivier does not write to.

    The same for each of them: it refers to the link that they were given. A text with a link of its own comes with
    `POST /exchanges/{id}/recipients/{supplier_id}/reply-link`.
    """
    bearer = call.bearer
    async with transaction(call.services.database) as connection:
        exchange = await _own(call, connection, id)
        need = await select_need(connection, bearer.organisation_id, exchange.need_id)
    if need is None:
        raise NotFound(NO_EXCHANGE)
    return letter_of(exchange, need, bearer.organisation, message_id, call.language)


ROUTES = (create_exchange, list_exchanges, show_exchange, write_message, publish_answer, show_letter)


def object_of(exchange_id: UUID) -> str:
    """An exchange, as the journal names it."""
    return f"exchange:{exchange_id}"


async def own_exchange(call: Call, connection: Connection, exchange_id: UUID) -> tuple[StoredNeed, Exchange]:
    """The organisation's exchange and its need, held until the transaction ends.

    Raises NotFound; Conflict (`after-publication`) where nothing more may be said.
    """
    organisation = call.bearer.organisation_id
    need_id = await select_need_id(connection, organisation, exchange_id)
    if need_id is None:
        raise NotFound(NO_EXCHANGE)
    need = await held(call, connection, need_id)
    require_open(need.status)
    return need, await _own(call, connection, exchange_id)


def next_moment(call: Call, exchange: Exchange) -> datetime:
    """Now, but after all that was said: ids sort by the millisecond, and clocks of servers differ."""
    last = max(message.created_at for message in exchange.messages)
    return max(call.services.now(), last + timedelta(milliseconds=1))


async def _own(call: Call, connection: Connection, exchange_id: UUID) -> Exchange:
    exchange = await select_exchange(connection, call.bearer.organisation_id, exchange_id)
    if exchange is None:
        raise NotFound(NO_EXCHANGE)
    return exchange


async def _added(
    call: Call, connection: Connection, need: StoredNeed, exchange: Exchange, message: Message, action: str
) -> Answer:
    """Keep a message of an exchange that is held, have it sent where that is ours to do, and note it; the answer."""
    exchange_id = exchange.id
    await insert_message(connection, exchange_id, message)
    await have_sent(call, connection, exchange, message)
    after = await _own(call, connection, exchange_id)
    told = message_document(message, [each for each in after.deliveries if each.message_id == message.id])
    bearer, letter = call.bearer, None
    if by_hand(after.deliveries, message.id):
        letter = letter_of(after, need, bearer.organisation, message.id, call.language)
    detail: Detail = {"message_id": str(message.id)}
    if message.supplier_id is not None:
        detail["supplier_id"] = str(message.supplier_id)
    if message.publishes is not None:
        detail["publishes"] = str(message.publishes)
    await write_entry(connection, actor_of(call), action, object_of(exchange_id), message.created_at, detail=detail)
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    headers = {"content-type": JSON, "location": f"/exchanges/{exchange_id}"}
    return Answer(201, headers, msgspec.json.encode(NewMessageDocument(**fields, letter=letter)))
