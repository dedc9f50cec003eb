"""Routes by which operators see what suppliers said of themselves, and withdraw it."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response

from api.declarations.declare import NOTHING_DECLARED, withdraw
from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.sync.sources import find_source
from api.web.content_negotiation import JSON
from api.web.pagination import Paging, next_link, read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.declarations.declarations import LABEL, DeclarationOf, declared_alike, select_declaration, select_listed
from db.declarations.links import revoke_link
from db.exchanges.reply_links import revoke_links
from db.journal.entries import write_entry
from db.suppliers.write import ids_of, survivors
from domain.declarations.declaration import WithdrawalRequest
from domain.declarations.record import ListedDeclaration
from domain.errors import NotFound, require_found
from domain.journal import Actor, Detail
from domain.suppliers.source import SourceDocument
from domain.suppliers.supplier import DECLARATIONS, NO_SUPPLIER

TAG = "Supplier pages"
LIST = "declarations"


class DeclarationsDocument(SourceDocument, frozen=True, kw_only=True):
    """The source of what suppliers say of themselves, with a page of it for those who may see it."""

    items: tuple[ListedDeclaration, ...] | None
    """By supplier: all with scope `platform`, with `admin` those by links of the organisation; null: neither"""
    next_cursor: str | None = None
    """To be sent as `cursor` for the next page; null: there is no more"""


class DeclarationWithdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration that an operator withdrew."""

    supplier_id: UUID
    """The supplier that it was about"""
    reason: str
    """In words, which the supplier reads on its page"""
    withdrawn_at: datetime
    """The moment it was withdrawn"""
    data_version: int
    """A version of the directory without it"""
    withdrawn: int = 1
    """The declarations that were withdrawn, this one among them"""


@endpoint("GET", "/sources/declarations", tag=TAG, scope=("read", "sync", "admin"), answers=DeclarationsDocument)
async def list_declarations(call: Call, query: Paging, connection: Connection) -> Response[bytes]:
    """See what suppliers said of themselves.

    The source as every other, and, for operators, its declarations with the organisation whose link each came by: all
    of them with scope `platform`, with `admin` those by links of the key's organisation.
    """
    found = await find_source(call.services, DECLARATIONS) or SourceDocument(name=DECLARATIONS, label=LABEL)
    items, next_cursor = None, None
    if call.bearer.may("admin"):
        items, next_cursor = await page_of_declarations(call, connection, query.cursor, query.limit)
    document = DeclarationsDocument(**msgspec.structs.asdict(found), items=items, next_cursor=next_cursor)
    return Response(msgspec.json.encode(document), media_type=JSON, headers=next_link(call, next_cursor))


@endpoint("POST", "/suppliers/{id}/declaration/withdrawal", tag=TAG, scope="admin", answers=DeclarationWithdrawal)
async def revoke_supplier_declaration(call: Call, id: UUID, body: WithdrawalRequest) -> DeclarationWithdrawal:
    """Withdraw what a supplier said of itself, for a reason that it reads on its page.

    With scope `platform`, or `admin` of the organisation that made the link it came by. What other sources know stays;
    the supplier may say something else since, unless its links are revoked. `same_sender` and `same_organisation`
    withdraw with it what the same network address sent, or came by links of the same organisation; `revoke_links`
    revokes the links they came by, reply links too. `restore` puts what was said `earlier` in its place, also where the
    supplier, or whoever had its link, withdrew that. 404 where it says nothing.
    """
    return await withdraw_as_operator(call, id, body)


async def page_of_declarations(
    call: Call, connection: Connection, cursor: str | None, limit: int
) -> tuple[tuple[ListedDeclaration, ...], str | None]:
    """The declarations after a cursor that an operator may see, and the cursor of the next page, if any."""
    owner = None if call.bearer.may("platform") else call.bearer.organisation_id
    after = read_cursor(LIST, cursor, UUID)
    listed = await select_listed(connection, owner, after, limit + 1, call.services.today())
    items = tuple(listed[:limit])
    return items, write_cursor(LIST, items[-1].supplier_id) if len(listed) > len(items) else None


