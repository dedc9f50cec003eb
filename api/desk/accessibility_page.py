"""The accessibility statement: what was tried of the pages, how, what was not, and whom to tell of an obstacle."""

from litestar import Response

from api.desk.page import page
from api.desk.visit import Visit


@page("GET", "/accessibilite", scope=None)
async def show_accessibility(visit: Visit) -> Response[bytes]:
    """The statement, with the contact of the settings."""
    return visit.page("accessibility.html", contact=visit.services.settings.contact)


PAGES = (show_accessibility,)
