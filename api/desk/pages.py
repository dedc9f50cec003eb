"""The pages of the buyer's desk, which are no routes of the API and not in its document."""

from litestar.handlers import HTTPRouteHandler

from api.desk import (
    allotment_page,
    awards_page,
    change_need_page,
    decisions_page,
    equal_treatment_page,
    exchanges_page,
    journal_page,
    meetings_page,
    need_page,
    needs_page,
    new_exchange_page,
    one_need_page,
    outline_page,
    provider_sign_in,
    report_page,
    result_page,
    sign_in,
    territory_page,
    versions_page,
)

PAGES: tuple[HTTPRouteHandler, ...] = (
    *sign_in.PAGES,
    *provider_sign_in.PAGES,
    *need_page.PAGES,
    *allotment_page.PAGES,
    *outline_page.PAGES,
    *result_page.PAGES,
    *territory_page.PAGES,
    *needs_page.PAGES,
    *one_need_page.PAGES,
    *change_need_page.PAGES,
    *versions_page.PAGES,
    *decisions_page.PAGES,
    *awards_page.PAGES,
    *report_page.PAGES,
    *journal_page.PAGES,
    *exchanges_page.PAGES,
    *new_exchange_page.PAGES,
    *equal_treatment_page.PAGES,
    *meetings_page.PAGES,
)
