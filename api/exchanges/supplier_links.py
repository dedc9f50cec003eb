"""Routes of the links to suppliers' own pages: made, mailed, listed without their secrets, revoked.

As with reply links, what is stored of an answer sent twice holds a seed in the place of the secrets, which are derived
from it and from the caller's own.
"""

import hmac
from datetime import date, datetime
from functools import partial
from hashlib import sha256
from secrets import token_urlsafe
from uuid import UUID

import msgspec
from litestar import Response

from api.declarations.link_pages import TOKEN_BYTES, last_day, link_expiry
from api.declarations.operator_routes import revoke_page_link
from api.exchanges.email import EmailSender, email_sender_of, kind_of_mail, require_email_quota
from api.exchanges.routes import SHOWN_ONCE
from api.people_settings import ADDRESS, ascii_domain
from api.runtime.actor import Acting, acting_of, actor_of, require_storage
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import answer_once, created_answer, creation, with_secret_body
from api.web.pagination import Page, Paging, answer_page
from api.web.problems import Refusal
from db.core.engine import Connection, transaction
from db.declarations.links import (
    NewLink,
    insert_links,
    insert_mail,
    issued_digests,
    link_mail_columns,
    secret_digest,
    select_links,
    select_mail_to_send,
)
from db.delivery.outbox import ClaimedRow
from db.idempotency import Answer
from db.journal.entries import write_entry
from db.needs.needs import LINK_BYTES
from db.schema.campaign_tables import declaration_mails
from db.suppliers.read import get_supplier
from db.suppliers.regroup import sources_of
from db.suppliers.sources import origins_of_addresses
from db.suppliers.write import ids_of, survivors
from domain.declarations.declaration import CreatedLink, DeclarationLink, LinkRequest, code_of, link_letter
from domain.decoding.stored import read_stored
from domain.errors import Conflict, NotFound, Problem, require_found, require_no_problem
from domain.exchanges.letter import data_sentences
from domain.journal import Actor, Detail
from domain.organisation import DEFAULT_ORGANISATION, Scope
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Language, said_by
from domain.webhooks import Outcome

_SAID = said_by(__name__)

TAG = "Supplier pages"
SCOPES: tuple[Scope, ...] = ("needs", "sync")
MOST_DAYS = 731
links_endpoint = partial(endpoint, tag=TAG, scope=SCOPES)


def page_address(base: str, secret: str) -> str:
    """The URL of a supplier's own page by a token or a code. `base`: where suppliers reach this server."""
    return f"{base}/fiche/{secret}"


def secrets_of(acting: Acting, seed: str) -> tuple[str, str]:
    """The token and the short code that are derived from a seed and the caller's own secret."""
    return acting.token_of(f"supplier page {seed}"), code_of(
        hmac.digest(acting.secret, f"supplier code {seed}".encode(), sha256)
    )


@creation(
    "/suppliers/{id}/links", tag=TAG, scope=SCOPES, answers=CreatedLink,
    problems=("email-quota", "source-not-on-key", "storage-quota"),
)  # fmt: skip
async def create_supplier_link(call: Call, id: UUID, body: LinkRequest, connection: Connection) -> Response[bytes]:
    """Make a link to a supplier's own page, by which it says what it does, without an account.

    The address, and the code to be typed on `/fiche`, are shown this once: whoever has one of them speaks for the
    supplier. With `email` a link also goes to that address. A key with scope `sync` alone makes links to the suppliers
    that its sources describe.
    """
    acting = acting_of(call)
    supplier_id = await _supplier_for(call, connection, id)
    _require_valid(body, acting.services.today())
    expires_at, email = _expiry(acting, body.expires_on), (body.email or "").strip() or None

    async def store_link() -> Answer:
        await require_storage(connection, acting)
        seed, now = token_urlsafe(TOKEN_BYTES), acting.now()
        link = NewLink(supplier_id, *secrets_of(acting, seed))
        (link_id,) = await insert_links(connection, acting.organisation_id, [link], now, expires_at)
        acting.services.storage_use.add(acting.organisation_id, LINK_BYTES)
        is_sent = email is not None and email_sender_of(call.services) is not None
        if email is not None and is_sent:
            await require_email_quota(connection, acting, 1)
            await insert_mail(connection, link_id, "link", email, acting.language, now)
        detail: Detail = {"link": str(link_id), "emailed": is_sent}
        await write_entry(
            connection, acting.actor, "supplier_link.created", f"supplier:{supplier_id}", now, detail=detail
        )
        return created_answer(
            CreatedLink(
                id=link_id,
                url=page_address(acting.base_url, seed),
                code="",
                expires_at=expires_at,
                email_queued=is_sent,
            ),
            f"/suppliers/{supplier_id}/links",
        )

    async def reveal_secrets(answer: Answer) -> Answer:
        made = read_stored(answer.body, CreatedLink)
        token, code = secrets_of(acting, made.url.rpartition("/")[2])
        if not await issued_digests(connection, [secret_digest(token)]):
            raise Conflict("shown_once", SHOWN_ONCE)
        shown = msgspec.structs.replace(made, url=page_address(acting.base_url, token), code=code)
        return with_secret_body(answer, msgspec.json.encode(shown))

    return await answer_once(call, connection, body, store_link, completed=reveal_secrets)


