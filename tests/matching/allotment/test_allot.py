"""Proposals hold what `POST /match` says of each of their lots, and are the best of all there are."""

from datetime import date
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.allotment.allotment import Allotment, AllotmentNeed, AllotmentOptions, Axis, DivisibleLot
from domain.errors import InvalidContent
from domain.needs.need import Buyer, Need, Reserved
from domain.suppliers.supplier import Kind, Supplier
from matching.allotment.allot import allot, search_ms
from matching.allotment.proposals import part_reason
from matching.index.live_index import LiveIndex
from tests.conftest import examples
from tests.factories import ON, REDON, RENNES, VANNES, approved, codes, live, offer, reference, supplier
from tests.matching.allotment.brute_force import Judge, answers_all, divisions, eligible, is_joined_in_vain, local, rank
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, need, suppliers

DEPARTEMENTS = ("departement:35", "departement:56")
EPCIS = ("epci:200042174", "epci:200043123", "epci:200067932", "epci:245614383")
"""Lorient, Auray, Vannes, Questembert: in a row along the coast, each borders on the next alone."""
KNOWN = ("de-bio", "de-5flux", "de-encombrants", "pr-locaux")
LOCAL = Buyer(kind="local", contracting_authority=True)


def asking(asked: Need, options: AllotmentOptions) -> AllotmentNeed:
    """The need with lots that may be divided."""
    lots = tuple(DivisibleLot(**msgspec.structs.asdict(lot)) for lot in asked.lots)
    return AllotmentNeed(**msgspec.structs.asdict(asked) | {"lots": lots, "allotment": options})


def answered(asked: AllotmentNeed, index: LiveIndex) -> Allotment:
    return allot(asked, index, reference(), ON, "fr")


def busy_suppliers(draw: Random, count: int) -> list[Supplier]:
    """Suppliers near each other of few trades or none known, maybe approved: divisions differ by who can answer."""
    kinds: tuple[Kind, ...] = ("ESAT", "ACI", "EI", "GEIQ")
    return [
        supplier(
            f"supplier {number}",
            *(offer(code) for code in draw.sample(KNOWN, draw.choice((0, 0, 1, 1, 2, 3)))),
            at=draw.choice((RENNES, VANNES, REDON)),
            approvals=approved(draw.choice(kinds)) if draw.random() < 0.6 else None,
        )
        for number in range(count)
    ]


@settings(max_examples=examples(50), derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES))
def test_every_count_is_that_of_match(bench: Bench, draw: Random, on: date) -> None:
    """Any pool and need: sites, caps, drawn territories, CPV codes, reservations that the law forbids."""
    pool = live(*suppliers(bench.scenery, draw, 60))
    divide: tuple[Axis, ...] = draw.choice((("segment", "departement"), ("segment", "epci"), ("segment",), ()))
    options = AllotmentOptions(
        min_candidates=draw.choice((1, 2, 3)),
        max_lots=draw.choice((4, 20, 60)),
        divide=divide,
        join=draw.random() < 0.7,
        reserve=draw.random() < 0.7,
    )
    asked = asking(need(bench.scenery, draw, draw.choice((1, 2, 3))), options)
    try:
        found = allot(asked, pool, reference(), on, "fr")
    except InvalidContent:
        return
    judge = Judge(asked, pool, on)
    for proposal in found.proposals:
        shortlists = [judge.shortlist(judge.as_asked(lot)) for lot in proposal.lots]
        for lot, expected in zip(proposal.lots, shortlists, strict=True):
            assert (lot.total, lot.eligible, lot.local) == (expected.total, eligible(expected), local(expected))
            assert (lot.tension, lot.unknown) == (expected.tension, expected.unknown_trade.eligible)
            assert lot.reservation == expected.reservation
            assert len(lot.from_lots) == 1 or any(answers_all(one, expected) for one in expected.candidates)
            supply = {part_reason(expected.alternatives)[1].fr}
            assert {each.message for each in lot.reasons if each.code == "part_supply"} <= supply
            assert not lot.reserved or lot.reservation.outcome != "INELIGIBLE"
            assert not lot.reserved or lot.eligible >= options.min_candidates
        assert proposal.summary == msgspec.structs.replace(
            judge.summary(shortlists), reserved=sum(bool(lot.reserved) for lot in proposal.lots)
        )
        assert len(proposal.lots) <= options.max_lots
    as_given = judge.summary(judge.matched(*(judge.plain(lot.id) for lot in asked.lots)))
    assert found.as_given == msgspec.structs.replace(as_given, reserved=sum(bool(lot.reserved) for lot in asked.lots))
    ranks = [rank(proposal.summary) for proposal in found.proposals]
    assert ranks == sorted(ranks)
    assert [proposal.rank for proposal in found.proposals] == list(range(1, len(ranks) + 1))
    assert found.complete == (found.left_out is None)


