"""Measure how soon a change is matched by every worker, and how long matches take meanwhile, over HTTP.

    python -m bench.freshness [SUPPLIERS [CHANGES_PER_SECOND [SECONDS]]]        (default: 220000 5 60)

A server of two workers imports generated suppliers; then a writer puts one record after another while each of a few
kept connections (so that both workers are asked) matches a need five times a second and reads the version in its stamp.
A change counts as seen by a connection when the answer is there: the pause between two questions is in the figure.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.imports import write
from bench.server import Server, serving
from matching.reference import load_reference

CONNECTIONS = 4
PAUSE_SECONDS = 0.2
NEED = {
    "on": "2026-11-24",
    "territory": {"codes": ["commune:56178"]},
    "lots": [{"id": "1", "segments": ["pr-locaux"]}],
    "limit": 1,
}


@dataclass
class Seen:
    """The times at which each version was put and each connection saw it, and the milliseconds of each match."""

    put_at: dict[int, float] = field(default_factory=dict)
    seen_at: list[dict[int, float]] = field(default_factory=lambda: [{} for _ in range(CONNECTIONS)])
    match_ms: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def delays(self, end: float) -> list[float]:
        """Seconds from each change to each connection; a change never seen counts up to `end`."""
        return [max(0.0, of.get(version, end) - at) for version, at in self.put_at.items() for of in self.seen_at]


def version(server: Server, connection: HTTPConnection) -> int:
    """The version that the worker behind the connection matches with."""
    answer: Any = server.ask("POST", "/match", NEED, connection)
    return int(answer["stamp"]["data_version"])


def put(server: Server, seen: Seen, per_second: float) -> None:
    """Put one new record after another, until `seen.over`."""
    connection, number = server.connect(), 0
    record = {"name": "Nouveau", "address": {"commune": "56178"}, "offers": [{"segments": ["pr-locaux"]}]}
    while not seen.over.wait(1 / per_second):
        number += 1
        answer = server.ask("PUT", f"/sources/new/suppliers/{number}", record, connection)
        seen.put_at[answer["data_version"]] = time.perf_counter()


def watch(server: Server, seen: Seen, position: int) -> None:
    """Match repeatedly on one connection, and note when each version is first seen."""
    connection = server.connect()
    last = version(server, connection)
    while not seen.over.wait(PAUSE_SECONDS):
        began = time.perf_counter()
        found = version(server, connection)
        end = time.perf_counter()
        seen.match_ms.append((end - began) * 1000)
        seen.seen_at[position].update(dict.fromkeys(range(last + 1, found + 1), end))
        last = found


def caught_up(server: Server, wanted: int) -> float:
    """Seconds until many new connections are all answered with that version."""
    began = time.perf_counter()
    while min(version(server, server.connect()) for _ in range(2 * CONNECTIONS)) < wanted:
        time.sleep(PAUSE_SECONDS)
    return time.perf_counter() - began


def measure(server: Server, per_second: float, seconds: float) -> None:
    """Put and watch at once, and print the delays."""
    seen = Seen()
    tasks = [threading.Thread(target=put, args=(server, seen, per_second))]
    tasks += [threading.Thread(target=watch, args=(server, seen, position)) for position in range(CONNECTIONS)]
    for task in tasks:
        task.start()
    time.sleep(seconds)
    seen.over.set()
    for task in tasks:
        task.join()
    print(f"{len(seen.put_at)} changes, seen after (s): {_spread(seen.delays(time.perf_counter()), 3)}")
    print(f"{len(seen.match_ms)} matches, took (ms): {_spread(seen.match_ms, 0)}")


def _spread(values: Iterable[float], digits: int) -> str:
    ordered = sorted(values)
    shares = {"median": 0.5, "p95": 0.95, "max": 1.0}
    return ", ".join(f"{name} {ordered[int(at * (len(ordered) - 1))]:.{digits}f}" for name, at in shares.items())


def main(suppliers: int, per_second: float, seconds: float) -> None:
    """Fill a server, wait until it matches with that, and measure."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, serving("--workers", "2") as server:
        path = Path(folder) / "rows.ndjson"
        write(path, suppliers, load_reference())
        began = time.perf_counter()
        report = server.send("/sources/generated/imports", path)
        print(f"{report['added']} suppliers imported in {time.perf_counter() - began:.0f} s,", end=" ")
        print(f"matched by every worker {caught_up(server, report['data_version']):.0f} s later")
        measure(server, per_second, seconds)


if __name__ == "__main__":
    given = [float(argument) for argument in sys.argv[1:]]
    count, per_second, seconds = (*given, *(220_000.0, 5.0, 60.0)[len(given) :])
    main(int(count), per_second, seconds)
