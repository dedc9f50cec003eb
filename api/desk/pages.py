"""All pages of the buyer's desk; the site map, the accessibility statement, stylesheets and scripts."""

import sys
from pathlib import Path

from litestar import Response

from api.desk import (
    allotment_pages,
    answer_pages,
    answer_selection,
    embedded_page,
    invited_people,
    purchases_pages,
    sign_in,
)
from api.desk.admin import admin_pages
from api.desk.directory import directory_page, territory_page
from api.desk.frame.layout import MEDIA_TYPES, YEAR, asset_path, assets
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, client_of_session
from api.desk.need import need_page
from api.desk.record import decisions_page, journal_page, notice_page, stored_need, versions_page
from api.desk.sources import declaration_pages, source_pages
from api.desk.talk import (
    campaigns_page,
    equal_treatment_page,
    exchanges_page,
    mail_choices_page,
    meetings_page,
    new_exchange_page,
    note_pages,
)
from api.runtime.endpoint import handlers_in
from domain.errors import NotFound
from domain.text.bilingual import Text


@page("GET", "/accessibilite", scope=None)
async def show_accessibility(visit: Visit) -> Response[bytes]:
    """The accessibility statement, with the operator and the contact that the settings name."""
    return await _page_for_all(visit, "accessibility.html")


@page("GET", "/mentions", scope=None)
async def show_legal_notice(visit: Visit) -> Response[bytes]:
    """The operator of this server, what is kept of persons and for how long, and the address to write to."""
    return await _page_for_all(visit, "legal_notice.html")


@page("GET", "/plan", scope=None)
async def show_site_map(visit: Visit) -> Response[bytes]:
    """The pages that the visitor may open."""
    return await _page_for_all(visit, "site_map.html")


async def _page_for_all(visit: Visit, template: str) -> Response[bytes]:
    """The page of a template that reads the settings, with the menu of whoever has a session."""
    if visit.new_token is None:
        visit.client = await client_of_session(visit.services, visit.token, visit.call.scope)
    return visit.page(template, settings=visit.services.settings)


@page("GET", "/bureau/{digest}/{name}", scope=None)
async def get_asset(visit: Visit, digest: str, name: str) -> Response[bytes]:
    """A stylesheet or script; cached for a year where its path is the current one."""
    visit.new_token = None
    if name not in assets():
        raise NotFound(Text("Aucun fichier de ce nom", "No file of this name"))
    is_current = asset_path(name) == f"bureau/{digest}/{name}"
    caching = f"public, max-age={YEAR}, immutable" if is_current else "no-cache"
    headers = {"cache-control": caching, "vary": "accept-encoding"}
    return Response(assets()[name], media_type=MEDIA_TYPES[Path(name).suffix], headers=headers)


MODULES = (
    *(
        sign_in,
        invited_people,
        need_page,
        answer_pages,
        answer_selection,
        allotment_pages,
        purchases_pages,
        embedded_page,
    ),
    *(territory_page, directory_page),
    *(stored_need, versions_page, decisions_page, notice_page, journal_page),
    campaigns_page,
    *(exchanges_page, new_exchange_page, equal_treatment_page, meetings_page, note_pages),
    mail_choices_page,
    *(source_pages, declaration_pages, admin_pages, sys.modules[__name__]),
)
PAGES = handlers_in(MODULES)
