"""Time of a three-lot match in the engine, without HTTP, over generated pools.

    python -m bench.match [SUPPLIERS ...] [--offerless SHARE]        (default: 13500 220000, 0)

Prints for each pool what building the index cost, and the median and 99th percentile of a match, first with the
territories prepared (as portals ask: the same ones again and again), then each time with a radius never seen before.
Of SHARE of the suppliers no offer is known, as of most in real files.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from random import Random
from statistics import quantiles
from uuid import UUID

import msgspec

from api.sample.generate import generate
from domain.needs.need import Need
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import Supplier
from matching.engine import match
from matching.geo.geocode import place
from matching.index import Index, LiveIndex
from matching.reference import Reference, load_reference

ON = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROUNDS = 300

NEED = b"""{"territory": {"codes": ["departement:56"]}, "lots": [
  {"id": "1", "segments": ["pr-locaux", "pr-specialise"], "reserved": ["handicap", "iae"],
   "site": {"commune": "56260"}},
  {"id": "2", "segments": ["ev-entretien", "ev-elagage"], "territory": {"codes": ["epci:243500741"]}},
  {"id": "3", "segments": ["de-5flux", "de-bio"], "territory": {"near": {"commune": "35238"}, "radius_km": 50}}]}"""


def suppliers(count: int, reference: Reference) -> Iterator[Supplier]:
    """Generated suppliers as the directory would hold them."""
    made = generate(count, 1, reference, ON)
    for number, generated in enumerate(made):
        placement = place([generated.record], reference.geography)[0]
        stored = StoredRecord("bench", generated.external_id, generated.record, placement, UUID(int=number), NOW, NOW)
        yield assemble(UUID(int=number), [stored])


def timed(run: Callable[[int], object]) -> tuple[float, float]:
    """Median and 99th percentile of the CPU milliseconds of `run`."""
    spent = []
    for number in range(ROUNDS):
        started = time.process_time()
        run(number)
        spent.append((time.process_time() - started) * 1_000)
    parts = quantiles(spent, n=100)
    return parts[49], parts[98]


def measure(count: int, reference: Reference, offerless: float = 0.0) -> None:
    """Build an index of `count` suppliers and print what matching it costs. `offerless`: the share without offers."""
    draw = Random(3)
    pool = [
        msgspec.structs.replace(supplier, offers=()) if draw.random() < offerless else supplier
        for supplier in suppliers(count, reference)
    ]
    started = time.process_time()
    live = LiveIndex(Index(pool, reference.taxonomy, reference.cpv, reference.geography), 1)
    built = time.process_time() - started
    need = msgspec.json.decode(NEED, type=Need)
    total = [lot.total for lot in match(need, live, reference, ON, "fr").lots]
    print(f"{count} suppliers: index {built:.2f} s, candidates per lot {total}")
    median, tail = timed(lambda _: match(need, live, reference, ON, "fr"))
    print(f"  same territories   p50 {median:.2f} ms  p99 {tail:.2f} ms")

    def elsewhere(number: int) -> object:
        moved = NEED.replace(b'{"commune": "35238"}', b'{"lat": %.4f, "lon": -1.7}' % (47.9 + number / 1_000))
        return match(msgspec.json.decode(moved, type=Need), live, reference, ON, "fr")

    median, tail = timed(elsewhere)
    print(f"  a new radius each  p50 {median:.2f} ms  p99 {tail:.2f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("suppliers", type=int, nargs="*", default=[13_500, 220_000])
    parser.add_argument("--offerless", type=float, default=0.0)
    given, loaded = parser.parse_args(), load_reference()
    for size in given.suppliers:
        measure(size, loaded, given.offerless)
