"""Pages of other origins: whose may read which answers, and what a browser is told before it asks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from api.app import ROUTES, create_app
from api.settings import Settings
from api.web.cors import is_open
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY

PORTAL, STRANGER = "https://portail.example.org", "https://other.example.org"
OPEN = ("/segments", "/territories/departement:56", "/rules", "/openapi.json", "/schemas/suppliers.json", "/problems/x")
ORIGIN = "access-control-allow-origin"


@pytest.fixture(scope="module")
async def portal(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Any]]:
    """A server that names a portal's origin, and no database."""
    app = create_app(replace(settings, cors_origins=(PORTAL,)), reference, parts=())
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, if-match, accept-language",
    }


@pytest.mark.parametrize("path", OPEN)
async def test_what_needs_no_key_is_open_to_every_origin(portal: AsyncTestClient[Any], path: str) -> None:
    for origin in (STRANGER, PORTAL):
        answer = await portal.get(path, headers={"Origin": origin})
        assert answer.headers[ORIGIN] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "origin" not in answer.headers.get("vary", "").replace(" ", "").split(",")
    asked = await portal.options(path, headers=preflight(STRANGER, "GET"))
    assert asked.headers[ORIGIN] == "*"


async def test_it_is_open_where_no_origin_is_named(client: AsyncTestClient[Any]) -> None:
    assert (await client.get("/segments", headers={"Origin": STRANGER})).headers[ORIGIN] == "*"
    for answer in (
        await client.post("/match", json={}, headers={"Origin": STRANGER}),
        await client.options("/match", headers=preflight(STRANGER)),
    ):
        assert ORIGIN not in answer.headers
        assert "origin" not in answer.headers.get("vary", "").split(", ")
    for path, origin in (("/segments", "*"), ("/territories/departement:56", "*"), ("/match", None)):
        refused = await client.delete(path, headers={"Origin": STRANGER})
        assert (refused.status_code, refused.headers.get(ORIGIN)) == (405, origin), "whose pages read it may see that"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/match", 415),
        ("GET", "/suppliers?limit=x", 422),
        ("GET", "/needs/nobody", 404),
        ("DELETE", "/match", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/health/live", 200),
    ],
)
async def test_the_rest_is_open_to_the_origins_of_the_setting(
    portal: AsyncTestClient[Any], method: str, path: str, status: int
) -> None:
    key = {"Authorization": f"Bearer {ADMIN_KEY}"}
    known = await portal.request(method, path, headers=key | {"Origin": PORTAL})
    assert (known.status_code, known.headers[ORIGIN]) == (status, PORTAL)
    exposed = known.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Link", "Location", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"} <= set(exposed)
    unknown = await portal.request(method, path, headers=key | {"Origin": STRANGER})
    neither = await portal.request(method, path, headers=key)
    for answer in (known, unknown, neither):
        assert "origin" in answer.headers["vary"].replace(" ", "").split(",")
    assert ORIGIN not in unknown.headers
    assert ORIGIN not in neither.headers
    assert "access-control-allow-credentials" not in known.headers


async def test_a_browser_is_told_what_it_may_send_and_that_a_key_is_missing(portal: AsyncTestClient[Any]) -> None:
    keyless = await portal.post("/match", json={}, headers={"Origin": PORTAL})
    assert (keyless.status_code, keyless.headers[ORIGIN]) == (401, PORTAL)
    told = await portal.options("/needs", headers=preflight(PORTAL))
    assert (told.status_code, told.headers[ORIGIN]) == (204, PORTAL)
    assert told.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    allowed = {name.lower() for name in told.headers["access-control-allow-headers"].split(", ")}
    assert {"authorization", "content-type", "idempotency-key", "if-match", "accept-language"} <= allowed
    refused = await portal.options("/needs", headers=preflight(STRANGER))
    assert ORIGIN not in refused.headers
    assert "access-control-allow-methods" not in refused.headers


@pytest.mark.parametrize("origin", ["null", "https://portail.example.org.evil.example", f"{PORTAL}/", f"{PORTAL}:8443"])
async def test_an_origin_is_compared_as_a_whole(portal: AsyncTestClient[Any], origin: str) -> None:
    assert ORIGIN not in (await portal.post("/match", headers={"Origin": origin})).headers


def test_open_is_what_needs_no_key_and_bears_no_secret() -> None:
    routes = [handler.opt["route"] for handler in ROUTES]
    open_ = {route.path for route in routes if is_open(route)}
    assert {"/segments", "/rules", "/openapi.json", "/docs", "/schemas/suppliers.json"} <= open_
    assert not {"/metrics", "/health/ready", "/replies/{token}", "/match", "/suppliers"} & open_
    assert not any(route.scopes for route in routes if is_open(route))
    assert not is_open(None)
