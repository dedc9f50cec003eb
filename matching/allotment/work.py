"""The work of an allotment, estimated before it starts, in matches of its need."""

from domain.allotment.request import AllotmentNeed, Axis
from domain.needs.need import TerritoryRequest

PARTS: dict[Axis, dict[str, int]] = {
    "departement": {"country": 101, "region": 8, "nuts": 6},
    "epci": {"country": 1_250, "region": 70, "nuts": 40, "departement": 14},
}
"""About the number of areas of each kind of territory."""
UNITED_SHARE = 0.5
"""The matches that judging the proposals takes, for each area: several may make the territory of one lot."""


def matches_of(need: AllotmentNeed) -> float:
    """About how many matches of a need finding its proposals takes: one of its lots as given, and one per area."""
    requests = {lot.territory or need.territory for lot in need.lots}
    most = max(_areas(request, axis) for request in requests for axis in (*need.allotment.divide, "segment"))
    return 2.0 + most * (1.0 + UNITED_SHARE)


def _areas(request: TerritoryRequest | None, axis: str) -> int:
    codes = request.codes if request is not None and request.codes else ()
    parts = PARTS.get(axis, {})  # type: ignore[call-overload]
    return max(1, sum(parts.get(code.partition(":")[0], 0) for code in codes))
