"""The texts of an answer that are not about single suppliers: tension, reservation, alternatives and advice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import NamedTuple

from domain.law.findings import GENERAL, LegalAdvice, LotReview, NeedReview
from domain.law.reservations.supply_advice import LotCounts, ScarcestSegment, advise_on_distance, supply_advice
from domain.needs.lot_words import terms_in, unused_words
from domain.needs.need import Lot, Need
from domain.reference.taxonomy import segment_of
from domain.shortlists.shortlist import (
    Advice,
    Alternatives,
    Coverage,
    Finding,
    RequestedSegment,
    Reservation,
    SuggestedSegment,
    SupposedSite,
    Tension,
    TerritoryEcho,
)
from domain.text.bilingual import Language
from matching.answer import messages
from matching.answer.groupings import is_whole_answered
from matching.answer.messages import in_words
from matching.lot_match import LotMatch
from matching.lot_query import LotQuery
from matching.past_awards import PastAwards
from matching.reference import Reference
from matching.tension import ReachCounts, scarcest_segment, tension_of, tension_of_whole_lot
from matching.unknown_trade import UnknownSuppliers


class LotWords(NamedTuple):
    """The texts and counts of `LotShortlist` on a lot and its supply as a whole, under the same field names."""

    supposed_site: SupposedSite | None
    coverage: tuple[Coverage, ...]
    alternatives: Alternatives
    tension: Tension
    reservation: Reservation
    advice: tuple[Advice, ...]


@dataclass(frozen=True)
class Explainer:
    """Writes the texts of an answer on a need and its lots as a whole, for one day and language."""

    review: NeedReview
    reference: Reference
    on: date
    need: Need
    language: Language

    def requested_segments(self, query: LotQuery) -> tuple[RequestedSegment, ...]:
        """The segments that a lot asks for, as an answer shows them."""
        label = self.reference.taxonomy.label
        return tuple(
            RequestedSegment(one.segment, label(one.segment), one.sources, one.confidence, one.role)
            for one in query.wanted
        )

    def suggested_segments(self, query: LotQuery) -> tuple[SuggestedSegment, ...]:
        """The segments that a lot's words may mean and that are not asked for, as an answer shows them."""
        label = self.reference.taxonomy.label
        return tuple(
            SuggestedSegment(one.segment, label(one.segment), one.sources, one.confidence) for one in query.suggested
        )

    def territory(self, query: LotQuery) -> TerritoryEcho:
        """The territory of a lot, as an answer echoes it."""
        territory = query.territory
        return TerritoryEcho(territory.label.to(self.language), territory.codes, territory.radius_km)

    def lot_words(self, lot: LotMatch, unknown: UnknownSuppliers, past: PastAwards | None) -> LotWords:
        """The texts on a lot and its supply; `unknown`: the suppliers nearby whose trade is unknown."""
        awarded = past.advice(lot.query, lot.live, lot.passes) if past else ()
        query, counts, review = lot.query, lot.counts, self.review.lots[lot.query.lot.id]
        taxonomy, reach = self.reference.taxonomy, lot.reach_counts
        tension = tension_of(query.subject.objects, reach, unknown.eligible, query.yearly_eur, taxonomy, self.language)
        tension = tension_of_whole_lot(tension, unknown.eligible, lambda: is_whole_answered(lot), self.language)
        capable, capable_options = lot.count_capable()
        supply = LotCounts(
            counts.total,
            capable_options,
            frozenset(lot.reserved_types),
            lot.approval_ends(),
            unknown.eligible,
            unknown.options,
            tension.level == "unknown",
            self._scarcest(query.subject.objects, reach),
            capable,
            tension.level == "low",
        )
        forbidden = {name: found for name, found in review.forbidden.items() if found is not None}
        return LotWords(
            query.supposed_site,
            tuple(
                Coverage(segment_of(code), *one, beyond_reach=sizes.beyond)
                for code, one, sizes in zip(query.subject.wanted, counts.covered, reach, strict=True)
            ),
            Alternatives(
                {name: count.total for name, count in counts.options.items()},
                counts.within,
                {name: in_words(finding, Finding, self.language) for name, finding in forbidden.items()},
                unknown.options,
            ),
            tension,
            Reservation(review.outcome, tuple(in_words(one, Finding, self.language) for one in review.reservation)),
            tuple(self._lot_advice(query, review, supply, awarded)),
        )

    def _scarcest(self, segments: Sequence[str], reach: Sequence[ReachCounts]) -> ScarcestSegment | None:
        """The segment of a lot's object with the fewest candidates; None where the lot wants none."""
        if not segments:
            return None
        segment, few = scarcest_segment(segments, reach)
        return ScarcestSegment(self.reference.taxonomy.label(segment), sum(few), few.beyond)

    def need_advice(self, besides: Sequence[LegalAdvice] = ()) -> tuple[Advice, ...]:
        """The advice on the whole need: of the legal review, `besides`, on distances; what is general at the end."""
        advice = (
            *self.review.advice,
            *besides,
            advise_on_distance(self.need.law_day(self.on), self.reference.rules),
        )
        return tuple(map(self.in_words, sorted(advice, key=lambda each: each.code in GENERAL)))

    def in_words(self, found: LegalAdvice) -> Advice:
        """A piece of legal advice in the language of the answer."""
        return in_words(found, Advice, self.language)

    def _lot_advice(
        self, query: LotQuery, review: LotReview, supply: LotCounts, awarded: Sequence[LegalAdvice]
    ) -> Iterator[Advice]:
        """Advice on the lot, in order: words not understood or used, unknown trades, law, past awards, the supply."""
        for code in query.unmapped:
            cpv_label = self.reference.cpv.label(self.reference.cpv.normalise(code))
            yield Advice("CPV_UNMAPPED", "warning", None, messages.unmapped(code, cpv_label).to(self.language))
        label, interpreter = self.reference.taxonomy.label, self.reference.interpreter
        is_nobodys = False
        for words in query.unknown:
            suggestions, is_other = interpreter.suggest(words), interpreter.names_other_trade(words)
            is_nobodys |= is_other and not query.subject.objects
            message = messages.unknown_words(words, list(map(label, suggestions)), is_other_trade=is_other)
            yield Advice("KEYWORD_UNKNOWN", "warning", None, message.to(self.language), suggestions=suggestions)
        if query.title_says:
            said, objects = set(query.title_says), set(query.understood.segments)
            message = messages.title_differs(
                list(map(label, query.title_says)), is_asked=bool(said & objects), by_code=not objects <= said
            )
            yield Advice(
                "CPV_AND_TITLE_DIFFER", "warning", None, message.to(self.language), suggestions=query.title_says
            )
        if unused := words_not_used(query.lot, self.need):
            message = messages.words_not_used(unused)
            yield Advice("WORDS_NOT_USED", "info", None, message.to(self.language))
        if supply.is_inconclusive and not is_nobodys:  # of a trade that no segment covers, nobody is asked
            message = messages.ask_unknown(supply.unknown)
            yield Advice("TRADE_UNKNOWN", "warning", None, message.to(self.language))
        legal = [*review.advice, *awarded]
        if query.subject.objects:
            legal += supply_advice(supply, review, self.need.law_day(self.on), self.reference.rules)
        yield from map(self.in_words, legal)


def words_not_used(lot: Lot, need: Need) -> tuple[str, ...]:
    """The words of a lot and of its need that say a term which no field does, or what no field holds."""
    texts = [text for text in (lot.title, *lot.keywords, need.title) if text]
    value, reserved = lot.value_eur or need.estimated_total_eur, lot.reserved
    months, renewal = lot.duration_months, lot.renewal_months
    told = {"months": months, "renewal": renewal, "value": value, "reserved": reserved, "covers": True}
    terms = (term.words for text in texts for term in terms_in(text) if not told[term.kind])
    return tuple(dict.fromkeys([*terms, *chain.from_iterable(map(unused_words, texts))]))
