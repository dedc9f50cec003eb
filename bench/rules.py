"""CPU time of the review of a need by the rules of law, in microseconds a lot; no need is asked twice.

What else the law costs a match (verdicts in words, advice on supply) is told by `bench.law`.
"""

import time
from itertools import islice
from statistics import mean
from typing import Any

import msgspec

from bench.law import NEEDS, never_asked
from bench.results import spread
from bench.suppliers import ON
from domain.law import rules as law
from domain.law.review import review_need
from domain.needs.need import Need

RUNS = 1_000


def measure(runs: int = RUNS) -> dict[str, Any]:
    """Per need of `bench.law`: microseconds a lot over so many runs, and their mean."""
    rules = law.load()
    found: dict[str, dict[str, Any]] = {}
    for name, content in NEEDS.items():
        need = msgspec.json.decode(content, type=Need)
        spent = []
        for asked in islice(never_asked(need), runs):
            began = time.thread_time_ns()
            review_need(asked, ON, rules)
            spent.append((time.thread_time_ns() - began) / 1000 / len(need.lots))
        found[name] = {"lots": len(need.lots), "us_a_lot": spread(spent)}
    return {"needs": found, "mean_us_a_lot": mean(each["us_a_lot"]["p50"] for each in found.values())}
