"""The maps of the directory: the suppliers that a search finds, or one alone."""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from api.desk.frame.visit import Visit
from api.directory.filters import SupplierQuery
from api.directory.search import placed
from api.drawings import Drawing, Key, Pin, map_drawing
from domain.needs.need import TerritoryRequest
from domain.reference.territory import Area
from domain.suppliers.supplier import Point, Supplier
from domain.text.bilingual import Language, Text
from domain.text.typography import count
from matching.geo.map_sheets import map_sheets
from matching.reference import Reference

FRANCE = "country:FR"
MOST_REGIONS = 4
"""Regions that are the ground of a map; of more, France is."""
ON_THIS_PAGE = Text("Fournisseurs de cette page", "Suppliers of this page")
ON_OTHERS = Text("Fournisseurs des autres pages", "Suppliers of the other pages")
ONE = Text("Ce fournisseur", "This supplier")


class _Spot(NamedTuple):
    """A supplier on a map."""

    at: Point
    pin: Pin
    commune: str | None


async def map_of_search(
    visit: Visit, query: SupplierQuery, areas: Sequence[Area], shown: Sequence[Supplier]
) -> Drawing | None:
    """All suppliers that the search finds, those of the page by another sign; those of the page alone where it finds
    more than can be shown. Each leads to its page. None where no place is known."""
    spots = [_spot(visit, one.id, one.name, one.commune, one.location) for one in shown if one.location]
    ids = {one.id for one in shown}
    spots += [
        _spot(visit, one.id, one.name, one.commune, one.location, standing="on_proof")
        for one in await placed(visit.services, query)
        if one.id not in ids and one.location is not None
    ]
    if not spots:
        return None
    codes = tuple(area.id for area in areas)
    codes = codes or _regions_of({spot.commune for spot in spots if spot.commune}, visit.reference)
    return await _draw(visit, codes, spots, "")


async def map_of_one(visit: Visit, name: str, at: Point, commune: str) -> Drawing:
    """A supplier in the departement of its commune."""
    areas = visit.reference.territories
    around = areas.parents(areas.area(f"commune:{commune}"))
    codes = tuple(area.id for area in around if area.kind == "departement")[:1] or (FRANCE,)
    return await _draw(visit, codes, [_Spot(at, Pin("eligible"), commune)], name)


def _spot(
    visit: Visit,
    id_: UUID,
    name: str,
    commune: str | None,
    at: Point,
    standing: Literal["eligible", "on_proof"] = "eligible",
) -> _Spot:
    town = visit.reference.territories.commune_name(commune) if commune else None
    return _Spot(at, Pin(standing, f"{name}, {town}" if town else name, f"{visit.root}annuaire/{id_}"), commune)


async def _draw(visit: Visit, codes: tuple[str, ...], spots: Sequence[_Spot], title: str) -> Drawing:
    """The map of these suppliers, drawn beside the requests; its legend names the ground."""
    language, points, pins = visit.language, [spot.at for spot in spots], [spot.pin for spot in spots]
    drawn = await visit.work_out(_map, codes, points, pins, title, language)
    areas = visit.reference.territories
    ground = ", ".join(areas.area(code).label for code in codes)
    numbers = {each: sum(pin.standing == each for pin in pins) for each in ("eligible", "on_proof")}
    meanings = [ground]
    for standing, words in (("eligible", ON_THIS_PAGE), ("on_proof", ON_OTHERS)):
        if numbers[standing]:
            number = count(numbers[standing], language)
            meaning = Text(f"{words.fr} : {number}", f"{words.en}: {number}") if pins[0].href else ONE
            meanings.append(meaning.to(language))
    keys = [Key(key.sign, text) for key, text in zip(drawn.keys, meanings, strict=False)]
    return drawn._replace(keys=tuple(keys))


def _map(
    reference: Reference,
    codes: tuple[str, ...],
    points: Sequence[Point],
    pins: Sequence[Pin],
    title: str,
    language: Language,
) -> Drawing:
    sheets = map_sheets(reference.geography, [TerritoryRequest(codes=codes)], [], points)
    return map_drawing(pins, title, language, sheets)


def _regions_of(communes: Collection[str], reference: Reference) -> tuple[str, ...]:
    """The regions of these communes; France where they are many, or a commune is in none."""
    areas = reference.territories
    found = {
        parent.id
        for code in communes
        for parent in areas.parents(areas.area(f"commune:{code}"))
        if parent.kind == "region"
    }
    return tuple(sorted(found)) if 0 < len(found) <= MOST_REGIONS else (FRANCE,)
