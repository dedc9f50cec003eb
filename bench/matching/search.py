"""Measure `POST /match` over HTTP, on varied needs: cold, warm and never seen; alone, under load and under changes.

Each body holds a reference that no other has. CPU is the server's, of all its processes without PostgreSQL's: it
holds HTTP and JSON but nothing of the client.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec

from bench.client import Load, ask_each, ask_for, request
from bench.needs import DENSE, BenchNeed, bodies, needs, other_segments
from bench.results import spread
from bench.server import ADMIN_KEY, Server, started_server
from bench.serving.changes import PER_SECOND, changing
from matching.reference import Reference

CONNECTIONS = 16
ROTATION = 200
SEED, OTHER_SEED = 7, 8


def measure(server: Server, folder: Path, reference: Reference, rotation: int, seconds: float) -> dict[str, Any]:
    """All figures of a newly started server. `rotation`: number of needs; `seconds`: length of each load."""
    asked = needs(rotation, SEED, reference)
    memory = server.memory_mb()
    cold = _measure_in_turn(server, asked)
    found: dict[str, Any] = {
        "start_s": server.start_seconds,
        "memory_at_start_mb": memory,
        "cold": cold,
        "warm": _measure_in_turn(server, asked),
        "repeated": _measure_in_turn(server, asked[:1] * rotation),
        "unseen_segments": _measure_in_turn(server, other_segments(asked, OTHER_SEED, reference)),
        "unseen_territories": _measure_in_turn(server, needs(rotation, OTHER_SEED, reference)),
        "answers": _candidate_counts(server, asked),
        "load": _measure_under_load(server, _match_requests(asked), seconds),
    }
    with changing(server):
        found["load_while_changing"] = {
            "changes_per_second": PER_SECOND,
            **_measure_under_load(server, _match_requests(asked), seconds),
        }
    found["memory_mb"] = server.memory_mb()
    found["ready_bytes"] = _ready_bytes(folder, found["load"]["mean_bytes"], seconds)
    found["share_of_ready_bytes"] = found["load"]["per_second"] / found["ready_bytes"]["per_second"]
    return found


def _measure_in_turn(server: Server, asked: Sequence[BenchNeed]) -> dict[str, Any]:
    """Figures of asking for each need once, over one connection."""
    before = server.cpu_seconds()
    load = ask_each(server.port, _match_requests(asked), len(asked))
    spent = server.cpu_seconds() - before
    by_kind: dict[str, list[float]] = defaultdict(list)
    for need, taken in zip(asked, load.nanoseconds, strict=True):
        by_kind[need.kind].append(taken / 1e6)
    return {**_figures(load, spent), "by_territory_ms": {kind: mean(times) for kind, times in sorted(by_kind.items())}}


def _measure_under_load(server: Server, requests: Iterator[bytes], seconds: float) -> dict[str, Any]:
    before = server.cpu_seconds()
    load = ask_for(server.port, requests, seconds, CONNECTIONS)
    spent = server.cpu_seconds() - before
    return {"connections": CONNECTIONS, "per_second": load.per_second, **_figures(load, spent)}


def _figures(load: Load, cpu_seconds: float) -> dict[str, Any]:
    return {
        "requests": len(load.nanoseconds),
        "latency_ms": spread(each / 1e6 for each in load.nanoseconds),
        "server_cpu_ms": cpu_seconds * 1000 / len(load.nanoseconds),
        "mean_bytes": load.mean_bytes,
    }


def _match_requests(asked: Sequence[BenchNeed]) -> Iterator[bytes]:
    return (request("POST", "/match", ADMIN_KEY, body) for body in bodies(asked))


def _candidate_counts(server: Server, asked: Sequence[BenchNeed]) -> dict[str, Any]:
    """Numbers of candidates per lot, of varied needs and of the dense one. Raises RuntimeError where all are 0."""
    totals = [lot["total"] for need in asked[:50] for lot in server.ask("POST", "/match", need.content)["lots"]]
    if not any(totals):
        raise RuntimeError("no need has a candidate: nothing would be measured")
    dense = server.ask("POST", "/match", msgspec.json.decode(DENSE))
    return {"candidates": spread(totals), "dense": [lot["total"] for lot in dense["lots"]]}


def _ready_bytes(folder: Path, size: int, seconds: float) -> dict[str, Any]:
    """Figures under load of a route of the application that answers `size` prepared bytes."""
    with started_server([sys.executable, "-m", "bench.matching.ready"], folder) as server:
        one = request("GET", f"/ready/{size}", ADMIN_KEY)
        return _measure_under_load(server, repeat(one), seconds)
