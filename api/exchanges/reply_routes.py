"""Routes and pages of a reply link: a supplier reads its exchange and answers in it, without a key.

The pages are plain HTML, without anything from other servers, in the frame of `api/declarations/link_pages.py`; their
templates are in `api/exchanges/templates`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response

from api.declarations.browser_pages import page_of_document
from api.declarations.declare import DECLARATIONS_OF_ADDRESS, mark_of_sender, page_document, withdraw
from api.declarations.link_pages import answered_privately, end_of
from api.declarations.page import PageOfSupplier
from api.declarations.page_form import SEARCH, WITHDRAW
from api.exchanges.reply_links import (
    LEADS_NOWHERE,
    ReplyRequest,
    StoredReply,
    VisibleExchange,
    add_reply,
    declare_beside,
    visible_exchange,
)
from api.exchanges.reply_page import ReplyForm, exchange_page, read_reply_form, request_of_form
from api.runtime.actor import follow_link
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import IDEMPOTENCY_KEY, Sender, answer_once, created_answer, idempotency_key
from api.runtime.rate_limits import ANSWERS, READINGS, caller_of
from api.web import html_pages
from api.web.content_negotiation import FORM, HTML, JSON
from api.web.problems import Refusal
from api.web.request_body import JsonBody, require_media
from db.core.engine import Connection
from db.declarations.declarations import Sending
from db.exchanges.reply_links import ReplyLink, extend_link, select_link
from db.idempotency import Answer
from db.needs.needs import select_need
from db.suppliers.write import survivors
from domain.errors import Conflict, InvalidContent, NotFound, require_found
from domain.journal import Actor
from domain.suppliers.supplier import DECLARATIONS

TAG = "Replies"
MOST_FIELDS = 2_500
# of the longest reply, percent-encoded as a form
LONGEST_BODY = 512 * 1024


class ReplyQuery(msgspec.Struct, frozen=True):
    """Messages that the page shows apart from the exchange."""

    sent: UUID | None = None
    """The answer that was just sent"""
    corrects: UUID | None = None
    """The message of one's own to be corrected"""
    declared: Literal["1", "0"] | None = None
    """`1`: with that answer the supplier said what it does, `0`: it took that back"""


@endpoint(
    "GET",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: VisibleExchange, HTML: str},
    problems=("too-many-requests", "database-away"),
)
@answered_privately("refusal.html")
async def get_exchange_by_link(call: Call, token: str, query: ReplyQuery) -> Response[bytes]:
    """Read an exchange by a reply link.

    The token is the right to read and answer this one exchange as one of its recipients. A page for browsers
    (`Accept: text/html`), in French or, with `Accept-Language: en`, in English; JSON for all else. 404 where the link
    is unknown, expired or revoked.
    """
    exchange, page = await _exchange_and_page(call, token)
    if call.media_type == HTML:
        has_declared = query.declared == "1"
        shown: dict[str, Any] = {"sent_id": query.sent, "corrected_id": query.corrects}
        return exchange_page(exchange, page, call.language, **shown, has_declared=has_declared)
    return Response(msgspec.json.encode(exchange), media_type=JSON)


@endpoint(
    "POST",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: StoredReply, HTML: str},
    status=(201, 303),
    takes={JSON: ReplyRequest, FORM: ReplyForm},
    headers=IDEMPOTENCY_KEY,
    problems=("after-publication", "too-many-requests", "unknown-segment", "unknown-territory", "database-away"),
)
@answered_privately("refusal.html")
async def create_reply(call: Call, token: str) -> Response[bytes]:
    """Answer in an exchange by a reply link, more than once if need be.

    The answer goes to the buyer alone. `stance` says how the supplier stands, `barriers` what would keep it from
    bidding (`barriers_note` where they have `other`); `confidential`: the buyer keeps it to itself and cannot publish
    it; `corrects`: a message of its own. As JSON, or as the form of the page, which is answered with 303, or with
    the page again where something in it is to be corrected (422). Sent twice, it is stored once: by `Idempotency-Key`,
    or the form's own. 409 once the notice is published or the need has ended. `declaration`: what the supplier does,
    for the directory of all, stored apart from the answer, which is the buyer's; both are stored, or neither.
    """
    if require_media(call.headers, (JSON, FORM)) == JSON:
        body = await JsonBody(ReplyRequest).read(call, LONGEST_BODY, call.share_of_body)
        return await _add_reply_once(call, token, body, idempotency_key(call), created_answer)
    fields, _ = await html_pages.read_form(call, LONGEST_BODY, MOST_FIELDS, call.share_of_body)
    form, wish = read_reply_form(fields, call.services.reference), fields.get("faire", [""])[-1]
    if wish == WITHDRAW:
        return await _withdraw_declaration(call, token)
    exchange, page = await _exchange_and_page(call, token)
    shown: dict[str, Any] = {"corrected_id": form.reply.corrected_message, "form": form}
    if wish == SEARCH:
        return exchange_page(exchange, page, call.language, **shown, searched=True)
    try:
        request = request_of_form(form, page)
        declared = "&declared=1" if request.declaration else ""
        # relative to the address that the form was sent to, so that no proxy's prefix is lost
        return await _add_reply_once(
            call,
            token,
            request,
            form.submission_key,
            lambda message: Answer(303, {"location": f"?sent={message.id}{declared}#envoi"}, b""),
        )
    except InvalidContent as wrong:
        return exchange_page(exchange, page, call.language, **shown, status=422, problems=wrong.problems)
    except Conflict:
        exchange, page = await _exchange_and_page(call, token)
        return exchange_page(exchange, page, call.language, **shown, status=409)


