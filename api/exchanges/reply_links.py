"""Use cases of reply links: issued, revealed to the caller they were issued to, revoked; and followed.

A recipient reads its exchange by its link, without the messages and names of other suppliers, and answers in it.
The answer that issues links is stored for a request sent twice, so it holds a seed in the place of each token. A token
is derived from its seed and the caller's secret: the same caller is shown the same links again, while nothing that is
stored leads to a token, nor does one token lead to another or to the secret.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from secrets import token_urlsafe
from uuid import UUID

import msgspec

from api.declarations.declare import SENDS_A_DAY, DeclarationReceipt, declare, require_few_sends
from api.declarations.link_pages import TOKEN_BYTES, last_day, link_expiry, midnight
from api.exchanges.own_exchange import (
    CreatedReplyLink,
    ReplyLinkDocument,
    lock_own_exchange,
    moment_after,
    write_letter,
)
from api.needs.routes import LotTitle
from api.runtime.actor import Acting
from api.runtime.services import Services
from db.api_keys import find_organisation
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.declarations.declarations import Sending, select_declaration
from db.exchanges.buyer_mails import queue_answer_mail
from db.exchanges.exchanges import insert_message, last_message_at, select_exchange_for
from db.exchanges.reply_links import ReplyLink, insert_links, is_issued, revoke_links, select_link
from db.journal.entries import entries, write_entry
from db.needs.needs import lock_need, select_need
from db.suppliers.write import survivors
from domain.declarations.declaration import Declaration, StoredDeclaration
from domain.errors import InvalidContent, NotFound, Problem
from domain.exchanges.exchange import (
    Exchange,
    MessageRequest,
    NamedContact,
    ReplyContent,
    VisibleMessage,
    make_message,
    visible_to,
)
from domain.exchanges.letter import Link, buyer_name, lot_name, purchase_name
from domain.exchanges.rules import NO_RECIPIENT, require_message
from domain.journal import Actor, Detail
from domain.needs.status import OPEN, StoredNeed, require_open
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import said_by

_SAID = said_by(__name__)

PATH = "/replies/"
_SEED = re.compile(rb"(?<=/replies/)[\w-]{43}")


async def issue_links(
    connection: Connection, acting: Acting, exchange_id: UUID, supplier_ids: Iterable[UUID]
) -> tuple[ReplyLinkDocument, ...]:
    """Store a new reply link for each recipient; those returned hold seeds, from which `reveal_tokens` makes tokens."""
    now = acting.now()
    expires_at = link_expiry(now, acting.services.settings.reply_link_days)
    seeds = {each: token_urlsafe(TOKEN_BYTES) for each in supplier_ids}
    tokens = {each: acting.token_of(f"reply link {seed}") for each, seed in seeds.items()}
    await insert_links(connection, exchange_id, tokens, now, expires_at)
    return tuple(
        ReplyLinkDocument(each, link_address(acting.base_url, seed), expires_at) for each, seed in seeds.items()
    )


async def reveal_tokens(
    connection: Connection, acting: Acting, links: Iterable[ReplyLinkDocument], document: bytes
) -> bytes | None:
    """The document with the tokens of `links` in place of their seeds; None where another caller was issued them."""
    seeds = [each.url.rpartition("/")[2] for each in links]
    tokens = {seed.encode(): acting.token_of(f"reply link {seed}").encode() for seed in seeds}
    if not await is_issued(connection, map(bytes.decode, tokens.values())):
        return None
    return _SEED.sub(lambda found: tokens.get(found[0], found[0]), document)


async def create_links(
    connection: Connection, acting: Acting, exchange_id: UUID, supplier_ids: Sequence[UUID]
) -> tuple[CreatedReplyLink, ...]:
    """Store another link for each of these recipients, with a letter that names the link. Raises NotFound."""
    need, exchange = await _lock_recipients(connection, acting, exchange_id, supplier_ids)
    links = await issue_links(connection, acting, exchange_id, supplier_ids)
    created = []
    for link in links:
        letter = write_letter(acting, need, exchange, exchange.messages[0], link_in_letter(link))
        detail: Detail = {"supplier_id": str(link.supplier_id)}
        about = f"exchange:{exchange_id}"
        await write_entry(connection, acting.actor, "reply_link.created", about, acting.now(), detail=detail)
        created.append(CreatedReplyLink(link.supplier_id, link.url, link.expires_at, letter))
    return tuple(created)


async def revoke_link(connection: Connection, acting: Acting, exchange_id: UUID, supplier_id: UUID) -> None:
    """Revoke every link of a recipient to the exchange. Raises NotFound, also where no link was in force."""
    await _lock_recipients(connection, acting, exchange_id, [supplier_id])
    now = acting.now()
    if not await revoke_links(connection, exchange_id, supplier_id, now):
        raise NotFound(_SAID["no_link"])
    detail: Detail = {"supplier_id": str(supplier_id)}
    await write_entry(connection, acting.actor, "reply_link.revoked", f"exchange:{exchange_id}", now, detail=detail)


def link_address(base: str, token: str) -> str:
    """The URL of a reply link by its token. `base`: the address under which suppliers reach this server."""
    return f"{base}{PATH}{token}"


def link_in_letter(link: ReplyLinkDocument) -> Link:
    """The address and last day of a link, as a letter names them."""
    return Link(link.url, last_day(link.expires_at))


async def _lock_recipients(
    connection: Connection, acting: Acting, exchange_id: UUID, supplier_ids: Sequence[UUID]
) -> tuple[StoredNeed, Exchange]:
    """The exchange and its need, locked. Raises NotFound where one of the suppliers is no recipient."""
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    if not {*supplier_ids} <= {each.supplier_id for each in exchange.recipients}:
        raise NotFound(NO_RECIPIENT)
    return need, exchange


LEADS_NOWHERE = _SAID["leads_nowhere"]


class VisibleExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange as one recipient may see it: without the messages and names of other suppliers."""

    buyer: str
    """The name of who asks"""
    need_title: str | None
    """What is bought, as the title of the need or of its lots says; null where no title says it"""
    subject: str
    """One line"""
    lots: tuple[LotTitle, ...]
    """Lots that it is about, named by what is bought; empty: the whole need"""
    recipient: str
    """In whose name one reads and answers"""
    can_reply: bool
    """False: the notice is published, or the need has ended"""
    opened_at: datetime
    """The moment it was opened"""
    reply_by: date | None = None
    """The day by which the buyer asks for an answer; null: none is named"""
    contact: NamedContact | None = None
    """Whom to ask; null: nobody is named"""
    link_expires_at: datetime
    """Until when this link works"""
    messages: tuple[VisibleMessage, ...]
    """In the order in which they were written"""
    declaration: StoredDeclaration | None = None
    """What the supplier said of itself in the directory of all; null: nothing. It can say so with its answer"""


