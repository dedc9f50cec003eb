"""Divisions written as proposals: each lot as the engine judges it, with its reasons in words, and the law beside.

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
from domain.allotment.search import draw_number, rank
from domain.law.findings import ON_PROCEDURE, LegalAdvice, advice
from domain.law.procedures.lot_facts import Understood
from domain.law.review import LAW_CHANGES, review_need
from domain.law.rules import Rules
from domain.needs.estimate import estimated_cents
from domain.needs.need import Lot, Need
from domain.shortlists.listed_suppliers import Reason
from domain.shortlists.reach import SMALL_LOT_EUR, whole_euros
from domain.shortlists.shortlist import Advice, Alternatives
from domain.text.bilingual import Language, Text, join_texts, listed, said_by
from domain.text.labels import RESERVED
from matching.allotment.lots import NO_SEGMENT, GivenLots, JudgedLot, judged_lots, sum_figures
from matching.allotment.valuing import LotValuer
from matching.answer.messages import in_words
from matching.engine import law_changes_of, review_of
from matching.index.live_index import LiveIndex

_SAID = said_by(__name__)

CodedText = tuple[str, Text]
"""A code, and what it says."""

DIVISIONS_LEFT_OUT = _SAID["divisions_left_out"]
COMBINATIONS_LEFT_OUT = _SAID["combinations_left_out"]
CRITERIA = {
    "without_supply": (_SAID["lot_without_supply"], _SAID["lots_without_supply"]),
    "with_competition": (_SAID["lot_with_competition"], _SAID["lots_with_competition"]),
    "suppliers_alone": (_SAID["supplier_alone"], _SAID["suppliers_alone"]),
    "reserved": (_SAID["lot_reserved"], _SAID["lots_reserved"]),
    "lots": (_SAID["lot_in_all"], _SAID["lots_in_all"]),
}
"""The criteria of the order, in that order, by the figure of a `Summary` that each compares: one, several."""
LONGEST_TITLE = 400
"""As long as the title of a lot may be."""


Objects = Mapping[str, Understood]
"""By the id of a lot, what is understood as its object."""


def proposal_advice(
    given: tuple[LegalAdvice, ...], proposed: Need, objects: Objects, on: date, rules: Rules
) -> Iterator[LegalAdvice]:
    """The legal advice on a proposed need, by the law of the day `on`; `objects`: the segments of each lot, by id.

    `given`: the advice on the need as given, from which advice on procedure and on a differing law is repeated.

    Small lots are mentioned only where the values of all lots are known and leave the procedure unchanged.
    """
    view = rules.view(on, proposed.contract)
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
        if not _procedure_rules(own.values()) <= _procedure_rules(procedure):
            own = {}
    yield own.get("ALLOTMENT") or advice(view, "duty_to_allot")
    if len(proposed.lots) > 1:
        yield own.get("SMALL_LOT_SETS") or advice(view, "small_lot_rules")


def _procedure_rules(advised: Iterable[LegalAdvice]) -> set[tuple[str, str]]:
    """The code and rule of each advice that concerns the procedure."""
    return {(each.code, each.rule) for each in advised if each.code in ON_PROCEDURE}


LONGEST_ID = 100
"""As long as the id of a lot may be."""

Division = Sequence[PossibleLot]


@dataclass(frozen=True, kw_only=True)
class ProposalWriter:
    """Writes the proposals for one need; `as_given`: the figures of the lots as the buyer gave them."""

    given: GivenLots
    valuing: LotValuer
    as_given: Summary
    live: LiveIndex
    on: date
    language: Language
    seed: int

    def proposals(self, divisions: Sequence[Division]) -> tuple[Proposal, ...]:
        """The proposals for these divisions, best first; a lot shared by several divisions is judged once."""
        need, queries, reference = self.given.need, self.given.queries, self.given.reference
        # each lot as the engine judges it, under the reservation that it would have
        distinct = list(dict.fromkeys(lot for division in divisions for lot in division))
        estimated = [self._reserved_lot(lot, str(number), is_estimated=True) for number, lot in enumerate(distinct)]
        asked = self.given.need_of(tuple(estimated))
        found_lots = judged_lots(asked, reference.reader.read(asked), self.live, reference, self.on, self.language)
        judged = dict(zip(distinct, found_lots, strict=True))
        whole = self.given.whole_need()
        review = review_of(whole, need.law_day(self.on), queries, reference, self.live)
        advice = (*review.advice, *law_changes_of(whole, queries, reference, self.on, self.live, of_lots=False))
        least = need.allotment.min_candidates
        found = [(sum_figures([judged[lot] for lot in division], least), division) for division in divisions]
        found.sort(key=lambda each: (rank(each[0]), draw_number(self.seed, each[1])))
        proposals = []
        for number, (figures, division) in enumerate(found, start=1):
            reasons = [*criteria_reasons(figures, self.as_given, least)]
            if number > 1:
                reasons.append(rank_reason(figures, found[number - 2][0], number - 1, least))
            lots, ids = tuple(self._proposed_lots(division, judged)), self._proposed_lot_ids(division)
            proposed = self.given.need_of(tuple(map(self._reserved_lot, division, ids)), need.estimated_total_eur)
            objects = {lot_id: self.given.understood(lot) for lot_id, lot in zip(ids, division, strict=True)}
            beside = proposal_advice(advice, proposed, objects, need.law_day(self.on), reference.rules)
            in_language = tuple(in_words(each, Advice, self.language) for each in beside)
            proposals.append(Proposal(number, lots, figures, self._reasons_in_language(reasons), in_language))
        return tuple(proposals)

    def _reserved_lot(self, lot: PossibleLot, lot_id: str, *, is_estimated: bool = False) -> Lot:
        """The lot that `POST /match` takes, under the reservation chosen for this possible lot."""
        return self.given.match_lot(lot, self.valuing.reservation(lot).types, lot_id, is_estimated=is_estimated)

    def _proposed_lots(self, division: Division, judged: Mapping[PossibleLot, JudgedLot]) -> Iterator[ProposedLot]:
        for lot_id, lot in zip(self._proposed_lot_ids(division), division, strict=True):
            of = judged[lot]
            yield ProposedLot(
                id=lot_id,
                title=self._title(lot).to(self.language),
                from_lots=self._given_lot_ids(lot),
                segments=tuple(segment for segment in lot.segments if segment != NO_SEGMENT),
                cpv=self.given.cpv(lot),
                territory=of.territory,
                reserved=of.reserved,
                value_eur=self.given.value(lot),
                estimated_value_eur=self._shared_value(lot),
                options_eur=self.given.options(lot),
                total=of.total,
                eligible=of.eligible,
                local=of.local,
                unknown=of.unknown,
                tension=of.tension,
                reservation=of.reservation,
                reasons=self._reasons_in_language(self._lot_reasons(lot, of)),
            )

    def _title(self, lot: PossibleLot) -> Text:
        """The buyer's own title where a lot has all its segments, else what it buys; then where, if it is a part."""
        given = self.given
        labels = self._segment_labels(lot) or self._given_lot_ids(lot)
        own = None if len(lot.lots) > 1 or given.divides_segments(lot) else given.need.lots[lot.lots[0]].title
        return lot_title(labels, given.short_name_of_areas(lot) if given.divides_areas(lot) else None, own)

    def _shared_value(self, lot: PossibleLot) -> float | None:
        """The value that a lot is estimated at; None where its value is known, or those it comes from are not."""
        return self.given.estimated_value(lot) if self.given.value(lot) is None else None

    def _lot_reasons(self, lot: PossibleLot, judged: JudgedLot) -> Iterator[CodedText]:
        given, min_candidates = self.given, self.given.need.allotment.min_candidates
        if given.is_as_given(lot):
            yield "as_given", _SAID["as_given"]
        yield from self._part_reasons(lot)
        if len(lot.lots) > 1:
            yield joined_reason(self._given_lot_ids(lot))
        by_segment, by_area = given.divides_segments(lot), given.divides_areas(lot)
        where = given.areas.names(lot.areas) if by_area else None
        yield from division_reasons(self._segment_labels(lot) if by_segment else (), where)
        if (value := self._shared_value(lot)) is not None:
            yield shared_value_reason(value, by_segment, by_area)
            if value < SMALL_LOT_EUR and not given.is_as_given(lot):
                yield "value_small", _SAID["value_small"]
        chosen = self.valuing.reservation(lot).chosen
        if chosen in {"kept", "proposed"}:
            yield reservation_reason(judged.reserved, judged.eligible, chosen == "kept")
        elif chosen == "too_few":
            own = self.valuing.unknown_count(lot, given.own_reservation(lot))
            yield too_few_eligible_reason(min_candidates, own)
        elif chosen == "forbidden":
            yield "reservation_forbidden", _SAID["lot_forbidden"]
        if by_area:
            yield part_reason(judged.alternatives)
        yield from supply_reasons(judged, min_candidates, of_several=len(lot.segments) > 1)

    def _part_reasons(self, lot: PossibleLot) -> Iterator[CodedText]:
        """Reasons telling that a lot is counted for a whole segment, of which the lots asked for buy a single part."""
        label = self.given.reference.taxonomy.label
        for segment in lot.segments:
            if (part := self.given.part_asked(lot, segment)) != segment:
                yield "whole_segment", _SAID["whole_segment"].filled(segment=label(segment), part=label(part))

    def _segment_labels(self, lot: PossibleLot) -> list[str]:
        taxonomy = self.given.reference.taxonomy
        return [taxonomy.label(segment) for segment in lot.segments if segment != NO_SEGMENT]

    def _given_lot_ids(self, lot: PossibleLot) -> tuple[str, ...]:
        return tuple(self.given.need.lots[place].id for place in lot.lots)

    def _proposed_lot_ids(self, division: Division) -> list[str]:
        """The id of each proposed lot: ids of its given lots joined by “+”, with a number where it buys only part."""
        names = ["+".join(self._given_lot_ids(lot)) for lot in division]
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

    def _reasons_in_language(self, reasons: Iterable[CodedText]) -> tuple[Reason, ...]:
        return tuple(Reason(code, message.to(self.language)) for code, message in reasons)


