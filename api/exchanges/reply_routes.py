"""What a supplier does with its reply link, without a key: read its exchange, and answer in it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.exchanges.reply_form import FORM, ReplyForm, filled, read_form
from api.exchanges.reply_page import PRIVATE, exchange_page, refusal_page
from api.exchanges.supplier_view import NO_LINK, SeenExchange, sight
from api.runtime.endpoint import Call, endpoint, negotiated
from api.runtime.idempotency import HEADERS, Sender, key_of, once
from api.runtime.rate_limits import caller_of, require_within
from api.web.content_negotiation import HTML, JSON
from api.web.problems import answer_failure, describe
from api.web.request_body import JsonBody, require_media
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_message, last_message_at
from db.exchanges.reply_links import ReplyLink, select_link
from db.idempotency import Answer
from domain.audit import Actor, Detail
from domain.errors import Conflict, InvalidContent, NotFound
from domain.exchanges.exchange import Message, NewMessage, Reply, VisibleMessage, visible_to
from domain.exchanges.rules import require_message
from domain.needs.status import require_open

TAG = "Replies"
# of the longest reply, percent-encoded as a form
LONGEST_BODY = 512 * 1024


class ReplyQuery(msgspec.Struct, frozen=True):
    """What the page shows besides the exchange."""

    sent: Annotated[UUID | None, msgspec.Meta(description="The answer that was just sent")] = None
    corrects: Annotated[UUID | None, msgspec.Meta(description="The message of one's own to be corrected")] = None


@endpoint(
    "GET",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: SeenExchange, HTML: str},
    problems=("too-many-requests", "database-away"),
)
async def read_by_link(call: Call, token: str, query: ReplyQuery) -> Response[bytes]:
    """Read an exchange by a reply link.

    The token is the right to read and answer this one exchange as one of its recipients. A page in French for browsers
    (`Accept: text/html`), JSON for all else. 404 where the link is unknown, expired or revoked.
    """

    async def read() -> Response[bytes]:
        async with transaction(call.services.database) as connection:
            link = await _read_link(call, connection, token)
            seen = (await sight(connection, link)).seen
        if call.media_type == HTML:
            return exchange_page(seen, sent=query.sent, corrects=query.corrects)
        return Response(msgspec.json.encode(seen), media_type=JSON)

    return await _private(call, read)


@endpoint(
    "POST",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: VisibleMessage, HTML: str},
    status=(201, 303),
    takes={JSON: Reply, FORM: ReplyForm},
    headers=HEADERS,
    problems=("after-publication", "too-many-requests", "database-away"),
)
async def answer_by_link(call: Call, token: str) -> Response[bytes]:
    """Answer in an exchange by a reply link, more than once if need be.

    The answer goes to the buyer alone. `stance` says how the supplier stands, `barriers` what would keep it from
    bidding (`barriers_note` where they have `other`); `confidential`: the buyer keeps it to itself and cannot publish
    it; `corrects`: a message of its own. As JSON, or as the form of the page, which is answered with 303. Sent twice,
    it is kept once: by `Idempotency-Key`, or the form's own. 409 once the notice is published or the need has ended.
    """

    async def answer() -> Response[bytes]:
        if require_media(call.headers, (JSON, FORM)) == JSON:
            body = await JsonBody(Reply).read(call, LONGEST_BODY)
            return await _keep(call, token, body, key_of(call), _told)
        return await _answer_form(call, token)

    return await _private(call, answer)


ROUTES = (read_by_link, answer_by_link)


async def _private(call: Call, carry_out: Callable[[], Awaitable[Response[bytes]]]) -> Response[bytes]:
    """What `carry_out` answers, or why it refuses: as a page for browsers; with headers that keep the link secret."""
    try:
        answer = await carry_out()
    except Exception as failure:  # noqa: BLE001 - described, and logged where it is our own
        answer = answer_failure(call, failure)
        if negotiated(call, (JSON, HTML)) == HTML:
            refusal = describe(failure)
            answer = refusal_page(refusal.kind, refusal.detail, refusal.headers)
    answer.headers.update(PRIVATE)
    return answer


async def _link(call: Call, connection: Connection, token: str) -> ReplyLink:
    """What the token gives access to. Raises NotFound; Refusal (429) to who tries many that lead nowhere."""
    link = await select_link(connection, token, call.services.now())
    if link is None:
        require_within(call.services.replies.unknown.take(caller_of(call.scope)))
        raise NotFound(NO_LINK)
    return link


async def _read_link(call: Call, connection: Connection, token: str) -> ReplyLink:
    """As `_link`, for reading. Raises Refusal (429) to who reads too often."""
    link = await _link(call, connection, token)
    require_within(call.services.replies.readings.take((link.exchange_id, link.supplier_id)))
    return link


async def _keep(
    call: Call, token: str, reply: Reply, key: str | None, told: Callable[[VisibleMessage], Answer]
) -> Response[bytes]:
    """Keep a reply, once for each key; `told` of it is answered."""
    async with transaction(call.services.database) as connection:
        link = await _link(call, connection, token)

        async def carry_out() -> Answer:
            return told(await _kept(call, connection, token, link, reply))

        require_within(call.services.replies.answers.take((link.exchange_id, link.supplier_id)))
        # not the path, which holds the token
        route = f"POST /replies of {link.supplier_id} in {link.exchange_id}"
        sender = Sender(link.organisation_id, route, key)
        return await once(call, connection, msgspec.json.encode(reply), carry_out, sender=sender)


async def _kept(call: Call, connection: Connection, token: str, link: ReplyLink, reply: Reply) -> VisibleMessage:
    """Add the reply to the exchange, whose need is held. Raises Conflict (`after-publication`), InvalidContent."""
    held = await sight(connection, link, lock=True)
    # the link may have been taken away meanwhile; from now on it cannot be
    if await select_link(connection, token, call.services.now(), lock=True) is None:
        raise NotFound(NO_LINK)
    require_open(held.need.status)
    fields = {name: getattr(reply, name) for name in Reply.__struct_fields__}
    require_message(held.exchange, NewMessage(author="supplier", supplier_id=link.supplier_id, **fields))
    last = await last_message_at(connection, link.exchange_id)
    now = call.services.now() if last is None else max(call.services.now(), last + timedelta(milliseconds=1))
    message = Message(
        id=new_id(now), author="supplier", supplier_id=link.supplier_id, channel="portal", created_at=now, **fields
    )
    await insert_message(connection, link.exchange_id, message)
    actor = Actor(link.organisation_id, "reply_link", link.supplier_id)
    detail: Detail = {"message_id": str(message.id), "stance": reply.stance}
    await write_entry(connection, actor, "message.received", f"exchange:{link.exchange_id}", now, detail=detail)
    return visible_to(link.supplier_id, [message])[0]


def _told(message: VisibleMessage) -> Answer:
    return Answer(201, {"content-type": JSON}, msgspec.json.encode(message))


def _sent(message: VisibleMessage) -> Answer:
    """Back to the page, relative to the address that the form was sent to, so that no proxy's prefix is lost."""
    return Answer(303, {"location": f"?sent={message.id}#envoi"}, b"")


async def _answer_form(call: Call, token: str) -> Response[bytes]:
    """As JSON is answered; but where the reply cannot be kept, with the page and the form as it was filled in."""
    form = await read_form(call, LONGEST_BODY)
    try:
        return await _keep(call, token, filled(form), form.own_key, _sent)
    except InvalidContent as wrong:
        status, problems = 422, wrong.problems
    except Conflict:
        status, problems = 409, ()
    async with transaction(call.services.database) as connection:
        link = await _read_link(call, connection, token)
        seen = (await sight(connection, link)).seen
    return exchange_page(seen, status=status, corrects=form.corrected, form=form, problems=problems)
