"""Time of two searches in PostgreSQL with PostGIS, over the same suppliers and needs, three lots each.

- `plain`: what an engineer would write in an hour. Suppliers of a segment or its family within the need's radius of the
  lot's site (50 km where it has none), by the number of segments answered, then by distance, 20 of them.
- `lemarche`: the rule by which le marché de l'inclusion finds suppliers for a need, as its source says it
  (`filter_with_tender_through_activities` of gip-inclusion/le-marche): live suppliers with an activity in one of the
  sectors, active in all of France, in the zone or within its own distance of the town, or seated there. All of them
  are fetched, in no order. It knows no EPCI and no polygon: one counts as its departement, the other as a radius.

For one connection with prepared statements, without HTTP and JSON. A search is kept to one process of PostgreSQL, as on
a server whose cores all have searches to do, so that its CPU time can be read.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from bench.needs import RADIUS_KM, BenchNeed
from bench.results import spread
from bench.server import cpu_seconds, home
from bench.suppliers import suppliers
from db.core.connect import dsn
from db.embedded import serve as embedded
from db.embedded.home import EmbeddedError
from domain.suppliers.supplier import Offer, ServiceArea, Supplier
from matching.reference import Reference

DEBIAN = Path("/usr/lib/postgresql/17/bin")
MISSING = (
    "PostGIS is not measured: {why}. It takes a PostgreSQL with the extension postgis "
    "(Debian: postgresql-17-postgis-3), whose programs --postgis names."
)
SHOWN = 20
Search = Callable[[BenchNeed, list[str]], Awaitable[int]]
"""The number of suppliers that are found for a lot of these segments."""

SCHEMA = """
CREATE EXTENSION postgis;
CREATE TABLE placed (id int, segments text[], lon float8, lat float8, post_code text, departement text, region text);
CREATE TABLE activity (id int, supplier int, sector text, geo_range text, distance int);
CREATE TABLE activity_zone (activity int, zone text);
"""
INDEXES = """
CREATE TABLE supplier AS
SELECT id, segments, post_code, departement, region, true AS is_active, false AS is_delisted,
       st_setsrid(st_makepoint(lon, lat), 4326)::geography AS coords FROM placed;
ALTER TABLE supplier ADD PRIMARY KEY (id);
ALTER TABLE activity ADD PRIMARY KEY (id);
CREATE INDEX ON supplier USING gist (coords);
CREATE INDEX ON supplier USING gin (segments);
CREATE INDEX ON supplier (departement);
CREATE INDEX ON supplier (post_code);
CREATE INDEX ON activity (supplier);
CREATE INDEX ON activity (sector);
CREATE INDEX ON activity (geo_range);
CREATE INDEX ON activity_zone (activity);
CREATE INDEX ON activity_zone (zone);
ANALYZE;
"""
PLAIN = f"""
SELECT id, st_distance(coords, st_setsrid(st_makepoint($1, $2), 4326)::geography) AS metres,
       (SELECT count(*) FROM unnest(segments) AS one WHERE one = ANY($3::text[])) AS answered
FROM supplier
WHERE st_dwithin(coords, st_setsrid(st_makepoint($1, $2), 4326)::geography, $4) AND segments && $3::text[]
ORDER BY answered DESC, metres LIMIT {SHOWN}
"""
LEMARCHE = """
SELECT DISTINCT s.id FROM supplier s JOIN activity a ON a.supplier = s.id
WHERE s.is_active AND NOT s.is_delisted AND a.id IN (
    SELECT u.id FROM activity u JOIN supplier t ON t.id = u.supplier LEFT JOIN activity_zone z ON z.activity = u.id
    WHERE u.supplier = s.id AND u.sector = ANY($1::text[]) AND (u.geo_range = 'COUNTRY' OR {area}))
