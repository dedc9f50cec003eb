"""Every failure is a problem document (RFC 9457) whose type leads to its explanation; so is every bad request."""

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Request
from litestar.exceptions import HTTPException, InternalServerException, PermissionDeniedException
from litestar.testing import AsyncTestClient
from structlog.testing import capture_logs

from api.app import create_app
from api.runtime.endpoint import Call, endpoint
from api.settings import Settings
from api.web.problems import CATALOGUE, Refusal, answer_failure, refusal_of
from domain.errors import Conflict, DomainError, InvalidContent, NotFound, Problem
from domain.text.bilingual import Text
from matching.reference import Reference
from tests.api.refusals import assert_refused

SOURCES = sorted((Path(__file__).parents[3] / "api").rglob("*.py"))
WORDS = Text("Non", "No")


class Nothing(msgspec.Struct):
    """No content worth speaking of."""


@endpoint("GET", "/fails", tag="Test", scope=None, answers=Nothing)
async def fails(_: Call) -> Nothing:
    """Fails in a way nobody foresaw."""
    raise ZeroDivisionError("the secret of the house")


@endpoint("GET", "/recurses", tag="Test", scope=None, answers=Nothing)
async def recurses(_: Call) -> Nothing:
    """Goes too deep."""
    raise RecursionError


def invalid(*problems: tuple[str, str]) -> InvalidContent:
    return InvalidContent(tuple(Problem(where, code, WORDS) for where, code in problems))


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
async def test_every_type_is_explained_where_it_leads(kind: Any, client: AsyncTestClient[Any]) -> None:
    """The path of a type answers, in both languages, and so it does as a page."""
    french = (await client.get(kind.path)).json()
    english = (await client.get(kind.path, headers={"Accept-Language": "en"})).json()
    page = await client.get(kind.path, headers={"Accept": "text/html"})
    assert (french["type"], french["status"]) == (kind.path, kind.status)
    assert french["title"] != english["title"]
    assert len(english["description"]) > 20
    assert kind.path in page.text


JSON = {"Content-Type": "application/json"}

BAD_REQUESTS = [
    *(("GET", path, {}, 404, "not-found") for path in ("/nowhere", "/Segments", "/rules/nothing", "/problems/nothing")),
    ("GET", "/docs/assets/nothing.js", {}, 404, "not-found"),
    *(
        ("GET", f"/territories/{code}", {}, 404, "not-found")
        for code in ("epci:", "epci:000000000", "redon", "%00", "%FF", "x" * 5_000)
    ),
    *(("POST", path, JSON, 405, "method-not-allowed") for path in ("/", "/segments")),
    ("DELETE", "/territories/epci:243500741", {}, 405, "method-not-allowed"),
    ("GET", "/match", {}, 405, "method-not-allowed"),
    ("BREW", "/segments", {}, 405, "method-not-allowed"),
    ("GET", "/segments", {"Accept": "text/csv"}, 406, "not-acceptable"),
    ("GET", "/territories/departement:56", {"Accept": "image/png"}, 406, "not-acceptable"),
    ("GET", "/docs", {"Accept": "application/json"}, 406, "not-acceptable"),
    *(
        ("GET", path, {}, 400, "unknown-query-parameter")
        for path in ("/segments?q=tonte", "/health/ready?verbose=1", "/openapi.json?download")
    ),
    *(
        ("GET", f"/segments/search{query}", {}, 422, "invalid-query")
        for query in ("", "?q=tonte&limit=51", "?q=" + "x" * 201)
    ),
    *(("GET", f"/territories?{query}", {}, 422, "invalid-query") for query in ("limit=201", "kind=canton")),
    *(("GET", f"/rules?on={day}", {}, 422, "invalid-query") for day in ("24/11/2026", "2026-02-30")),
    *(("POST", "/match", JSON | key, 401, "no-valid-key") for key in ({}, {"Authorization": "Basic eDp5"})),
    *(("GET", "/segments", {"Host": host}, 400, "bad-request") for host in ("a b", "a/b")),
    ("GET", "/health/ready", {}, 503, "not-ready"),
]
"""Those of routes that need no database; of others, and of every sort of parameter, their own tests tell."""


