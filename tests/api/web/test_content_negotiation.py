"""Accept headers are weighed as RFC 9110 says; long answers are compressed for clients that ask.

Headers are read as the framework reads them: of one that is sent several times, the first counts. Whatever the coding,
it is the same answer. Whoever cannot set headers names the format in the address.
"""

import gzip
import json
import re
import tracemalloc
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from litestar.datastructures import Headers
from litestar.testing import AsyncTestClient
from litestar.types import Receive, Scope, Send

from api.app import ROUTES, create_app
from api.runtime.endpoint import Call, endpoint
from api.settings import Settings
from api.web.content_negotiation import (
    LONG,
    NAMES,
    SMALLEST,
    FilePaths,
    accepts_gzip,
    choose_language,
    choose_media,
    compress_if_accepted,
    content_disposition,
    header_values,
    headers_by_name,
    split_suffix,
)
from matching.reference import Reference
from tests.api.refusals import assert_refused

JSON, GEOJSON, CSV = OFFERED = ("application/json", "application/geo+json", "text/csv")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        *((accept, JSON) for accept in ("", "*/*", "application/*", "application/json; charset=utf-8")),
        *((f"{GEOJSON}{more}", GEOJSON) for more in ("", ", */*;q=0.8", ", */*")),
        *((f"{GEOJSON}{more}, {JSON}", JSON) for more in ("", ";q=0.5")),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("text/*", CSV),
        ("APPLICATION/GEO+JSON", GEOJSON),
        (f"{JSON};q=0, */*;q=0.1", GEOJSON),
        *((accept, None) for accept in ("text/html", "image/*", "*/*;q=0", "rubbish")),
        *((f"{JSON};q={quality}", None) for quality in ("0", "2", "x")),
    ],
)
def test_choice(accept: str, chosen: str | None) -> None:
    """Quality first, then precision, then the order of what is offered; nothing acceptable is None."""
    assert choose_media(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        *((header, True) for header in ("gzip", "GZIP", "x-gzip", "gzip, deflate, br, zstd", "*", "gzip, identity")),
        *((header, True) for header in ("br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.5, identity;q=0.4")),
        *((header, False) for header in ("", "gzip;q=0", "gzip;q=0, *", "*;q=0", "br", "identity", "gzip;q=2")),
        *((header, False) for header in ("gzip;q=0.5, identity", "not-gzip")),
    ],
)
def test_gzip(accept_encoding: str, accepted: bool) -> None:
    """Where it is named or covered by the wildcard, with a quality above 0, and not below that of no coding."""
    assert accepts_gzip(accept_encoding) is accepted


@pytest.mark.parametrize("read", [choose_language, accepts_gzip, lambda header: choose_media(header, OFFERED)])
def test_long_headers_are_read_but_not_kept(read: Callable[[str], object]) -> None:
    """Nobody fills the memory with what nobody sends twice."""
    tracemalloc.start()
    try:
        for number in range(200):
            read(f"en, gzip, */*;q={number}" + " " * 10_000)
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


SENT = [
    (b"host", b"vivier.example"),
    (b"accept", b"text/html"),
    (b"x-name", "é".encode("latin-1")),
    (b"accept", b"*/*"),
]
SCOPE: Any = {"headers": SENT}


def test_of_a_header_sent_twice_the_first_value_counts() -> None:
    read = headers_by_name(SCOPE)
    assert read == {"host": "vivier.example", "accept": "text/html", "x-name": "é"}
    assert read == {name: Headers(SENT).get(name) for name in read}
    assert list(header_values(SCOPE, b"accept")) == ["text/html", "*/*"]
    assert list(header_values(SCOPE, b"authorization")) == []


GZIP, PLAIN = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}
LARGE = ("/segments", "/rules", "/openapi.json")


class Size(msgspec.Struct):
    """The wished number of bytes."""

    size: int


@endpoint("GET", "/as-long-as", tag="Test", scope=None, answers=str)
async def as_long_as(call: Call, query: Size) -> str:
    """Answer that many bytes of JSON."""
    return "a" * (query.size - 2)


