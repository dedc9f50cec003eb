"""Each request leaves an id, one log line and a measurement, and none of its secrets."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import structlog
from litestar import Litestar
from litestar.testing import AsyncTestClient
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from api.runtime import observability
from api.runtime.endpoint import Call, endpoint
from api.runtime.metrics import SOURCES_NAMED, Metrics
from api.runtime.observability import ObservabilityMiddleware, access_log, configure_logging
from api.settings import Settings, read_settings
from db.suppliers.feed import DirectoryVersion
from matching.index.trade_groups import TradeGroup
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY


class Sum(msgspec.Struct):
    """A number."""

    value: int


@endpoint("POST", "/sums/{name}", tag="Test", scope="match", answers=Sum)
async def add(call: Call, name: str, body: Sum) -> Sum:
    """Answer what was sent."""
    call.services.metrics.match_seconds.observe(0.002)
    return body


ROUTES = (add, observability.get_metrics)


@pytest.fixture
async def sums(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client of an application that nothing was asked of yet."""
    async with AsyncTestClient(create_app(settings, reference, parts=(), routes=ROUTES)) as client:
        yield client


def samples(exposition: str) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(exposition)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


@pytest.mark.parametrize("given", ["abc", "a" * 128, "7f3c-1:2/x+=_.@", "", "a" * 129, 'a"b', "a b", "é", "a\tb", "{}"])
async def test_the_callers_id_is_kept_unless_it_could_spoil_a_log(given: str, client: AsyncTestClient[Any]) -> None:
    """A portal finds its own id in our answer, errors included; quotes, spaces and long texts do not pass."""
    is_harmless = len(given) in range(1, 129) and given.isascii() and not set(given) & set('"{} \t')
    for path in ("/segments", "/nowhere"):
        told = (await client.get(path, headers=[(b"X-Request-Id", given.encode())])).headers.get_list("x-request-id")
        assert told == [given] if is_harmless else len(told[0]) == 32