@pytest.mark.parametrize(("method", "path", "headers", "status", "slug"), BAD_REQUESTS)
async def test_refused(
    method: str, path: str, headers: dict[str, str], status: int, slug: str, client: AsyncTestClient[Any]
) -> None:
    """The right status and type, and a whole problem document."""
    assert_refused(await client.request(method, path, headers=headers), status, slug)


def test_every_refusal_names_a_type_of_the_catalogue() -> None:
    """A slug is looked up when it is raised: a misspelt one would turn into a 500."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    named = set(re.findall(r'Refusal\(\s*"([a-z-]+)"', text))
    assert named <= set(CATALOGUE)
    assert "bad-cursor" in named


@pytest.mark.parametrize(
    ("failure", "slug"),
    [
        (NotFound(WORDS), "not-found"),
        (Conflict("NO_SUCH_CODE", WORDS), "conflict"),
        (DomainError(WORDS), "invalid-content"),
        *(
            (invalid((where, "unknown_code")), "unknown-territory")
            for where in ("/lots/0/territory/codes/0", "/lots/0/site/commune", "/offers/0/service_area/codes/1")
        ),
        (invalid(("/lots/0/segments/2", "unknown_code")), "unknown-segment"),
        (invalid(("/territory/geometry", "outside_france")), "outside-france"),
        (invalid(("/lots/0/cpv/0", "unknown_code")), "invalid-content"),
        (invalid(("/lots/0/segments/2", "unknown_code"), ("/limit", "out_of_range")), "invalid-content"),
        (RecursionError(), "malformed-body"),
        (ConnectionError("not from the database"), "internal-error"),
        (PermissionDeniedException(), "missing-scope"),
        (InternalServerException(), "internal-error"),
        (HTTPException(status_code=418), "bad-request"),
        (Refusal("bad-cursor"), "bad-cursor"),
    ],
)
def test_each_failure_has_its_type(failure: Exception, slug: str) -> None:
    """The type is as precise as everything that is wrong allows."""
    assert refusal_of(failure).kind.slug == slug


def test_all_that_is_wrong_is_told_at_once() -> None:
    """`errors` lists every problem; the detail says how many there are."""
    refusal = refusal_of(invalid(("/a", "x"), ("/b", "y")))
    assert [error.pointer for error in refusal.errors] == ["/a", "/b"]
    assert refusal.detail == Text("2 erreurs ; la première : Non", "2 errors; the first: No")


async def test_unforeseen_failure_is_logged_and_tells_nothing(settings: Settings, reference: Reference) -> None:
    """The client gets an id to quote; the operator gets the reason.

    A body nested so deep that decoding gives up is malformed, not our failure.
    """
    app = create_app(settings, reference, routes=(fails, recurses), parts=())
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        with capture_logs() as logs:
            answer = await client.get("/fails", headers={"X-Request-Id": "abc-1"})
            assert (await client.get("/recurses")).status_code == 400
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert [(line["event"], line["request_id"]) for line in logs] == [("unhandled exception", "abc-1")]
    assert isinstance(logs[0]["exc_info"], ZeroDivisionError)


async def test_what_fails_because_the_server_stops_is_to_be_sent_again() -> None:
    """A connection that breaks while its request is ended, say, is no error of ours."""

    async def broken_off() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            scope: Any = {"type": "http", "headers": []}
            request: Any = Request(scope)
            return answer_failure(request, ValueError("no connection")).status_code or 0
        return 200

    ended = asyncio.create_task(broken_off())
    await asyncio.sleep(0)
    ended.cancel()
    assert await ended == 503


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        *((header, "en") for header in ("en", "EN", "en-GB,en;q=0.9", "de,en;q=0.5", "fr;q=0.1, en;q=0.9", "en, fr")),
        ("*;q=0.5, fr;q=0.1", "en"),
        *((header, "fr") for header in ("", "de", "en;q=0", "en;q=0.4, fr;q=0.5", "fr, en", "*", "en;q=rubbish")),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
    ],
)
async def test_messages_are_in_the_language_asked_for(
    accepted: str, language: str, client: AsyncTestClient[Any]
) -> None:
    """French unless English is preferred; the code never changes."""
    answer = await client.get("/nowhere", headers={"Accept-Language": accepted})
    assert answer.headers["content-language"] == language
    assert answer.json()["title"] == {"fr": "Introuvable", "en": "Not found"}[language]
    assert answer.json()["type"] == "/problems/not-found"