def _transaction_with_link(call: Call, token: str) -> AbstractAsyncContextManager[tuple[Connection, ReplyLink]]:
    """A transaction, and the link that a token stands for. Raises as `follow_link`."""
    return follow_link(
        call, token, lambda connection: select_link(connection, token, call.services.now()), LEADS_NOWHERE
    )


async def _exchange_and_page(call: Call, token: str) -> tuple[VisibleExchange, PageOfSupplier | None]:
    """The exchange that a token opens; for browsers also the supplier's own page, to be shown beside if it is there.

    Raises as `follow_link`, and Refusal (429) to one who reads too often.
    """
    services = call.services
    async with _transaction_with_link(call, token) as (connection, link):
        services.limits.take(READINGS, (link.exchange_id, link.supplier_id))
        exchange = await visible_exchange(connection, link, services.today())
        if call.media_type != HTML or not exchange.can_reply:
            return exchange, None
        need = require_found(await select_need(connection, link.organisation_id, link.need_id), LEADS_NOWHERE)
        ids, content = {lot.id for lot in exchange.lots}, need.content
        lots = [lot for lot in content.lots if lot.id in ids or not ids]
        bought = services.reference.reader.segments_bought_beside_others
        try:
            who = Sending(link.organisation_id, None, link.exchange_id)
            shown = await page_document(connection, link.supplier_id, services.today(), link.expires_at, who)
            wanted = [segment for lot in lots for segment in bought(content, lot)]
            return exchange, await page_of_document(call, connection, shown, exchange.buyer, wanted)
        except (NotFound, Refusal):
            return exchange, None  # it is no more, or there is no index yet: it may answer all the same


async def _withdraw_declaration(call: Call, token: str) -> Response[bytes]:
    """Take back what the supplier of a link said of itself; the redirect to the page. Raises as `follow_link`."""
    async with call.services.writes.slot_of(DECLARATIONS), _transaction_with_link(call, token) as (connection, link):
        call.services.limits.take(ANSWERS, (link.exchange_id, link.supplier_id))
        supplier_id = (await survivors(connection, [link.supplier_id])).get(link.supplier_id, link.supplier_id)
        actor = Actor(link.organisation_id, "reply_link", link.supplier_id)
        await withdraw(connection, call.services, supplier_id, actor)
    return Response(b"", status_code=303, media_type=HTML, headers={"location": "?declared=0#fiche-aussi"})


async def _add_reply_once(
    call: Call, token: str, reply: ReplyRequest, key: str | None, answer_of: Callable[[StoredReply], Answer]
) -> Response[bytes]:
    """Add a reply, with its declaration, once for each `key`; its answer is made by `answer_of`.

    Raises as `add_reply` and `declare`, and Refusal (429).
    """
    services = call.services
    async with AsyncExitStack() as stack:
        if reply.declaration is not None:
            await stack.enter_async_context(services.writes.slot_of(DECLARATIONS))
        connection, link = await stack.enter_async_context(_transaction_with_link(call, token))

        async def store_and_answer() -> Answer:
            said = None
            if reply.declaration is not None:
                services.limits.take(DECLARATIONS_OF_ADDRESS, caller_of(call.scope))
                sent_from = mark_of_sender(call)
                said = await declare_beside(connection, services, link, reply.declaration, sent_from)
                # by it what was said is withdrawn as long as it is valid
                await extend_link(connection, token, link.exchange_id, end_of(said.declaration.valid_until))
            message = await add_reply(connection, link, token, reply, services.now())
            return answer_of(StoredReply(**msgspec.structs.asdict(message), declaration=said))

        services.limits.take(ANSWERS, (link.exchange_id, link.supplier_id))
        # not the path, which holds the token
        route = f"POST /replies of {link.supplier_id} in {link.exchange_id}"
        sender = Sender(link.organisation_id, route, key)
        return await answer_once(call, connection, reply, store_and_answer, sender=sender)
