"""Offers by the jobs that a structure recruits for: their ROME codes, else the words of their titles.

Whoever employs people in insertion at a trade sells that trade. What temporary work agencies (ETTI) and groups of
employers (GEIQ) recruit for is what their clients do: they sell staff. Associations intermédiaires lend theirs.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Evidence, Kind, Offer, PrestaType
from sources.trades.inference import WordReader
from sources.trades.offers import offer_of, reference_of, shortened

_LENDERS: frozenset[Kind] = frozenset({"ETTI", "GEIQ"})


class Job(NamedTuple):
    """A job offered: its ROME code ("" where it has none), its title, and the day it was last told of."""

    rome: str
    title: str
    on: date | None = None


class JobReader:
    """Reads jobs as offers; built once for a taxonomy."""

    def __init__(self, taxonomy: Taxonomy, source: str | None) -> None:
        self._taxonomy, self._source = taxonomy, source
        self._words = WordReader(taxonomy)

    def offers(self, jobs: Iterable[Job], kind: Kind | None) -> tuple[Offer, ...]:
        """One offer for the segments of each job, in the order of the jobs; those of one segment share it."""
        if kind in _LENDERS:
            return ()
        presta: tuple[PrestaType, ...] = ("DISP",) if kind == "AI" else ()
        found: dict[tuple[str, ...], Offer] = {}
        for job in jobs:
            segments = self._segments(job)
            if segments and segments not in found:
                evidence = Evidence("job", shortened(job.title), job.on, self._source, reference_of(job.rome))
                label = f"Déduit d'un poste proposé : {job.title or job.rome}"
                found[segments] = offer_of(segments, label, evidence, presta)
        return tuple(found.values())

    def _segments(self, job: Job) -> tuple[str, ...]:
        """Those of the code; of several, those that the title names too; without a code, those that the title names."""
        by_code = self._taxonomy.of_rome(job.rome)
        if len(by_code) == 1:
            return by_code
        by_title = tuple(clue.segment for clue in self._words.read((job.title,)))
        return tuple(segment for segment in by_code if segment in by_title) or by_code or by_title
