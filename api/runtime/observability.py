"""Request ids, access log and metrics in one middleware, and the routes of health and metrics.

The middleware is around the whole application, so that unknown paths count too. It also answers HEAD as GET without its
body.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.runtime.auth import is_bearer_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.metrics import CONTENT_TYPE, Metrics
from api.settings import Settings
from api.web.content_negotiation import header_values
from api.web.openapi_schemas import DatabaseState, ProcessState
from api.web.problems import Refusal, problem_response, shutdown_refusal
from domain.text.bilingual import said_by

_SAID = said_by(__name__)

_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
_UNROUTED = "(no route)"
_UNANSWERED = 499
HUNG_UP = "the client hung up"
"""The message with which the answer to a client that is gone is cancelled."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class AccessLine(msgspec.Struct, frozen=True, gc=False):
    """The log line of one request. `route`: the route's path, its parameters unfilled. `ms`: milliseconds it took."""

    method: str
    route: str
    status: int
    ms: float
    request_id: str
    organisation: str | None
    timestamp: datetime
    event: str = "request"
    level: str = "info"


def access_log(settings: Settings) -> Callable[[AccessLine], object]:
    """A function that writes access lines to standard error; it does nothing where only warnings are logged."""
    if settings.log_level not in {"debug", "info"}:
        return lambda _: None
    if settings.log_format == "console":
        return lambda line: log.info(
            "request", method=line.method, route=line.route, status=line.status, ms=line.ms, request_id=line.request_id
        )
    encoder = msgspec.json.Encoder()
    # straight to the stream: the logging library would take as long as the rest of the request
    return lambda line: sys.stderr.write(encoder.encode(line).decode() + "\n")


class ObservabilityMiddleware:
    """Logs and counts each request by method, route, status, duration and organisation; never logs keys or bodies."""

    def __init__(self, app: ASGIApp, metrics: Metrics, report: Callable[[AccessLine], object]) -> None:
        self._app = app
        self._metrics = metrics
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method: str = scope["method"]
        # the caller's where it is harmless in a log
        request_id = next(filter(_SAFE_ID.fullmatch, header_values(scope, b"x-request-id")), None) or token_hex(16)
        id_header = (b"x-request-id", request_id.encode())
        scope["request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        if is_head := method == "HEAD":
            # a copy: the server reads the method of its own scope to know that no body will come
            scope = scope.copy()
            scope["method"] = "GET"
        status = _UNANSWERED

        async def send_and_observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                quota = scope.get("quota_headers", ())
                message["headers"] = [*message["headers"], id_header, *quota]  # type: ignore[misc]
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self._app(scope, receive, send_and_observe)
        except asyncio.CancelledError as cancelled:
            if cancelled.args == (HUNG_UP,):
                return
            # the server stops, and waits no longer
            if status != _UNANSWERED:
                raise
            call = Call(scope)
            answer = problem_response(shutdown_refusal(), call.language).to_asgi_response(app=None, request=call)
            await answer(scope, receive, send_and_observe)
        finally:
            path, seconds, client = route_of(scope), time.perf_counter() - started, scope.get("user")
            self._metrics.count_request(method, path, status, seconds)
            organisation = client.organisation if client is not None else None
            ms = round(seconds * 1000, 2)
            self._report(AccessLine(method, path, status, ms, request_id, organisation, datetime.now(UTC)))


def route_of(scope: Scope) -> str:
    """The path of the route or page of a request, such as `/needs/{id}`; `(no route)` where there is none."""
    handler: BaseRouteHandler | None = scope.get("route_handler")
    route = handler.opt.get("route") or handler.opt.get("page") if handler is not None else None
    return route.path if route is not None else _UNROUTED


class Health(msgspec.Struct, frozen=True):
    """The state of the process."""

    status: ProcessState
    """It runs (`live`), or it can match (`ready`)"""


class Readiness(Health, frozen=True):
    """Whether a process can match and reaches its database."""

    database: DatabaseState
    """While it is `away`, matches and reference data go on from memory"""
    data_version: int
    """Of the suppliers in memory"""
    versions_behind: int
    """By how many the directory has gone on since, as last heard of"""
    index_lag_seconds: float
    """Seconds since those suppliers were last known to be the directory's; less than two where all is well"""


@endpoint("GET", "/health/live", tag="Operations", scope=None, answers=Health)
async def get_liveness(_: Call) -> Health:
    """Whether the process runs."""
    return Health("live")


@endpoint("GET", "/health/ready", tag="Operations", scope=None, answers=Readiness, problems=("not-ready",))
async def get_readiness(call: Call) -> Readiness:
    """Whether the process can match, and how it stands with its database.

    503 until the first index of suppliers is loaded. After that 200, also while the database is away, as matches and
    reference data go on from memory; but 503 again while the index fails to follow a database that answers, and once it
    lags by more than VIVIER_READY_LAG_SECONDS, where that is set.
    """
    services = call.services
    if services.live is None or services.watch is None or not services.live.is_ready:
        raise Refusal("not-ready")
    index, heard, lag = services.live.index, services.watch.version, services.live.lag_seconds()
    if services.live.is_stuck:
        seconds = services.live.stuck_seconds()
        detail = _SAID["not_followed"].filled(seconds=f"{seconds:.0f}")
        raise Refusal("not-ready", detail)
    if (longest := services.settings.ready_lag_seconds) is not None and lag > longest:
        detail = _SAID["behind"].filled(lag=f"{lag:.0f}")
        raise Refusal("not-ready", detail)
    return Readiness(
        "ready",
        database="answering" if services.watch.is_answering else "away",
        data_version=index.data_version,
        versions_behind=0 if heard is None else max(0, heard.number - index.data_version),
        index_lag_seconds=round(lag, 1),
    )


@endpoint("GET", "/metrics", tag="Operations", scope=None, answers={"text/plain": str}, problems=("no-valid-key",))
async def get_metrics(call: Call) -> Response[bytes]:
    """Metrics in the Prometheus format.

    Needs the key of the setting VIVIER_METRICS_KEY where that is set. The time of matches is `vivier_match_seconds`;
    suppliers, and those with a trade, are `vivier_suppliers` and `vivier_suppliers_with_trade`, by source and kind.
    """
    key = call.services.settings.metrics_key
    if key is not None and not is_bearer_of(key, call.headers.get("authorization", "")):
        raise Refusal("no-valid-key")
    live = call.services.live
    suppliers = live.index.trade_groups() if live is not None and live.is_ready else None
    return Response(call.services.metrics.exposition(suppliers), headers={"content-type": CONTENT_TYPE})


def configure_logging(settings: Settings) -> None:
    """Send the logs of Vivier and of the libraries to standard error, as JSON lines or as text."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # plain tracebacks: the pretty ones print local variables, keys among them
    renderers: list[Any] = [
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    ]
    if settings.log_format == "json":
        renderers = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(
                serializer=lambda event, **_: msgspec.json.encode(event, enc_hook=repr).decode()
            ),
        ]
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