@pytest.fixture(scope="module")
async def sized(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client that says how long the answer is to be."""
    async with AsyncTestClient(create_app(settings, reference, parts=(), routes=(as_long_as,))) as client:
        yield client


def on_the_wire(answer: httpx.Response) -> dict[str, str]:
    """The headers but for the id of the request."""
    return {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@pytest.mark.parametrize("path", LARGE)
async def test_compressed_and_plain_are_one_answer(path: str, client: AsyncTestClient[Any]) -> None:
    """Fewer bytes, the same content, each with its own entity tag; caches keep them apart."""
    plain, compressed = await client.get(path, headers=PLAIN), await client.get(path, headers=GZIP)
    assert compressed.content == plain.content
    assert compressed.headers["content-encoding"] == "gzip"
    assert int(compressed.headers["content-length"]) < int(plain.headers["content-length"]) == len(plain.content)
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == compressed.headers["vary"] == "accept, accept-language, accept-encoding"
    assert plain.headers["etag"] != compressed.headers["etag"]
    assert not compressed.headers["etag"].startswith("W/")


@pytest.mark.parametrize("path", [*LARGE, "/health/live", "/nowhere"])
@pytest.mark.parametrize("coding", [GZIP, PLAIN])
async def test_head_has_the_headers_of_get(path: str, coding: dict[str, str], client: AsyncTestClient[Any]) -> None:
    whole, head = await client.get(path, headers=coding), await client.head(path, headers=coding)
    assert (head.status_code, on_the_wire(head)) == (whole.status_code, on_the_wire(whole))
    assert head.content == b""


@pytest.mark.parametrize("path", ["/segments", "/territories/commune:35238", "/rules?on=2026-11-24"])
@pytest.mark.parametrize("coding", [GZIP, PLAIN])
async def test_an_answer_already_held_still_stands(
    path: str, coding: dict[str, str], client: AsyncTestClient[Any]
) -> None:
    """Whichever coding it came in; the 304 has the entity tag of the answer in its place, and nothing to decode."""
    now = await client.get(path, headers=coding)
    held = [(await client.get(path, headers=other)).headers["etag"] for other in (GZIP, PLAIN)]
    assert now.headers["cache-control"].startswith("public, max-age=")
    assert (await client.get(path, headers=coding | {"If-None-Match": '"other"'})).status_code == 200
    for known in [*held, *(f"W/{etag}" for etag in held), f'"other", {held[0]}', "*"]:
        again = await client.get(path, headers=coding | {"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-encoding" not in again.headers
        assert (again.headers["etag"], again.headers["vary"]) == (now.headers["etag"], now.headers["vary"])


async def test_short_answers_are_sent_as_they_are(sized: AsyncTestClient[Any]) -> None:
    """One byte decides; what does not depend on the header does not name it."""
    short, long = [await sized.get(f"/as-long-as?size={size}", headers=GZIP) for size in (SMALLEST - 1, SMALLEST)]
    assert {"content-encoding", "vary"}.isdisjoint(short.headers)
    assert (long.headers["content-encoding"], long.headers["vary"]) == ("gzip", "accept-encoding")
    assert (len(short.content), len(long.content)) == (SMALLEST - 1, SMALLEST)


@pytest.mark.parametrize(
    ("path", "coding"),
    [("/docs/assets/swagger-ui-bundle.js", "gzip"), ("/docs/assets/swagger-ui.css", "gzip"), ("/metrics", None)],
)
async def test_data_and_what_pages_are_made_of_are_compressed(
    path: str, coding: str | None, client: AsyncTestClient[Any]
) -> None:
    answer = await client.get(path, headers=GZIP)
    assert answer.headers.get("content-encoding") == coding


@given(content=st.binary(max_size=100), times=st.sampled_from([1, SMALLEST, LONG // 50]))
async def test_any_content_comes_back(content: bytes, times: int) -> None:
    """Also what does not compress, and what is long enough for a thread; the same bytes each time."""
    headers = {"vary": "accept"}
    sent = await compress_if_accepted(content * times, "application/json", headers, "gzip")
    is_long = len(content) * times >= SMALLEST
    assert headers == (
        {"vary": "accept, accept-encoding", "content-encoding": "gzip"} if is_long else {"vary": "accept"}
    )
    assert (gzip.decompress(sent) if is_long else sent) == content * times
    assert sent == await compress_if_accepted(content * times, "application/json", {}, "gzip")


OUTLINE = "/territories/departement:56"


async def test_the_address_names_the_format(client: AsyncTestClient[Any]) -> None:
    """Before the header does; a map is a file with a name."""
    answer = await client.get(f"{OUTLINE}?format=geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.json()["type"] == "Feature"
    named = answer.headers["content-disposition"]
    assert re.fullmatch(r'attachment; filename="vivier-territoire-[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{4}\.geojson"', named)
    assert "content-disposition" not in (await client.get(OUTLINE)).headers
    page = await client.get("/problems/not-found?format=html")
    assert page.headers["content-type"].startswith("text/html")
    answer = await client.get(f"{OUTLINE}?format=json", headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/json"
    assert (await client.get(f"{OUTLINE}?format=json", headers={"Accept": "image/png"})).status_code == 200
    assert (await client.get(OUTLINE, headers={"Accept": "image/png"})).status_code == 406


async def test_what_else_an_address_names_is_refused(client: AsyncTestClient[Any]) -> None:
    """A format that is not offered, or of a route that has one; a key."""
    for query in ("format=kml", "format=csv", "format=", "format=json&format=geojson"):
        assert_refused(await client.get(f"{OUTLINE}?{query}"), 422, "invalid-query")
    assert_refused(await client.get("/segments?format=json"), 400, "unknown-query-parameter")
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


def test_the_name_of_a_file_tells_the_time_of_paris() -> None:
    for month, day, told in ((11, 24, "2026-11-25-0005"), (7, 1, "2026-07-02-0105")):
        now = datetime(2026, month, day, 23, 5, tzinfo=UTC)
        assert content_disposition("fournisseurs", CSV, now) == f'attachment; filename="vivier-fournisseurs-{told}.csv"'


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
    # the framework is told the same parts
    assert [split_suffix(path) for path in PATHS] == ["/meetings/{id}", "/meetings/{id}/.ics", "/meetings.ics"]
