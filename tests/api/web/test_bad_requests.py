"""Every kind of bad request gets its status and its problem document, and the server goes on.

Another route file adds its own to the table of its own test module with `assert_refused`.
"""

from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from tests.api.refusals import assert_refused

JSON = {"Content-Type": "application/json"}

BAD_REQUESTS = [
    ("GET", "/nowhere", {}, 404, "not-found"),
    ("GET", "/Segments", {}, 404, "not-found"),
    ("GET", "/segments/pr-locaux", {}, 404, "not-found"),
    ("GET", "/segments/search/tonte", {}, 404, "not-found"),
    ("POST", "/", JSON, 405, "method-not-allowed"),
    ("GET", "/territories/epci:", {}, 404, "not-found"),
    ("GET", "/territories/epci:000000000", {}, 404, "not-found"),
    ("GET", "/territories/redon", {}, 404, "not-found"),
    ("GET", "/territories/%00", {}, 404, "not-found"),
    ("GET", "/territories/%FF", {}, 404, "not-found"),
    ("GET", "/territories/" + "x" * 5_000, {}, 404, "not-found"),
    ("GET", "/rules/nothing", {}, 404, "not-found"),
    ("GET", "/problems/nothing", {}, 404, "not-found"),
    ("GET", "/docs/assets/nothing.js", {}, 404, "not-found"),
    ("POST", "/segments", JSON, 405, "method-not-allowed"),
    ("PUT", "/rules", JSON, 405, "method-not-allowed"),
    ("DELETE", "/territories/epci:243500741", {}, 405, "method-not-allowed"),
    ("PATCH", "/openapi.json", JSON, 405, "method-not-allowed"),
    ("GET", "/match", {}, 405, "method-not-allowed"),
    ("BREW", "/segments", {}, 405, "method-not-allowed"),
    ("GET", "/segments", {"Accept": "text/csv"}, 406, "not-acceptable"),
    ("GET", "/segments", {"Accept": "application/json;q=0"}, 406, "not-acceptable"),
    ("GET", "/territories/departement:56", {"Accept": "image/png"}, 406, "not-acceptable"),
    ("GET", "/docs", {"Accept": "application/json"}, 406, "not-acceptable"),
    ("GET", "/health/live", {"Accept": "rubbish"}, 406, "not-acceptable"),
    ("GET", "/segments?q=tonte", {}, 400, "unknown-query-parameter"),
    ("GET", "/segments/search?query=tonte", {}, 400, "unknown-query-parameter"),
    ("GET", "/territories?q=redon&type=epci", {}, 400, "unknown-query-parameter"),
    ("GET", "/rules?date=2026-11-24", {}, 400, "unknown-query-parameter"),
    ("GET", "/health/ready?verbose=1", {}, 400, "unknown-query-parameter"),
    ("GET", "/openapi.json?download", {}, 400, "unknown-query-parameter"),
    ("GET", "/territories?kind=epci&cursor=abc", {}, 400, "bad-cursor"),
    ("GET", "/territories?kind=epci&cursor=", {}, 400, "bad-cursor"),
    ("GET", f"/territories?kind=epci&cursor={'a' * 3_000}", {}, 400, "bad-cursor"),
    ("GET", "/segments/search", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=tonte&limit=0", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=tonte&limit=51", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=tonte&limit=many", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=tonte&q=haies", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=%FF", {}, 422, "invalid-query"),
    ("GET", "/segments/search?q=" + "x" * 201, {}, 422, "invalid-query"),
    ("GET", "/territories?limit=201", {}, 422, "invalid-query"),
    ("GET", "/territories?kind=canton", {}, 422, "invalid-query"),
    ("GET", "/territories?q=redon&limit=-1", {}, 422, "invalid-query"),
    ("GET", "/rules?on=24/11/2026", {}, 422, "invalid-query"),
    ("GET", "/rules?on=2026-02-30", {}, 422, "invalid-query"),
    ("POST", "/match", JSON, 401, "no-valid-key"),
    ("POST", "/match", {**JSON, "Authorization": "Basic eDp5"}, 401, "no-valid-key"),
    ("GET", "/segments", {"Host": "a b"}, 400, "bad-request"),
    ("GET", "/segments", {"Host": "a/b"}, 400, "bad-request"),
    ("GET", "/health/ready", {}, 503, "not-ready"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status", "slug"), BAD_REQUESTS)
async def test_refused(
    method: str, path: str, headers: dict[str, str], status: int, slug: str, client: AsyncTestClient[Any]
) -> None:
    """The right status and type, and a whole problem document."""
    assert_refused(await client.request(method, path, headers=headers), status, slug)


async def test_the_server_goes_on(client: AsyncTestClient[Any]) -> None:
    """After all of that in one process."""
    for method, path, headers, _, _ in BAD_REQUESTS:
        await client.request(method, path, headers=headers)
    assert (await client.get("/segments")).status_code == 200
