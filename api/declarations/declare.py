"""Use cases of a supplier's own page: its link is followed, what it says is checked, stored, shown and withdrawn."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import date, datetime, timedelta
from secrets import token_urlsafe
from uuid import UUID

import msgspec

from api.declarations.link_pages import TOKEN_BYTES, end_of, link_expiry, midnight
from api.directory.formats import SupplierDocument
from api.directory.routes import find_document
from api.runtime.actor import TOKEN, follow_link
from api.runtime.endpoint import Call
from api.runtime.rate_limits import HOUR, Limit, caller_of
from api.runtime.services import Services
from api.web.content_negotiation import HTML
from api.web.problems import Refusal
from db.campaigns.campaigns import may_ask, note_declaration, note_opening, note_withdrawal, write_wish
from db.core.engine import Connection, transaction
from db.declarations.declarations import (
    Sending,
    end_declaration,
    select_declaration,
    store_declaration,
    withdraw_declaration,
)
from db.declarations.links import (
    FollowedLink,
    NewLink,
    count_send,
    emails_of,
    extend_link,
    follow,
    insert_links,
    insert_mail,
    revoked_among,
    was_mailed_to,
    was_sent,
)
from db.delivery.outbox import organisation_mail_times
from db.journal.entries import write_entry
from db.suppliers.records import delete_record
from db.suppliers.write import ids_of, survivors
from domain.declarations.declaration import (
    DAYS_VALID,
    Declaration,
    DeclarationByLink,
    MailKind,
    StoredDeclaration,
    SupplierPage,
    check_declaration,
    code_in,
)
from domain.declarations.record import offers_of, placement_of, record_of
from domain.errors import InvalidContent, Problem, require_no_problem
from domain.journal import Actor, Detail
from domain.suppliers.record_check import drawn_vertices
from domain.suppliers.supplier import DECLARATIONS, Offer, SupplierRecord
from domain.text.bilingual import PARIS, Text, said_by
from matching.words.names import name_similarity
from sources.validation import check, takes_long

_SAID = said_by(__name__)

TYPED_CODES = Limit("typed-code", 10, HOUR)
"""Codes of an address that lead nowhere: of 31 to the power of ten, nobody finds one by trying."""
PAGE_READINGS = Limit("page-reading", 240)
"""Readings of a supplier's page by one link."""
DECLARATIONS_OF_ADDRESS = Limit("declaration", 1_000, HOUR)
"""Declarations sent or withdrawn from one address, by whatever links."""
SENDS_A_DAY = 30
"""Declarations sent by one link in a day, counted by the database."""
HOUR_BETWEEN = timedelta(hours=1)
"""The time in which a supplier is told once that something else is said of it."""
MOST_VERTICES = 1_000
"""Vertices of the areas that one declaration draws."""

NOTHING_DECLARED = Text("Ce fournisseur n'a rien déclaré", "This supplier has declared nothing")
_TOO_OFTEN = _SAID["too_often"].filled(sends_a_day=SENDS_A_DAY)
_TOO_FINE = _SAID["too_fine"].filled(most_vertices=MOST_VERTICES)


class SupplierPageDocument(SupplierPage, frozen=True, kw_only=True):
    """The content of a supplier's own page: all that is known of it, by whom, and what it said itself."""

    supplier: SupplierDocument
    """All that the directory knows; `sources` and `provenance` say from whom"""


class DeclarationReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration as it was stored, and the version of the directory that has it."""

    supplier_id: UUID
    """The supplier that it is about"""
    data_version: int
    """A version of the directory that holds it; every server matches it within a second"""
    declaration: StoredDeclaration
    """The declaration as it is kept"""


@asynccontextmanager
async def follow_page_link(
    call: Call, secret: str, *, lock: bool = False
) -> AsyncIterator[tuple[Connection, FollowedLink]]:
    """Yields a transaction and the link that a token or a typed code stands for; `lock`: to write by it, in turn.

    What is sent by it, or read as JSON, notes that it was opened. A mere reading of the page does not: programs that
    look for dangerous links in e-mails read it before anybody does. Raises Refusal (404, 429).
    """
    code = None if TOKEN.fullmatch(secret) else code_in(secret)

    async def find(connection: Connection) -> FollowedLink | None:
        link = await follow(connection, code or secret, call.services.now(), lock=lock)
        is_page_read = call.method in {"GET", "HEAD"} and call.media_type == HTML
        if link is not None and link.opened_at is None and not is_page_read:
            await note_opening(connection, link.id, call.services.now())
        return link

    turn = call.services.writes.slot_of(DECLARATIONS) if lock else nullcontext()
    if code is None:
        async with turn, follow_link(call, secret, find, _SAID["no_page"]) as found:
            yield found
        return
    async with (
        turn,
        call.services.limits.attempt(TYPED_CODES, caller_of(call.scope)) as attempt,
        transaction(call.services.database) as connection,
    ):
        link = await find(connection)
        attempt.in_vain = link is None
        if link is not None:
            yield connection, link
            return
    raise Refusal("not-found", _SAID["no_page"], headers={"cache-control": "no-store"})


async def supplier_page(call: Call, connection: Connection, link: FollowedLink) -> SupplierPageDocument:
    """The content of the page that a link opens. Raises Refusal (429) to one who reads too often."""
    services = call.services
    services.limits.take(PAGE_READINGS, link.id)
    who = Sending(link.organisation_id, link.id)
    return await page_document(connection, link.supplier_id, services.today(), link.expires_at, who)


async def page_document(
    connection: Connection, supplier_id: UUID, today: date, link_expires_at: datetime, link: Sending
) -> SupplierPageDocument:
    """The content of a supplier's page, whatever link leads to it. Raises NotFound.

    `link`: that by which it is read; its organisation is the one to which the wish to be asked or not was told.
    """
    supplier = await find_document(connection, supplier_id, today)
    said = await select_declaration(connection, supplier.id, today, link)
    ask_again = await may_ask(connection, link.organisation_id, await ids_of(connection, supplier.id))
    return SupplierPageDocument(
        supplier=supplier,
        declaration=said and said.declaration and msgspec.structs.replace(said.declaration, ask_again=ask_again),
        ask_again=ask_again,
        withdrawal=said and said.withdrawal,
        replaced_at=said and said.replaced_at,
        link_expires_at=link_expires_at,
    )


async def declare_by_link(
    call: Call, connection: Connection, link: FollowedLink, declaration: Declaration
) -> DeclarationReceipt:
    """Store what is said by a supplier's link. Raises InvalidContent, and Refusal (429) to one who sends too often."""
    await _count_sending(call, connection, link)
    sending = Sending(link.organisation_id, link.id, sent_from=mark_of_sender(call))
    return await declare(connection, call.services, link.supplier_id, sending, declaration)


async def withdraw_by_link(call: Call, connection: Connection, link: FollowedLink) -> int | None:
    """Take back what stands of a supplier's own word by its link, as `withdraw`. Raises Refusal (429)."""
    call.services.limits.take(DECLARATIONS_OF_ADDRESS, caller_of(call.scope))
    actor = Actor(link.organisation_id, "reply_link", link.supplier_id)
    return await withdraw(connection, call.services, link.supplier_id, actor)


async def tell_wish(call: Call, connection: Connection, link: FollowedLink, *, ask_again: bool) -> None:
    """Store whether the organisation of a link may ask its supplier again, and nothing else. Raises Refusal (429)."""
    await _count_sending(call, connection, link)
    ids, now = await ids_of(connection, link.supplier_id), call.services.now()
    await write_wish(connection, link.organisation_id, ids, now, ask_again=ask_again)
    actor = Actor(link.organisation_id, "reply_link", link.supplier_id)
    action = "supplier.may_be_asked" if ask_again else "supplier.not_to_be_asked"
    await write_entry(connection, actor, action, f"supplier:{link.supplier_id}", now, detail={"link": str(link.id)})


async def _count_sending(call: Call, connection: Connection, link: FollowedLink) -> None:
    """Count one more sending by a link. Raises Refusal (429) where its address or the link sends too often."""
    services = call.services
    services.limits.take(DECLARATIONS_OF_ADDRESS, caller_of(call.scope))
    require_few_sends(await count_send(connection, link.id, services.today()), services.now())


def mark_of_sender(call: Call) -> bytes:
    """A keyed digest of the caller's network address, by which all that one sends can be withdrawn together."""
    return hmac.digest(call.services.embed_key, f"declaration {caller_of(call.scope)}".encode(), "sha256")[:8]