"""
POINT = "st_setsrid(st_makepoint($2, $3), 4326)::geography"
IN_TOWN = f"""
u.geo_range = 'ZONES' AND z.zone = ANY($4::text[]) OR t.post_code = ANY($5::text[])
OR u.geo_range = 'CUSTOM' AND u.distance >= st_distance(t.coords, {POINT}) / 1000
"""
AREAS = {
    "radius": f"st_dwithin(t.coords, {POINT}, $4)",
    "commune": IN_TOWN,
    "departement": "u.geo_range = 'ZONES' AND z.zone = ANY($2::text[]) OR t.departement = $3",
    "region": "u.geo_range = 'ZONES' AND z.zone = ANY($2::text[]) OR t.region = $3",
}


def measure(
    programs: Path | None,
    count: int,
    asked: Sequence[BenchNeed],
    seconds: float,
    reference: Reference,
    offerless: float,
) -> dict[str, Any]:
    """Milliseconds per need of both searches, each run for `seconds` at most; or `not_measured` with the reason."""
    if not (folder := programs or DEBIAN).is_dir():
        return {"not_measured": MISSING.format(why=f"there is no {folder}")}
    try:
        with home() as data, embedded.serve(data, pg_bin=folder) as url:
            pool = suppliers(count, reference, offerless=offerless)
            return asyncio.run(_measure(dsn(url), pool, asked, seconds, reference))
    except EmbeddedError as error:
        return {"not_measured": MISSING.format(why=str(error).splitlines()[0])}


async def _measure(
    url: str, pool: Iterator[Supplier], asked: Sequence[BenchNeed], seconds: float, reference: Reference
) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    try:
        available = "SELECT default_version FROM pg_available_extensions WHERE name = 'postgis'"
        if (version := await connection.fetchval(available)) is None:
            return {"not_measured": MISSING.format(why="the server has no extension postgis")}
        await _load(connection, pool, reference)
        await connection.execute("SET max_parallel_workers_per_gather = 0")
        backend = connection.get_server_pid()
        family = {segment.id: segment.family for segment in reference.taxonomy.segments.values()}
        plain = await connection.prepare(PLAIN)
        rule = {kind: await connection.prepare(LEMARCHE.format(area=area)) for kind, area in AREAS.items()}

        async def count_in_plain_search(need: BenchNeed, segments: list[str]) -> int:
            lat, lon = need.point
            metres = float(need.content["territory"].get("radius_km", RADIUS_KM)) * 1000
            return len(await plain.fetch(lon, lat, [*segments, *(family[each] for each in segments)], metres))

        async def count_in_lemarche_search(need: BenchNeed, segments: list[str]) -> int:
            kind = {"epci": "departement", "polygon": "radius"}.get(need.kind, need.kind)
            return len(await rule[kind].fetch(segments, *_area_of(need, kind)))

        return {
            "postgresql": connection.get_server_version().major,
            "postgis": version,
            "plain": await _time_search(backend, count_in_plain_search, asked, seconds),
            "lemarche": await _time_search(backend, count_in_lemarche_search, asked, seconds),
        }
    finally:
        await connection.close()


async def _time_search(backend: int, search: Search, asked: Sequence[BenchNeed], seconds: float) -> dict[str, Any]:
    """Times of searching each need a second time, when all it reads is in memory, for `seconds` at most."""
    taken, spent, rows, limit = [], [], [], time.perf_counter() + seconds
    for need in asked:
        for again in (False, True):
            began, before = time.perf_counter(), cpu_seconds(backend)
            found = [await search(need, segments) for segments in need.segments]
            if again:
                taken.append((time.perf_counter() - began) * 1000)
                spent.append((cpu_seconds(backend) - before) * 1000)
                rows += found
        if time.perf_counter() > limit:
            break
    return {"needs": len(taken), "ms": spread(taken), "cpu_ms": spread(spent), "rows_of_a_lot": spread(rows)}


def _area_of(need: BenchNeed, kind: str) -> tuple[Any, ...]:
    """The SQL parameters of the condition on the need's area."""
    commune, (lat, lon) = need.commune, need.point
    region, departement = f"region:{commune.region}", f"departement:{commune.departement}"
    match kind:
        case "radius":
            return lon, lat, float(RADIUS_KM * 1000)
        case "commune":
            return lon, lat, [f"commune:{commune.code}", departement, region], list(commune.postal_codes)
        case "departement":
            return [departement, region], commune.departement
        case _:
            return [region], commune.region


async def _load(connection: Any, pool: Iterable[Supplier], reference: Reference) -> None:
    """Make the tables, fill them with the suppliers that have a point, and index them."""
    await connection.execute(SCHEMA)
    placed, activities, zones = (
        _Rows(connection, "placed"),
        _Rows(connection, "activity"),
        _Rows(connection, "activity_zone"),
    )
    number = 0
    for position, supplier in enumerate(pool):
        if supplier.location is None:
            continue
        await placed.add(_supplier_row(position, supplier, reference))
        for offer in supplier.offers:
            for segment in _segments(offer, reference):
                number += 1
                await activities.add((number, position, segment, *_range_of(offer.service_area)))
                for zone in _zones(offer.service_area, supplier, reference):
                    await zones.add((number, zone))
    for rows in (placed, activities, zones):
        await rows.flush()
    await connection.execute(INDEXES)


class _Rows:
    """Writes rows to a table, copying ten thousand at a time."""

    def __init__(self, connection: Any, table: str) -> None:
        self._connection, self._table = connection, table
        self._rows: list[tuple[Any, ...]] = []

    async def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) >= 10_000:
            await self.flush()

    async def flush(self) -> None:
        await self._connection.copy_records_to_table(self._table, records=self._rows)
        self._rows = []


def _supplier_row(position: int, supplier: Supplier, reference: Reference) -> tuple[Any, ...]:
    segments = sorted({segment for offer in supplier.offers for segment in _segments(offer, reference)})
    assert supplier.location is not None
    post_code = supplier.address.postal_code if supplier.address else None
    departement, region = _seat(supplier, reference)
    return position, segments, supplier.location.lon, supplier.location.lat, post_code, departement, region


def _seat(supplier: Supplier, reference: Reference) -> tuple[str | None, str | None]:
    """The departement and region of a supplier's commune."""
    ordinal = reference.territories.commune_ordinal(supplier.commune) if supplier.commune else None
    if ordinal is None:
        return None, None
    commune = reference.territories.communes[ordinal]
    return commune.departement, commune.region


def _segments(offer: Offer, reference: Reference) -> tuple[str, ...]:
    return offer.segments or tuple(segment for code in offer.cpv for segment in reference.taxonomy.of_cpv(code))


def _range_of(area: ServiceArea | None) -> tuple[str, int | None]:
    """The kind of a service area in le marché de l'inclusion ("" for none), and its radius in km where it has one."""
    if area is None:
        return "", None
    if area.national:
        return "COUNTRY", None
    return ("CUSTOM", round(area.radius_km)) if area.radius_km else ("ZONES", None)


def _zones(area: ServiceArea | None, supplier: Supplier, reference: Reference) -> list[str]:
    """The codes of a service area, with the departement of the supplier in the place of an EPCI."""
    if area is None or not area.codes:
        return []
    departement = f"departement:{_seat(supplier, reference)[0]}"
    return [departement if code.startswith("epci:") else code for code in area.codes]
