"""The pages of the buyer's desk, which are no routes of the API and not in its document."""

from litestar.handlers import HTTPRouteHandler

from api.desk import (
    declared_offer_page,
    equal_treatment_page,
    exchanges_page,
    meetings_page,
    need_page,
    new_exchange_page,
    result_page,
    sign_in,
    territory_page,
)

PAGES: tuple[HTTPRouteHandler, ...] = (
    *sign_in.PAGES,
    *need_page.PAGES,
    *result_page.PAGES,
    *territory_page.PAGES,
    *exchanges_page.PAGES,
    *new_exchange_page.PAGES,
    *equal_treatment_page.PAGES,
    *meetings_page.PAGES,
    *declared_offer_page.PAGES,
)