def division_reasons(labels: Sequence[str], area: Text | None) -> Iterator[CodedText]:
    """Reasons why a lot is divided: by segment, naming the `labels` it buys, if any; by area, naming its `area`."""
    if labels:
        what = _separated_labels(labels)
        yield "divided_by_segment", Text(f"Divisé par métier : {what.fr}", f"Divided by trade: {what.en}")
    if area:
        yield "divided_by_territory", Text(f"Divisé par territoire : {area.fr}", f"Divided by territory: {area.en}")


def shared_value_reason(value_eur: float, by_segment: bool, by_area: bool) -> CodedText:
    """The reason telling what a lot is estimated at, and how the value of what it divides was shared."""
    ways = [Text("entre ses métiers", "between its trades")] * by_segment
    ways += [Text("selon les habitants de ses territoires", "by the inhabitants of its territories")] * by_area
    value, how = whole_euros(value_eur), join_texts(ways, Text(" puis ", " and then "))
    return "value_shared", _SAID["value_shared"].filled(value=value, how=how)


def part_reason(supply: Alternatives) -> CodedText:
    """The reason telling who could do a part, open or under each reservation allowed but prison work (few say it)."""
    counts = []
    for name, known in supply.reserved.items():
        ask, is_open = supply.unknown_trade.get(name, 0), name == "none"
        if not is_open and (name in {*supply.forbidden, "penitentiary"} or not known + ask):
            continue
        under = _SAID["not_reserved"] if is_open else _SAID["reserved_to"].filled(to=RESERVED[name].to)
        form = _SAID["just_known"] if not ask else _SAID["known_and_to_ask"] if known else _SAID["to_ask"]
        counts.append(form.filled(under=under, known=known, ask=ask))
    return "part_supply", _SAID["part_supply"].filled(told=join_texts(counts))


