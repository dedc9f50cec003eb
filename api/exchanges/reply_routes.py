"""Routes of a reply link: a supplier reads its exchange and answers in it, without a key."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.exchanges.reply_links import LEADS_NOWHERE, VisibleExchange, add_reply, visible_exchange
from api.exchanges.reply_page import PRIVATE, ReplyForm, exchange_page, read_form, refusal_page, reply_of_form
from api.runtime.actor import followed_link
from api.runtime.endpoint import Call, endpoint, negotiated
from api.runtime.idempotency import IDEMPOTENCY_KEY, Sender, created, key_of, once
from api.runtime.rate_limits import ANSWERS, READINGS
from api.web.content_negotiation import FORM, HTML, JSON
from api.web.problems import answer_failure, describe
from api.web.request_body import JsonBody, require_media
from db.core.engine import Connection
from db.exchanges.reply_links import ReplyLink, select_link
from db.idempotency import Answer
from domain.errors import Conflict, InvalidContent, Problem
from domain.exchanges.exchange import ReplyRequest, VisibleMessage

TAG = "Replies"
# of the longest reply, percent-encoded as a form
LONGEST_BODY = 512 * 1024


class ReplyQuery(msgspec.Struct, frozen=True):
    """Messages that the page shows apart from the exchange."""

    sent: Annotated[UUID | None, msgspec.Meta(description="The answer that was just sent")] = None
    corrects: Annotated[UUID | None, msgspec.Meta(description="The message of one's own to be corrected")] = None


@endpoint(
    "GET",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: VisibleExchange, HTML: str},
    problems=("too-many-requests", "database-away"),
)
async def get_exchange_by_link(call: Call, token: str, query: ReplyQuery) -> Response[bytes]:
    """Read an exchange by a reply link.

    The token is the right to read and answer this one exchange as one of its recipients. A page in French for browsers
    (`Accept: text/html`), JSON for all else. 404 where the link is unknown, expired or revoked.
    """

    async def show_exchange() -> Response[bytes]:
        exchange = await _exchange_of_token(call, token)
        if call.media_type == HTML:
            return exchange_page(exchange, sent=query.sent, corrects=query.corrects)
        return Response(msgspec.json.encode(exchange), media_type=JSON)

    return await _answer_privately(call, show_exchange)


@endpoint(
    "POST",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: VisibleMessage, HTML: str},
    status=(201, 303),
    takes={JSON: ReplyRequest, FORM: ReplyForm},
    headers=IDEMPOTENCY_KEY,
    problems=("after-publication", "too-many-requests", "database-away"),
)
async def create_reply(call: Call, token: str) -> Response[bytes]:
    """Answer in an exchange by a reply link, more than once if need be.

    The answer goes to the buyer alone. `stance` says how the supplier stands, `barriers` what would keep it from
    bidding (`barriers_note` where they have `other`); `confidential`: the buyer keeps it to itself and cannot publish
    it; `corrects`: a message of its own. As JSON, or as the form of the page, which is answered with 303, or with
    the page again where something in it is to be corrected (422). Sent twice, it is stored once: by `Idempotency-Key`,
    or the form's own. 409 once the notice is published or the need has ended.
    """

    async def store_reply() -> Response[bytes]:
        if require_media(call.headers, (JSON, FORM)) == JSON:
            body = await JsonBody(ReplyRequest).read(call, LONGEST_BODY, call.share_of_body)
            return await _add_reply_once(call, token, body, key_of(call), created)
        form = await read_form(call, LONGEST_BODY, call.share_of_body)
        problems: tuple[Problem, ...] = ()
        try:
            # relative to the address that the form was sent to, so that no proxy's prefix is lost
            return await _add_reply_once(
                call,
                token,
                reply_of_form(form),
                form.submission_key,
                lambda message: Answer(303, {"location": f"?sent={message.id}#envoi"}, b""),
            )
        except InvalidContent as wrong:
            status, problems = 422, wrong.problems
        except Conflict:
            status = 409
        exchange = await _exchange_of_token(call, token)
        return exchange_page(exchange, status=status, corrects=form.corrected_message, form=form, problems=problems)

    return await _answer_privately(call, store_reply)


ROUTES = (get_exchange_by_link, create_reply)


async def _answer_privately(call: Call, carry_out: Callable[[], Awaitable[Response[bytes]]]) -> Response[bytes]:
    """The answer of `carry_out` or its refusal, with headers that keep the link secret; for browsers as a page."""
    try:
        answer = await carry_out()
    except Exception as failure:  # noqa: BLE001 - described, and logged where it is our own
        answer = answer_failure(call, failure)
        if negotiated(call, (JSON, HTML)) == HTML:
            answer = refusal_page(describe(failure))
    answer.headers.update(PRIVATE)
    return answer


def _transaction_with_link(call: Call, token: str) -> AbstractAsyncContextManager[tuple[Connection, ReplyLink]]:
    """A transaction, and the link that a token stands for. Raises as `followed_link`."""
    return followed_link(
        call, token, lambda connection: select_link(connection, token, call.services.now()), LEADS_NOWHERE
    )


async def _exchange_of_token(call: Call, token: str) -> VisibleExchange:
    """The exchange of the token. Raises as `followed_link`, and Refusal (429) to a recipient who reads too often."""
    async with _transaction_with_link(call, token) as (connection, link):
        call.services.limits.take(READINGS, (link.exchange_id, link.supplier_id))
        return await visible_exchange(connection, link)


async def _add_reply_once(
    call: Call, token: str, reply: ReplyRequest, key: str | None, answer: Callable[[VisibleMessage], Answer]
) -> Response[bytes]:
    """Add a reply, once for each key. Raises as `add_reply`, Refusal (429) after too many answers."""
    async with _transaction_with_link(call, token) as (connection, link):

        async def store_and_answer() -> Answer:
            return answer(await add_reply(connection, link, token, reply, call.services.now()))

        call.services.limits.take(ANSWERS, (link.exchange_id, link.supplier_id))
        # not the path, which holds the token
        route = f"POST /replies of {link.supplier_id} in {link.exchange_id}"
        sender = Sender(link.organisation_id, route, key)
        return await once(call, connection, reply, store_and_answer, sender=sender)
