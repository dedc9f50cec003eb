"""The reference data that a process loads once and matches with."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from domain.errors import InvalidContent, Problem, pointer
from domain.law import rules as law
from domain.needs.need import TerritoryRequest
from domain.reference import cpv, taxonomy, territory
from domain.suppliers.record_check import MOST_SUGGESTIONS, unknown_segment
from matching.geo.territory import Geography
from matching.lot_query import NeedReader
from matching.words.keywords import Interpreter
from matching.words.names import Gazetteer


@dataclass(frozen=True)
class Reference:
    """Reference data, the same while the process runs: territories, taxonomy, CPV, law, and what derives from them."""

    territories: territory.Territories
    taxonomy: taxonomy.Taxonomy
    cpv: cpv.Cpv
    rules: law.Rules
    interpreter: Interpreter
    geography: Geography

    @cached_property
    def gazetteer(self) -> Gazetteer:
        """The search of territories by name or code, made at the first call (some 0.3 s)."""
        return Gazetteer(self.territories)

    @cached_property
    def reader(self) -> NeedReader:
        """The reader of needs, which caches the objects of lots that it read last."""
        return NeedReader(self.taxonomy, self.cpv, self.interpreter, self.geography)


def code_problems(reference: Reference, territory: TerritoryRequest | None, segments: Iterable[str]) -> list[Problem]:
    """The problems of a territory and of segments named in a body, each with its JSON pointer."""
    problems = list[Problem]()
    for place, segment in enumerate(segments):
        if not reference.taxonomy.known(segment):
            detail = unknown_segment(segment, reference.taxonomy, suggest=len(problems) < MOST_SUGGESTIONS)
            problems.append(Problem(pointer("segments", place), "unknown_code", detail))
    try:
        if territory is not None:
            reference.geography.territory(territory, "territory")
    except InvalidContent as invalid:
        problems += invalid.problems
    return problems


def load_reference(rules: law.Rules | None = None, *, for_server: bool = False) -> Reference:
    """Load all reference data (some 1 s); workers forked afterwards share it. `rules`: in place of the committed law.

    `for_server`: also the search of territories and all outlines; whoever asks first would hold up all others for them.
    """
    territories, trades = territory.load(), taxonomy.load()
    applied = law.load() if rules is None else rules
    interpreter, geography = Interpreter(trades, territories), Geography(territories)
    loaded = Reference(territories, trades, cpv.load(), applied, interpreter, geography)
    if for_server:
        _ = loaded.gazetteer  # which makes it
        geography.load()
    return loaded
