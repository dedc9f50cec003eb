"""Measure how long a server takes to stop, idle and busy, and whether an answer was cut.

    python -m bench.serving.stop [ROUNDS] [SUPPLIERS]        (default: 10, 13500)

`vivier serve` with one, two and four workers on its own PostgreSQL, stopped by SIGTERM once it is ready and, as often,
while clients match large needs, read the whole list as CSV, wait for a change and import: the least, the median and the
longest seconds until its process has ended, and the answers that came without their end.
"""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from itertools import product
from pathlib import Path
from statistics import median

from bench.server import ADMIN_KEY, Server, home, serving
from bench.serving import changes
from bench.suppliers import PoolFile
from matching.reference import load_reference

ROUNDS, SUPPLIERS, WORKERS = 10, 13_500, (1, 2, 4)
CLIENTS = 8
BUSY_SECONDS = 1.0
"""Clients ask for so long before the signal."""
LARGE = {
    "territory": {"codes": ["country:FR"]},
    "lots": [{"id": str(number), "keywords": ["tonte", "nettoyage"]} for number in range(100)],
}
ROWS = b"".join(b'{"external_id":"%d","name":"Atelier %d"}\n' % (number, number) for number in range(5_000))
JSON, NDJSON = "application/json", "application/x-ndjson"
ASKED = (
    ("POST", "/match", json.dumps(LARGE).encode(), JSON),
    ("GET", "/suppliers?format=csv", None, JSON),
    ("GET", "/suppliers/changes?wait=20&limit=1", None, JSON),
    ("POST", "/sources/bench-stop/imports", ROWS, NDJSON),
)


@dataclass
class Clients:
    """Clients that send requests until the server is gone, with the counts of whole and of cut answers."""

    server: Server
    answered: int = 0
    cut: list[str] = field(default_factory=list)

    def ask(self, number: int) -> None:
        """Send the same request again and again, each on a new connection, until the server is gone."""
        method, path, body, media_type = ASKED[number % len(ASKED)]
        headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": media_type}
        with suppress(OSError, HTTPException):
            while True:
                connection = self.server.connect()
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                try:
                    response.read()
                except (IncompleteRead, OSError):
                    self.cut.append(f"{method} {path}")
                    raise
                self.answered += 1
                connection.close()


def measure(folder: Path, workers: int, *, busy: bool) -> tuple[float, Clients]:
    """The seconds from the signal to the end of a server's process, and the clients it had meanwhile."""
    with ExitStack() as stack:
        clients = Clients(stack.enter_context(serving(folder, workers)))
        threads = [threading.Thread(target=clients.ask, args=(number,)) for number in range(CLIENTS if busy else 0)]
        for each in threads:
            each.start()
        time.sleep(BUSY_SECONDS)
        began = time.perf_counter()
    seconds = time.perf_counter() - began
    for each in threads:
        each.join()
    return seconds, clients


def main(arguments: Sequence[str]) -> None:
    rounds, size = int(arguments[0]) if arguments else ROUNDS, int(arguments[1]) if arguments[1:] else SUPPLIERS
    with tempfile.TemporaryDirectory() as files, home() as folder:
        with serving(folder) as server:
            changes.fill(server, PoolFile(Path(files), size, load_reference()).of(size))
        print("workers | state | least | median | longest | answered | cut")
        for workers, busy in product(WORKERS, (False, True)):
            seconds, clients = zip(*(measure(folder, workers, busy=busy) for _ in range(rounds)), strict=True)
            spread = " | ".join(f"{each:.2f}" for each in (min(seconds), median(seconds), max(seconds)))
            told = f"{sum(each.answered for each in clients)} | {sum(len(each.cut) for each in clients)}"
            print(f"{workers} | {'busy' if busy else 'idle'} | {spread} | {told}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
