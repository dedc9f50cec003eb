"""Advice derived from candidate counts and legal findings: reservations that would work, and lots without offer.

The numbers compared here are advice of this project (rules of theme `counsel`), not law, and the messages say so.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from domain.law.findings import OUTCOMES, LegalAdvice, LegalFinding, LotReview, advice, sentence, short_date
from domain.law.reservations.eligibility import (
    LegalFacts,
    deciding_kinds,
    is_in_force,
    verdict_for_type,
    with_shares_as_0_or_100,
)
from domain.law.rules import InForce, Rules, months_later
from domain.needs.need import Lot, Reserved
from domain.text.bilingual import FULL_STOP, NOTHING, Text, join_texts
from domain.text.labels import RESERVED

Standing = tuple[int, bool]
"""The better the smaller: an outcome (a position in OUTCOMES), and whether it rests on lapsed approvals alone."""
INELIGIBLE: Standing = (OUTCOMES.index("INELIGIBLE"), False)


class OptionCount(NamedTuple):
    """The number of candidates that a lot would have by one of `review.OPTIONS`, and how many are surely ELIGIBLE."""

    total: int
    certain: int


class EndingApprovals(NamedTuple):
    """The number of candidates whose approvals end before the contract does, and the first day on which one ends."""

    candidates: int
    first: date


class ScarcestSegment(NamedTuple):
    """The wanted segment with the fewest candidates able to do the lot; `beyond`: those for whom it is too large."""

    label: str
    candidates: int
    beyond: int


class LotCounts(msgspec.Struct, frozen=True):
    """The numbers of candidates that a match found for one lot.

    `total`: those under its own reservation. `options`: per reservation it might have (keys of
    `review.OPTIONS`), the candidates it would have for whom it is not too large; `capable`: those under its own
    reservation, null: all. `ends`: of the candidates of a reserved lot, those whose approval
    ends before `approval_horizon`; null: none. `unknown`, `unknown_options`: under its own reservation and under each,
    the suppliers nearby that might answer, but whose trade is not known. `is_inconclusive`: whether these are so many
    that nothing can be concluded from `total`. `is_limited`: whether its own supply is told to be low.
    """

    total: int
    options: Mapping[str, OptionCount]
    reserved: frozenset[Reserved] = frozenset()
    ends: EndingApprovals | None = None
    unknown: int = 0
    unknown_options: Mapping[str, int] = {}
    is_inconclusive: bool = False
    scarcest: ScarcestSegment | None = None
    capable: int | None = None
    is_limited: bool = False


def supply_advice(supply: LotCounts, review: LotReview, on: date, rules: Rules) -> tuple[LegalAdvice, ...]:
    """The lot's advice that depends on both its supply and its legal review.

    That a reservation is not open is told where the lot is not reserved: elsewhere nobody asks.
    """
    view = rules.view(on)
    minimum = view.number("counsel_reservation_minimum") or 1
    enough = {name: count for name, count in supply.options.items() if count.total >= minimum and name in RESERVED}
    no_offer = _advise_no_offer(supply, view)
    # of a lot that nobody can do as it is, no reservation leaves anybody
    open_to = None if no_offer and not supply.reserved else _advise_open(supply, review, enough, view)
    found = [no_offer, open_to]
    if supply.ends:
        (count, first), many = supply.ends, "s" if supply.ends.candidates > 1 else ""
        found.append(advice(view, "approvals_expiring", count=count, many=many, first=short_date(first)))
    if not supply.reserved:
        forbidden = ((option, review.forbidden.get(option)) for option in enough)
        found += [_advise_forbidden(option, finding, view) for option, finding in forbidden if finding]
    return tuple(filter(None, found))


def _advise_no_offer(supply: LotCounts, view: InForce) -> LegalAdvice | None:
    """Without a capable supplier for all of it, a lot may get no offer: do not reserve it, or divide it."""
    minimum, scarcest = view.number("counsel_no_offer"), supply.scarcest
    if minimum is None or supply.is_inconclusive:
        return None
    if supply.total >= minimum:
        if scarcest is None or scarcest.candidates - scarcest.beyond >= minimum:
            return None
        if scarcest.candidates < minimum:
            return advice(view, "part_without_offer", segment=scarcest.label)
        return advice(view, "too_large", count=scarcest.candidates, segment=scarcest.label)
    return advice(view, "no_offer", lot=sentence(view, "this_reserved_lot" if supply.reserved else "this_lot"))


def _advise_open(
    supply: LotCounts, review: LotReview, enough: Mapping[str, OptionCount], view: InForce
) -> LegalAdvice | None:
    """Reservations that the law allows and that leave enough candidates (RESERVATION_POSSIBLE)."""
    forbidden, doubtful, unknown = review.forbidden, review.doubtful, supply.unknown_options
    is_reserved = bool(supply.reserved) and review.outcome != "INELIGIBLE"
    own = supply.total if supply.capable is None else supply.capable
    fewer = own + supply.unknown if is_reserved else 0

    def leaves_more(option: str, count: OptionCount) -> bool:
        """Whether a reservation surely leaves more candidates than the lot's own. Prison: never if none is certain."""
        is_wider = supply.reserved.issubset(option.split("_"))
        is_known = count.certain > 0 or option != "penitentiary"
        return is_known and count.total + (unknown.get(option, 0) if is_wider else 0) > fewer

    named = [each for each, count in enough.items() if leaves_more(each, count) and not forbidden.get(each)]
    if not named:
        return None
    if unknown.get("handicap") or unknown.get("iae"):  # the reservation that shuts neither out comes first
        named.sort(key=lambda option: option != "handicap_iae")
    parts = [_candidates_left(view, each, enough[each], each in doubtful, unknown.get(each, 0)) for each in named]
    if not supply.reserved:
        parts += [
            _unknown_left(view, option, count.total, unknown.get(option, 0))
            for option, count in supply.options.items()
            if option in RESERVED and option not in enough and unknown.get(option) and not forbidden.get(option)
        ]
    comfortable = view.number("counsel_reservation_comfortable")
    plenty = comfortable is None or max(enough[option].total for option in named) > comfortable
    # no part of a low supply is more than that
    scarce = NOTHING if plenty and (is_reserved or not supply.is_limited) else sentence(view, "limited_competition")
    return advice(
        view, "reservation_possible", each=join_texts([each.capitalised() for each in parts], FULL_STOP), scarce=scarce
    )


