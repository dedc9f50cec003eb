"""Routes and pages of a reply link: a supplier reads its exchange and answers in it, without a key.

The pages are plain HTML in French, without anything from other servers, in the frame of
`api/declarations/link_pages.py`; their templates are in `api/exchanges/templates`. Their form is read here, with the
reply in it.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from secrets import token_urlsafe
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response

from api.declarations.link_pages import answer_privately, render_page
from api.exchanges.reply_links import (
    LEADS_NOWHERE,
    ReplyAndDeclaration,
    StoredReply,
    VisibleExchange,
    add_reply,
    declare_beside,
    last_day,
    visible_exchange,
)
from api.runtime.actor import follow_link
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import IDEMPOTENCY_KEY, Sender, answer_once, created_answer, idempotency_key
from api.runtime.rate_limits import ANSWERS, READINGS
from api.web import html_pages
from api.web.content_negotiation import FORM, HTML, JSON
from api.web.request_body import JsonBody, require_media
from db.core.engine import Connection
from db.exchanges.reply_links import ReplyLink, select_link
from db.idempotency import Answer
from domain.decoding.requests import explain
from domain.errors import Conflict, InvalidContent, Problem
from domain.exchanges.exchange import Barrier, ReplyRequest, Stance
from domain.exchanges.letter import shown_buyer
from domain.text.bilingual import Text, long_date

MOST_FIELDS = 40
LONGEST_KEY = 64
NO_BODY = Text("Votre message est vide : écrivez au moins quelques mots", "Your message is empty: write a few words")
NOT_EXPLAINED = Text(
    "Vous avez coché « autre » : dites en quelques mots ce que c'est",
    "You ticked “other”: say in a few words what it is",
)


class ReplyForm(msgspec.Struct, frozen=True):
    """The form fields of a reply; a field left empty is an empty text.

    `confidential`: anything but empty means yes. `key`: of this copy of the form, so that it is stored once if it is
    sent twice.
    """

    body: str = ""
    stance: str = ""
    barriers: tuple[str, ...] = ()
    barriers_note: str = ""
    confidential: str = ""
    corrects: str = ""
    key: Annotated[str, msgspec.Meta(max_length=LONGEST_KEY)] = ""

    @property
    def corrected_message(self) -> UUID | None:
        """The id of the message that the form corrects; None where it names none."""
        try:
            return UUID(self.corrects)
        except ValueError:
            return None

    @property
    def submission_key(self) -> str | None:
        """The key under which the reply is stored once; a form with other words has another key."""
        if not self.key:
            return None
        return f"{self.key} {blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()}"


def reply_of_form(form: ReplyForm) -> ReplyRequest:
    """The reply that a form makes. Raises InvalidContent with everything to be corrected."""
    problems = []
    if not form.body:
        problems.append(Problem("/body", "missing_field", NO_BODY))
    if "other" in form.barriers and not form.barriers_note:
        problems.append(Problem("/barriers_note", "missing_field", NOT_EXPLAINED))
    if problems:
        raise InvalidContent(tuple(problems))
    # words in the field of another barrier name one, whether or not its box was ticked
    barriers = (*form.barriers, "other") if form.barriers_note and "other" not in form.barriers else form.barriers
    said = {name: getattr(form, name) or None for name in ("stance", "barriers_note", "corrects")}
    reply = said | {"body": form.body, "barriers": barriers, "confidential": bool(form.confidential)}
    try:
        return msgspec.convert(reply, ReplyRequest)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, ReplyRequest),)) from None


STANCES: dict[Stance, str] = {
    "interested": "Nous sommes intéressés",
    "declined": "Nous ne donnerons pas suite",
    "question": "Nous avons une question",
}
BARRIERS: dict[Barrier, str] = {
    "volume": "Le volume demandé, trop grand ou trop petit pour nous",
    "deadline": "Les délais",
    "guarantees": "Les garanties demandées (assurances, chiffre d'affaires, cautions…)",
    "certification": "Les certifications ou qualifications demandées",
    "price": "Le prix",
    "distance": "La distance",
    "capacity": "Nos moyens (personnel, matériel, calendrier)",
    "other": "Autre chose, que je précise ci-dessous",
}


def exchange_page(
    exchange: VisibleExchange,
    *,
    status: int = 200,
    sent_id: UUID | None = None,
    corrected_id: UUID | None = None,
    form: ReplyForm | None = None,
    problems: Sequence[Problem] = (),
) -> Response[bytes]:
    """The page of the exchange, with a form to answer as long as answers are taken.

    `sent_id`: of the answer just given. `corrected_id`: of an own message to be corrected. `form`, `problems`: the form
    as it was filled in and what is wrong with it, where the answer was refused.
    """
    own = {each.id: each for each in exchange.messages if each.author == "supplier"}
    return render_page(
        "exchange.html",
        status,
        exchange=msgspec.structs.replace(exchange, buyer=shown_buyer(exchange.buyer).fr),
        until=long_date(last_day(exchange.link_expires_at)).fr,
        by_id={each.id: each for each in exchange.messages},
        sent=own.get(sent_id) if sent_id else None,
        corrected=own.get(corrected_id) if corrected_id else None,
        form=form or ReplyForm(key=token_urlsafe(16)),
        refused=form is not None,
        problems=[(each.pointer.split("/")[1] if each.pointer else "body", each.detail.fr) for each in problems],
        stances=STANCES,
        barriers=BARRIERS,
    )


TAG = "Replies"
# of the longest reply, percent-encoded as a form
LONGEST_BODY = 512 * 1024


class ReplyQuery(msgspec.Struct, frozen=True):
    """Messages that the page shows apart from the exchange."""

    sent: UUID | None = None
    """The answer that was just sent"""
    corrects: UUID | None = None
    """The message of one's own to be corrected"""


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
            return exchange_page(exchange, sent_id=query.sent, corrected_id=query.corrects)
        return Response(msgspec.json.encode(exchange), media_type=JSON)

    return await _answer_privately(call, show_exchange)