async def withdraw_as_operator(call: Call, id: UUID, request: WithdrawalRequest) -> DeclarationWithdrawal:
    """Withdraw a supplier's declaration, and before it the others that are asked for: sent again, it goes on.

    Raises NotFound, also for one of another organisation's links.
    """
    services, bearer = call.services, call.bearer
    owner = None if bearer.may("platform") else bearer.organisation_id
    async with transaction(services.database) as connection:
        supplier_id = require_found((await survivors(connection, [id])).get(id), NO_SUPPLIER)
        said = await select_declaration(connection, supplier_id, services.today())
        is_empty = said is None or (said.declaration is None and request.restore is None)
        if said is None or is_empty or owner not in {None, said.sending.organisation_id}:
            raise NotFound(NOTHING_DECLARED)
        of_one, of_all = request.same_sender, request.same_organisation
        alike = await declared_alike(connection, said.sending, owner, same_sender=of_one, same_organisation=of_all)
        living = await survivors(connection, alike)
    reason, done, version = request.reason.strip(), 0, None
    after: DeclarationOf | None = None
    for each in (*sorted({living.get(one, one) for one in alike} - {supplier_id}), supplier_id):
        async with transaction(services.database) as connection:
            own = request if each == supplier_id else msgspec.structs.replace(request, restore=None)
            version = await _withdraw_one(connection, call, each, reason, own)
            after = await select_declaration(connection, each, services.today(), said.sending)
        done += version is not None
    if version is None:
        raise NotFound(NOTHING_DECLARED)
    at = after.withdrawal.withdrawn_at if after and after.withdrawal else services.now()
    return DeclarationWithdrawal(
        supplier_id=supplier_id, reason=reason, withdrawn_at=at, data_version=version, withdrawn=done
    )


async def _withdraw_one(
    connection: Connection, call: Call, supplier_id: UUID, reason: str, request: WithdrawalRequest
) -> int | None:
    """Withdraw what a supplier declares, and revoke the link it came by; a directory version, None without any.

    A page's link is locked before the declaration, a reply link after it: as those who write by them do.
    """
    services, actor, now, revoke = call.services, actor_of(call.bearer), call.services.now(), request.revoke_links
    alike = ["sent_from"] * request.same_sender + ["organisation_id"] * request.same_organisation
    said = await select_declaration(connection, supplier_id, services.today())
    if revoke and said is not None and said.sending.link_id is not None:
        await revoke_page_link(connection, actor, None, supplier_id, said.sending.link_id, now)
    version = await withdraw(connection, services, supplier_id, actor, reason, alike, request.restore)
    if revoke and said is not None and said.sending.exchange_id is not None:
        exchange_id, whose = said.sending.exchange_id, said.sending.organisation_id
        for each in sorted(await ids_of(connection, supplier_id)):
            if await revoke_links(connection, exchange_id, each, now):
                actor, detail = msgspec.structs.replace(actor, organisation_id=whose), Detail(supplier_id=str(each))
                await write_entry(
                    connection, actor, "reply_link.revoked", f"exchange:{exchange_id}", now, detail=detail
                )
    return version


async def revoke_page_link(
    connection: Connection, actor: Actor, owner: UUID | None, supplier_id: UUID, link_id: UUID, now: datetime
) -> bool:
    """Revoke a link to a supplier's page, and note it in the journal of the organisation that made it.

    `owner`: the organisation that made it; None: whoever did. False where none was in force.
    """
    whose = await revoke_link(connection, owner, await ids_of(connection, supplier_id), link_id, now)
    if whose is not None:
        actor, about = msgspec.structs.replace(actor, organisation_id=whose), f"supplier:{supplier_id}"
        await write_entry(connection, actor, "supplier_link.revoked", about, now, detail={"link": str(link_id)})
    return whose is not None