async def test_one_line_per_request(sums: AsyncTestClient[Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Method, route, status, time, id and organisation; no key, no body, no value of a parameter; of refusals too."""
    await sums.post(
        "/sums/private-name",
        json={"value": 424242},
        headers={"Authorization": f"Bearer {ADMIN_KEY}", "X-Request-Id": "r1"},
    )
    (line,) = capsys.readouterr().err.splitlines()
    logged = json.loads(line)
    assert logged.pop("ms") > 0
    assert logged.pop("timestamp").endswith("Z")
    assert logged == {
        "method": "POST",
        "route": "/sums/{name}",
        "status": 200,
        "request_id": "r1",
        "organisation": "default",
        "event": "request",
        "level": "info",
    }
    await sums.get("/secret-path")
    await sums.post("/sums/a", json={}, headers={"Authorization": "Bearer wrong-key"})
    lines = capsys.readouterr().err
    assert [(r["route"], r["status"]) for r in map(json.loads, lines.splitlines())] == [
        ("(no route)", 404),
        ("/sums/{name}", 503),
    ]
    assert "secret" not in lines
    assert "wrong-key" not in lines


async def test_quiet_levels_log_no_requests(
    settings: Settings, reference: Reference, capsys: pytest.CaptureFixture[str]
) -> None:
    """At `warning`, only what is wrong is written."""
    app = create_app(replace(settings, log_level="warning"), reference, parts=())
    async with AsyncTestClient(app) as client:
        await client.get("/health/live")
    assert capsys.readouterr().err == ""


async def test_metrics(sums: AsyncTestClient[Any]) -> None:
    """Requests by method, route and status, never by path; matches as `vivier_match_seconds`."""
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    for name in ("a", "b"):
        await sums.post(f"/sums/{name}", json={"value": 1}, headers=headers)
    await sums.get("/nowhere")
    answer = await sums.get("/metrics")
    counted = samples(answer.text)
    assert answer.headers["content-type"].startswith("text/plain")
    assert counted["vivier_http_request_seconds_count", ("POST", "/sums/{name}", "200")] == 2
    assert counted["vivier_http_request_seconds_count", ("GET", "(no route)", "404")] == 1
    assert counted["vivier_match_seconds_count", ()] == 2
    assert counted["vivier_match_seconds_bucket", ("0.002",)] == 2


def test_suppliers_and_trades_are_measured() -> None:
    """However many sources there are, the largest have series of their own, and the others one together."""
    small = {TradeGroup((f"small-{number:03}",), ("EI",), None): 1 for number in range(SOURCES_NAMED + 20)}
    large = {TradeGroup(("large", "small-000"), ("EI", "ESAT"), "declared"): 2}
    measured = samples(Metrics().exposition(small | large).decode())
    assert measured["vivier_suppliers", ("(all)", "(all)")] == len(small) + 2
    assert measured["vivier_suppliers_with_trade", ("(all)", "(all)")] == 2
    assert measured["vivier_suppliers_with_trade", ("ESAT", "large")] == 2
    assert measured["vivier_suppliers", ("EI", "(others)")] == len(small) + 1 - SOURCES_NAMED
    assert len({labels[1] for name, labels in measured if name == "vivier_suppliers"}) == SOURCES_NAMED + 2
    groups = {TradeGroup((name,), (), None): number for number, name in enumerate(("a", "(all)", "(others)"), 1)}
    measured = samples(Metrics().exposition(groups).decode())
    counts = {source: measured["vivier_suppliers", ("(all)", source)] for source in ("(all)", "a", "(others)")}
    assert counts == {"(all)": 6, "a": 1, "(others)": 5}, "a source may have any name"


def test_a_process_that_starts_disturbs_no_count(tmp_path: Path) -> None:
    """The file that a worker has opened, and not yet written, is left out of the sum over all workers."""
    counter = MmapedDict(str(tmp_path / "counter_1.db"))  # type: ignore[no-untyped-call]
    counter.write_value(mmap_key("asked", "asked_total", [], [], "Asked"), 3.0, 0.0)  # type: ignore[no-untyped-call]
    counter.close()  # type: ignore[no-untyped-call]
    (tmp_path / "counter_2.db").touch()
    assert samples(Metrics(tmp_path).exposition().decode()) == {("asked_total", ()): 3}


async def test_metrics_with_a_key(settings: Settings, reference: Reference) -> None:
    """Where a key is set, it is asked for; the administrator's is another."""
    app = create_app(replace(settings, metrics_key="scraper"), reference, parts=())
    async with AsyncTestClient(app) as client:
        asked = [
            (await client.get("/metrics", headers={"Authorization": given})).status_code
            for given in ("", "Bearer nope", f"Bearer {ADMIN_KEY}", "Bearer scraper")
        ]
    assert asked == [401, 401, 401, 200]


class Directory(SimpleNamespace):
    """A directory whose index is of version 5, and was last known to be the newest 12.34 seconds ago."""

    is_ready = True
    is_stuck = False
    index = SimpleNamespace(data_version=5)

    def lag_seconds(self) -> float:
        return 12.34


async def test_ready_once_there_is_an_index(
    app: Litestar, client: AsyncTestClient[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live from the start; ready when the suppliers are in memory, as long as they follow a database that answers."""
    services = app.state.services
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/health/ready")).status_code == 503
    monkeypatch.setattr(services, "live", Directory())
    monkeypatch.setattr(services, "watch", SimpleNamespace(is_answering=True, version=DirectoryVersion(7, None)))
    assert (await client.get("/health/ready")).json() == {
        "status": "ready",
        "database": "answering",
        "data_version": 5,
        "versions_behind": 2,
        "index_lag_seconds": 12.3,
    }
    monkeypatch.setattr(services, "live", Directory(is_stuck=True, stuck_seconds=lambda: 61.4))
    answer = await client.get("/health/ready", headers={"accept-language": "en"})
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The directory in memory has not followed the database for 61 s: the log says why"


async def test_an_absent_database_leaves_it_ready_until_the_index_is_too_old(
    settings: Settings, reference: Reference
) -> None:
    """Matches go on from memory; an operator may set for how long."""
    for longest, status in ((None, 200), (13, 200), (12, 503)):
        app = create_app(replace(settings, ready_lag_seconds=longest), reference, parts=())
        async with AsyncTestClient(app) as client:
            app.state.services.live = Directory()
            app.state.services.watch = SimpleNamespace(is_answering=False, version=None)
            answer = await client.get("/health/ready")
        assert answer.status_code == status
        assert status == 503 or answer.json()["database"] == "away"
        assert status == 200 or "retry-after" in answer.headers


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_exception_is_logged_without_variables(
    log_format: str, capsys: pytest.CaptureFixture[str], logging_undone: None
) -> None:
    """As JSON in one line, its traceback inside; pretty tracebacks print what a function knows, keys included."""
    configure_logging(read_settings({"VIVIER_LOG_FORMAT": log_format}))
    secret = "hunter2"
    try:
        raise ValueError("broken")
    except ValueError as failure:
        structlog.get_logger().error("failed", exc_info=failure, n=len(secret))
    written = capsys.readouterr().err
    assert "ValueError: broken" in written
    assert secret not in written
    if log_format == "json":
        logged = json.loads(written)
        assert (logged["event"], logged["level"], logged["n"]) == ("failed", "error", 7)
        assert "ValueError: broken" in logged["exception"]


async def test_what_is_still_unanswered_at_the_end_is_refused(settings: Settings, capsys: Any) -> None:
    """The server ends its tasks when it waits no longer: a problem document, counted and logged as sent."""
    sent: list[Any] = []
    waits = asyncio.Event()

    async def never(*_: Any) -> None:
        waits.set()
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    middleware = ObservabilityMiddleware(never, Metrics(), access_log(settings))
    app = SimpleNamespace(state=SimpleNamespace(services=None))
    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "litestar_app": app}
    task = asyncio.create_task(middleware(scope, never, send))  # type: ignore[arg-type]
    await waits.wait()
    task.cancel()
    await task
    headers = dict(sent[0]["headers"])
    problem = json.loads(sent[1]["body"])
    assert (sent[0]["status"], problem["status"], problem["type"]) == (503, 503, "/problems/stopping")
    assert headers[b"content-type"] == b"application/problem+json"
    assert {b"retry-after", b"x-request-id", b"connection"} <= headers.keys()
    assert json.loads(capsys.readouterr().err)["status"] == 503
