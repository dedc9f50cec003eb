"""The pages of the buyer's desk, which are no routes of the API and not in its document."""

from litestar.handlers import HTTPRouteHandler

from api.desk import (
    accessibility_page,
    admin_pages,
    directory_page,
    need_page,
    provider_sign_in,
    result_page,
    sign_in,
    source_pages,
    territory_page,
)

PAGES: tuple[HTTPRouteHandler, ...] = (
    *sign_in.PAGES,
    *provider_sign_in.PAGES,
    *need_page.PAGES,
    *result_page.PAGES,
    *territory_page.PAGES,
    *directory_page.PAGES,
    *source_pages.PAGES,
    *admin_pages.PAGES,
    *accessibility_page.PAGES,
)
