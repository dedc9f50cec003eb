"""Query parameters are known, given once, and of their type."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.runtime.endpoint import Call, endpoint
from api.settings import Settings
from api.web.pagination import Cursor
from matching.reference import Reference


class Filters(msgspec.Struct):
    """Every sort of parameter."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    radius_km: Annotated[float, msgspec.Meta(gt=0)] | None = None
    force: bool = False
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] | None = None
    kind: Literal["epci", "commune"] | None = None
    tags: tuple[Annotated[str, msgspec.Meta(max_length=3)], ...] = ()
    day: Annotated[date | None, msgspec.Meta(description="A day")] = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    cursor: Cursor | None = None


class Needed(msgspec.Struct):
    """A parameter without default, named otherwise on the wire."""

    source: str = msgspec.field(name="from")


@endpoint("GET", "/filtered", tag="Test", scope=None, answers=Filters)
async def filtered(_: Call, query: Filters) -> Filters:
    """Answer what was asked."""
    return query


@endpoint("GET", "/needed", tag="Test", scope=None, answers=Needed)
async def needed(_: Call, query: Needed) -> Needed:
    """Answer what was asked."""
    return query


@endpoint("GET", "/bare", tag="Test", scope=None, answers=None, status=204)
async def bare(_: Call) -> None:
    """Take nothing."""


@pytest.fixture(scope="module")
async def filters(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client of routes that take parameters."""
    app = create_app(settings, reference, routes=(filtered, needed, bare), parts=())
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        *((query, {}) for query in ("", "&&", "force=0")),
        ("limit=200", {"limit": 200}),
        *((query, {"limit": 2}) for query in ("limit=%32", "l%69mit=2", "&limit=2&")),
        ("radius_km=2.5&force=true", {"radius_km": 2.5, "force": True}),
        ("q=a%2Bb&kind=epci", {"q": "a+b", "kind": "epci"}),
        *((f"q={text}", {"q": read}) for text, read in (("a+b", "a b"), ("%C3%A9t%C3%A9", "été"), ("a%3Db", "a=b"))),
        ("q=null", {"q": "null"}),
        ("tags=a&tags=b", {"tags": ["a", "b"]}),
        ("day=2026-11-24", {"day": "2026-11-24"}),
        ("since=2026-11-24T09:00:00%2B01:00", {"since": "2026-11-24T09:00:00+01:00"}),
        ("cursor=%FF%00", {"cursor": "\N{REPLACEMENT CHARACTER}\0"}),
    ],
)
async def test_values(query: str, expected: dict[str, Any], filters: AsyncTestClient[Any]) -> None:
    """Each arrives as its type; what is absent has its default."""
    answer = await filters.get(f"/filtered?{query}")
    defaults: dict[str, Any] = {"limit": 50, "radius_km": None, "force": False, "q": None, "kind": None, "tags": []}
    defaults |= {"day": None, "since": None, "cursor": None}
    assert answer.json() == defaults | expected


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        *((f"limit={text}", "/limit", "out_of_range") for text in ("0", "201", "9" * 5_000)),
        *((f"limit={text}", "/limit", "wrong_type") for text in ("ten", "", "1.5", "null", "%2B1", "%201")),
        ("limit", "/limit", "wrong_type"),
        *((f"radius_km={text}", "/radius_km", "out_of_range") for text in ("nan", "-Infinity", "1e999", "0")),
        *((f"radius_km={text}", "/radius_km", "wrong_type") for text in ("inf", "null")),
        ("force=yes", "/force", "wrong_type"),
        *((f"q={text}", "/q", "wrong_length") for text in ("", "abcdef")),
        ("q=%FF", "/q", "wrong_encoding"),
        ("q=a%00", "/q", "null_character"),
        *((f"kind={text}", "/kind", "unknown_value") for text in ("epcis", "", "null")),
        *((f"day={text}", "/day", "wrong_format") for text in ("null", "0")),
        *((f"since={text}", "/since", "wrong_format") for text in ("null", "0.5", "1795512600")),
        ("limit=1&limit=1", "/limit", "repeated_parameter"),
        ("tags=a&tags=abcd", "/tags/1", "wrong_length"),
    ],
)
async def test_bad_values(query: str, pointer: str, code: str, filters: AsyncTestClient[Any]) -> None:
    """422, with a pointer that leads to the parameter."""
    answer = await filters.get(f"/filtered?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-query")
    assert [(e["in"], e["pointer"], e["code"]) for e in answer.json()["errors"]] == [("query", pointer, code)]


async def test_all_that_is_wrong_or_missing_is_told_at_once(filters: AsyncTestClient[Any]) -> None:
    """Unlike a body, a query is looked through to its end; what is required is asked for by its name on the wire."""
    answer = await filters.get("/filtered?limit=0&kind=x&q=")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/limit", "/q", "/kind"]
    answer = await filters.get("/needed")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/from")
    assert (await filters.get("/needed?from=a")).json() == {"from": "a"}


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/filtered?limt=3", "did you mean “limit”?"),
        ("/filtered?LIMIT=3", "allowed: limit, radius_km, force, q, kind, tags, day, since, cursor"),
        ("/filtered?limit=0&page=2", "allowed: limit"),
        ("/filtered?=1", "allowed: limit"),
        ("/filtered?%FF=1", "allowed: limit"),
        ("/needed?source=a", "allowed: from"),
        ("/bare?x=1", "this route takes none"),
        ("/bare?utm_source=mail", "this route takes none"),
    ],
)
async def test_unknown_parameters(path: str, hint: str, filters: AsyncTestClient[Any]) -> None:
    """400, before any value is looked at, with the parameter probably meant."""
    answer = await filters.get(path, headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/unknown-query-parameter")
    assert hint in answer.json()["detail"]