@links_endpoint("GET", "/suppliers/{id}/links", answers=Page[DeclarationLink], problems=("source-not-on-key",))
async def list_supplier_links(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The links that the organisation made to a supplier's own page, the latest first, without their secrets."""
    ids = await ids_of(connection, await _supplier_for(call, connection, id))
    fetch = partial(select_links, connection, call.bearer.organisation_id, ids)
    return await answer_page(call, query, "supplier links", UUID, fetch)


@links_endpoint("DELETE", "/suppliers/{id}/links/{link_id}", scope=(*SCOPES, "admin"), answers=None, status=204)
async def revoke_supplier_link(call: Call, id: UUID, link_id: UUID, connection: Connection) -> None:
    """Revoke a link to a supplier's own page: its address and its code lead nowhere from now on.

    What was said by it stays: it is withdrawn apart. With scope `platform`, whoever made the link.
    """
    bearer, now = call.bearer, call.services.now()
    supplier_id = (await survivors(connection, [id])).get(id, id)
    owner = None if bearer.may("platform") else bearer.organisation_id
    if not await revoke_page_link(connection, actor_of(bearer), owner, supplier_id, link_id, now):
        raise NotFound(_SAID["no_link"])


async def _supplier_for(call: Call, connection: Connection, supplier_id: UUID) -> UUID:
    """The living supplier of an id. Raises NotFound; Refusal (403) where no source of a `sync` key describes it."""
    found = require_found((await survivors(connection, [supplier_id])).get(supplier_id), NO_SUPPLIER)
    bearer = call.bearer
    if not bearer.may("needs", "platform") and not any(
        bearer.may_write(source) for source in await sources_of(connection, [found])
    ):
        raise Refusal("source-not-on-key", _SAID["not_its_source"])
    return found


def _require_valid(body: LinkRequest, today: date) -> None:
    """Raises InvalidContent with everything wrong in a wish for a link: no address, a day past or too late."""
    problems, email = list[Problem](), body.email
    if email is not None and not (ADDRESS.fullmatch(email.strip()) and ascii_domain(email.strip().rpartition("@")[2])):
        problems.append(Problem("/email", "invalid_email", _SAID["no_address"]))
    if body.expires_on is not None and body.expires_on < today:
        problems.append(Problem("/expires_on", "past", _SAID["past"]))
    if body.expires_on is not None and (body.expires_on - today).days > MOST_DAYS:
        problems.append(Problem("/expires_on", "too_late", _SAID["too_late"]))
    require_no_problem(problems)


def _expiry(acting: Acting, last_day: date | None) -> datetime:
    """The moment a new link ends: the end of its last day, or of the days that the server is set to."""
    now, services = acting.now(), acting.services
    return link_expiry(
        now, services.settings.reply_link_days if last_day is None else (last_day - services.today()).days
    )


async def deliver_link(sender: EmailSender, mail: ClaimedRow) -> Outcome:
    """Attempt once to send a supplier a queued link; with a new token of it, as one that failed may have arrived."""
    language: Language = mail.row["language"]
    now, token, origins = sender.now(), token_urlsafe(TOKEN_BYTES), dict[UUID, str]()
    async with transaction(sender.engine) as connection:
        outgoing = await select_mail_to_send(connection, mail, token, now)
        entry = outgoing and await get_supplier(connection, outgoing.supplier_id)
        if outgoing is not None:
            actor, detail = Actor(outgoing.organisation_id, "server"), Detail(link=str(mail.row["link_id"]))
            about = f"supplier:{outgoing.supplier_id}"
            origins = await origins_of_addresses(connection, [outgoing.supplier_id], "contact.email")
            await write_entry(connection, actor, "supplier_link.sent", about, now, detail=detail)
    if outgoing is None or not entry:
        return Outcome(failure="link_revoked", final=True)
    address, until = page_address(sender.base, token), last_day(outgoing.expires_at)
    origin = origins.get(outgoing.supplier_id)
    if mail.row["address"] != entry.supplier.contact.email:  # who asks gave it, or it is another source's
        origin = None if outgoing.organisation == DEFAULT_ORGANISATION else outgoing.organisation
    source = data_sentences(origin, sender.contact, outgoing.organisation)
    text = link_letter(mail.row["kind"], outgoing.organisation, entry.supplier.name, address, until, source, language)
    author = "Vivier" if mail.row["kind"] == "asked" else outgoing.organisation
    return await sender.send_letter(mail, author, text, language)


supplier_link_kind = partial(kind_of_mail, outbox=declaration_mails, attempt=deliver_link, columns=link_mail_columns)
"""The kind of delivery that sends links to suppliers' own pages."""
