"""Effects of past awards on a match: suppliers barred from an ESS-reserved lot, suppliers that win too often."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.law.findings import OUTCOMES, LegalAdvice
from domain.law.past_awards import EssAward, award_bar, dependence, same_supplier
from domain.law.rules import Rules
from domain.needs.award import PastAward, by_supplier
from domain.needs.need import RESERVED_TYPES, may_be_same_buyer
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.supplier import Supplier
from matching.geo.projection import Positions
from tests.matching.whole_scan.considered import ConsideredSuppliers
from tests.matching.whole_scan.gates import Contenders

ESS = RESERVED_TYPES.index("ess")


@dataclass(frozen=True)
class PastAwards:
    """The awards of the organisation up to the day of a match, by supplier. `siret`: of the buyer of that match.

    `of_buyer`: without those that another buyer made.
    """

    awards_of: Mapping[UUID, tuple[PastAward, ...]]
    of_buyer: Mapping[UUID, tuple[PastAward, ...]]
    on: date
    siret: str | None
    rules: Rules
    taxonomy: Taxonomy

    @classmethod
    def until(
        cls, on: date, awards: Iterable[PastAward], siret: str | None, rules: Rules, taxonomy: Taxonomy
    ) -> "PastAwards | None":
        """Those made on that day or before, None where there are none; later ones are ignored."""
        past = [award for award in awards if award.awarded_on <= on]
        own = by_supplier(award for award in past if may_be_same_buyer(siret, award.buyer_siret))
        return cls(by_supplier(past), own, on, siret, rules, taxonomy) if past else None

    def bar(self, contenders: Contenders) -> Contenders:
        """The contenders once the three-year bar is applied to the ESS outcomes of those awarded such a contract.

        The same service: the award's lot and this one ask for one segment or family in common. Another buyer: their
        needs name buyers of different SIRETs.
        """
        found = {
            row: past
            for supplier, awards in self.awards_of.items()
            if (past := self._ess_awards(awards, contenders))
            and (row := contenders.considered.row_of(supplier)) is not None
        }
        worst = np.zeros(len(contenders.considered.ordinal), dtype=np.int8)
        for row, past in found.items():
            barred = award_bar(past, self.on, self.rules)
            worst[row] = OUTCOMES.index(barred.outcome) if barred else 0
        if not worst.any():
            return contenders

        def outcomes(rows: Positions) -> NDArray[np.int8]:
            verdicts = contenders.outcomes(rows)
            verdicts[:, ESS] = np.maximum(verdicts[:, ESS], worst[rows])
            return verdicts

        return replace(contenders, outcomes=outcomes, ess_awards=found)

    def advice(self, contenders: Contenders, passed: Positions) -> list[LegalAdvice]:
        """Advice on a lot: suppliers that win its activities again and again, candidates that depend on the buyer."""
        return [*self._habits(contenders.considered), *self._dependent(contenders.considered, passed)]

    def _ess_awards(self, awards: Iterable[PastAward], contenders: Contenders) -> tuple[EssAward, ...]:
        asked = {wanted.segment for wanted in contenders.considered.query.objects}
        return tuple(
            EssAward(
                awarded_on=award.awarded_on,
                same_service=not asked.isdisjoint(award.segments),
                same_buyer=may_be_same_buyer(self.siret, award.buyer_siret),
            )
            for award in awards
            if "ess" in award.reserved
        )

    def _habits(self, considered: ConsideredSuppliers) -> Iterator[LegalAdvice]:
        """Each supplier that wins one of the lot's segments again and again, be it a candidate of this lot or not."""
        for supplier, awards in self.of_buyer.items():
            known = _indexed(considered, supplier)
            name = known.name if known else awards[-1].supplier_name
            for segment in (wanted.segment for wanted in considered.query.objects):
                days = tuple(award.awarded_on for award in awards if segment in award.segments)
                if found := same_supplier(name, self.taxonomy.label(segment), days, self.on, self.rules):
                    yield found
                    break

    def _dependent(self, considered: ConsideredSuppliers, passed: Positions) -> Iterator[LegalAdvice]:
        candidates = frozenset(passed.tolist())
        for supplier, awards in self.of_buyer.items():
            row, known = considered.row_of(supplier), _indexed(considered, supplier)
            if row not in candidates or known is None:
                continue
            lot = considered.query.lot
            if found := dependence(known.name, known.turnover_eur, awards, lot, self.on, self.rules):
                yield found


def _indexed(considered: ConsideredSuppliers, supplier: UUID) -> Supplier | None:
    """The supplier as the index has it."""
    ordinal = considered.index.ordinals.get(supplier)
    return None if ordinal is None else considered.index.suppliers[ordinal]
