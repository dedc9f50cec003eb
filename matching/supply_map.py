"""The communes or EPCI of a territory with the suppliers that stand in each."""

from collections.abc import Iterable
from typing import Literal

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from domain.supply import AreaFeature, AreaFeatureCollection, AreaSupply
from matching.geo.territory import Bools, Geography
from matching.supplier_columns import Ordinals
from matching.supply import SupplySearch, sum_known

Level = Literal["commune", "epci"]


def areas_within(ground: Bools, level: Level, geography: Geography) -> dict[int, str]:
    """The code of the area in which each commune is, by its ordinal; `ground` says which communes are meant.

    A commune of no EPCI stands for itself.
    """
    found = {}
    for ordinal in np.flatnonzero(ground).tolist():
        commune = geography.territories.communes[ordinal]
        epci = commune.epci if level == "epci" else None
        found[ordinal] = f"epci:{epci}" if epci else f"commune:{commune.code}"
    return found


def supply_map(
    search: SupplySearch, segments: Iterable[str], level: Level, geography: Geography
) -> AreaFeatureCollection:
    """The areas of a territory with their outlines, in the order of their codes."""
    features = []
    for each in area_supplies(search, segments, level, geography):
        outline = geography.outline(geography.territories.area(each.id))
        features.append(AreaFeature(each.id, msgspec.Raw(outline.geometry if outline else b"null"), each))
    return AreaFeatureCollection(tuple(features))


def area_supplies(
    search: SupplySearch, segments: Iterable[str], level: Level, geography: Geography
) -> list[AreaSupply]:
    """The suppliers that stand in each area of a territory, in the order of the codes.

    Each supplier of the territory counts in one of them, so that the counts of all add up to those of the territory,
    also where an EPCI goes beyond it.
    """
    area_ids = areas_within(search.territory.ground, level, geography)
    ids = sorted(set(area_ids.values()))
    places = {area_id: place for place, area_id in enumerate(ids)}
    place_of_commune = {ordinal: places[area_id] for ordinal, area_id in area_ids.items()}
    standing, columns = search.standing, search.live.base.columns
    communes = _communes_of(search, standing, geography).tolist()
    place = np.array([place_of_commune[commune] for commune in communes], dtype=np.int64)
    by_ordinal = np.zeros(columns.capacity, dtype=np.int64)
    by_ordinal[standing] = place
    local = {}
    for code in segments:
        here = search.local_of(search.answering(code).ordinals)
        local[code] = np.bincount(by_ordinal[here], minlength=len(ids)).tolist()
    found = []
    for number, area_id in enumerate(ids):
        some = standing[place == number]
        counts = {code: of_areas[number] for code, of_areas in local.items() if of_areas[number]}
        label = geography.territories.area(area_id).label
        found.append(AreaSupply(area_id, label, len(some), *sum_known(columns.employees[some]), counts))
    return found


def _communes_of(search: SupplySearch, standing: Ordinals, geography: Geography) -> NDArray[np.int64]:
    """The commune of the territory, by ordinal, in which each supplier stands: on its border, the nearest one."""
    within = np.flatnonzero(search.territory.ground)
    lat, lon = search.live.base.columns.degrees(standing)
    found = geography.commune_at(lat, lon)
    beside = np.flatnonzero(~np.isin(found, within))
    if len(beside):
        tree = shapely.STRtree(geography.outlines[within])
        found[beside] = within[tree.nearest(shapely.points(lon[beside], lat[beside]))]
    return found
