"""Traces for OpenTelemetry: a span for each request, and within it one for each statement of SQL.

Loaded only where OTEL_EXPORTER_OTLP_ENDPOINT is set; needs the extra `vivier[otel]`. The SDK reads its own variables
too (OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS…). Spans hold neither paths nor queries, which
may be a right to answer or a name, nor values of parameters.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from api.runtime.observability import route_of
from api.runtime.services import Services
from api.web.content_negotiation import header_values
from db.core.engine import End, watch_statements

_PARENT = ("traceparent", "tracestate")


class Tracing:
    """Traces the requests of one application and their SQL statements; a thread sends the spans in batches."""

    def __init__(self) -> None:
        self._tracer: trace.Tracer = trace.NoOpTracer()
        self._propagator = TraceContextTextMapPropagator()

    @asynccontextmanager
    async def part(self, services: Services) -> AsyncIterator[None]:
        """The part of the application that sends spans, the last ones at its end; needs the database part."""
        named = Resource({"service.name": "vivier", "service.version": version("vivier")})
        provider = TracerProvider(resource=named.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = provider.get_tracer("vivier")
        watch_statements(services.database, self._begin_statement)
        try:
            yield
        finally:
            await asyncio.to_thread(provider.shutdown)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The ASGI app with a span around each request; its parent is the span that the header `traceparent` names."""

        async def trace_request(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            sent = {name: value for name in _PARENT for value in header_values(scope, name.encode())}
            method: str = scope["method"]
            with self._tracer.start_as_current_span(
                method, self._propagator.extract(sent), trace.SpanKind.SERVER, record_exception=False
            ) as span:

                async def send_noting_status(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        span.set_attribute("http.response.status_code", message["status"])
                        if message["status"] >= 500:
                            span.set_status(trace.StatusCode.ERROR)
                    await send(message)

                await app(scope, receive, send_noting_status)
                span.update_name(f"{method} {route_of(scope)}")
                known = {"http.request.method": method, "http.route": route_of(scope)}
                span.set_attributes(known | {"vivier.request_id": scope["request_id"]})  # type: ignore[typeddict-item]

        return trace_request

    def _begin_statement(self, statement: str) -> End:
        """Begin the span of an SQL statement; returns the function that ends the span."""
        words = {"db.system.name": "postgresql", "db.query.text": statement}
        # no span of its own for what runs beside the requests, such as the outbox that is looked at every few seconds
        if not trace.get_current_span().get_span_context().is_valid:
            return lambda _: None
        span = self._tracer.start_span(statement.split(None, 1)[0], kind=trace.SpanKind.CLIENT, attributes=words)

        def end_span(succeeded: bool) -> None:
            if not succeeded:
                span.set_status(trace.StatusCode.ERROR)
            span.end()

        return end_span
