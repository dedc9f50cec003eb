"""Prometheus metrics of requests, matches and the data version.

Several worker processes count together through files in a shared folder (`PROMETHEUS_MULTIPROC_DIR`, which
`vivier serve` sets for its workers): whichever worker answers `GET /metrics` reports the sum over all.
"""

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
MATCH_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class Metrics:
    """The metrics of one application. `shared`: the folder in which several processes count together."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        if shared is None:
            ProcessCollector(registry=self._registry)
        self._requests = Histogram(
            "vivier_http_request_seconds",
            "Time to answer a request, by method, route and status",
            ("method", "route", "status"),
            buckets=REQUEST_BUCKETS,
            registry=self._registry,
        )
        self._match = Histogram(
            "vivier_match_seconds",
            "Time to match a need and write the answer, without HTTP",
            buckets=MATCH_BUCKETS,
            registry=self._registry,
        )
        self._version = Gauge(
            "vivier_data_version",
            "Version of the supplier data in memory; the least recent of the workers'",
            multiprocess_mode="livemin",
            registry=self._registry,
        )
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the route's path with its parameters unfilled, never the path sent."""
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._requests.labels(method, route, str(status))
        child.observe(seconds)

    def matched(self, seconds: float) -> None:
        """Count one match, with the time until its answer was written, without HTTP."""
        self._match.observe(seconds)

    def data_version(self, version: int) -> None:
        """Set the version of the supplier data that this process matches against."""
        self._version.set(version)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus (CONTENT_TYPE)."""
        if self._shared is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together, path=str(self._shared))  # type: ignore[no-untyped-call]
        return generate_latest(together)
