"""CPU time that the rules of law add to a match, in the engine, without HTTP.

    python -m bench.law [SUPPLIERS]        (default: 13500)

The same match is timed in turns with the rules and without them: no review of the need, no advice, no ends of
approvals, and no verdict put into words for candidates and near misses. Who is eligible is looked up in both, as the
gates need it; what judging all the suppliers of a day for the first time costs is given apart. No need is asked twice:
one lot has another value, duration and reach each time.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from itertools import product
from statistics import median
from typing import Any
from unittest.mock import patch

import msgspec

from bench.needs import DENSE
from bench.suppliers import ON, suppliers
from domain.law.findings import LotReview, NeedReview
from domain.law.review import OPTIONS
from domain.needs.need import Need
from domain.suppliers.supplier import Supplier
from matching.engine import match
from matching.index import Index, LiveIndex
from matching.reference import load_reference

TURNS, RUNS, SETTLING = 20, 30, 15

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
    "a single lot, reserved, 100 candidates shown": SMALL.replace(b'"lots"', b'"limit": 100, "lots"'),
}


def no_review(need: Need, *_: object) -> NeedReview:
    """The law says nothing of any lot."""
    silent = LotReview((), (), dict.fromkeys(OPTIONS), frozenset())
    return NeedReview({lot.id: silent for lot in need.lots}, ())


def nothing(*_: object) -> tuple[()]:
    return ()


@contextmanager
def without_rules() -> Iterator[None]:
    """The engine as it would be without rules beyond the gate for reserved lots."""
    with ExitStack() as stack:
        stack.enter_context(patch("matching.engine.review_need", no_review))
        stack.enter_context(patch("matching.engine._approval_ends", lambda *_: None))
        stack.enter_context(patch("matching.explain.supply_advice", nothing))
        stack.enter_context(patch("matching.explain.Explainer._verdicts", nothing))
        stack.enter_context(patch("matching.explain.Explainer.need_advice", nothing))
        yield


def spent(run: Callable[[], Any]) -> float:
    """CPU milliseconds."""
    started = time.process_time()
    run()
    return (time.process_time() - started) * 1_000


def several(run: Callable[[], object]) -> list[float]:
    """One turn of runs, after a few that let the interpreter settle on the functions as they are now."""
    for _ in range(SETTLING):
        run()
    return [spent(run) for _ in range(RUNS)]


def compared(run: Callable[[], object]) -> tuple[float, float]:
    """Medians of a match without the rules and with them, in turns."""
    bare, full = [], []
    for _ in range(TURNS):
        with without_rules():
            bare += several(run)
        full += several(run)
    return median(bare), median(full)


def never_asked(need: Need) -> Iterator[Need]:
    """The same need again and again, with a first lot of another value, duration and reach each time."""
    durations = product(range(1, 100), range(100))
    for asked, (months, renewal) in enumerate(durations, 1):
        first = msgspec.structs.replace(
            need.lots[0],
            value_eur=(need.lots[0].value_eur or 50_000) + asked / 100,
            duration_months=months,
            renewal_months=renewal,
            max_distance_km=300 + asked / 100,
        )
        yield msgspec.structs.replace(need, lots=(first, *need.lots[1:]))


def measure(size: int) -> None:
    """Print the medians for each need, and what the first match of a day costs."""
    reference = load_reference()
    pool: list[Supplier] = list(suppliers(size, reference))
    live = LiveIndex(Index(pool, reference.taxonomy, reference.cpv, reference.geography), 1)
    print(f"{size} suppliers")
    for name, content in NEEDS.items():
        need = msgspec.json.decode(content, type=Need)
        asked = never_asked(need)

        def run(on: date = ON, asked: Iterator[Need] = asked) -> object:
            return match(next(asked), live, reference, on, "fr")

        run()
        bare, full = compared(run)
        print(f"  {name}: {bare:.2f} ms without the rules, {full:.2f} ms with them (+{full / bare - 1:.1%})")
        days = [spent(lambda day=day: run(ON + timedelta(days=day))) for day in range(1, 9)]  # type: ignore[misc]
        print(f"    the first match of a day: {median(days):.2f} ms")


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 13_500)