def joined_reason(lot_ids: Sequence[str]) -> CodedText:
    """The reason telling that a lot joins several given lots."""
    named = listed(lot_ids)
    return "joined", Text(f"Réunit ce qu'achètent les lots {named.fr}", f"Joins what lots {named.en} buy")


def reservation_reason(types: Sequence[str], eligible: int, is_own: bool) -> CodedText:
    """The reason telling how a lot is reserved (`is_own`: as asked by its buyer) and how many are eligible."""
    known = RESERVED.get("_".join(sorted(types)))
    each = [known.to] if known else [RESERVED[kind].to for kind in types]
    name = Text(listed([one.fr for one in each]).fr, listed([one.en for one in each]).en)
    said = _SAID["reservation_asked" if is_own else "reservation_possible"]
    return "reserved", said.filled(to=name, count=_candidates_text(eligible))


def too_few_eligible_reason(min_candidates: int, unknown: int) -> CodedText:
    """The reason telling that the buyer's own reservation leaves fewer than `min_candidates` eligible candidates.

    `unknown`: the suppliers nearby that it admits, whose trade is not known.
    """
    also = Text(f" ; {_to_ask(unknown).fr}", f"; {_to_ask(unknown).en}") if unknown else ""
    return "reservation_left_out", _SAID["reservation_left_out"].filled(least=min_candidates, also=also)


