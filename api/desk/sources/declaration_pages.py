"""The page on which operators see what suppliers say of themselves, and withdraw it."""

from contextlib import suppress
from datetime import datetime
from functools import partial

from litestar import Response

from api.declarations.operator_routes import page_of_declarations, withdraw_as_operator
from api.desk.directory.directory_page import service_area_in_words
from api.desk.frame.form import Mistake
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, id_in
from db.core.engine import transaction
from domain.declarations.declaration import WithdrawalRequest
from domain.declarations.record import ListedDeclaration
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import Text

SHOWN, LONGEST_REASON = 100, 2_000
NO_REASON = Text("Donnez le motif : le fournisseur le lira", "Say why: the supplier reads it")


@page("GET", "/sources/declarations", scope=("read", "sync", "admin"))
async def show_declarations(visit: Visit) -> Response[bytes]:
    """The declarations of suppliers, for operators; with other rights, a page without any."""
    return await _declarations_page(visit)


@page("POST", "/sources/declarations", scope="admin")
async def withdraw_declaration(visit: Visit) -> Response[bytes]:
    """Withdraw what a supplier says of itself, as its form asks, and show the list again; 422 without a reason."""
    reason = visit.text("motif").strip()[:LONGEST_REASON]
    if not reason:
        return await _declarations_page(visit, (Mistake("motif", NO_REASON),))
    restore: datetime | None = None
    supplier_id, others = id_in(visit.text("fournisseur"), NO_SUPPLIER), visit.text("avec")
    of_one, of_all, revoke = others == "expediteur", others == "organisation", visit.text("lien") == "oui"
    with suppress(ValueError):
        restore = datetime.fromisoformat(visit.text("retablir"))
    asked = WithdrawalRequest(
        reason, same_sender=of_one, same_organisation=of_all, revoke_links=revoke, restore=restore
    )
    await withdraw_as_operator(visit.call, supplier_id, asked)
    return visit.redirect("/sources/declarations")


async def _declarations_page(visit: Visit, mistakes: tuple[Mistake, ...] = ()) -> Response[bytes]:
    is_operator = visit.call.bearer.may("admin")
    items: tuple[ListedDeclaration, ...] = ()
    following: str | None = None
    if is_operator:
        async with transaction(visit.services.database) as connection:
            items, following = await page_of_declarations(visit.call, connection, visit.text("suite") or None, SHOWN)
    area = partial(service_area_in_words, territories=visit.reference.territories)
    return visit.page(
        "sources/declarations.html",
        mistakes=mistakes,
        items=items,
        following=following,
        is_operator=is_operator,
        area=area,
    )
