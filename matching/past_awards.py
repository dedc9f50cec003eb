"""Effects of past awards on a match: suppliers barred from an ESS-reserved lot, suppliers that win too often."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from domain.law.findings import OUTCOMES, LegalAdvice
from domain.law.other_contracts import EssAward, advise_dependence, advise_same_supplier, judge_award_bar
from domain.law.rules import Rules
from domain.needs.need import RESERVED_TYPES, PastAward, awards_by_supplier, may_be_same_buyer
from domain.reference.taxonomy import Taxonomy
from matching.index.legal import RADIX, OutcomeCodes
from matching.index.live_index import LiveIndex
from matching.lot_query import LotQuery

ESS = RESERVED_TYPES.index("ess")


class EssBar(NamedTuple):
    """The ESS-reserved contracts that bar a supplier, and the eligibility that is left (a position in OUTCOMES)."""

    awards: tuple[EssAward, ...]
    outcome: int


@dataclass(frozen=True)
class PastAwards:
    """The past awards of an organisation by supplier, up to the day `on`; `siret`: of the buyer of the need matched.

    `of_buyer`: without those that another buyer made.
    """

    awards_of: Mapping[UUID, tuple[PastAward, ...]]
    of_buyer: Mapping[UUID, tuple[PastAward, ...]]
    on: date
    siret: str | None
    rules: Rules
    taxonomy: Taxonomy

    @classmethod
    def known_on(
        cls, on: date, awards: Iterable[PastAward], siret: str | None, rules: Rules, taxonomy: Taxonomy
    ) -> "PastAwards | None":
        """The awards made up to the day `on`; None where there are none."""
        past = [award for award in awards if award.awarded_on <= on]
        own = awards_by_supplier(award for award in past if may_be_same_buyer(siret, award.buyer_siret))
        return cls(awards_by_supplier(past), own, on, siret, rules, taxonomy) if past else None

    def ess_bars(self, query: LotQuery, live: LiveIndex) -> dict[int, EssBar]:
        """By ordinal, the bar on each supplier that was awarded ESS-reserved contracts in the three years before.

        The same service: the award's lot and this one ask for one segment or family in common. Another buyer: their
        needs name buyers of different SIRETs.
        """
        found = {}
        for supplier, awards in self.awards_of.items():
            asked = query.understood.segments
            past = tuple(
                EssAward(
                    awarded_on=award.awarded_on,
                    same_service=any(segment in asked for segment in award.segments),
                    same_buyer=may_be_same_buyer(self.siret, award.buyer_siret),
                )
                for award in awards
                if "ess" in award.reserved
            )
            barred = judge_award_bar(past, self.on, self.rules) if past else None
            ordinal = live.ordinal_of(supplier) if barred else None
            if barred and ordinal is not None:
                found[ordinal] = EssBar(past, OUTCOMES.index(barred.outcome))
        return found

    def advice(self, query: LotQuery, live: LiveIndex, passes: Callable[[int], bool]) -> list[LegalAdvice]:
        """Advice on a lot: suppliers that win its activities again and again, candidates that depend on the buyer.

        `passes` says of an ordinal whether it is a candidate.
        """
        habits, dependent = list[LegalAdvice](), list[LegalAdvice]()
        for supplier, awards in self.of_buyer.items():
            ordinal = live.ordinal_of(supplier)
            known = None if ordinal is None else live.base.columns.supplier(ordinal)
            name = known.name if known else awards[-1].supplier_name
            for segment in query.understood.segments:
                days = tuple(award.awarded_on for award in awards if segment in award.segments)
                if found := advise_same_supplier(name, self.taxonomy.label(segment), days, self.on, self.rules):
                    habits.append(found)  # be it a candidate of this lot or not
                    break
            if known and ordinal is not None and passes(ordinal):
                turnover = known.turnover_eur
                if found := advise_dependence(known.name, turnover, awards, query.lot, self.on, self.rules):
                    dependent.append(found)
        return [*habits, *dependent]


def apply_bars(codes: OutcomeCodes, row_of: Callable[[int], int | None], bars: Mapping[int, EssBar]) -> OutcomeCodes:
    """The codes, the ESS outcome of each ordinal in `bars` worsened to its bar's; `row_of`: the row of an ordinal."""
    after = codes.copy()
    for ordinal, bar in bars.items():
        row = row_of(ordinal)
        if row is not None:
            ess = int(codes[row]) // RADIX**ESS % RADIX
            after[row] += max(bar.outcome - ess, 0) * RADIX**ESS
    return after
