"""CPU time of the rules of law, without the match around them.

    python -m bench --only law

Microseconds a lot for the review of a need and for the counsel on the supply found for it, and microseconds for each
set of suppliers' legal facts: its outcomes, its verdicts in words, the end of the approval that it rests on.

No need, count or set of facts comes twice: values, durations and shares are new each time, whereas the objects of the
lots come again, as they do in life.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from statistics import median
from typing import Any, TypeVar

import msgspec

from bench.needs import DENSE
from bench.suppliers import ON
from domain.law.findings import LotReview
from domain.law.reservations.eligibility import LegalFacts, eligibility, outcomes
from domain.law.reservations.supply_advice import EndingApprovals, LotCounts, OptionCount, approval_end, supply_advice
from domain.law.review import OPTIONS, review_need
from domain.law.rules import Rules, load
from domain.needs.need import RESERVED_TYPES, Lot, Need, Reserved
from domain.suppliers.supplier import Approval, Kind, Shares

Item = TypeVar("Item")

TURNS, IN_A_TURN = 7, 300
KINDS: tuple[tuple[Kind, ...], ...] = (("EA",), ("ESAT",), ("EI",), ("ACI",), ("ETTI",), ("EA", "EI"), ("GEIQ",), ())
INSERTION_OR_HANDICAP = frozenset[Reserved]({"handicap", "iae"})

SMALL = b"""{"territory": {"codes": ["departement:56"]}, "buyer": {"kind": "local"}, "lots": [
  {"id": "1", "segments": ["pr-locaux"], "cpv": ["90919200"], "reserved": ["handicap", "iae"], "value_eur": 30000}]}"""

MOST = b"""{"territory": {"codes": ["departement:56"]}, "buyer": {"kind": "local", "annual_purchases_eur": 60000000},
  "near_misses": 50, "lots": [
  {"id": "1", "segments": ["pr-locaux"], "cpv": ["90919200"], "reserved": ["handicap", "iae"], "value_eur": 240000,
   "duration_months": 36, "renewal_months": 12},
  {"id": "2", "segments": ["ev-entretien"], "cpv": ["77310000"], "reserved": ["iae"], "value_eur": 70000,
   "duration_months": 36, "innovative": true},
  {"id": "3", "segments": ["so-insertion"], "cpv": ["85312510", "77310000"], "support_segments": ["ev-entretien"],
   "reserved": ["ess"], "value_eur": 60000, "duration_months": 24}]}"""

SIXTEEN = b"""{"territory": {"codes": ["departement:56"]}, "buyer": {"kind": "local"}, "lots": [%s]}""" % b",".join(
    b"""{"id": "%d", "segments": ["pr-locaux"], "cpv": ["90919200"], "reserved": ["iae"], "value_eur": %d}"""
    % (number, 20_000 + 3_400 * number)
    for number in range(1, 17)
)
"""Small lots of a need large enough for the formal procedure: there are many sets of them that may leave it."""

NEEDS = {
    "three lots, one of them reserved": DENSE,
    "three lots reserved, with all there is to say": MOST,
    "sixteen small lots reserved, with many sets": SIXTEEN,
    "a single lot, reserved": SMALL,
}


def measure(in_a_turn: int = IN_A_TURN) -> dict[str, Any]:
    """Microseconds that the rules of law take, by need and by question; medians of turns of `in_a_turn` runs."""
    rules, draw = load(), Random(1)  # nothing is kept secret by it
    count = (1 + TURNS) * in_a_turn
    needs = {name: _need_cost(content, count, rules, draw) for name, content in NEEDS.items()}
    return {"us_a_lot": needs, "us_a_set_of_facts": _facts_cost(count, rules, draw)}


def varied_needs(need: Need, count: int) -> Iterator[Need]:
    """Copies of a need, each with other values and durations of its lots, so that no cache knows them."""
    for asked in range(1, count + 1):
        lots = (
            msgspec.structs.replace(
                lot,
                value_eur=(lot.value_eur or 30_000) + asked * 1.01,
                duration_months=(lot.duration_months or 12) + asked % 60,
            )
            for lot in need.lots
        )
        yield msgspec.structs.replace(need, lots=tuple(lots))


def random_supply(lot: Lot, draw: Random) -> LotCounts:
    """A random supply of a lot, such as a match might find."""
    totals = {name: draw.randrange(400) for name in ("none", *OPTIONS)}
    options = {name: OptionCount(total, draw.randint(0, total)) for name, total in totals.items()}
    ends = EndingApprovals(draw.randint(1, 40), ON + timedelta(days=draw.randrange(1_000)))
    return LotCounts(draw.randrange(400), options, frozenset(lot.reserved or ()), ends if lot.reserved else None)


def random_facts(draw: Random) -> LegalFacts:
    """Random legal facts of a supplier; half of the shares are known."""

    def share() -> float | None:
        return round(draw.random(), 4) if draw.random() < 0.5 else None

    end = date(2026, 12, 31) + timedelta(days=draw.choice((0, 31, 365, 730)))
    approvals = tuple(Approval(kind, None, end) for kind in draw.choice(KINDS))
    return LegalFacts(approvals, Shares(share(), share()), None, draw.choice(("association", None)), None)


def microseconds(run: Callable[[Item], object], items: Sequence[Item]) -> float:
    """CPU microseconds of one run, as the median over turns after the first; the garbage collector is off meanwhile."""
    size = len(items) // (1 + TURNS)
    for item in items[:size]:
        run(item)
    spent = []
    gc.collect()
    gc.disable()
    for turn in range(1, 1 + TURNS):
        started = time.process_time()
        for item in items[turn * size : (turn + 1) * size]:
            run(item)
        spent.append((time.process_time() - started) / size * 1e6)
    gc.enable()
    return median(spent)


def _need_cost(content: bytes, count: int, rules: Rules, draw: Random) -> dict[str, float]:
    """Microseconds that the review of a need and the advice on its supply take per lot."""
    needs = list(varied_needs(msgspec.json.decode(content, type=Need), count))
    lots = len(needs[0].lots)
    review = microseconds(lambda need: review_need(need, ON, rules), needs) / lots

    def reviewed_supplies(need: Need) -> list[tuple[LotCounts, LotReview]]:
        reviews = review_need(need, ON, rules).lots
        return [(random_supply(lot, draw), reviews[lot.id]) for lot in need.lots]

    supplies = [each for need in needs[: count // lots + 1] for each in reviewed_supplies(need)]
    counsel = microseconds(lambda each: supply_advice(*each, ON, rules), supplies)
    return {"review": review, "counsel": counsel, "together": review + counsel}


def _facts_cost(count: int, rules: Rules, draw: Random) -> dict[str, float]:
    """Microseconds that judging a supplier's legal facts takes, by question."""
    found = [[random_facts(draw) for _ in range(count)] for _ in range(3)]
    codes = microseconds(lambda facts: outcomes(facts, ON, rules), found[0])
    words = microseconds(lambda facts: [eligibility(facts, kind, ON, rules) for kind in RESERVED_TYPES], found[1])
    ends = microseconds(lambda facts: approval_end(facts, INSERTION_OR_HANDICAP, ON, rules), found[2])
    return {"outcomes": codes, "verdicts in words": words, "end of approval": ends}
