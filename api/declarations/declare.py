"""Use cases of a supplier's own page: its link is followed, what it says is checked, stored, shown and withdrawn."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

import msgspec

from api.directory.formats import SupplierDocument
from api.directory.routes import find_document
from api.runtime.actor import TOKEN, follow_link
from api.runtime.endpoint import Call
from api.runtime.rate_limits import HOUR, Limit, caller_of
from api.runtime.services import Services
from api.web.problems import Refusal
from db.campaigns.campaigns import may_ask, note_declaration, note_opening, write_wish
from db.core.engine import Connection, transaction
from db.declarations.declarations import Sending, select_declaration, store_declaration, withdraw_declaration
from db.declarations.links import FollowedLink, count_send, follow, note_opened
from db.journal.entries import write_entry
from db.suppliers.write import ids_of
from domain.declarations.declaration import (
    DAYS_VALID,
    Declaration,
    StoredDeclaration,
    SupplierPage,
    check_declaration,
)
from domain.declarations.link import code_in
from domain.declarations.record import offers_of, placement_of, record_of
from domain.errors import InvalidContent, Problem, require_no_problem
from domain.journal import Actor, Detail
from domain.suppliers.record_check import drawn_vertices
from domain.suppliers.supplier import Offer, SupplierRecord
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
    """Yields a transaction and the link that a token or a typed code stands for. Raises Refusal (404, 429)."""
    code = None if TOKEN.fullmatch(secret) else code_in(secret)
    find = partial(follow, secret=code or secret, now=call.services.now(), lock=lock)
    if code is None:
        async with follow_link(call, secret, find, _SAID["no_page"]) as found:
            yield found
        return
    async with (
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
    if link.opened_at is None:
        await note_opened(connection, link.id, services.now())
        await note_opening(connection, link.id, services.now())
    return await page_document(connection, link.supplier_id, services.today(), link.expires_at, link.organisation_id)


async def page_document(
    connection: Connection, supplier_id: UUID, today: date, link_expires_at: datetime, asking: UUID
) -> SupplierPageDocument:
    """The content of a supplier's page, whatever link leads to it. Raises NotFound.

    `asking`: the organisation that made the link, to which the wish to be asked again or not was told.
    """
    supplier = await find_document(connection, supplier_id, today)
    said = await select_declaration(connection, supplier.id, today)
    declaration = said and said.declaration
    if declaration is not None:
        ask_again = await may_ask(connection, asking, await ids_of(connection, supplier.id))
        declaration = msgspec.structs.replace(declaration, ask_again=ask_again)
    return SupplierPageDocument(
        supplier=supplier,
        declaration=declaration,
        withdrawal=said and said.withdrawal,
        link_expires_at=link_expires_at,
    )


async def declare_by_link(
    call: Call, connection: Connection, link: FollowedLink, declaration: Declaration
) -> DeclarationReceipt:
    """Store what is said by a supplier's link. Raises InvalidContent, and Refusal (429) to one who sends too often."""
    services = call.services
    services.limits.take(DECLARATIONS_OF_ADDRESS, caller_of(call.scope))
    require_few_sends(await count_send(connection, link.id, services.today()), services.now())
    sending = Sending(link.organisation_id, link.id, sent_from=mark_of_sender(call))
    return await declare(connection, services, link.supplier_id, sending, declaration)


def mark_of_sender(call: Call) -> bytes:
    """A keyed digest of the caller's network address, by which all that one sends can be withdrawn together."""
    return hmac.digest(call.services.embed_key, f"declaration {caller_of(call.scope)}".encode(), "sha256")[:8]


async def declare(
    connection: Connection, services: Services, supplier_id: UUID, sending: Sending, declaration: Declaration
) -> DeclarationReceipt:
    """Check and store what a living supplier says of itself, and note it. Raises InvalidContent with all its faults."""
    today, now = services.today(), services.now()
    valid_until = declaration.valid_until or today + timedelta(days=DAYS_VALID)
    offers = await checked_offers(services, declaration, today, valid_until)
    supplier = await find_document(connection, supplier_id, today)
    record = msgspec.structs.replace(record_of(declaration, supplier, valid_until, today), offers=offers)
    version = await store_declaration(
        connection,
        supplier.id,
        sending,
        declaration,
        record,
        placement_of(supplier),
        valid_until,
        now=now,
        similarity=name_similarity,
    )
    ids = await ids_of(connection, supplier.id)
    if declaration.offers or declaration.no_offer:
        await note_declaration(connection, ids, now, offers=bool(declaration.offers))
    await write_wish(connection, sending.organisation_id, ids, now, ask_again=declaration.ask_again)
    detail: Detail = {
        "link": str(sending.link_id) if sending.link_id else None,
        "offers": len(declaration.offers),
        "no_offer": declaration.no_offer,
        "data_version": version,
    }
    actor = Actor(sending.organisation_id, "reply_link", supplier.id)
    await write_entry(connection, actor, "declaration.stored", f"supplier:{supplier.id}", now, detail=detail)
    said = msgspec.structs.asdict(declaration) | {"valid_until": valid_until}
    stored = StoredDeclaration(**said, declared_at=now)
    return DeclarationReceipt(supplier_id=supplier.id, data_version=version, declaration=stored)


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
    connection: Connection, services: Services, supplier_id: UUID, actor: Actor, reason: str | None = None
) -> int | None:
    """Take back what a supplier said, and note that; a directory version without it, None where it said nothing.

    `reason`: an operator's, for the supplier to read; it is not in the journal.
    """
    now = services.now()
    version = await withdraw_declaration(connection, supplier_id, reason, now, name_similarity)
    if version is not None:
        await note_declaration(connection, await ids_of(connection, supplier_id), now, offers=None)
        action = "declaration.withdrawn" if reason else "declaration.deleted"
        await write_entry(connection, actor, action, f"supplier:{supplier_id}", now, detail={"data_version": version})
    return version


def require_few_sends(sends: int, now: datetime) -> None:
    """Raises Refusal (429), until the next day begins in France, where so many sends of one link are too many."""
    if sends > SENDS_A_DAY:
        tomorrow = midnight(now) + timedelta(days=1)
        seconds = str(max(1, int((tomorrow - now).total_seconds())))
        raise Refusal("too-many-requests", _TOO_OFTEN, headers={"retry-after": seconds})


def midnight(now: datetime) -> datetime:
    """The moment at which the day began in France."""
    return datetime.combine(now.astimezone(PARIS).date(), datetime.min.time(), PARIS)
