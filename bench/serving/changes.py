"""Measure how soon an import and single changes are matched by every worker, over HTTP."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from bench.results import spread
from bench.server import Server

CONNECTIONS = 4
PER_SECOND = 5
PAUSE_SECONDS = 0.05
"""Between two looks of one connection, which is in the delays."""
RECORD = {"name": "Nouveau", "address": {"commune": "56178"}, "offers": [{"segments": ["pr-locaux"]}]}


@dataclass
class VersionTimes:
    """The times at which data versions were written and first seen by each connection, and durations of matches."""

    put_at: dict[int, float] = field(default_factory=dict)
    seen_at: list[dict[int, float]] = field(default_factory=lambda: [{} for _ in range(CONNECTIONS)])
    match_ms: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def delays(self, end: float) -> list[float]:
        """Seconds from each change until each connection saw it; a change never seen counts up to `end`."""
        return [max(0.0, of.get(version, end) - at) for version, at in self.put_at.items() for of in self.seen_at]


def fill(server: Server, file: Path) -> dict[str, Any]:
    """Import a file, and wait until every worker matches with its suppliers; returns the figures."""
    began = time.perf_counter()
    report = server.send("/sources/bench/imports", file)
    answered = time.perf_counter() - began
    if report["rejected"]:
        raise RuntimeError(f"{report['rejected']} of the generated suppliers were rejected")
    return {
        "suppliers": report["added"],
        "answered_s": answered,
        "rows_per_second": report["added"] / answered,
        "matched_by_all_after_s": server.seconds_until(report["data_version"]),
    }


def measure(server: Server, seconds: float) -> dict[str, Any]:
    """Write single changes while a few connections match; returns the delays of the changes and times of matches."""
    seen = VersionTimes()
    watchers = [
        threading.Thread(target=_watch_versions, args=(server, seen, position)) for position in range(CONNECTIONS)
    ]
    for each in watchers:
        each.start()
    with changing(server, seen):
        time.sleep(seconds)
    server.seconds_until(max(seen.put_at))
    seen.over.set()
    for each in watchers:
        each.join()
    return {
        "changes": len(seen.put_at),
        "per_second": PER_SECOND,
        "seen_after_s": spread(seen.delays(time.perf_counter())),
        "match_ms_meanwhile": spread(seen.match_ms),
    }


@contextmanager
def changing(server: Server, seen: VersionTimes | None = None) -> Iterator[None]:
    """Write new records, `PER_SECOND` of them, while the block runs."""
    over, noted = threading.Event(), seen or VersionTimes()
    writer = threading.Thread(target=_put_records, args=(server, noted, over))
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def _put_records(server: Server, seen: VersionTimes, over: threading.Event) -> None:
    """Write new records, `PER_SECOND` of them, until `over` is set, and note when each was answered."""
    run, began = f"{time.monotonic_ns():x}", time.perf_counter()
    with closing(server.connect()) as connection:
        for number in count(1):
            answer = server.ask("PUT", f"/sources/new/suppliers/{run}-{number}", RECORD, connection)
            seen.put_at[answer["data_version"]] = time.perf_counter()
            if over.wait(max(0.0, began + number / PER_SECOND - time.perf_counter())):
                return


def _watch_versions(server: Server, seen: VersionTimes, position: int) -> None:
    """Match repeatedly on one connection, and note when each version is first seen."""
    with closing(server.connect()) as connection:
        last = server.data_version(connection)
        while not seen.over.wait(PAUSE_SECONDS):
            began = time.perf_counter()
            found = server.data_version(connection)
            end = time.perf_counter()
            seen.match_ms.append((end - began) * 1000)
            seen.seen_at[position].update(dict.fromkeys(range(last + 1, found + 1), end))
            last = found
