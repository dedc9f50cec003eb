"""The pages of the buyer's desk, which are no routes of the API and not in its document."""

from litestar.handlers import HTTPRouteHandler

from api.desk import sign_in, site_pages
from api.desk.admin import admin_pages
from api.desk.answer import allotment_page, result_page
from api.desk.directory import directory_page, territory_page
from api.desk.need import need_page
from api.desk.record import (
    awards_page,
    decisions_page,
    journal_page,
    needs_page,
    one_need_page,
    versions_page,
)
from api.desk.sources import source_pages
from api.desk.talk import declared_offer_page, equal_treatment_page, exchanges_page, meetings_page, new_exchange_page

PAGES: tuple[HTTPRouteHandler, ...] = (
    *sign_in.PAGES,
    *need_page.PAGES,
    *allotment_page.PAGES,
    *result_page.PAGES,
    *territory_page.PAGES,
    *needs_page.PAGES,
    *one_need_page.PAGES,
    *versions_page.PAGES,
    *decisions_page.PAGES,
    *awards_page.PAGES,
    *journal_page.PAGES,
    *exchanges_page.PAGES,
    *new_exchange_page.PAGES,
    *equal_treatment_page.PAGES,
    *meetings_page.PAGES,
    *directory_page.PAGES,
    *source_pages.PAGES,
    *admin_pages.PAGES,
    *declared_offer_page.PAGES,
    *site_pages.PAGES,
)
