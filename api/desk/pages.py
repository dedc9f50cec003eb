"""The pages of the buyer's desk, which are no routes of the API and not in its document."""

from litestar.handlers import HTTPRouteHandler

from api.desk import (
    allotment_page,
    need_page,
    outline_page,
    result_page,
    sign_in,
    territory_page,
)

PAGES: tuple[HTTPRouteHandler, ...] = (
    *sign_in.PAGES,
    *need_page.PAGES,
    *allotment_page.PAGES,
    *outline_page.PAGES,
    *result_page.PAGES,
    *territory_page.PAGES,
)
