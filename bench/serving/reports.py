"""Times of the sourcing report of needs that were matched and no more, in each of its forms, over the sample pool."""

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from api.reports.html_and_pdf import markup, report_pdf
from api.sample.generate import SAMPLE_DEPARTEMENTS, SAMPLE_SEED, SAMPLE_SIZE
from bench.suppliers import NOW, ON, suppliers
from domain.needs.need import Lot, Need, PlannedNeed, TerritoryRequest
from domain.needs.status import StoredNeed
from domain.report.build import ReportFacts, ReportWriter
from domain.shortlists.version import FrozenShortlist, LotTotal
from matching.engine import match
from matching.geo.map_sheets import map_sheets
from matching.index.live_index import Index, LiveIndex
from matching.reference import Reference

LOTS = (5, 60, 200)
BRETAGNE = TerritoryRequest(codes=("region:53",))
ROUNDS = 3

T = TypeVar("T")


def pool(reference: Reference) -> LiveIndex:
    """An index of the generated suppliers that come with the product."""
    made = list(suppliers(SAMPLE_SIZE, reference, seed=SAMPLE_SEED, departements=SAMPLE_DEPARTEMENTS))
    return LiveIndex(Index.build(made, reference.taxonomy, reference.cpv, reference.geography), 1)


def facts(lots: int, index: LiveIndex, reference: Reference) -> ReportFacts:
    """The facts of a report: a need of `lots` lots, every second one reserved, and its shortlist."""
    segments = list(reference.taxonomy.segments)
    asked = tuple(
        Lot(
            id=str(number + 1),
            title=f"Lot {number + 1}",
            segments=(segments[number % len(segments)],),
            value_eur=10_000.0 * number,
            reserved=("iae",) if number % 2 else (),
        )
        for number in range(lots)
    )
    content = PlannedNeed(lots=asked, title=f"{lots} lots", territory=BRETAGNE)
    need = Need(**{name: getattr(content, name) for name in Need.__struct_fields__})
    shortlist = match(need, index, reference, ON, "fr")
    version = FrozenShortlist(
        number=1,
        need_version=1,
        language="fr",
        stamp=shortlist.stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in shortlist.lots),
        created_at=NOW,
        need_id=UUID(int=1),
        need=content,
        body=msgspec.json.encode(shortlist),
        decisions=(),
    )
    stored = StoredNeed(
        id=UUID(int=1), status="sourcing", version=1, content=content, shortlists=1, created_at=NOW, updated_at=NOW
    )
    return ReportFacts(
        need=stored,
        version=version,
        exchanges=(),
        meetings=(),
        awards=(),
        earlier=(),
        directory={},
        organisation="Bretagne",
    )


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result of `work`, and the median of its durations in seconds."""
    seconds, made = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        made.append(work())
        seconds.append(time.perf_counter() - started)
    return made[-1], statistics.median(seconds)


def measure(reference: Reference, counts: tuple[int, ...] = LOTS) -> dict[str, Any]:
    """Seconds (medians of three) and kilobytes of each form of the report, by number of lots."""
    index = pool(reference)
    return {str(lots): _measure_forms(facts(lots, index, reference), reference) for lots in counts}


def _measure_forms(known: ReportFacts, reference: Reference) -> dict[str, Any]:
    made, seconds = timed(
        lambda: ReportWriter(known, reference.territories, "fr", redacted=False).report(reference.rules, NOW)
    )
    data = msgspec.json.encode(made)
    points = [each.at for each in made.placement.suppliers]
    maps, on_map = timed(lambda: map_sheets(reference.geography, [BRETAGNE], [], points))
    html, as_page = timed(lambda: markup(made, maps, printed=False).encode())
    printed, as_pdf = timed(lambda: report_pdf(made, maps))
    return {
        "data": {"s": seconds, "kb": len(data) // 1000},
        "map": {"s": on_map},
        "page": {"s": as_page, "kb": len(html) // 1000},
        "pdf": {"s": as_pdf, "kb": len(printed) // 1000},
        "memory_of_pdf_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
