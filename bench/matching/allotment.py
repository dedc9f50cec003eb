"""Measure what proposals of lots take: needs of 20 lots over a region, as their lots may be divided and joined.

    python -m bench.matching.allotment [SUPPLIERS]        (default: 220000)

Each need is asked for twice: by an index and territories that know nothing of it, and again. Milliseconds of CPU of one
core, divisions and lots that were judged, and whether all were looked at.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from bench.matching.match_cost import with_empty_cache
from bench.suppliers import ON, suppliers
from domain.allotment.allotment import AllotmentNeed, AllotmentOptions, DivisibleLot
from domain.needs.need import Buyer, TerritoryRequest
from matching.allotment.allot import allot_json
from matching.index.live_index import Index, LiveIndex
from matching.index.tables import IndexTables, build_tables
from matching.reference import Reference, load_reference

BUYER = Buyer(name="Région", kind="local", contracting_authority=True)
LOTS, SEGMENTS_OF_SOME = 20, 3


def cases(reference: Reference) -> Iterator[tuple[str, AllotmentNeed]]:
    """Names and needs of 20 lots over a region, the most divisible last."""
    draw = Random(1)
    segments = list(reference.taxonomy.segments)
    single = [(segment,) for segment in draw.sample(segments, LOTS)]
    several = [tuple(draw.sample(segments, SEGMENTS_OF_SOME)) for _ in range(LOTS)]
    options = AllotmentOptions()
    as_they_are = msgspec.structs.replace(options, divide=(), join=False)
    by_segment = msgspec.structs.replace(options, divide=("segment",))
    more_lots = msgspec.structs.replace(options, max_lots=60)
    by_epci = msgspec.structs.replace(options, divide=("epci",), max_lots=60)
    yield "20 lots of one segment, as they are", _need(single, as_they_are)
    yield "20 lots of one segment, by departement", _need(single, options)
    yield "20 lots of 3 segments, by segment", _need(several, by_segment)
    yield "20 lots of 3 segments, by both", _need(several, options)
    yield "20 lots of 3 segments, by both, 60 lots", _need(several, more_lots)
    yield "20 lots of one segment, by EPCI, 60 lots", _need(single, by_epci)


def _need(segments: Sequence[tuple[str, ...]], options: AllotmentOptions) -> AllotmentNeed:
    lots = tuple(DivisibleLot(id=str(number), segments=each) for number, each in enumerate(segments, start=1))
    return AllotmentNeed(lots=lots, buyer=BUYER, territory=TerritoryRequest(codes=("region:53",)), allotment=options)


def main(count: int) -> None:
    """Measure with `count` suppliers, and print a line per need."""
    reference = load_reference()
    tables = build_tables(suppliers(count, reference), reference.taxonomy, reference.cpv, reference.geography)
    measure(tables, reference, count)


def measure(tables: IndexTables, reference: Reference, count: int) -> None:
    """Ask twice for proposals of lots for each need, and print the CPU time and the size of each answer."""
    print(f"{count} suppliers; CPU ms of the first time, and again; proposals, their lots; complete")
    for name, need in cases(reference):
        fresh = with_empty_cache(reference)
        live = LiveIndex(Index(tables, fresh.taxonomy, fresh.cpv, fresh.geography), data_version=1)
        spent, answer = [], b""
        for _ in range(2):
            before = time.process_time()
            answer = allot_json(need, live, fresh, ON, "fr")
            spent.append(1_000 * (time.process_time() - before))
        found = msgspec.json.decode(answer)
        lots = " ".join(str(each["summary"]["lots"]) for each in found["proposals"])
        print(f"{name:<44} {spent[0]:8.0f} {spent[1]:8.0f}   {lots:<16} {found['complete']}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 220_000)
