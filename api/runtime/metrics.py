"""Prometheus metrics of requests, matches, the data version and the suppliers in memory.

Several worker processes count together through files in a shared folder (`PROMETHEUS_MULTIPROC_DIR`, which
`vivier serve` sets for its workers): whichever worker answers `GET /metrics` reports the sum over all.
"""

import collections
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from domain.suppliers.known_trades import TradeCounts
from matching.index.trade_groups import TradeGroup, counts_by_source, counts_of_all

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
MATCH_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
MOST_SERIES = 4_096
SOURCES_NAMED = 50
"""Sources with the most suppliers, which have series of their own; the others are counted together."""
ALL, OTHERS = "(all)", "(others)"


class Metrics:
    """The metrics of one application. `shared`: the folder in which several processes count together."""

    def __init__(self, shared: Path | None = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        if shared is None:
            ProcessCollector(registry=self._registry)
        requests = Histogram(
            "vivier_http_request_seconds",
            "Time to answer a request, by method, route and status",
            ("method", "route", "status"),
            buckets=REQUEST_BUCKETS,
            registry=self._registry,
        )
        self._request_series = lru_cache(MOST_SERIES)(requests.labels)
        self.match_seconds = Histogram(
            "vivier_match_seconds",
            "Time to match a need and write the answer, without HTTP",
            buckets=MATCH_BUCKETS,
            registry=self._registry,
        )
        gauge = partial(Gauge, registry=self._registry)
        self.large_matches = gauge(
            "vivier_large_matches", "Large matches under way or waiting for their turn", multiprocess_mode="livesum"
        )
        self.data_version = gauge(
            "vivier_data_version",
            "Version of the supplier data in memory; the least recent of the workers'",
            multiprocess_mode="livemin",
        )
        self.index_follows = gauge(
            "vivier_index_follows",
            "1 where the suppliers in memory follow the directory, 0 since that failed; the least of the workers'",
            multiprocess_mode="livemin",
        )

        self.timestamps = Counter(
            "vivier_journal_timestamps",
            "Answers of the time-stamping authority about the journals' heads: given, or refused where it gave none",
            ("answer",),
            registry=self._registry,
        )

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is the route's path with its parameters unfilled, never the path sent."""
        self._request_series(method, route, status).observe(seconds)

    def exposition(self, suppliers: Mapping[TradeGroup, int] | None = None) -> bytes:
        """All metrics in the text format of Prometheus (CONTENT_TYPE); `suppliers`: their numbers by group, if known.

        The suppliers are those of the process that answers: all processes hold the same.
        """
        counted = self._registry
        if self._shared is not None:
            counted = CollectorRegistry()
            _OfAllProcesses(counted, path=str(self._shared))  # type: ignore[no-untyped-call]
        if suppliers is None:
            return generate_latest(counted)
        read = CollectorRegistry()
        read.register(_SupplierGauges(suppliers))
        return generate_latest(counted) + generate_latest(read)


class _OfAllProcesses(MultiProcessCollector):
    """The metrics of all processes, without the files that a starting one has opened and not yet written.

    The library fails on an empty file (prometheus_client 0.26.0).
    """

    def collect(self) -> Iterable[Metric]:
        written = [str(file) for file in Path(self._path).glob("*.db") if not _is_empty(file)]
        return self.merge(written)  # type: ignore[no-untyped-call, no-any-return]


def _is_empty(file: Path) -> bool:
    """Whether the file has no content; true of a file that was taken away since (a dead process's gauges)."""
    try:
        return file.stat().st_size == 0
    except FileNotFoundError:
        return True


class _SupplierGauges(Collector):
    """Prometheus gauges of suppliers, and of those with a trade, by source (at most 52) and kind (at most 14)."""

    def __init__(self, groups: Mapping[TradeGroup, int]) -> None:
        sizes: collections.Counter[str] = collections.Counter()
        for group, number in groups.items():
            sizes.update(dict.fromkeys(group.sources, number))
        # a source may have any name, these too
        named = {source for source, _ in sizes.most_common(SOURCES_NAMED)} - {ALL, OTHERS}
        by_source = counts_by_source(groups, lambda source: source if source in named else OTHERS)
        self._counts: dict[str, TradeCounts] = {ALL: counts_of_all(groups)} | by_source

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ("source", "kind")
        of_source = "by source and kind; a supplier of several counts in each"
        suppliers = GaugeMetricFamily("vivier_suppliers", f"Active suppliers, {of_source}", labels=labels)
        traded = GaugeMetricFamily(
            "vivier_suppliers_with_trade", f"Those with a trade beyond lending staff, {of_source}", labels=labels
        )
        for source, counts in self._counts.items():
            suppliers.add_metric((source, ALL), counts.suppliers)
            traded.add_metric((source, ALL), counts.with_trade)
            for each in counts.by_kind:
                suppliers.add_metric((source, each.kind), each.suppliers)
                traded.add_metric((source, each.kind), each.with_trade)
        yield from (suppliers, traded)
