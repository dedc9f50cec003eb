"""The engine and the oracle, side by side."""

from collections.abc import Sequence
from datetime import date

import msgspec

from domain.needs.need import Need, PastAward
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.supplier import Supplier
from matching.engine import match_json
from matching.geo.territory import outlines
from matching.index.live_index import Index, LiveIndex
from tests.factories import reference
from tests.matching.oracle.compare import disagreements
from tests.matching.oracle.oracle import Oracle
from tests.matching.oracle.strategies import Scenery


class Bench:
    """The engine and the oracle, side by side."""

    def __init__(self) -> None:
        self.reference = reference()
        territories, taxonomy = self.reference.territories, self.reference.taxonomy
        communes = outlines("commune")
        self.oracle = Oracle(territories, taxonomy, self.reference.interpreter, self.reference.rules, communes)
        self.scenery = Scenery.of(territories, taxonomy, self.reference.cpv, communes)

    def index(self, pool: Sequence[Supplier]) -> LiveIndex:
        """The pool as a server holds it after changes: every third supplier was written anew, and what it was before,
        another's trade in another's place, is superseded."""
        changed = {one.id for one in pool[::3]}
        before = [
            msgspec.structs.replace(other, id=one.id, name=f"{one.name}, before") if one.id in changed else one
            for one, other in zip(pool, [*pool[1:], *pool[:1]], strict=True)
        ]
        return LiveIndex(self._index(before), 1).with_changes(pool[::3], (), 2)

    def _index(self, pool: Sequence[Supplier]) -> Index:
        return Index.build(pool, self.reference.taxonomy, self.reference.cpv, self.reference.geography)

    def disagreements(
        self, asked: Need, pool: Sequence[Supplier], on: date, index: LiveIndex, past: Sequence[PastAward] = ()
    ) -> list[str]:
        """What the engine says of a need otherwise than the oracle; `past`: what its buyer awarded.

        It answers the same bytes whether it keeps what it answered or not.
        """
        answers = []
        for index.base.keeps in (False, True, True):
            answers.append(match_json(asked, index, self.reference, on, "fr", awards=past))
        if len({*answers}) > 1:
            return ["what was kept of earlier answers changes this one"]
        answer = msgspec.json.decode(answers[0], type=Shortlist)
        return disagreements(answer, self.oracle.read(asked, pool, on, past), asked)
