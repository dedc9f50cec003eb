"""Divisions written as proposals: each lot as the engine judges it, with its reasons, and the law beside.

Beside a proposal the law says: the procedure is that of the sum, the duty to divide into lots, small lots.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count

import msgspec

from domain.allotment.allotment import Proposal, ProposedLot, Summary
from domain.allotment.divisions import PossibleLot
from domain.allotment.search import draw, rank
from domain.law.findings import LegalAdvice, advice
from domain.law.law_changes import LAW_CHANGES, ON_PROCEDURE
from domain.law.procedures.lot_facts import estimated_cents
from domain.law.review import review_need
from domain.law.rules import Rules
from domain.needs.need import Need
from domain.shortlists.shortlist import Advice, Reason
from domain.text.bilingual import Language
from matching.allotment import words
from matching.allotment.lots import NO_SEGMENT, GivenLots, JudgedLot, judged_lots, summary
from matching.allotment.valuing import Valuing
from matching.allotment.words import Said
from matching.answer.messages import in_words
from matching.engine import law_changes_of, review_of
from matching.index.live_index import LiveIndex

Objects = Mapping[str, tuple[str, ...]]
"""By the id of a lot, the segments understood as its object."""


def advice_beside(
    given: tuple[LegalAdvice, ...], proposed: Need, objects: Objects, on: date, rules: Rules
) -> Iterator[LegalAdvice]:
    """The advice on a proposal by the law of the day `on`.

    `given`: that on the need as it is given, of which the one on procedure holds, and on a law that differs by day.

    That the values of the lots make small lots is told only where all are known, and leave the procedure as it is.
    """
    view = rules.at(on, proposed.contract)
    is_market = proposed.contract == "market"
    yield advice(view, "procedure_of_sum", rule="value_of_all_lots" if is_market else "concession_value")
    procedure = [each for each in given if each.code in ON_PROCEDURE]
    differing = [each for each in given if each.code == LAW_CHANGES]
    yield from (msgspec.structs.replace(each, lots=()) for each in (*procedure, *differing))
    if not is_market:
        return
    own: dict[str, LegalAdvice] = {}
    if all(estimated_cents(lot) is not None for lot in proposed.lots) or len(proposed.lots) == 1:
        own = {each.code: each for each in review_need(proposed, on, rules, objects).advice}
        if not _rules_of(own.values()) <= _rules_of(procedure):
            own = {}
    yield own.get("ALLOTMENT") or advice(view, "duty_to_allot")
    if len(proposed.lots) > 1:
        yield own.get("SMALL_LOT_SETS") or advice(view, "small_lot_rules")


def _rules_of(advised: Iterable[LegalAdvice]) -> set[tuple[str, str]]:
    """The advice on procedure by code and rule."""
    return {(each.code, each.rule) for each in advised if each.code in ON_PROCEDURE}


LONGEST_ID = 100
"""As long as the id of a lot may be."""

Division = Sequence[PossibleLot]


@dataclass(frozen=True, kw_only=True)
class ProposalWriter:
    """Writes the proposals for one need; `as_given`: the figures of its lots as they are."""

    given: GivenLots
    valuing: Valuing
    as_given: Summary
    live: LiveIndex
    on: date
    language: Language
    seed: int

    def proposals(self, divisions: Sequence[Division]) -> tuple[Proposal, ...]:
        """The divisions as proposals, in order; each lot is judged once."""
        judged = self._judged(dict.fromkeys(lot for division in divisions for lot in division))
        need, queries, reference = self.given.need, self.given.queries, self.given.reference
        review = review_of(need, need.law_day(self.on), queries, reference, self.live)
        advice = (*review.advice, *law_changes_of(need, queries, reference, self.on, self.live, of_lots=False))
        least = self.given.need.allotment.min_candidates
        found = [(summary([judged[lot] for lot in division], least), division) for division in divisions]
        found.sort(key=lambda each: (rank(each[0]), draw(self.seed, each[1])))
        return tuple(
            Proposal(
                rank=number,
                lots=tuple(self._lots(division, judged)),
                summary=figures,
                reasons=self._reasons(self._reasons_of_rank(number, [each for each, _ in found], least)),
                advice=self._advice(division, advice),
            )
            for number, (figures, division) in enumerate(found, start=1)
        )

    def _reasons_of_rank(self, number: int, found: Sequence[Summary], least: int) -> Iterator[Said]:
        """The figures of the proposal of a rank, and what puts it after the one before; `found`: those of all."""
        figures = found[number - 1]
        yield from words.of_proposal(figures, self.as_given, least)
        if number > 1:
            yield words.ranked_after(figures, found[number - 2], number - 1, least)

    def _judged(self, lots: Iterable[PossibleLot]) -> Mapping[PossibleLot, JudgedLot]:
        """Each lot as the engine judges it, under the reservation that it would have."""
        asked = {str(number): lot for number, lot in enumerate(lots)}
        need = self.given.need_of(
            tuple(self.given.need_lot(lot, self.valuing.reservation(lot).types, id) for id, lot in asked.items())
        )
        reference = self.given.reference
        queries = reference.reader.read(need)
        judged = judged_lots(need, queries, self.live, reference, self.on, self.language)
        return dict(zip(asked.values(), judged, strict=True))

    def _lots(self, division: Division, judged: Mapping[PossibleLot, JudgedLot]) -> Iterator[ProposedLot]:
        for lot_id, lot in zip(self._ids(division), division, strict=True):
            of = judged[lot]
            yield ProposedLot(
                id=lot_id,
                title=self._title(lot, of),
                from_lots=self._given_lots(lot),
                segments=tuple(segment for segment in lot.segments if segment != NO_SEGMENT),
                cpv=self.given.cpv(lot),
                territory=of.territory,
                reserved=of.reserved,
                value_eur=self.given.value(lot),
                options_eur=self.given.options(lot),
                total=of.total,
                eligible=of.eligible,
                local=of.local,
                tension=of.tension,
                reservation=of.reservation,
                reasons=self._reasons(self._reasons_of(lot, of)),
            )

    def _reasons_of(self, lot: PossibleLot, of: JudgedLot) -> Iterator[Said]:
        given, least = self.given, self.given.need.allotment.min_candidates
        if given.is_as_given(lot):
            yield "as_given", words.AS_GIVEN
        if len(lot.lots) > 1:
            yield words.joined_lots(self._given_lots(lot))
        by_segment, by_area = given.divides_segments(lot), given.divides_areas(lot)
        yield from words.divided(self._labels(lot), by_segment, by_area, of.territory.label)
        chosen = self.valuing.reservation(lot).chosen
        if chosen in {"kept", "proposed"}:
            yield words.reserved(of.reserved, of.eligible, chosen == "kept")
        elif chosen == "too_few":
            yield words.too_few(least)
        elif chosen == "forbidden":
            yield "reservation_forbidden", words.LOT_FORBIDDEN
        yield words.competition(of.eligible, least) if of.total else ("no_supply", words.NO_SUPPLY)

    def _title(self, lot: PossibleLot, of: JudgedLot) -> str:
        own = self.given.need.lots[lot.lots[0]].title if self.given.is_as_given(lot) else None
        area = of.territory.label if self.given.divides_areas(lot) else None
        return words.title(self._labels(lot) or self._given_lots(lot), area, own).to(self.language)

    def _labels(self, lot: PossibleLot) -> list[str]:
        taxonomy = self.given.reference.taxonomy
        return [taxonomy.label(segment) for segment in lot.segments if segment != NO_SEGMENT]

    def _given_lots(self, lot: PossibleLot) -> tuple[str, ...]:
        return tuple(self.given.need.lots[place].id for place in lot.lots)

    def _ids(self, division: Division) -> list[str]:
        """An id for each lot: those of the lots it is made of, with a number where it buys only a part of one."""
        names = ["+".join(self._given_lots(lot)) for lot in division]
        names = [name if len(name) <= LONGEST_ID - 8 else f"{name[: LONGEST_ID - 9]}…" for name in names]
        times = Counter(names)
        whole = [
            times[name] == 1 and (len(lot.lots) > 1 or self.given.is_as_given(lot))
            for name, lot in zip(names, division, strict=True)
        ]
        used = {name for name, is_whole in zip(names, whole, strict=True) if is_whole}
        made = []
        for name, is_whole in zip(names, whole, strict=True):
            numbered = (f"{name}-{number}" for number in count(1))
            own = name if is_whole else next(each for each in numbered if each not in used)
            used.add(own)
            made.append(own)
        return made

    def _advice(self, division: Division, advice: tuple[LegalAdvice, ...]) -> tuple[Advice, ...]:
        given, ids = self.given, self._ids(division)
        lots = tuple(
            given.need_lot(lot, self.valuing.reservation(lot).types, lot_id)
            for lot_id, lot in zip(ids, division, strict=True)
        )
        need = given.need_of(lots, given.need.estimated_total_eur)
        objects = {lot_id: lot.segments for lot_id, lot in zip(ids, division, strict=True)}
        beside = advice_beside(advice, need, objects, need.law_day(self.on), given.reference.rules)
        return tuple(in_words(each, Advice, self.language) for each in beside)

    def _reasons(self, said: Iterable[Said]) -> tuple[Reason, ...]:
        return tuple(Reason(code, message.to(self.language)) for code, message in said)
