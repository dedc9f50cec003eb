"""Routes of a supplier's own page, which open by the secret of a link and without a key."""

import msgspec
from litestar import Response

from api.declarations.browser_pages import LONGEST_BODY, REFUSAL, PageQuery, page_endpoint, page_in_browser
from api.declarations.declare import (
    NOTHING_DECLARED,
    DeclarationReceipt,
    SupplierPageDocument,
    declare_by_link,
    follow_page_link,
    supplier_page,
    withdraw_by_link,
)
from api.declarations.link_pages import answered_privately
from api.runtime.endpoint import Call
from api.web.content_negotiation import HTML, JSON
from api.web.request_body import JsonBody, require_media
from domain.declarations.declaration import Declaration
from domain.errors import NotFound


@page_endpoint("GET", "/fiche/{token}", answers={JSON: SupplierPageDocument, HTML: str})
@answered_privately(REFUSAL)
async def get_supplier_page(call: Call, token: str, query: PageQuery) -> Response[bytes]:
    """Read what is known of a supplier, and what it said itself, by the link to its page.

    The token, or the short code of a letter, is the right to speak for this one supplier. 404 where it is unknown,
    expired or revoked. A page with a form for browsers (`Accept: text/html`), in French or, with
    `Accept-Language: en`, in English; JSON for all else.
    """
    if call.media_type == HTML:
        return await page_in_browser(call, token, query.fait)
    async with follow_page_link(call, token) as (connection, link):
        return _json(await supplier_page(call, connection, link))


@page_endpoint(
    "PUT",
    "/fiche/{token}",
    answers=DeclarationReceipt,
    takes={JSON: Declaration},
    problems=("too-many-requests", "unknown-segment", "unknown-territory", "too-many-vertices", "database-away"),
)
@answered_privately(REFUSAL)
async def put_declaration(call: Call, token: str) -> Response[bytes]:
    """Say what the supplier does, in place of all it said before.

    Stored as its record of the source `declarations`: its offers are `declared` by the supplier, and every server
    matches them within a second, until `valid_until`. It changes neither name nor SIRET, kinds, approvals, statute or
    place. `words` and `references` are kept beside it and shown to nobody as facts. 429 to a link that sends very often
    in a day.
    """
    require_media(call.headers, (JSON,))
    body = await JsonBody(Declaration).read(call, LONGEST_BODY, call.share_of_body)
    async with follow_page_link(call, token, lock=True) as (connection, link):
        return _json(await declare_by_link(call, connection, link, body))


@page_endpoint("DELETE", "/fiche/{token}", answers=None, status=204)
@answered_privately(REFUSAL)
async def delete_declaration(call: Call, token: str) -> Response[bytes]:
    """Take back what the supplier said: it is found as before it said anything. 404 where it says nothing."""
    async with follow_page_link(call, token, lock=True) as (connection, link):
        if await withdraw_by_link(call, connection, link) is None:
            raise NotFound(NOTHING_DECLARED)
        return Response(b"", status_code=204)


def _json(document: msgspec.Struct) -> Response[bytes]:
    return Response(msgspec.json.encode(document), media_type=JSON)
