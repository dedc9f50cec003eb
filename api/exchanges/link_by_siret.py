"""The page for suppliers without a link: by the code of a letter, or by a SIRET, to the address that is on file.

Whatever a SIRET is, the answer is the same and takes as long: it is noted, answered, and looked up afterwards, one
after the other. What comes of it is neither told nor logged; the journal notes the links that were made.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Literal

import msgspec
import structlog
from litestar import Response

from api.declarations.browser_pages import REFUSAL, page_endpoint
from api.declarations.declare import follow_page_link, mail_page_link
from api.declarations.link_pages import answered_privately, render_page
from api.exchanges.email import email_sender_of
from api.people_settings import ADDRESS
from api.runtime.endpoint import Call
from api.runtime.index.live_index import running
from api.runtime.rate_limits import HOUR, Limit, caller_of
from api.runtime.services import Services
from api.web import html_pages
from api.web.content_negotiation import FORM, HTML
from api.web.problems import Refusal
from api.web.request_body import require_media
from db.api_keys import ensure_organisation
from db.core.engine import Connection, transaction
from db.declarations.declarations import select_declaration
from db.declarations.links import emails_of, revoked_among, was_mailed_to
from db.suppliers.read import Filters, page_of_suppliers
from domain.declarations.declaration import CODE_LENGTH, code_in
from domain.journal import Actor
from domain.organisation import DEFAULT_ORGANISATION
from domain.suppliers.supplier import SIRET_DIGITS
from domain.text.bilingual import Text, said_by

LINKS_BY_SIRET = Limit("link-by-siret", 10, HOUR)
"""SIRETs that are given from one address, known or not."""
MAILED_AGAIN_AFTER = timedelta(days=1)
"""The time in which a supplier is sent one link by its SIRET, however often that is given."""
MOST_OF_SIRET = 5
"""Suppliers of one SIRET that are sent a link."""
DEAD_CODE = said_by(__name__)["dead_code"]
NO_CODE = Text(f"Un code a {CODE_LENGTH} lettres et chiffres", f"A code has {CODE_LENGTH} letters and digits")
NO_SIRET = Text(f"Un SIRET a {SIRET_DIGITS} chiffres", f"A SIRET has {SIRET_DIGITS} digits")
LONGEST_BODY, MOST_FIELDS = 8 * 1024, 10

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class StartQuery(msgspec.Struct, frozen=True):
    """The query of the page, in a browser."""

    fait: Literal["demande"] | None = None
    """`demande`: a link was asked for"""


class StartForm(msgspec.Struct, frozen=True):
    """A form of the page: a code, or a SIRET."""

    code: str = ""
    """The short code of a letter"""
    siret: str = ""
    """14 digits, with or without spaces"""


@page_endpoint("GET", "/fiche", answers={HTML: str}, problems=())
@answered_privately(REFUSAL)
async def get_supplier_entry(call: Call, query: StartQuery) -> Response[bytes]:
    """The page for suppliers without a link, who have a code or give their SIRET."""
    return _start_page(call, asked=query.fait is not None)


@page_endpoint("POST", "/fiche", answers={HTML: str}, status=303, takes={FORM: StartForm})
@answered_privately(REFUSAL)
async def create_link_request(call: Call) -> Response[bytes]:
    """Open a supplier's own page by a code, or ask for a link by a SIRET.

    A code leads to the page (303). For a SIRET a link goes to the address on file, if there is one: the answer is the
    same whether there is one or not, and whether the SIRET is known or not. 422: the page, with what is to correct.
    """
    if call.headers.get("content-type"):
        require_media(call.headers, (FORM,))
    fields, _ = await html_pages.read_form(call, LONGEST_BODY, MOST_FIELDS, call.share_of_body)
    form = StartForm(**{name: fields.get(name, [""])[-1][:40] for name in StartForm.__struct_fields__})
    return await (_open_by_code(call, form) if form.code else _ask_by_siret(call, form))


async def _open_by_code(call: Call, form: StartForm) -> Response[bytes]:
    """The redirect to the page that a code opens; the form again where it opens none. Raises Refusal (429)."""
    code = code_in(form.code)
    if code is None:
        return _start_page(call, form, ("code", NO_CODE))
    try:
        async with follow_page_link(call, code):
            return _redirect(f"fiche/{code}")
    except Refusal as refusal:
        if refusal.kind.slug != "not-found":
            raise
    return _start_page(call, form, ("code", DEAD_CODE))


async def _ask_by_siret(call: Call, form: StartForm) -> Response[bytes]:
    """The answer to whoever gives a SIRET, the same for all. Raises Refusal (429)."""
    siret = "".join(form.siret.split())
    if not (len(siret) == SIRET_DIGITS and siret.isascii() and siret.isdecimal()):
        return _start_page(call, form, ("siret", NO_SIRET))
    # a page of another site cannot have its visitors ask
    if call.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}:
        call.services.limits.take(LINKS_BY_SIRET, caller_of(call.scope))
        with suppress(asyncio.QueueFull):
            call.services.asked_sirets.put_nowait(siret)
    return _redirect("fiche?fait=demande")


def _redirect(path: str) -> Response[bytes]:
    return Response(b"", status_code=303, media_type=HTML, headers={"location": path})


def _start_page(
    call: Call, form: StartForm | None = None, mistake: tuple[str, Text] | None = None, *, asked: bool = False
) -> Response[bytes]:
    told = mistake and (mistake[0], mistake[1].to(call.language))
    shown: dict[str, Any] = {"asked": asked, "mistake": told, "contact": call.services.settings.contact}
    shown["can_send"] = email_sender_of(call.services) is not None
    form = form or StartForm()
    status = 422 if mistake else 200
    return render_page("fiche_start.html", status, call.language, code=form.code, siret=form.siret, **shown)


@asynccontextmanager
async def links_by_siret(services: Services) -> AsyncIterator[None]:
    """The part of the application that has links sent to the addresses on file of SIRETs that were given."""

    async def send_links() -> None:
        while True:
            siret = await services.asked_sirets.get()
            try:
                async with transaction(services.database) as connection:
                    await queue_links(connection, services, siret)
            except Exception:
                log.exception("a link asked for by a SIRET was not sent")
            finally:
                services.asked_sirets.task_done()

    async with running(send_links()):
        yield


async def queue_links(connection: Connection, services: Services, siret: str) -> None:
    """Queue an e-mail with a link to each supplier of a SIRET that has an address, unless one was asked for lately.

    Where the supplier declared the address itself, one goes to that of the other sources too: whoever had its link and
    declared for it would else be the only one to hear of it. All are within the e-mails of a day of the organisation
    `default`, in whose name they go; what exceeds them is dropped.
    """
    if email_sender_of(services) is None:
        return
    now = services.now()
    organisation_id = await ensure_organisation(connection, DEFAULT_ORGANISATION, now)
    for each in await page_of_suppliers(connection, Filters(siret=siret), None, MOST_OF_SIRET):
        supplier = each.supplier
        if await was_mailed_to(connection, supplier.id, now - MAILED_AGAIN_AFTER, "asked"):
            continue
        said = await select_declaration(connection, supplier.id, services.today())
        declared = said and said.declaration
        # who held a link that was revoked would get another one
        is_void = said and (not declared or declared.expired or await revoked_among(connection, [said.sending.link_id]))
        emails = await emails_of(connection, supplier.id, None if is_void else declared)
        for email in filter(ADDRESS.fullmatch, emails):
            actor = Actor(organisation_id, "reply_link", supplier.id)
            await mail_page_link(connection, services, actor, supplier.id, email, "asked")
