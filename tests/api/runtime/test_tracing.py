"""Traces, as a collector of OpenTelemetry receives them."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from api.app import create_app
from api.settings import Settings
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.sync.factories import Client

proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "a-reply-link-that-nobody-else-may-see"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a collector, and the bodies that it has received."""
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            bodies.append(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def spans(bodies: list[bytes]) -> list[Any]:
    sent = [proto.ExportTraceServiceRequest.FromString(body) for body in bodies]
    scopes = [scope for each in sent for resource in each.resource_spans for scope in resource.scope_spans]
    return [span for scope in scopes for span in scope.spans]


async def test_a_request_is_a_span_of_its_callers_trace_and_holds_its_statements(
    settings: Settings, reference: Reference, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by route; neither the path, which may be a secret, nor what was asked is told."""
    with collector() as (address, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        settings = replace(settings, database_url=database_url, trace_to=address)
        app = create_app(settings, reference)
        async with alive(app), Client(app, ADMIN_KEY) as client:
            known = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "of-the-caller"}
            assert (await client.get("/suppliers", params={"q": SECRET}, headers=known)).status_code == 200
            assert (await client.get(f"/replies/{SECRET}")).status_code == 404
    found = spans(bodies)
    (listing,) = [span for span in found if span.name == "GET /suppliers"]
    assert (listing.trace_id.hex(), listing.parent_span_id.hex()) == (TRACE, PARENT)
    attributes = {each.key: each.value.string_value or each.value.int_value for each in listing.attributes}
    assert attributes["http.response.status_code"] == 200
    assert attributes["vivier.request_id"] == "of-the-caller"
    statements = [span for span in found if span.parent_span_id == listing.span_id]
    assert {span.name for span in statements} >= {"SELECT"}
    assert any(span.name == "GET /replies/{token}" for span in found)
    assert not any(SECRET.encode() in body for body in bodies)


async def test_without_an_address_no_library_of_traces_is_loaded(settings: Settings, reference: Reference) -> None:
    """Who does without traces pays nothing for them."""
    assert settings.trace_to is None
    app = create_app(settings, reference, parts=())
    cross_origin = app.asgi_handler._app  # type: ignore[attr-defined]
    assert [type(each).__name__ for each in (cross_origin, cross_origin._app)] == ["CrossOrigin", "FilePaths"]
