"""What needs tell together: which lots count, what lacks supply, which provisions there are."""

from typing import Any
from uuid import UUID

from domain.insights import (
    BarrierNotes,
    FirstAnswer,
    Insights,
    InsightsTally,
    LotScope,
    LotSupply,
    NeedFacts,
    ReplyFigures,
)
from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.needs.status import Status
from domain.shortlists.listed_suppliers import Role
from domain.shortlists.shortlist import Coverage, RequestedSegment, Tension, TensionLevel

HERE, THERE = TerritoryRequest(codes=("departement:56",)), TerritoryRequest(codes=("departement:35",))
NOBODY_ANSWERED = ReplyFigures(
    contacted=0, answered=0, undelivered=0, pending=0, rate=None, first_answer_hours=FirstAnswer(None, None)
)


def lot(id_: str = "1", *, role: Role = "object", level: TensionLevel = "good", **candidates: int) -> LotSupply:
    """A lot that asks for these segments, each with so many candidates."""
    named = candidates or {"locaux": 5}
    return LotSupply(
        id_,
        tuple(RequestedSegment(each, each.title(), (), 1.0, role) for each in named),
        tuple(Coverage(each, count, count, count) for each, count in named.items()),
        Tension(level, ""),
    )


def need(number: int, *lots: LotSupply, status: Status = "sourcing", **fields: Any) -> NeedFacts:
    """A need whose shortlist has these lots."""
    usual: dict[str, Any] = {"lots": tuple(Lot(id=each.id) for each in lots), "territory": HERE}
    content = PlannedNeed(**usual | fields)
    return NeedFacts(id=UUID(int=number), status=status, content=content, matched=content, lots=lots)


def told(*needs: NeedFacts, scope: LotScope | None = None) -> Insights:
    tally = InsightsTally(scope or LotScope())
    tally.add(needs)
    return tally.insights(NOBODY_ANSWERED, (), BarrierNotes((), 0, 0))


def test_segments_without_supply_name_their_needs_and_most_lots_come_first() -> None:
    """Tension counts lots, and statuses needs."""
    found = told(
        need(1, lot("1", velo=0, locaux=3), lot("2", velo=0, level="none")),
        need(2, lot(repas=0, level="none")),
        need(3, lot(role="support", linge=0, level="low"), status="closed"),
    )
    assert [(each.segment, each.lots, each.need_ids) for each in found.segments_without_supply] == [
        ("velo", 2, (UUID(int=1),)),
        ("repas", 1, (UUID(int=2),)),
    ]
    assert found.segments_without_supply[0].label == "Velo"
    assert (found.needs.total, found.needs.lots) == (3, 4)
    assert found.needs.by_status == {"sourcing": 2, "closed": 1}
    assert (found.tension.none, found.tension.critical, found.tension.low, found.tension.good) == (2, 0, 1, 1)


def test_a_reserved_lot_is_a_social_provision_and_unknown_stays_unknown() -> None:
    found = told(
        need(1, lot(), lots=(Lot(id="1", reserved=("iae",)),), social_considerations=False),
        need(2, lot(), social_considerations=True, environmental_considerations=True),
        need(3, lot(), social_considerations=False, environmental_considerations=False),
        need(4, lot()),
        need(5, lot(), social_considerations=True, status="abandoned"),
    )
    social, environmental = found.provisions.social, found.provisions.environmental
    assert (social.with_provision, social.without, social.unknown, social.share) == (2, 1, 1, 2 / 3)
    assert (environmental.with_provision, environmental.without, environmental.unknown) == (1, 1, 2)
    assert (social.target, environmental.target, environmental.share) == (0.3, 1.0, 0.5)
    assert told(need(1, lot())).provisions.social.share is None
    assert told().needs.total == 0


def test_a_segment_and_a_territory_must_hold_for_the_same_lot() -> None:
    """Lot 1 asks for the segment elsewhere, lot 2 asks for another one here."""
    lots = (Lot(id="1", territory=THERE), Lot(id="2"))
    split = need(1, lot("1", velo=1), lot("2", repas=1), lots=lots)
    scope = LotScope(frozenset(("velo",)), lambda place: place == HERE)
    assert told(split, need(2, lot(velo=0)), scope=scope).needs.total == 1
    assert told(split, scope=LotScope(frozenset(("velo",)))).needs.lots == 1
    assert told(split, scope=LotScope(meets=lambda place: place == THERE)).needs.lots == 1
    # support is not what a lot asks for
    assert told(need(1, lot(role="support", velo=1)), scope=LotScope(frozenset(("velo",)))).needs.total == 0


def test_threads_count_that_are_about_the_lots_or_the_whole_need() -> None:
    tally = InsightsTally(LotScope(frozenset(("velo",))))
    tally.add([need(1, lot("1", velo=1), lot("2", repas=1)), need(2, lot(repas=1))])
    exchanges = [
        (UUID(int=10), UUID(int=1), ()),
        (UUID(int=11), UUID(int=1), ("1", "2")),
        (UUID(int=12), UUID(int=1), ("2",)),
        (UUID(int=13), UUID(int=2), ()),
    ]
    assert tally.relevant_exchanges(exchanges) == [UUID(int=10), UUID(int=11)]
