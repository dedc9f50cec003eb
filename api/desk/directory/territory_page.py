"""The page of what a territory has: its suppliers by trade, as `GET /supply` counts them, before there is a need."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar import Response

from api.desk.directory.territory_map import AreaMap, map_of_areas
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.need_page import KINDS_OF_PLACE, departements_around
from api.desk.need.understood_place import found_by_name
from api.supply import MOST_AREAS, SupplyQuery, answered
from api.web.content_negotiation import JSON
from domain.errors import NotFound
from domain.law.review import OPTIONS
from domain.reference.territory import Area, UnknownTerritory
from domain.shortlists.shortlist import TensionLevel
from domain.supply import SegmentSupply, Supply
from domain.text.normalise import fold
from matching.explain import tension_level
from matching.supply import Level

LEVELS: tuple[TensionLevel, ...] = ("good", "low", "critical", "none")
MOST_TOGETHER = 20
LONGEST_NAME = 100


class Remaining(NamedTuple):
    """The number of trades of a territory under a reservation, by the competition that it leaves."""

    reserved: str
    good: int
    low: int
    critical: int
    none: int


@page("GET", "/territoires", scope="match")
async def find_territory(visit: Visit) -> Response[bytes]:
    """The form to name a territory, with those that the name may mean; the way to the only one."""
    name = visit.text("lieu")[:LONGEST_NAME]
    found = found_by_name(name, visit.services.reference) if name else ()
    if len(found) == 1:
        return visit.redirect(f"/territoires/{found[0].id}")
    territories = visit.services.reference.territories
    return visit.page(
        "directory/territories.html",
        name=name,
        found=found,
        kinds_of_place=KINDS_OF_PLACE,
        parents=departements_around(found, territories),
        regions=sorted(territories.areas("region"), key=lambda area: fold(area.label)),
    )


@page("GET", "/territoires/{code}", scope="match")
async def show_territory(visit: Visit, code: str) -> Response[bytes]:
    """The supply of a territory, and of those named with it (`avec`), as tables, bars and a map."""
    areas = _areas(visit, (code, *visit.fields.get("avec", ())))
    name = visit.text("lieu")[:LONGEST_NAME]
    found = found_by_name(name, visit.services.reference) if name else ()
    if len(found) == 1:
        return visit.redirect(_path(list({area.id: area for area in (*areas, *found)}.values())))
    codes = tuple(area.id for area in areas)
    _, answer = await answered(visit.call, SupplyQuery(territory=codes), JSON)
    supply = msgspec.json.decode(answer, type=Supply)
    items = sorted(supply.items, key=lambda each: (-each.suppliers, each.label))
    present = [each for each in items if each.suppliers]
    reserved, levels = visit.text("reserve"), _levels(areas)
    segment = next((each for each in present if each.segment == visit.text("metier")), None)
    level = next((each for each in levels if each == visit.text("niveau")), levels[0] if levels else None)
    mapped = await map_of_areas(visit.call, codes, level, segment.segment if segment else None) if level else None
    return visit.page(
        "directory/territory.html",
        areas=areas,
        paths_without=[_path([each for each in areas if each is not area]) for area in areas if len(areas) > 1],
        name=name,
        found=found,
        paths_with=[_path([*areas, each]) for each in found],
        kinds_of_place=KINDS_OF_PLACE,
        parents=departements_around(found, visit.services.reference.territories),
        supply=supply,
        present=present,
        absent=[each for each in items if not each.suppliers],
        most=max((each.suppliers for each in items), default=0),
        remaining=list(_remaining(present)),
        options=OPTIONS,
        reserved=reserved if reserved in OPTIONS else "",
        levels=levels,
        level=level,
        segment=segment,
        map=mapped,
        areas_in_order=_most_first(mapped),
        of_need=[("territoire", each) for each in codes],
        download=urlencode([("territory", each) for each in codes]),
        file_name="-".join(each.replace(":", "-") for each in codes)[:LONGEST_NAME],
    )


def _areas(visit: Visit, codes: Sequence[str]) -> list[Area]:
    """The territories of these codes, each once. Raises NotFound for the first that is unknown."""
    try:
        areas = [visit.services.reference.territories.area(code) for code in codes[:MOST_TOGETHER]]
    except UnknownTerritory as unknown:
        raise NotFound(unknown.detail) from None
    return list({area.id: area for area in areas}.values())


def _path(areas: Sequence[Area]) -> str:
    first, *others = areas
    query = urlencode([("avec", area.id) for area in others], safe=":")
    return f"/territoires/{first.id}" + (f"?{query}" if query else "")


def _levels(areas: Sequence[Area]) -> tuple[Level, ...]:
    """The areas by which these territories can be drawn: the first that says something of them, first."""
    communes = len({ordinal for area in areas for ordinal in area.communes})
    if communes < 2:
        return ()
    if communes > MOST_AREAS:
        return ("epci",)
    return ("commune", "epci") if all(area.kind in {"commune", "epci"} for area in areas) else ("epci", "commune")


def _remaining(present: Sequence[SegmentSupply]) -> Iterator[Remaining]:
    for option in OPTIONS:
        levels = [tension_level(getattr(each.reserved, option), 0) for each in present]
        yield Remaining(option, *(levels.count(level) for level in LEVELS))


def _most_first(mapped: AreaMap | None) -> list[tuple[str, str, int]]:
    """The areas of a map, each with its id and number, the greatest first."""
    if mapped is None:
        return []
    rows = [(each.id, each.label, number) for each, number in zip(mapped.areas, mapped.numbers, strict=True)]
    return sorted(rows, key=lambda row: (-row[2], row[1]))


PAGES = (find_territory, show_territory)
