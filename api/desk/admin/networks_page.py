"""The pages of networks and facilitators: whom to call, and the table that the operator keeps."""

from http import HTTPStatus
from typing import get_args

from litestar import Response

from api.admin.networks import keep_networks, networks_for, networks_in_table
from api.desk.frame.layout import SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.runtime.actor import actor_of
from db.core.engine import transaction
from domain.errors import InvalidContent, Problem
from domain.needs.need import Reserved
from domain.networks import NETWORK_KINDS


@page("GET", "/reseaux", scope=("match", "needs"))
async def show_networks_to_call(visit: Visit) -> Response[bytes]:
    """The networks to call about the territories and reservations of the query."""
    codes = visit.fields.get("lieu", ())
    reserved = [each for each in get_args(Reserved) if each in visit.fields.get("reserve", ())]
    async with transaction(visit.services.database) as connection:
        found = await networks_for(connection, visit.reference.territories, codes, reserved)
    labels = [visit.reference.territories.area(code).label for code in codes]
    return visit.page(
        "admin/networks_to_call.html", networks=found, kinds=NETWORK_KINDS, places=labels, reserved=reserved
    )


@page("GET", "/admin/reseaux", scope="platform")
async def show_networks(visit: Visit) -> Response[bytes]:
    """All networks, and the form that replaces them."""
    return await _networks_page(visit)


@page("POST", "/admin/reseaux", scope="platform", files=True)
async def replace_networks(visit: Visit) -> Response[bytes]:
    """Store the uploaded table in place of all networks; the page with what is wrong in it."""
    file = visit.files.get("fichier")
    try:
        if file is None:
            raise InvalidContent((Problem("", "missing", SAID["no_source_file"]),))
        networks, now = networks_in_table(file.content), visit.services.now()
        async with transaction(visit.services.database) as connection:
            actor = actor_of(visit.call.bearer)
            await keep_networks(connection, visit.reference.territories, networks, actor, now)
    except InvalidContent as wrong:
        return await _networks_page(visit, wrong)
    return visit.redirect("/admin/reseaux?fait=reseaux")


async def _networks_page(visit: Visit, wrong: InvalidContent | None = None) -> Response[bytes]:
    """The page of all networks, with what is wrong in a table that was refused."""
    async with transaction(visit.services.database) as connection:
        found = await networks_for(connection, visit.reference.territories, (), ())
    status = HTTPStatus.OK if wrong is None else HTTPStatus.UNPROCESSABLE_ENTITY
    refused = () if wrong is None else wrong.problems
    return visit.page("admin/networks.html", status=status, networks=found, kinds=NETWORK_KINDS, refused=refused)
