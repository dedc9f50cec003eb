"""Times the sourcing report of needs that were matched and no more, in each of its forms.

    python -m bench.reports 5 60 200

For each number of lots over the sample pool: seconds and kilobytes as data, as a page and as a PDF, and the peak of
memory of the process that sets the PDF. Medians of three.
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

import msgspec

from api.reports.html import html_page
from api.reports.pdf import pdf
from api.sample.generate import SAMPLE_DEPARTEMENTS, SAMPLE_SEED, SAMPLE_SIZE, generate
from domain.needs.need import Lot, Need, PlannedNeed, TerritoryRequest
from domain.needs.status import StoredNeed
from domain.report.build import ReportFacts, report
from domain.shortlists.frozen import FrozenShortlist, LotTotal
from domain.suppliers.assembly import StoredRecord, assemble
from matching.engine import match
from matching.geo.geocode import place
from matching.geo.report_map import map_sheets
from matching.index import Index, LiveIndex
from matching.reference import Reference, load_reference

ON, NOW = date(2026, 11, 24), datetime(2026, 11, 24, 15, tzinfo=UTC)
BRETAGNE = TerritoryRequest(codes=("region:53",))
ROUNDS = 3

T = TypeVar("T")


def pool(reference: Reference) -> LiveIndex:
    """The generated suppliers that come with the product."""
    made = generate(SAMPLE_SIZE, SAMPLE_SEED, reference, ON, SAMPLE_DEPARTEMENTS)
    suppliers = []
    for number, (external_id, record) in enumerate(made):
        placement = place([record], reference.geography)[0]
        stored = StoredRecord("exemple", external_id, record, placement, UUID(int=number), NOW, NOW)
        suppliers.append(assemble(UUID(int=number), [stored]))
    return LiveIndex(Index(suppliers, reference.taxonomy, reference.cpv, reference.geography), 1)


def facts(lots: int, index: LiveIndex, reference: Reference) -> ReportFacts:
    """A need of so many lots of one activity each, every second of them reserved, and its shortlist."""
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
    """The result of the work, and the median of its seconds."""
    seconds, made = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        made.append(work())
        seconds.append(time.perf_counter() - started)
    return made[-1], statistics.median(seconds)


def main(*counts: int) -> None:
    reference = load_reference()
    index = pool(reference)
    for lots in counts:
        known = facts(lots, index, reference)
        made, seconds = timed(
            lambda: report(known, reference.territories, reference.rules, "fr", NOW, redacted=False)  # noqa: B023
        )
        data = msgspec.json.encode(made)
        points = [each.at for each in made.placement.suppliers]
        maps, on_map = timed(lambda: map_sheets(reference.geography, [BRETAGNE], [], points))  # noqa: B023
        html, as_page = timed(lambda: html_page(made, maps))  # noqa: B023
        printed, as_pdf = timed(lambda: pdf(made, maps))  # noqa: B023
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        print(f"{lots} lots: data {seconds:.3f} s, {len(data) // 1000} kB; map {on_map:.3f} s; ", end="")
        print(f"page {as_page:.3f} s, {len(html) // 1000} kB; ", end="")
        print(f"PDF {as_pdf:.1f} s, {len(printed) // 1000} kB, at most {peak} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