class ReplyRequest(ReplyContent, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A supplier's answer to a buyer and, apart from it, what it says of itself in the directory of all."""

    declaration: Declaration | None = None
    """What it does, as `PUT /fiche/{token}` takes it: for everybody, while the answer is the buyer's; null: nothing"""


class StoredReply(VisibleMessage, frozen=True, kw_only=True):
    """A supplier's answer as it was stored, and what it said of itself beside it."""

    declaration: DeclarationReceipt | None = None
    """Where what it said of itself is found; null: it said nothing"""


async def visible_exchange(connection: Connection, link: ReplyLink, today: date) -> VisibleExchange:
    """The exchange of a link, with what the recipient may see. Raises NotFound."""
    need = await select_need(connection, link.organisation_id, link.need_id)
    exchange = await select_exchange_for(connection, link.organisation_id, link.exchange_id, link.supplier_id)
    organisation = await find_organisation(connection, link.organisation_id)
    if need is None or exchange is None or organisation is None:
        raise NotFound(LEADS_NOWHERE)
    names = {lot.id: lot_name(lot) for lot in need.content.lots if lot.id in exchange.lot_ids}
    purchase = purchase_name(need.content, exchange.lot_ids)
    supplier_id = (await survivors(connection, [link.supplier_id])).get(link.supplier_id)
    said = await select_declaration(connection, supplier_id, today) if supplier_id else None
    return VisibleExchange(
        buyer=buyer_name(need.content, organisation.name),
        need_title=purchase and purchase.fr,
        subject=exchange.subject,
        lots=tuple(LotTitle(each, names.get(each)) for each in exchange.lot_ids),
        recipient=exchange.recipients[0].name,
        can_reply=need.status in OPEN,
        opened_at=exchange.opened_at,
        reply_by=exchange.reply_by,
        contact=exchange.contact,
        link_expires_at=link.expires_at,
        messages=visible_to(link.supplier_id, exchange.messages),
        declaration=said and said.declaration,
    )


async def declare_beside(
    connection: Connection, services: Services, link: ReplyLink, declaration: Declaration, sent_from: bytes
) -> DeclarationReceipt:
    """Store what a supplier says of itself beside its answer.

    Raises InvalidContent with pointers into the answer, and Refusal (429) to one who sends too often in a day.
    """
    # before all that this locks, as the answer does: two who wait for each other would never end
    await lock_need(connection, link.organisation_id, link.need_id)
    supplier_id = (await survivors(connection, [link.supplier_id])).get(link.supplier_id)
    if supplier_id is None:
        raise InvalidContent((Problem("/declaration", "unknown_supplier", NO_SUPPLIER),))
    about, since = f"supplier:{supplier_id}", midnight(services.now())
    stored = await entries(
        connection, link.organisation_id, about, 0, 2 * SENDS_A_DAY, action="declaration.stored", since=since
    )
    require_few_sends(1 + sum(each.detail.get("link") is None for each in stored), services.now())
    try:
        sending = Sending(link.organisation_id, None, link.exchange_id, sent_from)
        return await declare(connection, services, supplier_id, sending, declaration)
    except InvalidContent as wrong:
        raise InvalidContent(
            tuple(Problem(f"/declaration{each.pointer}", each.code, each.detail) for each in wrong.problems)
        ) from None


async def add_reply(
    connection: Connection, link: ReplyLink, token: str, reply: ReplyContent, now: datetime
) -> VisibleMessage:
    """Add a supplier's answer to the exchange of the link `link`, whose token is `token`.

    Raises NotFound, Conflict (`after-publication`), InvalidContent.
    """
    need = await lock_need(connection, link.organisation_id, link.need_id)
    exchange = await select_exchange_for(connection, link.organisation_id, link.exchange_id, link.supplier_id)
    # the link may have been revoked meanwhile; from now on it cannot be
    in_force = await select_link(connection, token, now, lock=True)
    if need is None or exchange is None or in_force is None:
        raise NotFound(LEADS_NOWHERE)
    require_open(need.status)
    request = MessageRequest(
        **{name: getattr(reply, name) for name in ReplyContent.__struct_fields__},
        author="supplier",
        supplier_id=link.supplier_id,
    )
    require_message(exchange, request)
    now = moment_after(await last_message_at(connection, link.exchange_id), now)
    message = make_message(request, new_id(now), "portal", now)
    await insert_message(connection, link.exchange_id, message)
    actor = Actor(link.organisation_id, "reply_link", link.supplier_id)
    detail: Detail = {"message_id": str(message.id), "stance": reply.stance}
    name, about = f"exchange:{link.exchange_id}", (f"message:{message.id}",)
    await write_entry(connection, actor, "message.received", name, now, detail=detail, about=about)
    await queue_answer_mail(connection, link.organisation_id, link.exchange_id, now)
    return visible_to(link.supplier_id, [message])[0]
