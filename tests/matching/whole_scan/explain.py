"""A match put into words: candidates and their reasons, near misses and what they lacked, tension and advice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.law.eligibility import eligibility
from domain.law.findings import LegalAdvice, LegalFinding, NeedReview, Verdict
from domain.law.past_awards import EssAward, with_award_bar
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.law.supply_advice import Count, Supply, distance_is_for_sourcing, supply_advice
from domain.needs.need import ContractKind, Lot, Reserved
from domain.reference.cpv import Cpv
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import (
    Advice,
    Alternatives,
    Candidate,
    Coverage,
    Eligibility,
    Finding,
    Gate,
    NearMiss,
    OfferEvidence,
    PublicContact,
    Reason,
    Reservation,
    SegmentAnswer,
    SupplierSummary,
    Tension,
    TensionLevel,
    UnknownSupplier,
    UnknownTrade,
)
from domain.suppliers.offers import strength
from domain.suppliers.supplier import ServiceArea, Supplier
from domain.text.bilingual import Language, Text
from matching import messages
from matching.geo.projection import Positions
from matching.lot_query import LotQuery
from matching.words.keywords import Interpreter
from tests.matching.whole_scan.considered import FITS, PRESENCES, RELATED, offers_for
from tests.matching.whole_scan.gates import GATES, Contenders
from tests.matching.whole_scan.index import offered_segments
from tests.matching.whole_scan.offerless_cache import NEARBY_KM
from tests.matching.whole_scan.ranking import presence
from tests.matching.whole_scan.unknown_trade import UnknownSuppliers

Words = TypeVar("Words", Eligibility, Finding, Advice)

EVIDENCE_SHOWN = 3
CACHED_QUESTIONS, CACHED_FACTS = 16, 16_384

TENSIONS: tuple[tuple[int, TensionLevel], ...] = ((0, "none"), (2, "critical"), (4, "low"))
"""The most candidates each level of tension goes with; above the last, the supply is good."""
MANY_UNKNOWN = 3
"""The least number of suppliers nearby, eligible but of unknown trade, from which a scarce supply is called unknown."""


@dataclass(frozen=True)
class Explainer:
    """Writes the answer to one need, for one day, one kind of contract and in one language."""

    review: NeedReview
    taxonomy: Taxonomy
    cpv: Cpv
    interpreter: Interpreter
    rules: Rules
    on: date
    law_on: date
    contract: ContractKind
    language: Language

    def candidates(self, contenders: Contenders, rows: Positions) -> tuple[Candidate, ...]:
        """The candidates of `rows`, which are in order."""
        best = presence(contenders, rows).tolist()
        ranks = enumerate(zip(rows.tolist(), best, strict=True), 1)
        return tuple(self._candidate(contenders, row, rank, of_row) for rank, (row, of_row) in ranks)

    def near_misses(
        self, contenders: Contenders, refused: NDArray[np.int8], missed: Sequence[tuple[int, float]]
    ) -> tuple[NearMiss, ...]:
        """The near misses: rows of the considered suppliers with their distance in kilometres, in order."""
        to_territory = contenders.considered.territory_distance(np.array([row for row, _ in missed], dtype=np.intp))
        return tuple(
            self._near_miss(contenders, row, GATES[refused[row]][0], _to_metre(distance), _to_metre(away))
            for (row, distance), away in zip(missed, to_territory.tolist(), strict=True)
        )

    def unknown_trade(self, query: LotQuery, found: UnknownSuppliers) -> UnknownTrade:
        """The suppliers of unknown trade near the lot."""
        nearest = tuple(
            UnknownSupplier(
                _summary(each.supplier),
                _to_metre(each.distance_km),
                self._judged(query.lot, each.facts, each.ess_awards),
            )
            for each in found.nearest
        )
        message = messages.unknown_trade(found.total, found.eligible, bool(query.lot.reserved))
        return UnknownTrade(found.total, found.eligible, nearest, self._text(message))

    def tension(self, query: LotQuery, coverage: Sequence[Coverage], unknown: int) -> Tension:
        """The tension of the supply, by the requested segment with the fewest candidates.

        `unknown`: the eligible suppliers of unknown trade.
        """
        objects = [covered for covered, wanted in zip(coverage, query.wanted, strict=True) if wanted.role == "object"]
        fewest = min(objects, key=lambda covered: covered.candidates, default=None)
        count = fewest.candidates if fewest else 0
        level: TensionLevel = next((level for most, level in TENSIONS if count <= most), "good")
        if level in {"none", "critical"} and unknown >= MANY_UNKNOWN:
            level = "unknown"
        label = self.taxonomy.label(fewest.segment) if fewest else None
        return Tension(level, self._text(messages.tension(level, count, label, unknown)))

    def reservation(self, query: LotQuery) -> Reservation:
        """Findings of the law on reserving the lot; the worst gives the outcome."""
        review = self.review.lots[query.lot.id]
        return Reservation(
            review.outcome, tuple(_in_words(finding, Finding, self.language) for finding in review.reservation)
        )

    def alternatives(self, query: LotQuery, options: Mapping[str, Count], within: dict[str, int]) -> Alternatives:
        """The counts under other reservations and radii, and what the law forbids of them."""
        return Alternatives(
            reserved={name: count.total for name, count in options.items()},
            radius_km=within,
            forbidden={
                name: _in_words(finding, Finding, self.language)
                for name, finding in self.review.lots[query.lot.id].forbidden.items()
                if finding is not None
            },
        )

    def need_advice(self, besides: Sequence[LegalAdvice]) -> tuple[Advice, ...]:
        """Advice on the whole need, and that `besides` its review."""
        advice = (*self.review.advice, *besides, distance_is_for_sourcing(self.law_on, self.rules))
        return tuple(_in_words(item, Advice, self.language) for item in advice)

    def lot_advice(self, query: LotQuery, supply: Supply, awarded: Sequence[LegalAdvice]) -> tuple[Advice, ...]:
        """Advice on the lot, in this order: words not understood, trades not known, law, past awards, counsel."""
        review = self.review.lots[query.lot.id]
        legal = [*review.advice, *awarded]
        if query.objects:
            legal += supply_advice(supply, review, self.law_on, self.rules)
        return (
            *self._not_understood(query),
            *self._ask_unknown(supply),
            *(_in_words(advice, Advice, self.language) for advice in legal),
        )

    def _ask_unknown(self, supply: Supply) -> Iterator[Advice]:
        if supply.unknown_eligible:
            message = messages.ask_unknown(supply.unknown_eligible)
            yield Advice("TRADE_UNKNOWN", "warning", None, self._text(message))

    def _not_understood(self, query: LotQuery) -> Iterator[Advice]:
        for code in query.unmapped:
            label = self.cpv.label(self.cpv.normalise(code))
            yield Advice("CPV_UNMAPPED", "warning", None, self._text(messages.unmapped(code, label)))
        for words in query.unknown:
            suggestions = self.interpreter.suggest(words)
            message = messages.unknown_words(words, [self.taxonomy.label(segment) for segment in suggestions])
            yield Advice("KEYWORD_UNKNOWN", "warning", None, self._text(message), suggestions=suggestions)
        if query.title_says:
            message = messages.title_differs([self.taxonomy.label(segment) for segment in query.title_says])
            yield Advice("CPV_AND_TITLE_DIFFER", "warning", None, self._text(message), suggestions=query.title_says)

    def _candidate(self, contenders: Contenders, row: int, rank: int, best_presence: int) -> Candidate:
        supplier, query = contenders.considered.supplier(row), contenders.considered.query
        answers = tuple(self._with_evidence(answer, supplier) for answer in contenders.considered.answers_of(row))
        distance_km = _to_metre(float(contenders.distance[row]))
        measured_to: Literal["site", "territory"] | None = None
        if distance_km is not None:
            measured_to = "site" if query.site else "territory"
        away = messages.distance(distance_km, query.lot.site, supplier.location is not None)
        return Candidate(
            rank=rank,
            supplier=_summary(supplier),
            distance_km=distance_km,
            measured_to=measured_to,
            presence=PRESENCES[best_presence],
            segments=answers,
            eligibility=self._verdicts(contenders, row),
            reasons=tuple(self._reasons(answers, best_presence, away, query)),
        )

    def _reasons(
        self, answers: Sequence[SegmentAnswer], best_presence: int, away: Text, query: LotQuery
    ) -> Iterator[Reason]:
        for answer in answers:
            fit = messages.fit(answer.fit, self.taxonomy.label(answer.requested), self.taxonomy.label(answer.offered))
            yield Reason(f"segment_{answer.fit}", self._text(fit))
        bases = {answer.basis for answer in answers if answer.role == "object" and answer.fit != "related"}
        if "awarded" in bases:
            yield Reason("basis_awarded", self._text(messages.AWARDED))
        if "inferred" in bases:
            yield Reason("basis_inferred", self._text(messages.INFERRED))
        name = PRESENCES[best_presence]
        yield Reason(f"presence_{name}", self._text(messages.PRESENCE[name]))
        if query.site or name != "local":
            yield Reason("distance", self._text(away))

    def _with_evidence(self, answer: SegmentAnswer, supplier: Supplier) -> SegmentAnswer:
        """The answer with what it rests on, strongest and latest first; a declared one as it is."""
        if answer.basis == "declared":
            return answer
        offers = (o for o in supplier.offers if answer.offered in offered_segments(o, self.taxonomy, self.cpv))
        found = {each: None for offer in offers if offer.basis != "declared" for each in offer.evidence}
        strongest = sorted(found, key=strength)[:EVIDENCE_SHOWN]
        shown = (OfferEvidence(one.kind, self._text(messages.evidence(one)), one.on, one.source) for one in strongest)
        return msgspec.structs.replace(answer, evidence=tuple(shown))

    def _near_miss(
        self, contenders: Contenders, row: int, gate: Gate, distance_km: float | None, to_territory_km: float | None
    ) -> NearMiss:
        supplier, query = contenders.considered.supplier(row), contenders.considered.query
        verdicts: tuple[Eligibility, ...] = ()
        match gate:
            case "segment":
                lack = self._wrong_segment(query, supplier)
            case "service_area":
                lack = self._not_served(query, supplier, to_territory_km)
            case "distance":
                lack = messages.too_far(distance_km, query.lot.max_distance_km or 0.0, supplier.location is not None)
            case _:
                lack, verdicts = messages.NOT_ELIGIBLE, self._verdicts(contenders, row)
        message = self._text(messages.AND).join((self._text(lack), *(verdict.message for verdict in verdicts)))
        return NearMiss(_summary(supplier), gate, distance_km, verdicts, message)

    def _wrong_segment(self, query: LotQuery, supplier: Supplier) -> Text:
        """That a supplier offers only a neighbour of what is asked, or only what supports it."""
        offered = {segment for offer in supplier.offers for segment in offered_segments(offer, self.taxonomy, self.cpv)}
        for role, message in (("object", messages.fit), ("support", messages.support)):
            for wanted in (wanted for wanted in query.wanted if wanted.role == role):
                for segment, fit in offers_for(wanted, self.taxonomy):
                    if segment in offered:
                        return message(FITS[fit], self.taxonomy.label(wanted.segment), self.taxonomy.label(segment))
        raise AssertionError("a considered supplier offers something near the lot")

    def _not_served(self, query: LotQuery, supplier: Supplier, to_territory_km: float | None) -> Text:
        """That no answering offer reaches the territory, by the one that reaches farthest."""
        wanted = {segment for w in query.objects for segment, fit in offers_for(w, self.taxonomy) if fit < RELATED}
        areas = [
            offer.service_area
            for offer in supplier.offers
            if wanted & set(offered_segments(offer, self.taxonomy, self.cpv))
        ]
        return messages.not_served(max(areas, key=_reach), to_territory_km, supplier.location is not None)

    def _verdicts(self, contenders: Contenders, row: int) -> tuple[Eligibility, ...]:
        considered = contenders.considered
        if not considered.query.lot.reserved:
            return ()
        return self._judged(considered.query.lot, considered.legal_facts(row), contenders.ess_awards.get(row, ()))

    def _judged(self, lot: Lot, facts: LegalFacts, awards: tuple[EssAward, ...]) -> tuple[Eligibility, ...]:
        """Eligibility of a supplier for each of the lot's reserved types, after the awards that the buyer made it."""
        if not lot.reserved:
            return ()
        return _judge(lot.reserved, self.on, self.rules, self.contract, self.language)(facts, awards)

    def _text(self, text: Text) -> str:
        return text.to(self.language)


