"""Routes of exchanges with suppliers before publication: opened, read, added to, questions answered to all."""

from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.exchanges.open_exchange import open_exchange
from api.exchanges.own_exchange import (
    CreatedExchange,
    CreatedMessage,
    CreatedReplyLink,
    ExchangeDocument,
    exchange_document,
    letter_of,
    own_exchange,
)
from api.exchanges.reply_links import create_links, reveal_tokens, revoke_link
from api.exchanges.write_message import confirm_delivery, write_message
from api.exchanges.write_message import publish_answer as publish
from api.needs.routes import answer_page_of_need
from api.runtime.actor import acting_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, etag_response, require_match
from api.runtime.idempotency import answer_once, carried_out_once, created_answer, creation, with_secret_body
from api.web.pagination import Page, Paging
from db.core.engine import Connection
from db.exchanges.exchanges import select_exchanges
from db.exchanges.reply_links import select_link_expiries
from db.idempotency import Answer
from domain.decoding.stored import read_stored
from domain.errors import Conflict
from domain.exchanges.exchange import (
    DeliveryConfirmation,
    Exchange,
    ExchangeRequest,
    ExchangeSummary,
    MessageRequest,
    PublicationRequest,
)
from domain.exchanges.letter import Letter
from domain.text.bilingual import said_by

exchanges_endpoint = partial(endpoint, tag="Exchanges", scope="needs")
exchanges_creation = partial(creation, tag="Exchanges", scope="needs")
REFUSALS = ("conflict", "after-publication", "storage-quota", "email-quota")
SHOWN_ONCE = said_by(__name__)["shown_once"]


@exchanges_creation("/needs/{id}/exchanges", answers=CreatedExchange, problems=REFUSALS, example="exchange")
async def create_exchange(call: Call, id: UUID, body: ExchangeRequest, connection: Connection) -> Response[bytes]:
    """Open an exchange with suppliers about a need.

    `recipients`: ids of suppliers (the present one where records were merged), or `shortlist`: all of the latest
    version that are not set aside. Where the channel is `email` and a mail server is configured, Vivier writes to those
    whose address is known; the text for all others is in `to_be_delivered_by_you`. `reply_links` are shown this once:
    sent again with the same `Idempotency-Key` and the same key of the API, the request is answered with the same links;
    with another key of the organisation, without any.
    """
    acting = acting_of(call)

    async def store_exchange() -> Answer:
        opened = await open_exchange(connection, acting, id, body)
        return created_answer(opened, f"/exchanges/{opened.id}")

    async def reveal_tokens_in(answer: Answer) -> Answer:
        opened = read_stored(answer.body, CreatedExchange)
        revealed = await reveal_tokens(connection, acting, opened.reply_links, answer.body)
        if revealed is None:
            opened = msgspec.structs.replace(opened, reply_links=(), to_be_delivered_by_you=())
            revealed = msgspec.json.encode(opened)
        return with_secret_body(answer, revealed)

    return await answer_once(call, connection, body, store_exchange, completed=reveal_tokens_in)


