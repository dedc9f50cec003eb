"""Needs as portals send them, to measure with: three lots of two segments, in territories of all kinds.

Segments are drawn evenly, so that common and rare ones come up alike; one lot of three is reserved. Each need knows how
its body is written with a `reference` of its own, so that no two requests are the same.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count, cycle
from random import Random
from typing import Any

import msgspec

from bench.suppliers import ON
from domain.reference.territory import Commune
from matching.reference import Reference

KINDS = (
    *("departement", "radius") * 3, "epci", "departement", "radius", "commune",
    *("departement", "radius") * 3, "epci", "region", "radius", "polygon",
)  # fmt: skip
"""The kinds of territory of twenty needs: seven departements, eight times 50 km around a point, two EPCI, a commune, a
region and a polygon."""
RADIUS_KM = 50
DENSE = b"""{"territory": {"codes": ["departement:56"]}, "lots": [
  {"id": "1", "segments": ["pr-locaux", "pr-specialise"], "reserved": ["handicap", "iae"],
   "site": {"commune": "56260"}},
  {"id": "2", "segments": ["ev-entretien", "ev-elagage"], "territory": {"codes": ["epci:243500741"]}},
  {"id": "3", "segments": ["de-5flux", "de-bio"], "territory": {"near": {"commune": "35238"}, "radius_km": 50}}]}"""
"""Three lots with more candidates than most."""
_PLACE = "the reference of this body"


@dataclass(frozen=True)
class BenchNeed:
    """A need in JSON form, the kind of its territory, and the commune in which the site of its lots is."""

    content: dict[str, Any]
    kind: str
    commune: Commune

    @cached_property
    def _parts(self) -> tuple[bytes, bytes]:
        """The need as JSON, cut where its `reference` stands."""
        before, _, after = msgspec.json.encode(self.content | {"reference": _PLACE}).partition(_PLACE.encode())
        return before, after

    def body(self, number: int) -> bytes:
        """The need as JSON, with a `reference` made of `number`."""
        before, after = self._parts
        return b"%sB-%d%s" % (before, number, after)

    @property
    def point(self) -> tuple[float, float]:
        """The latitude and longitude of the site of the lots."""
        return _point(self.commune)

    @property
    def segments(self) -> list[list[str]]:
        """The segments of each lot."""
        return [lot["segments"] for lot in self.content["lots"]]


def needs(size: int, seed: int, reference: Reference) -> list[BenchNeed]:
    """`size` needs in communes drawn by population; the same seed gives the same needs."""
    draw = Random(seed)
    communes = [
        each for each in reference.territories.communes
        if each.lat is not None and each.epci and each.population > 0 and each.code < "97"
    ]  # fmt: skip
    bounds = list(accumulate(each.population for each in communes))
    made = []
    for kind in (KINDS[number % len(KINDS)] for number in range(size)):
        commune = communes[bisect(bounds, draw.random() * bounds[-1])]
        territory = _territory(kind, commune)
        made.append(BenchNeed(_content(territory, commune, list(reference.taxonomy.segments), draw), kind, commune))
    return made


def other_segments(asked: Sequence[BenchNeed], seed: int, reference: Reference) -> list[BenchNeed]:
    """The needs again in the same territories, with segments drawn anew."""
    draw, segments = Random(seed), list(reference.taxonomy.segments)
    return [
        BenchNeed(_content(each.content["territory"], each.commune, segments, draw), each.kind, each.commune)
        for each in asked
    ]


def bodies(asked: Sequence[BenchNeed]) -> Iterator[bytes]:
    """The JSON bodies of the needs in endless rotation, each with a `reference` of its own."""
    return (need.body(next(_numbers)) for need in cycle(asked))


_numbers = count(1)


def _territory(kind: str, commune: Commune) -> dict[str, Any]:
    lat, lon = _point(commune)
    match kind:
        case "radius":
            return {"near": {"lat": lat, "lon": lon}, "radius_km": RADIUS_KM}
        case "polygon":
            west, south, east, north = lon - 0.3, lat - 0.2, lon + 0.3, lat + 0.2
            ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
            return {"geometry": {"type": "Polygon", "coordinates": [ring]}}
        case _:
            code = commune.code if kind == "commune" else getattr(commune, kind)
            return {"codes": [f"{kind}:{code}"]}


def _content(territory: dict[str, Any], commune: Commune, segments: list[str], draw: Random) -> dict[str, Any]:
    lat, lon = _point(commune)
    lots: list[dict[str, Any]] = [
        {
            "id": str(number),
            "segments": draw.sample(segments, 2),
            "nature": "services",
            "duration_months": 24,
            "site": {"lat": lat, "lon": lon},
            "value_eur": draw.choice((20_000, 90_000, 300_000)),
        }
        for number in (1, 2, 3)
    ]
    lots[1]["reserved"] = draw.choice((["handicap"], ["iae"], ["handicap", "iae"]))
    buyer = {"name": "Commune", "contracting_authority": True}
    return {"on": ON.isoformat(), "territory": territory, "lots": lots, "buyer": buyer}


def _point(commune: Commune) -> tuple[float, float]:
    if commune.lat is None or commune.lon is None:
        raise ValueError(f"no point is known of {commune.name}")
    return round(commune.lat, 4), round(commune.lon, 4)