@settings(max_examples=examples(40), derandomize=True)
@given(draw=st.randoms(use_true_random=True))
def test_the_best_are_those_of_all_partitions(bench: Bench, draw: Random) -> None:
    """Needs of few things: every division and join is made by hand, and judged by `match`."""
    pool = live(*(busy_suppliers(draw, 26) if draw.random() < 0.7 else suppliers(bench.scenery, draw, 40)))
    one, two, three = DEPARTEMENTS[:1], DEPARTEMENTS, EPCIS[:3]
    sizes, areas = draw.choice(
        (((4,), one), ((2,), two), ((3, 1), one), ((2, 1), two), ((1,), EPCIS), ((2,), three), ((1, 1), three))
    )
    by_area: Axis = "epci" if len(areas) > 2 else "departement"
    own: tuple[Reserved, ...] = draw.choice(((), (), ("iae",), ("handicap", "iae"), ("iae", "ess")))
    lots = tuple(
        DivisibleLot(id=str(number), segments=tuple(draw.sample(KNOWN, size)), reserved=own)
        for number, size in enumerate(sizes, start=1)
    )
    divide: tuple[Axis, ...] = draw.choice((("segment", by_area), ("segment",), (by_area,), ()))
    options = AllotmentOptions(
        min_candidates=draw.choice((1, 2, 3)),
        max_lots=draw.choice((2, 20)),
        divide=divide,
        join=draw.random() < 0.7,
        reserve=draw.random() < 0.5,
    )
    asked = AllotmentNeed(lots=lots, buyer=LOCAL, territory=codes(*areas), allotment=options)
    found, judge = answered(asked, pool), Judge(asked, pool, ON)
    ranks = []
    for division in divisions(asked, areas):
        reserved = [msgspec.structs.replace(lot, reserved=judge.best_reserved(lot)) for lot in division]
        shortlists = [judge.shortlist(lot) for lot in reserved]
        if any(map(is_joined_in_vain, shortlists)):
            continue
        figures = judge.summary(shortlists)
        ranks.append(rank(msgspec.structs.replace(figures, reserved=sum(bool(lot.reserved) for lot in reserved))))
    assert [rank(proposal.summary) for proposal in found.proposals] == sorted(ranks)[:5]
    assert found.complete


def cost(
    *codes_of_lots: tuple[str, ...],
    territory: str = "region:53",
    suppliers: int = 220_000,
    divide: tuple[Axis, ...] = ("segment", "departement"),
) -> float:
    lots = tuple(DivisibleLot(id=str(number), segments=each) for number, each in enumerate(codes_of_lots))
    options = AllotmentOptions(divide=divide)
    return search_ms(AllotmentNeed(lots=lots, territory=codes(territory), allotment=options), suppliers)


def test_what_has_more_to_divide_costs_more() -> None:
    small = cost(("de-bio",), divide=())
    assert small < cost(("de-bio", "de-5flux"), divide=()) < cost(("de-bio", "de-5flux"), divide=("departement",))
    assert cost(("de-bio",), divide=("departement",)) < cost(("de-bio",), divide=("epci",))
    assert cost(("de-bio",), suppliers=1_000) < cost(("de-bio",))
    assert cost(("no such segment",), territory="no such code") > 0