@lru_cache(CACHED_QUESTIONS)
def _judge(
    reserved: tuple[Reserved, ...], on: date, rules: Rules, contract: ContractKind, language: Language
) -> Callable[[LegalFacts, tuple[EssAward, ...]], tuple[Eligibility, ...]]:
    """The function that words the verdicts on a supplier, after the ESS-reserved contracts that the buyer awarded it.

    The same question has the same function, which remembers its answers: many suppliers share their legal facts.
    """

    @lru_cache(CACHED_FACTS)
    def judge(facts: LegalFacts, awards: tuple[EssAward, ...]) -> tuple[Eligibility, ...]:
        verdicts = (eligibility(facts, kind, on, rules, contract) for kind in dict.fromkeys(reserved))
        barred = (with_award_bar(verdict, awards, on, rules) for verdict in verdicts)
        return tuple(_in_words(verdict, Eligibility, language) for verdict in barred)

    return judge


def _in_words(found: Verdict | LegalFinding | LegalAdvice, kind: type[Words], language: Language) -> Words:
    """A finding, verdict or advice of the law in one language: a struct with the same fields."""
    fields = msgspec.structs.asdict(found) | {"message": found.message.to(language)}
    if isinstance(found, Verdict):
        fields["missing"] = tuple(proof.to(language) for proof in found.missing)
    return kind(**fields)


def _summary(supplier: Supplier) -> SupplierSummary:
    """A supplier as a shortlist shows it: no contact person."""
    contact = supplier.contact
    return SupplierSummary(
        id=supplier.id,
        name=supplier.name,
        siret=supplier.siret,
        kinds=supplier.kinds,
        legal_form=supplier.legal_form,
        ess=supplier.ess,
        commune=supplier.commune,
        location=supplier.location,
        contact=PublicContact(contact.email, contact.phone, contact.website),
        updated_at=supplier.updated_at,
    )


def _to_metre(distance: float) -> float | None:
    """A distance to the metre; None where it is not known."""
    return round(distance, 3) if np.isfinite(distance) else None


def _reach(area: ServiceArea | None) -> float:
    if area is None:
        return NEARBY_KM
    return area.radius_km if area.radius_km is not None else np.inf