@lru_cache(maxsize=4096)
def _candidates_left(view: InForce, option: str, count: OptionCount, doubtful: bool = False, unknown: int = 0) -> Text:
    """The phrase on how many candidates a reservation, a key of RESERVED, would leave; `doubtful` adds a proviso.

    `unknown`: the suppliers to ask besides, of unknown trade.
    """
    name, (total, sure), many = RESERVED[option].to, count, "s" if count.total > 1 else ""
    ask = sentence(view, "to_ask_besides", unknown=unknown) if unknown else NOTHING
    proviso = sentence(view, "if_lot_qualifies") if doubtful else NOTHING
    return sentence(
        view, "candidates_left", option=name, count=total, many=many, certain=sure, ask=ask, proviso=proviso
    )


@lru_cache(maxsize=4096)
def _unknown_left(view: InForce, option: str, known: int, unknown: int) -> Text:
    """The phrase saying that nobody knows how many a reservation would leave, with how many to ask."""
    few = sentence(view, "few_known", known=known, many="s" if known > 1 else "") if known else NOTHING
    return sentence(view, "unknown_left", option=RESERVED[option].to, known=few, unknown=unknown)


@lru_cache(maxsize=4096)
def _advise_forbidden(option: str, finding: LegalFinding, view: InForce) -> LegalAdvice:
    """Advice that a reservation is not open to a lot, quoting the finding that forbids it."""
    message = sentence(view, "reservation_not_open", part=RESERVED[option].to, why=finding.message)
    return LegalAdvice("RESERVATION_NOT_OPEN", "info", finding.rule, finding.article, finding.confidence, message)


def approval_horizon(lot: Lot, on: date, rules: Rules) -> date:
    """The day until which approvals should last: duration and renewals from now, else twelve months (counsel)."""
    known = (lot.duration_months or 0) + (lot.renewal_months or 0)
    return months_later(on, known or rules.view(on).number("counsel_expiry_months") or 12)


def approval_end(facts: LegalFacts, reserved: frozenset[Reserved], on: date, rules: Rules) -> date | None:
    """The last day of the approval that decides the supplier's eligibility for these types; None where none does.

    After it the best outcome is worse, or rests on approvals that have lapsed. None for a supplier that is INELIGIBLE,
    and where neither comes: an approval may follow another, or decide nothing.
    """

    def best_rank(day: date) -> Standing:
        """The best of the supplier's ranks for these types on a day."""
        view = rules.view(day)
        alike = with_shares_as_0_or_100(facts, view)
        return min(rank_eligibility(alike, kind, day, view) for kind in reserved)

    kinds = deciding_kinds(reserved, rules.view(on))
    known = [each.valid_until for each in facts.approvals or () if each.kind in kinds and each.valid_until]
    ends = sorted({end for end in known if on <= end < date.max})
    if not ends or (now := best_rank(on)) >= INELIGIBLE:
        return None
    return next((end for end in ends if best_rank(end + timedelta(days=1)) > now), None)


def rank_eligibility(facts: LegalFacts, kind: Reserved, on: date, view: InForce) -> Standing:
    """The sort key of a supplier's eligibility, best first: its outcome, then whether it rests on lapsed approvals."""
    verdict, kinds = verdict_for_type(facts, kind, on, view), deciding_kinds((kind,), view)
    deciding = [approval for approval in facts.approvals or () if approval.kind in kinds]
    if any(is_in_force(approval, on) for approval in deciding):
        return OUTCOMES.index(verdict.outcome), False
    others = tuple(approval for approval in facts.approvals or () if approval.kind not in kinds)
    without = verdict_for_type(msgspec.structs.replace(facts, approvals=others), kind, on, view)
    return OUTCOMES.index(verdict.outcome), without != verdict


@lru_cache(maxsize=256)
def advise_on_distance(on: date, rules: Rules) -> LegalAdvice:
    """Distance may rank whom to talk to before the market; it is never a selection or award criterion."""
    row = rules.view(on)["distance_sourcing_only"]
    return LegalAdvice("DISTANCE_SOURCING_ONLY", "info", row.id, row.article, row.confidence, row.message)
