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
from db.core.engine import Connection
from db.declarations.declarations import LABEL, select_declaration, select_listed
from db.suppliers.write import survivors
from domain.declarations.declaration import WithdrawalRequest
from domain.declarations.record import ListedDeclaration
from domain.errors import NotFound, require_found
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
async def revoke_supplier_declaration(
    call: Call, id: UUID, body: WithdrawalRequest, connection: Connection
) -> DeclarationWithdrawal:
    """Withdraw what a supplier said of itself, for a reason that it reads on its page.

    With scope `platform`, or `admin` of the organisation that made the link it came by. What other sources know stays;
    the supplier may say something else since, unless its links are revoked. 404 where it says nothing.
    """
    return await withdraw_as_operator(call, connection, id, body.reason.strip())


ROUTES = (list_declarations, revoke_supplier_declaration)


async def page_of_declarations(
    call: Call, connection: Connection, cursor: str | None, limit: int
) -> tuple[tuple[ListedDeclaration, ...], str | None]:
    """The declarations after a cursor that an operator may see, and the cursor of the next page, if any."""
    owner = None if call.bearer.may("platform") else call.bearer.organisation_id
    after = read_cursor(LIST, cursor, UUID)
    listed = await select_listed(connection, owner, after, limit + 1, call.services.today())
    items = tuple(listed[:limit])
    return items, write_cursor(LIST, items[-1].supplier_id) if len(listed) > len(items) else None


async def withdraw_as_operator(call: Call, connection: Connection, id: UUID, reason: str) -> DeclarationWithdrawal:
    """Withdraw a supplier's declaration for a reason. Raises NotFound, also for one of another organisation's links."""
    services, bearer = call.services, call.bearer
    supplier_id = require_found((await survivors(connection, [id])).get(id), NO_SUPPLIER)
    said = await select_declaration(connection, supplier_id, services.today())
    if said is None or not (bearer.may("platform") or said.organisation_id == bearer.organisation_id):
        raise NotFound(NOTHING_DECLARED)
    version = await withdraw(connection, services, supplier_id, actor_of(bearer), reason)
    if version is None:
        raise NotFound(NOTHING_DECLARED)
    after = await select_declaration(connection, supplier_id, services.today(), (said.organisation_id, said.link_id))
    withdrawn_at = after.withdrawal.withdrawn_at if after and after.withdrawal else services.now()
    return DeclarationWithdrawal(
        supplier_id=supplier_id, reason=reason, withdrawn_at=withdrawn_at, data_version=version
    )