def _to_ask(unknown: int) -> Text:
    """A text on the suppliers nearby that may answer, whose trade is not known."""
    return _SAID["suppliers_to_ask"].filled(unknown=unknown, many="s" if unknown > 1 else "")


def supply_reasons(judged: JudgedLot, min_candidates: int, *, of_several: bool) -> Iterator[CodedText]:
    """Reasons telling whether a lot has competition, who answers all of it if it is of several trades, whom to ask."""
    count = _candidates_text(judged.eligible)
    if not judged.total:
        yield "no_supply", _SAID["no_supply"]
    elif judged.eligible >= min_candidates:
        yield "competition", Text(f"Offre repérée : {count.fr}", f"Competition: {count.en}")
    else:
        yield "little_competition", _SAID["little_competition"].filled(count=count, min_candidates=min_candidates)
    if of_several and len(judged.alone) < judged.total:
        yield "whole_lot", _SAID["whole_lot"].filled(count=_candidates_text(len(judged.alone)))
    if judged.unknown:
        yield "unknown_trade", _to_ask(judged.unknown)


def criteria_reasons(found: Summary, given: Summary, min_candidates: int) -> Iterator[CodedText]:
    """Reasons giving a proposal's figure for each criterion of the order, beside the figure of the lots as given."""
    for criterion in CRITERIA:
        here, before = _criterion_in_words(criterion, found, min_candidates), getattr(given, criterion)
        yield criterion, _SAID["beside_as_given"].filled(here=here, before=before)


def rank_reason(found: Summary, better: Summary, number: int, min_candidates: int) -> CodedText:
    """The reason why a proposal ranks after the `better` one of this number: the first criterion to differ, or draw."""
    for criterion in CRITERIA:
        there = getattr(better, criterion)
        if getattr(found, criterion) != there:
            here = _criterion_in_words(criterion, found, min_candidates)
            return "ranked_after", _SAID["ranked_after"].filled(number=number, here=here, there=there)
    return "drawn", _SAID["drawn"].filled(number=number)


def _criterion_in_words(criterion: str, found: Summary, min_candidates: int) -> Text:
    count = getattr(found, criterion)
    return CRITERIA[criterion][count > 1].filled(count=count, least=min_candidates)


def _candidates_text(count: int) -> Text:
    many = "s" if count > 1 else ""
    return Text(f"{count} fournisseur{many} potentiel{many}", f"{count} eligible candidate{many}")


def lot_title(labels: Sequence[str], area: Text | None, own_title: str | None) -> Text:
    """The title of a lot: its `own_title`, else the labels of what it buys; then its area, if given."""
    what = Text(own_title, own_title) if own_title else _separated_labels(labels)
    named = what if area is None else Text(f"{what.fr} – {area.fr}", f"{what.en} – {area.en}")
    return Text(named.fr[:LONGEST_TITLE], named.en[:LONGEST_TITLE])


def _separated_labels(labels: Sequence[str]) -> Text:
    """Labels joined to one text by a separator that is no comma, since labels contain commas."""
    return join_texts(Text(label, label) for label in labels)
