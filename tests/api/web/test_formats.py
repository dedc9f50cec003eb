"""Formats named in the address, for whoever cannot set headers, names of files, and paths that end like one."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import shapely
from litestar.testing import AsyncTestClient
from litestar.types import Receive, Scope, Send

from api.app import ROUTES
from api.web.content_negotiation import CSV
from api.web.formats import NAMES, FilePaths, file_name, path_in_parts
from tests.api.refusals import assert_refused

OUTLINE = "/territories/departement:56"


async def test_the_address_names_the_format(client: AsyncTestClient[Any]) -> None:
    answer = await client.get(f"{OUTLINE}?format=geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json()["type"] == "Feature"
    page = await client.get("/problems/not-found?format=html")
    assert page.headers["content-type"].startswith("text/html")


async def test_the_address_goes_before_the_header(client: AsyncTestClient[Any]) -> None:
    answer = await client.get(f"{OUTLINE}?format=json", headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/json"
    assert (await client.get(f"{OUTLINE}?format=json", headers={"Accept": "image/png"})).status_code == 200
    assert (await client.get(OUTLINE, headers={"Accept": "image/png"})).status_code == 406


@pytest.mark.parametrize("query", ["format=kml", "format=csv", "format=", "format=json&format=geojson"])
async def test_a_format_that_is_not_offered_is_refused(client: AsyncTestClient[Any], query: str) -> None:
    assert_refused(await client.get(f"{OUTLINE}?{query}"), 422, "invalid-query")


async def test_a_route_of_one_format_takes_none(client: AsyncTestClient[Any]) -> None:
    assert_refused(await client.get("/segments?format=json"), 400, "unknown-query-parameter")


async def test_a_key_in_the_address_is_none(client: AsyncTestClient[Any]) -> None:
    assert_refused(await client.get("/suppliers?format=geojson&key=the-administrators-key"), 401, "no-valid-key")


def test_every_route_that_offers_several_formats_takes_their_names() -> None:
    for route in (handler.opt["route"] for handler in ROUTES if "GET" in handler.http_methods):
        parameters = route.query.__struct_fields__ if route.query else ()
        offers_several = len(set(route.answers) & set(NAMES)) > 1
        assert ("format" in parameters) == offers_several, route.path
        assert ("csv" in parameters) == (offers_several and CSV in route.answers), route.path
        assert not offers_several or set(route.answers) <= set(NAMES)


@pytest.mark.parametrize("territory", ["country:FR", "region:53", "departement:29", "epci:243500741", "commune:35238"])
async def test_an_outline_is_geojson_as_its_standard_has_it(client: AsyncTestClient[Any], territory: str) -> None:
    """RFC 7946 §3.1.6: closed rings, outer ones anticlockwise and holes clockwise; valid, longitude first."""
    feature = (await client.get(f"/territories/{territory}?format=geojson")).json()
    assert {"type", "geometry", "properties"} <= set(feature)
    shape = shapely.from_geojson(json.dumps(feature["geometry"]))
    assert shape.is_valid
    rings = [(part.exterior.is_ccw, any(hole.is_ccw for hole in part.interiors)) for part in shape.geoms]
    assert set(rings) == {(True, False)}
    west, south, east, north = feature["bbox"]
    assert (west, south, east, north) == pytest.approx(shape.bounds, abs=1e-4)


async def test_a_map_is_a_file_with_a_name(client: AsyncTestClient[Any]) -> None:
    named = (await client.get(f"{OUTLINE}?format=geojson")).headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="vivier-territoire-[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{4}\.geojson"', named)
    assert "content-disposition" not in (await client.get(OUTLINE)).headers


@pytest.mark.parametrize(
    ("now", "named"),
    [
        (datetime(2026, 11, 24, 23, 5, tzinfo=UTC), "vivier-fournisseurs-2026-11-25-0005.csv"),
        (datetime(2026, 7, 1, 23, 5, tzinfo=UTC), "vivier-fournisseurs-2026-07-02-0105.csv"),
    ],
)
def test_the_name_of_a_file_tells_the_time_of_paris(now: datetime, named: str) -> None:
    assert file_name("fournisseurs", CSV, now) == f'attachment; filename="{named}"'


PATHS = ("/meetings/{id}", "/meetings/{id}.ics", "/meetings.ics")


@pytest.mark.parametrize(
    ("path", "parted"),
    [
        ("/meetings/7.ics", "/meetings/7/.ics"),
        ("/meetings/7", "/meetings/7"),
        ("/meetings.ics", "/meetings.ics"),
        ("/meetings/7.icsx", "/meetings/7.icsx"),
        ("/sources/a/suppliers/7.ics", "/sources/a/suppliers/7.ics"),
    ],
)
async def test_only_declared_suffixes_are_parted(path: str, parted: str) -> None:
    """An identifier of a source may end like a file name."""
    seen: list[str] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["path"])

    scope: Any = {"type": "http", "path": path}
    unused: Any = None  # neither reads nor answers
    await FilePaths(app, PATHS)(scope, unused, unused)
    assert seen == [parted]


def test_the_framework_is_told_the_same_parts() -> None:
    assert [path_in_parts(path) for path in PATHS] == ["/meetings/{id}", "/meetings/{id}/.ics", "/meetings.ics"]
