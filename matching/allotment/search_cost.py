"""The work of finding proposals, estimated before it starts and before anything of the need is read.

The constants are milliseconds of one core, as `python -m bench.allotment` measures them.
"""

from domain.allotment.allotment import AllotmentNeed, DivisibleLot
from domain.needs.need import TerritoryRequest

AREAS: dict[str, dict[str, int]] = {
    "departement": {"country": 101, "region": 8, "nuts": 6},
    "epci": {"country": 1_250, "region": 70, "nuts": 40, "departement": 14},
}
"""About the number of areas of each kind of territory, by the axis along which it is divided."""
SEGMENTS_OF_WORDS = 2
"""Segments that a CPV code, a keyword or a title stands for."""
CELL_MS, AREA_MS, SUPPLIER_MS = 3.0, 6.0, 0.0003
"""For each segment of a lot in each area; for each area, and each supplier that it is held against."""


def search_ms(need: AllotmentNeed, suppliers: int) -> float:
    """About the milliseconds that the search takes, besides those of a match of the need."""
    requests = {lot.territory or need.territory for lot in need.lots}
    areas = sum(_areas(request, need) for request in requests)
    cells = sum(_segments(lot) * _areas(lot.territory or need.territory, need) for lot in need.lots)
    return CELL_MS * cells + (AREA_MS + SUPPLIER_MS * suppliers) * areas


def _segments(lot: DivisibleLot) -> int:
    words = len(lot.cpv) + len(lot.keywords) + (lot.title is not None and not lot.segments)
    return len(lot.segments) + SEGMENTS_OF_WORDS * words


def _areas(request: TerritoryRequest | None, need: AllotmentNeed) -> int:
    """About the number of areas that a territory is divided into."""
    codes = request.codes if request is not None and request.codes else ()
    kinds = [code.partition(":")[0] for code in codes]
    parts = (sum(AREAS.get(axis, {}).get(kind, 0) for kind in kinds) for axis in need.allotment.divide)
    return max(1, *parts, 0)