async def declare(
    connection: Connection, services: Services, supplier_id: UUID, sending: Sending, declaration: Declaration
) -> DeclarationReceipt:
    """Check and store what a living supplier says of itself, and note it. Raises InvalidContent with all its faults.

    A link to its page lasts from then on as long as what was declared; who had declared by another one is told.
    """
    (organisation_id, link_id, *_), today, now = sending, services.today(), services.now()
    supplier = await find_document(connection, supplier_id, today)
    ids = await ids_of(connection, supplier.id)
    ask_again = declaration.ask_again
    if ask_again is None:
        ask_again = await may_ask(connection, organisation_id, ids)
        declaration = msgspec.structs.replace(declaration, ask_again=ask_again)
    said = DeclarationByLink(
        **sending._asdict(),
        content=declaration,
        declared_at=now,
        valid_until=declaration.valid_until or today + timedelta(days=DAYS_VALID),
    )
    version, before = await _store_word(connection, services, supplier, said, declaration)
    if declaration.offers or declaration.no_offer:
        await note_declaration(connection, ids, now, offers=bool(declaration.offers))
    await write_wish(connection, organisation_id, ids, now, ask_again=ask_again)
    if link_id is not None:
        await extend_link(connection, link_id, end_of(said.valid_until))
    detail: Detail = {
        "link": str(link_id) if link_id else None,
        "offers": len(declaration.offers),
        "no_offer": declaration.no_offer,
        "data_version": version,
    }
    actor = Actor(organisation_id, "reply_link", supplier.id)
    await write_entry(connection, actor, "declaration.stored", f"supplier:{supplier.id}", now, detail=detail)
    if before is not None and before.content != declaration:
        await _tell_of_change(connection, services, supplier.id, before.link, before.content)
    elif before is None and not (link_id and await was_sent(connection, link_id)):
        await _tell_of_change(connection, services, supplier.id, said.link, None)  # another one may have made the link
    told = msgspec.structs.asdict(declaration) | {"valid_until": said.valid_until}
    stored = StoredDeclaration(**told, declared_at=now)
    return DeclarationReceipt(supplier_id=supplier.id, data_version=version, declaration=stored)


async def _store_word(
    connection: Connection,
    services: Services,
    supplier: SupplierDocument,
    said: DeclarationByLink,
    declaration: Declaration,
) -> tuple[int, DeclarationByLink | None]:
    """Store a declaration, its record made as on the day it was sent. Raises InvalidContent with all its faults."""
    on = said.declared_at.astimezone(PARIS).date()
    offers = await checked_offers(services, declaration, on, said.valid_until)
    record = msgspec.structs.replace(record_of(declaration, supplier, said.valid_until, on), offers=offers)
    place = placement_of(supplier)
    return await store_declaration(
        connection, supplier.id, said, record, place, now=services.now(), similarity=name_similarity
    )


async def _tell_of_change(
    connection: Connection,
    services: Services,
    supplier_id: UUID,
    link: tuple[UUID, UUID | None, UUID | None],
    before: Declaration | None,
) -> None:
    """Queue an e-mail to the addresses of a supplier of which something else, or no more, is said; once an hour.

    `link`: that by which it had said what was `before`, None where it had said nothing.
    """
    if await was_mailed_to(connection, supplier_id, services.now() - HOUR_BETWEEN, "replaced"):
        return
    # who held a link that was revoked would get another one
    declared = None if await revoked_among(connection, [link[1]]) else before
    for email in await emails_of(connection, supplier_id, declared):
        await mail_page_link(connection, services, Actor(link[0], "server"), supplier_id, email, "replaced")


async def mail_page_link(
    connection: Connection, services: Services, actor: Actor, supplier_id: UUID, email: str, kind: MailKind
) -> bool:
    """Queue an e-mail with a new link to a supplier's page, of the actor's organisation, and note that.

    False where no mail server is set, or the organisation may send no more e-mails today.
    """
    if services.settings.smtp is None or not await emails_left_of(connection, services, actor.organisation_id):
        return False
    now = services.now()
    expires_at = link_expiry(now, services.settings.reply_link_days)
    link = NewLink(supplier_id, token_urlsafe(TOKEN_BYTES))
    (link_id,) = await insert_links(connection, actor.organisation_id, [link], now, expires_at)
    await insert_mail(connection, link_id, kind, email, "fr", now)
    detail: Detail = {"link": str(link_id), "emailed": True}
    await write_entry(connection, actor, "supplier_link.created", f"supplier:{supplier_id}", now, detail=detail)
    return True


