"""A supplier's own page in a browser: shown, and its form carried out as `PUT` and `DELETE` are.

The form bears no token against forgery: whoever knows its address has the link, which is all it takes to write.
"""

from collections.abc import Iterable
from functools import partial
from typing import Literal

import msgspec
from litestar import Response

from api.declarations.declare import (
    PAGE_READINGS,
    SupplierPageDocument,
    declare_by_link,
    follow_page_link,
    supplier_page,
    tell_wish,
    withdraw_by_link,
)
from api.declarations.link_pages import answered_privately
from api.declarations.page import PageOfSupplier, declaration_page
from api.declarations.page_form import (
    SEARCH,
    WITHDRAW,
    DeclarationForm,
    Understood,
    declaration_of_form,
    read_declaration_form,
    understand_form,
)
from api.runtime.endpoint import Call, endpoint
from api.web import html_pages
from api.web.content_negotiation import FORM, HTML
from api.web.request_body import require_media
from db.campaigns.campaigns import segments_asked_by
from db.core.engine import Connection
from db.declarations.links import FollowedLink
from db.suppliers.read import sources_of_approvals
from db.suppliers.sources import source_labels
from domain.errors import InvalidContent
from matching.unknown_trade import likely_trades

page_endpoint = partial(endpoint, tag="Supplier pages", scope=None, problems=("too-many-requests", "database-away"))
REFUSAL = "fiche_refusal.html"
LONGEST_BODY, MOST_FIELDS = 512 * 1024, 2_500
Event = Literal["envoi", "retrait", "silence"]


class PageQuery(msgspec.Struct, frozen=True):
    """The query of a supplier's own page, in a browser."""

    fait: Event | None = None
    """What was just done, to be told on the page"""


async def shown_page(call: Call, connection: Connection, link: FollowedLink) -> PageOfSupplier:
    """All that the page of a link shows. Raises Refusal (429) to one who reads too often."""
    shown = await supplier_page(call, connection, link)
    wanted = await segments_asked_by(connection, link.id)
    return await page_of_document(call, connection, shown, link.organisation, wanted)


async def page_of_document(
    call: Call, connection: Connection, shown: SupplierPageDocument, asking: str, wanted: Iterable[str] = ()
) -> PageOfSupplier:
    """The page of a supplier; `asking`: the organisation that asks it, `wanted`: segments that it asks about."""
    services, supplier = call.services, shown.supplier
    of_kinds = await sources_of_approvals(connection, supplier.id)
    named = {each.source for each in supplier.sources} | {*(supplier.provenance or {}).values()} | {*of_kinds}
    parts = (supplier.size.staff, supplier.size.places)
    named |= {part.source for part in parts if part and part.source}
    return PageOfSupplier(
        shown,
        likely_trades(supplier, wanted, services.directory.index, services.reference),
        services.reference,
        services.today(),
        await source_labels(connection, named),
        of_kinds,
        asking,
        call.language,
    )


async def page_in_browser(call: Call, token: str, event: Event | None) -> Response[bytes]:
    """The page of a link. Raises Refusal (404, 429)."""
    async with follow_page_link(call, token) as (connection, link):
        return declaration_page(await shown_page(call, connection, link), event=event or "")


@page_endpoint("POST", "/fiche/{token}", answers={HTML: str}, status=(303, 200), takes={FORM: DeclarationForm})
@answered_privately(REFUSAL)
async def update_supplier_page(call: Call, token: str) -> Response[bytes]:
    """Carry out the form of a supplier's own page.

    Its declaration is stored as by `PUT`, and the page then shows what buyers will find (303). Where something is to be
    corrected it is the page again (422), where words or a place are to be looked up the page with what they may mean
    (200). The other buttons withdraw the declaration, or say whether the supplier may be asked again. The page's script
    sends that somebody reads it (200, empty).
    """
    require_media(call.headers, (FORM,))
    fields, _ = await html_pages.read_form(call, LONGEST_BODY, MOST_FIELDS, call.share_of_body)
    wish = fields.get("faire", [""])[-1]
    if wish == "vue":  # from the page's script, once its reader touches, types or scrolls
        async with follow_page_link(call, token) as (_, link):
            call.services.limits.take(PAGE_READINGS, link.id)
            return Response(b"", status_code=200, media_type=HTML)
    understood = understand_form(read_declaration_form(fields), call.services.reference)
    if wish == SEARCH:
        async with follow_page_link(call, token) as (connection, link):
            return declaration_page(await shown_page(call, connection, link), understood, searched=True)
    try:
        event = await _carry_out_wish(call, token, wish, understood)
    except InvalidContent as wrong:
        async with follow_page_link(call, token) as (connection, link):
            page = await shown_page(call, connection, link)
        return declaration_page(page, understood, status=422, problems=wrong.problems)
    # relative to the address that the form was sent to, so that no proxy's prefix is lost
    return Response(b"", status_code=303, media_type=HTML, headers={"location": f"?fait={event}#fait"})


async def _carry_out_wish(call: Call, token: str, wish: str, understood: Understood) -> Event:
    """Do what a button of the page asks for; returns what was done. Raises InvalidContent, Refusal (404, 429)."""
    async with follow_page_link(call, token, lock=True) as (connection, link):
        if wish == WITHDRAW:
            await withdraw_by_link(call, connection, link)
            return "retrait"
        if wish in {"silence", "parler"}:
            await tell_wish(call, connection, link, ask_again=wish == "parler")
            return "silence"
        before = (await supplier_page(call, connection, link)).declaration
        await declare_by_link(call, connection, link, declaration_of_form(understood, before))
        return "envoi"
