"""The accessibility statement, with whom to tell of an obstacle, and the site map."""

from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.sessions import client_of_session
from api.desk.frame.visit import Visit


@page("GET", "/accessibilite", scope=None)
async def show_accessibility(visit: Visit) -> Response[bytes]:
    """The statement, with the contact of the settings."""
    await _know(visit)
    return visit.page("accessibility.html", contact=visit.services.settings.contact)


@page("GET", "/plan", scope=None)
async def show_site_map(visit: Visit) -> Response[bytes]:
    """The pages that the visitor may open."""
    await _know(visit)
    return visit.page("site_map.html")


async def _know(visit: Visit) -> None:
    """Show the menu to whoever is signed in."""
    if visit.new_token is None:
        visit.client = await client_of_session(visit.services, visit.token, visit.call.scope)


PAGES = (show_accessibility, show_site_map)