@endpoint(
    "POST",
    "/replies/{token}",
    tag=TAG,
    scope=None,
    answers={JSON: StoredReply, HTML: str},
    status=(201, 303),
    takes={JSON: ReplyAndDeclaration, FORM: ReplyForm},
    headers=IDEMPOTENCY_KEY,
    problems=("after-publication", "too-many-requests", "unknown-segment", "unknown-territory", "database-away"),
)
async def create_reply(call: Call, token: str) -> Response[bytes]:
    """Answer in an exchange by a reply link, more than once if need be.

    The answer goes to the buyer alone. `stance` says how the supplier stands, `barriers` what would keep it from
    bidding (`barriers_note` where they have `other`); `confidential`: the buyer keeps it to itself and cannot publish
    it; `corrects`: a message of its own. As JSON, or as the form of the page, which is answered with 303, or with
    the page again where something in it is to be corrected (422). Sent twice, it is stored once: by `Idempotency-Key`,
    or the form's own. 409 once the notice is published or the need has ended. `declaration`: what the supplier does,
    for the directory of all, stored apart from the answer, which is the buyer's; both are stored, or neither.
    """

    async def store_reply() -> Response[bytes]:
        if require_media(call.headers, (JSON, FORM)) == JSON:
            body = await JsonBody(ReplyAndDeclaration).read(call, LONGEST_BODY, call.share_of_body)
            return await _add_reply_once(call, token, body, idempotency_key(call), created_answer)
        fields, _ = await html_pages.read_form(call, LONGEST_BODY, MOST_FIELDS, call.share_of_body)
        texts = {name: given[-1] for name, given in fields.items()}
        try:
            form = msgspec.convert({**texts, "barriers": tuple(fields.get("barriers", ()))}, ReplyForm)
        except msgspec.ValidationError:
            raise html_pages.unreadable_form() from None
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
        return exchange_page(exchange, status=status, corrected_id=form.corrected_message, form=form, problems=problems)

    return await _answer_privately(call, store_reply)


ROUTES = (get_exchange_by_link, create_reply)


def _answer_privately(call: Call, carry_out: Callable[[], Awaitable[Response[bytes]]]) -> Awaitable[Response[bytes]]:
    """The answer of `carry_out` or its refusal, with headers that keep the link secret; for browsers as a page."""
    return answer_privately(call, carry_out, "refusal.html")


def _transaction_with_link(call: Call, token: str) -> AbstractAsyncContextManager[tuple[Connection, ReplyLink]]:
    """A transaction, and the link that a token stands for. Raises as `follow_link`."""
    return follow_link(
        call, token, lambda connection: select_link(connection, token, call.services.now()), LEADS_NOWHERE
    )


async def _exchange_of_token(call: Call, token: str) -> VisibleExchange:
    """The exchange that a token opens. Raises as `follow_link`, and Refusal (429) to one who reads too often."""
    async with _transaction_with_link(call, token) as (connection, link):
        call.services.limits.take(READINGS, (link.exchange_id, link.supplier_id))
        return await visible_exchange(connection, link, call.services.today())


async def _add_reply_once(
    call: Call, token: str, reply: ReplyRequest, key: str | None, answer_of: Callable[[StoredReply], Answer]
) -> Response[bytes]:
    """Add a reply, once for each `key`; its answer is made by `answer_of`. Raises as `add_reply`, and Refusal (429)."""
    async with _transaction_with_link(call, token) as (connection, link):

        async def store_and_answer() -> Answer:
            said = None
            if isinstance(reply, ReplyAndDeclaration) and reply.declaration is not None:
                said = await declare_beside(connection, call.services, link, reply.declaration)
            message = await add_reply(connection, link, token, reply, call.services.now())
            return answer_of(StoredReply(**msgspec.structs.asdict(message), declaration=said))

        call.services.limits.take(ANSWERS, (link.exchange_id, link.supplier_id))
        # not the path, which holds the token
        route = f"POST /replies of {link.supplier_id} in {link.exchange_id}"
        sender = Sender(link.organisation_id, route, key)
        return await answer_once(call, connection, reply, store_and_answer, sender=sender)
