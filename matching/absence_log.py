"""Where everybody stood who was considered for a lot, noted while a need is matched: what explains later why a
supplier is on one shortlist and not on another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.shortlists.frozen import Absence, LotLedger
from domain.shortlists.shortlist import Gate
from domain.text.bilingual import Text
from matching.explain import Explainer
from matching.gates import GATES, PASSED, Field
from matching.geo.projection import Positions
from matching.index import LiveIndex
from matching.past_awards import row_of

KEPT = 20_000
"""Suppliers noted of a need, shared out between its lots; some 40 bytes each where it is stored."""
FEWEST = 150
"""Suppliers noted of a lot, however many lots there are: as many as a shortlist can show."""
BEYOND_OFFERS = tuple(number for number, (gate, _) in reversed(tuple(enumerate(GATES))) if gate != "segment")


@dataclass
class Ledger:
    """Notes of each lot of a need who passed, whom which gate refused, and what became of the suppliers in `followed`.

    `followed`: by lot, those to be accounted for unless they are shown, the most important first. Those that are not
    in the index are noted as inactive: why, the index does not know.
    """

    index: LiveIndex
    followed: Mapping[str, Sequence[UUID]]
    of_lots: int
    lots: list[LotLedger] = field(default_factory=list)

    def note(
        self,
        explainer: Explainer,
        held: Field,
        refused: NDArray[np.int8],
        in_order: Positions,
        shown: int,
        missed: Sequence[int],
    ) -> None:
        """Note a lot: `shown` of the candidates `in_order`, and the rows `missed`, are what its shortlist lists."""
        room = max(KEPT // self.of_lots, FEWEST)
        by_gate = {GATES[number][0]: np.flatnonzero(refused == number) for number in BEYOND_OFFERS}
        candidates = _ids(held, in_order[:room])
        lot = held.survey.query.lot.id
        self.lots.append(
            LotLedger(
                id=lot,
                candidates=candidates,
                refused=dict(_within(held, by_gate, room - len(candidates))),
                absences=tuple(self._absences(explainer, held, refused, in_order, shown, missed))[:room],
                complete=len(in_order) + sum(len(rows) for rows in by_gate.values()) <= room,
            )
        )

    def _absences(
        self,
        explainer: Explainer,
        held: Field,
        refused: NDArray[np.int8],
        in_order: Positions,
        shown: int,
        missed: Sequence[int],
    ) -> Iterator[Absence]:
        """The near misses, then those followed that are not shown."""
        listed = {*in_order[:shown].tolist(), *missed}
        rows = {each: row_of(held.survey, each) for each in self.followed.get(held.survey.query.lot.id, ())}
        absent = {each: row for each, row in rows.items() if row is not None and row not in listed}
        turned_away = [*missed, *(row for row in absent.values() if refused[row] != PASSED)]
        yield from _refused(explainer, held, refused, turned_away)
        if any(refused[row] == PASSED for row in absent.values()):
            ranks = {row: rank for rank, row in enumerate(in_order.tolist(), 1)}
            for each, row in absent.items():
                if refused[row] == PASSED:
                    yield Absence(each, "beyond_limit", rank=ranks[row])
        for each, no_row in rows.items():
            if no_row is None:
                yield Absence(each, "no_offer" if each in self.index else "inactive")


def _refused(explainer: Explainer, held: Field, refused: NDArray[np.int8], rows: Sequence[int]) -> Iterator[Absence]:
    """Whom a gate refused, and what is said of it in both languages."""
    missed = [(row, float(held.distance[row])) for row in rows]
    french = replace(explainer, language="fr").near_misses(held, refused, missed)
    english = replace(explainer, language="en").near_misses(held, refused, missed)
    for fr, en in zip(french, english, strict=True):
        yield Absence(fr.supplier.id, "refused", fr.excluded_by, Text(fr.message, en.message))


def _within(held: Field, by_gate: Mapping[Gate, Positions], room: int) -> Iterator[tuple[Gate, tuple[UUID, ...]]]:
    """As many as there is room for; those who came furthest first."""
    for gate, rows in by_gate.items():
        yield gate, _ids(held, rows[:room])
        room -= min(room, len(rows))


def _ids(held: Field, rows: Positions) -> tuple[UUID, ...]:
    survey = held.survey
    pairs = zip(survey.part[rows].tolist(), survey.ordinal[rows].tolist(), strict=True)
    return tuple(survey.parts[part].suppliers[ordinal].id for part, ordinal in pairs)