async def emails_left_of(connection: Connection, services: Services, organisation_id: UUID) -> int:
    """The number of e-mails that an organisation may still send now, at least 0."""
    queued = await organisation_mail_times(connection, organisation_id, services.now() - timedelta(days=1))
    return max(0, services.settings.emails_per_day - len(queued))


async def checked_offers(
    services: Services, declaration: Declaration, today: date, valid_until: date
) -> tuple[Offer, ...]:
    """The offers that a declaration makes, areas simplified. Raises InvalidContent with all that is wrong in it."""
    reference = services.reference
    record = SupplierRecord("-", offers=offers_of(declaration, today, valid_until))
    known = (reference.territories, reference.taxonomy, reference.cpv)
    checked = await asyncio.to_thread(check, record, *known) if takes_long(record) else check(record, *known)
    problems = (*check_declaration(declaration, today), *checked.problems)
    require_no_problem(problems)
    if drawn_vertices(checked.record) > MOST_VERTICES:
        raise InvalidContent((Problem("/offers", "too_many_vertices", _TOO_FINE),))
    return checked.record.offers


async def withdraw(
    connection: Connection,
    services: Services,
    supplier_id: UUID,
    actor: Actor,
    reason: str | None = None,
    alike: Collection[str] = (),
    restore: datetime | None = None,
) -> int | None:
    """Take back what stands of a supplier's own word, and note that; a directory version without it, None for nothing.

    What another link had said before stands again, as long as it is valid. `reason`: an operator's, for the supplier to
    read; it is not in the journal. `alike`, `restore`: as in `withdraw_declaration`.
    """
    now, today, ids = services.now(), services.today(), await ids_of(connection, supplier_id)
    said = await select_declaration(connection, supplier_id, today)
    withdrawn = await withdraw_declaration(
        connection, supplier_id, reason, alike, now=now, today=today, restore=restore
    )
    if withdrawn is None:
        return None
    if reason is None and said is not None:
        await _tell_of_change(connection, services, supplier_id, said.sending[:3], said.declaration)
    record_id, again = withdrawn
    version, stands = await _replace_word(connection, services, supplier_id, record_id, again)
    if stands is None:
        await note_withdrawal(connection, ids, now, by_operator=reason is not None)
    else:
        await note_declaration(connection, ids, now, offers=bool(stands.offers))
    action = "declaration.withdrawn" if reason else "declaration.deleted"
    detail: Detail = {"stands_again": stands is not None, "data_version": version}
    await write_entry(connection, actor, action, f"supplier:{supplier_id}", now, detail=detail)
    return version


async def end_word(connection: Connection, services: Services, record_id: UUID) -> bool:
    """End what was declared and is past its last day, and note that; False where it is not past it.

    What another link had said before stands again, as long as it is valid.
    """
    now, today = services.now(), services.today()
    ended = await end_declaration(connection, record_id, today)
    if ended is None:
        return False
    (owner, again), living = ended, await survivors(connection, [record_id])
    _, stands = await _replace_word(connection, services, living.get(record_id, record_id), record_id, again)
    actor, detail = Actor(owner, "server"), Detail(stands_again=stands is not None)
    await write_entry(connection, actor, "declaration.expired", f"supplier:{record_id}", now, detail=detail)
    return True


async def _replace_word(
    connection: Connection, services: Services, supplier_id: UUID, record_id: UUID, again: DeclarationByLink | None
) -> tuple[int, Declaration | None]:
    """Put what stands `again` in the place of a record, or remove that; a directory version, and what stands by now."""
    if again is not None and again.content is not None:
        with suppress(InvalidContent):  # its trades may be known no more
            supplier = await find_document(connection, supplier_id, services.today())
            version, _ = await _store_word(connection, services, supplier, again, again.content)
            return version, again.content
    return await delete_record(connection, DECLARATIONS, str(record_id), services.now(), name_similarity) or 0, None


def require_few_sends(sends: int, now: datetime) -> None:
    """Raises Refusal (429), until the next day begins in France, where so many sends of one link are too many."""
    if sends > SENDS_A_DAY:
        tomorrow = midnight(now) + timedelta(days=1)
        seconds = str(max(1, int((tomorrow - now).total_seconds())))
        raise Refusal("too-many-requests", _TOO_OFTEN, headers={"retry-after": seconds})
