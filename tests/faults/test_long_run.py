"""Memory of a server that is asked varied things for ten minutes (VIVIER_SOAK_SECONDS: another time)."""

import itertools
import json
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.api.commands.conftest import Server, until
from tests.faults.processes import workers_of

SECONDS = float(os.environ.get("VIVIER_SOAK_SECONDS", "600"))
WARM_SHARE = 0.4
"""The share of the time in which what is kept for later requests may still grow."""
GROWTH_MIB = 48
CLIENTS = 3
SEGMENTS = ("pr-locaux", "ev-entretien", "de-5flux", "rs-traiteur", "so-mad", "lt-blanchisserie")


def need(number: int, chance: random.Random) -> bytes:
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


def test_memory_is_flat(start: Callable[..., Server]) -> None:
    server = start("--workers", "1").ready()
    (worker,) = workers_of(server)
    numbers, ends, statuses = itertools.count(), time.monotonic() + SECONDS, set[int]()

    def ask(seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < ends:
            number = next(numbers)
            statuses.add(server.ask("POST", "/match", need(number, chance)).status)
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
