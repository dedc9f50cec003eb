"""Measure the cost of `POST /match` to a real server, HTTP included: the lots of `bench.match`, a generated pool.

    python -m bench.http_match [SUPPLIERS]        (default: 13500)

One worker, one connection, one request at a time. Server time is the CPU the server spent per request, over batches of
ten: what the client sees also holds the client's own work and whatever else the machine does.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import msgspec

from bench.imports import write
from bench.match import NEED, ROUNDS
from bench.server import Server, serving
from matching.reference import load_reference

BATCH = 10


def measure(server: Server, need: Any) -> None:
    """Print the time of `ROUNDS` equal requests, after a batch to warm up."""
    connection = server.connect()
    for _ in range(BATCH):
        server.ask("POST", "/match", need, connection)
    waited, spent = [], []
    for _ in range(ROUNDS // BATCH):
        before = server.cpu_seconds()
        for _ in range(BATCH):
            started = time.perf_counter()
            server.ask("POST", "/match", need, connection)
            waited.append((time.perf_counter() - started) * 1_000)
        spent.append((server.cpu_seconds() - before) * 1_000 / BATCH)
    print(f"  server time  p50 {median(spent):.1f} ms a request, mean {sum(spent) / len(spent):.1f} ms")
    parts = quantiles(waited, n=100)
    print(f"  the client waits  p50 {parts[49]:.1f} ms  p99 {parts[98]:.1f} ms")


def main(count: int) -> None:
    """Serve a generated pool of that size, and measure."""
    with tempfile.TemporaryDirectory() as folder, serving() as server:
        pool = Path(folder, "pool.ndjson")
        write(pool, count, load_reference())
        done = server.send("/sources/bench/imports", pool)
        need = msgspec.json.decode(NEED)
        while (answer := server.ask("POST", "/match", need))["stamp"]["data_version"] < done["data_version"]:
            time.sleep(0.1)
        print(f"{done['added']} suppliers: candidates per lot {[lot['total'] for lot in answer['lots']]}")
        measure(server, need)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 13_500)
