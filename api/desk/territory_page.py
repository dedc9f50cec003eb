"""The page of what a territory has: its suppliers by trade, as `GET /supply` counts them, before there is a need."""

import msgspec
from litestar import Response

from api.desk.need_page import KINDS_OF_PLACE, departements_around
from api.desk.page import page
from api.desk.understood_place import found_by_name
from api.desk.visit import Visit
from api.supply import SupplyQuery, answered
from api.web.content_negotiation import JSON
from domain.errors import NotFound
from domain.reference.territory import UnknownTerritory
from domain.supply import Supply


@page("GET", "/territoires", scope="match")
async def find_territory(visit: Visit) -> Response[bytes]:
    """The form to name a territory, with those that the name may mean; the way to the only one."""
    name = visit.text("lieu")[:100]
    found = found_by_name(name, visit.services.reference) if name else ()
    if len(found) == 1:
        return visit.redirect(f"/territoires/{found[0].id}")
    parents = departements_around(found, visit.services.reference.territories)
    return visit.page("territories.html", name=name, found=found, kinds_of_place=KINDS_OF_PLACE, parents=parents)


@page("GET", "/territoires/{code}", scope="match")
async def show_territory(visit: Visit, code: str) -> Response[bytes]:
    """The supply of a territory as a table with bars."""
    try:
        area = visit.services.reference.territories.area(code)
    except UnknownTerritory as unknown:
        raise NotFound(unknown.detail) from None
    _, answer = await answered(visit.call, SupplyQuery(territory=(area.id,)), JSON)
    supply = msgspec.json.decode(answer, type=Supply)
    items = sorted(supply.items, key=lambda each: (-each.suppliers, each.label))
    return visit.page(
        "territory.html",
        area=area,
        supply=supply,
        present=[each for each in items if each.suppliers],
        absent=[each for each in items if not each.suppliers],
        most=max((each.suppliers for each in items), default=0),
    )


PAGES = (find_territory, show_territory)
