"""Any process of a server but its first is killed in the midst of its work: nothing is half done, and it goes on.

Its memory is flat while it is asked varied things for ten minutes (VIVIER_SOAK_SECONDS: another time).
"""

import itertools
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.api.commands.conftest import Answer, Server, decoded, until
from tests.faults.postgres import children, forker_of, workers_of

Start = Callable[..., Server]
ROWS = 12_000
NDJSON = {"Content-Type": "application/x-ndjson"}
NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","segments":["pr-locaux"]}]}'


def file() -> bytes:
    """An import that takes some seconds."""
    supplier = {
        "address": {"commune": "56178"},
        "offers": [{"segments": ["pr-locaux"], "service_area": {"radius_km": 200}}],
    }
    rows = (supplier | {"external_id": str(number), "name": f"Atelier {number}"} for number in range(ROWS))
    return b"\n".join(json.dumps(row).encode() for row in rows)


class Import(threading.Thread):
    """An import under way, and what it was answered; None where the connection broke."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.answer: Answer | None = None
        self.start()

    def run(self) -> None:
        with suppress(OSError, HTTPException):
            self.answer = self._server.ask("POST", "/sources/a/imports", file(), **NDJSON)


def imports_of(server: Server) -> list[dict[str, object]]:
    try:
        answer = server.ask("GET", "/sources/a/imports")
    except (OSError, HTTPException):  # of a worker that was just killed
        return []
    found: list[dict[str, object]] = decoded(answer)["items"] if answer.status == 200 else []
    return found


def matched(server: Server) -> int:
    """The number of candidates that a need finds; -1 where it cannot be asked now."""
    with suppress(OSError, HTTPException):
        answer = server.ask("POST", "/match", NEED)
        if answer.status == 200:
            return int(decoded(answer)["lots"][0]["total"])
    return -1


def kill(victims: list[int]) -> None:
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("victim", ["workers", "reader", "forker"])
def test_an_import_whose_processes_are_killed_stores_nothing_and_can_be_sent_again(start: Start, victim: str) -> None:
    server = start("--workers", "2").ready()
    sent = Import(server)
    until(lambda: any(each["status"] == "running" for each in imports_of(server)))
    forker = forker_of(server)
    kill({"workers": workers_of(server), "reader": children(forker), "forker": [forker]}[victim])
    sent.join()
    until(lambda: matched(server) >= 0)
    if sent.answer is None or sent.answer.status >= 300:
        assert sent.answer is None or sent.answer.status == 503, sent.answer
        until(lambda: matched(server) == 0)  # a worker may still load
        until(lambda: [each["status"] for each in imports_of(server)][:1] in (["interrupted"], ["failed"]))
        again = server.ask("POST", "/sources/a/imports", file(), **NDJSON)
        assert (again.status, decoded(again)["added"]) == (200, ROWS)
    until(lambda: matched(server) == ROWS)


def test_an_index_whose_builders_are_killed_is_built_all_the_same(start: Start) -> None:
    server = start("--workers", "2").ready()
    forker = forker_of(server)
    sent = Import(server)
    sent.join()
    assert sent.answer is not None
    assert sent.answer.status == 200
    for _ in range(3):
        until(lambda: bool(children(forker)) or matched(server) == ROWS)
        kill(children(forker))
    until(lambda: {matched(server) for _ in range(8)} == {ROWS})  # by both workers


def test_workers_that_are_killed_are_followed_by_others_that_know_the_directory(start: Start) -> None:
    server = start("--workers", "2").ready()
    assert server.ask("POST", "/sources/a/imports", file(), **NDJSON).status == 200
    until(lambda: matched(server) == ROWS)
    killed = workers_of(server)
    kill(killed)
    until(lambda: len(set(workers_of(server)) - set(killed)) == 2)
    until(lambda: matched(server) == ROWS)


SECONDS = float(os.environ.get("VIVIER_SOAK_SECONDS", "600"))
WARM_SHARE = 0.4
"""The share of the time in which what is kept for later requests may still grow."""
GROWTH_MIB = 48
CLIENTS = 3
SEGMENTS = ("pr-locaux", "ev-entretien", "de-5flux", "rs-traiteur", "so-mad", "lt-blanchisserie")


def another_need(number: int, chance: random.Random) -> bytes:
    """A need that was not asked before: other places, radii, outlines, segments, references."""
    lat, lon = chance.uniform(44.5, 48.5), chance.uniform(0.5, 5.0)
    outline = [(lon, lat), (lon + 0.3, lat), (lon + 0.3, lat + chance.uniform(0.1, 0.5)), (lon, lat + 0.2), (lon, lat)]
    territory = chance.choice(
        [
            {"codes": [f"departement:{chance.randint(21, 89)}"]},
            {"near": {"lat": lat, "lon": lon}, "radius_km": chance.randint(1, 200)},
            {"geometry": {"type": "Polygon", "coordinates": [outline]}},
        ]
    )
    lots = [
        {"id": str(lot), "title": f"Lot {number}-{lot} : nettoyage du groupe scolaire {number}", "segments": [segment]}
        for lot, segment in enumerate(chance.sample(SEGMENTS, chance.randint(1, 4)))
    ]
    return json.dumps({"reference": f"S-{number}", "territory": territory, "lots": lots}).encode()


def record(number: int, chance: random.Random) -> bytes:
    lat, lon = chance.uniform(44, 49), chance.uniform(0, 6)
    offers = [{"segments": [chance.choice(SEGMENTS)], "service_area": {"radius_km": chance.randint(10, 100)}}]
    supplier = {"name": f"Atelier {number}", "location": {"lat": lat, "lon": lon}, "offers": offers}
    return json.dumps(supplier).encode()


def memory(pid: int) -> int:
    """Bytes that a process holds for itself alone: mapped files are the system's to keep or drop."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Dirty", "Private_Clean")))


def test_memory_is_flat(start: Start) -> None:
    server = start("--workers", "1").ready()
    (worker,) = workers_of(server)
    numbers, ends, statuses = itertools.count(), time.monotonic() + SECONDS, set[int]()

    def ask(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < ends:
            number = next(numbers)
            statuses.add(server.ask("POST", "/match", another_need(number, chance)).status)
            if number % 5 == 0:
                path = f"/sources/s/suppliers/{number % 3000}"
                statuses.add(server.ask("PUT", path, record(number, chance)).status)
            if number % 50 == 0:
                statuses.add(server.ask("GET", "/suppliers?q=atelier&limit=50").status)

    clients = [threading.Thread(target=ask, args=(seed,)) for seed in range(CLIENTS)]
    for client in clients:
        client.start()
    threading.Event().wait(SECONDS * WARM_SHARE)
    warm = memory(worker)
    for client in clients:
        client.join()
    until(lambda: server.ask("GET", "/health/ready").status == 200)
    grown = (memory(worker) - warm) / (1 << 20)
    assert statuses <= {200, 201}
    assert workers_of(server) == [worker]
    assert grown < GROWTH_MIB, f"{grown:.0f} MiB more after {next(numbers)} needs"
