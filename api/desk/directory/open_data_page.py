"""The page of where the data come from: each source with its licence and credit, and the package of the open ones."""

from typing import Any

from litestar import Response

from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.directory.open_data import answer_with_package
from db.core.engine import transaction
from db.suppliers.sources import all_settings
from domain.suppliers.open_data import LICENCES, open_licence


@page("GET", "/donnees", scope=("match", "needs", "read", "sync", "admin"))
async def show_data_rights(visit: Visit) -> Response[bytes]:
    """The sources of the directory with licence and credit, and which of them the open data package has."""
    async with transaction(visit.services.database) as connection:
        found = await all_settings(connection)
    return visit.page(
        "directory/open_data.html",
        sources=[(each, open_licence(each.licence)) for each in found],
        licences=LICENCES,
        may_read=visit.call.bearer.may("read", "admin"),
    )


@page("GET", "/donnees/vivier.zip", scope=("read", "admin"))
async def get_package(visit: Visit) -> Response[Any]:
    """The open data package, as the API gives it."""
    return await answer_with_package(visit.call)