@exchanges_endpoint("GET", "/needs/{id}/exchanges", answers=Page[ExchangeSummary])
async def list_exchanges(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The exchanges about a need, the oldest first, with their recipients."""
    return await answer_page_of_need(call, connection, query, id, "exchanges", select_exchanges)


@exchanges_endpoint("GET", "/exchanges/{id}", answers=ExchangeDocument, status=(200, 304), headers=IF_NONE_MATCH)
async def get_exchange(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A whole exchange: its recipients, each with the way and state of its contact, all its messages and deliveries."""
    exchange = await own_exchange(connection, call.bearer.organisation_id, id)
    expiries = await select_link_expiries(connection, id, call.services.now())
    return conditional_get(call, exchange_document(exchange, expiries))


@exchanges_creation("/exchanges/{id}/messages", answers=CreatedMessage, problems=REFUSALS, example="message")
@carried_out_once
async def create_message(call: Call, id: UUID, body: MessageRequest, connection: Connection) -> Answer:
    """Add a message to an exchange.

    The buyer's own, to all recipients or to the one of `supplier_id`; or a supplier's answer that came by other means,
    which only the buyer and that supplier see. No message is ever changed: a correction is a message that `corrects`
    another, with the same author and the same recipients.
    """
    return created_answer(await write_message(connection, acting_of(call), id, body), f"/exchanges/{id}")


@exchanges_creation(
    "/exchanges/{id}/messages/{message_id}/publication",
    answers=CreatedMessage,
    problems=REFUSALS,
    example="publication",
)
@carried_out_once
async def publish_answer(
    call: Call, id: UUID, message_id: UUID, body: PublicationRequest, connection: Connection
) -> Answer:
    """Share a supplier's question and its answer with every recipient, without naming its author.

    The question as it was last corrected, unless `question` gives it in other words: 422 where it or the answer holds
    its author's name, address or SIRET. 409 for a message that is no question, is confidential, or is published
    already.
    """
    return created_answer(await publish(connection, acting_of(call), id, message_id, body), f"/exchanges/{id}")


@exchanges_endpoint(
    "POST",
    "/exchanges/{id}/messages/{message_id}/deliveries",
    answers=ExchangeDocument,
    headers=IF_MATCH,
    problems=("conflict", "stale-version"),
    example="confirmation",
)
async def update_deliveries(
    call: Call, id: UUID, message_id: UUID, body: DeliveryConfirmation, connection: Connection
) -> Response[bytes]:
    """Confirm that the buyer brought a message to recipients by post or by hand, as Vivier sent them none.

    The letter was posted, or they were told by telephone, in person or on a portal; they are contacted from that day.
    Said again, it changes nothing; another way or day corrects what was said before, and the journal keeps both. Where
    e-mail failed, who gets a letter instead is named. 409 for who was sent the message by Vivier, and once the need is
    closed or abandoned. `If-Match`: the `ETag` of the exchange.
    """
    expiries = await select_link_expiries(connection, id, call.services.now())

    def require_known_exchange(exchange: Exchange) -> None:
        """Raise Refusal (412) where the exchange is no longer the one that `If-Match` names."""
        require_match(call, etag_of(exchange_document(exchange, expiries)))

    after = await confirm_delivery(connection, acting_of(call), id, message_id, body, require_known_exchange)
    return etag_response(exchange_document(after, expiries))


@exchanges_endpoint("GET", "/exchanges/{id}/messages/{message_id}/letter", answers=Letter)
async def get_letter(call: Call, id: UUID, message_id: UUID, connection: Connection) -> Letter:
    """A message of the buyer's as a text to be sent or printed, for recipients that Vivier does not write to.

    The same for each of them: it refers to the link that they were given. A text with a link of its own comes with
    `POST /exchanges/{id}/recipients/{supplier_id}/reply-link`.
    """
    return await letter_of(connection, acting_of(call), id, message_id)


@exchanges_endpoint("DELETE", "/exchanges/{id}/recipients/{supplier_id}/reply-link", answers=None, status=204)
async def revoke_reply_link(call: Call, id: UUID, supplier_id: UUID, connection: Connection) -> None:
    """Revoke a recipient's reply links.

    All that it has to this exchange, at once and for good; messages on their way to it by e-mail are cancelled; later
    ones are left to the buyer. 404 where it has none in force.
    """
    await revoke_link(connection, acting_of(call), id, supplier_id)


@exchanges_creation(
    "/exchanges/{id}/recipients/{supplier_id}/reply-link", answers=CreatedReplyLink, problems=("conflict",)
)
async def create_reply_link(call: Call, id: UUID, supplier_id: UUID, connection: Connection) -> Response[bytes]:
    """Give a recipient a new reply link, beside those it may have.

    For one who lost its link, whose link expired, or whom e-mail did not reach; after its links were revoked, it is
    written to again. Takes no body, and sends nothing: `letter` is the first message with this link. Shown this once.
    """
    acting = acting_of(call)

    async def store_link() -> Answer:
        (link,) = await create_links(connection, acting, id, [supplier_id])
        return created_answer(link)

    async def reveal_token_in(answer: Answer) -> Answer:
        issued = read_stored(answer.body, CreatedReplyLink)
        revealed = await reveal_tokens(connection, acting, [issued], answer.body)
        if revealed is None:
            raise Conflict("shown_once", SHOWN_ONCE)
        return with_secret_body(answer, revealed)

    return await answer_once(call, connection, b"", store_link, completed=reveal_token_in)
