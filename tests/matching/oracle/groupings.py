"""Are a lot's groupings those that trying every set of its candidates allows? Each disagreement is told in words."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple
from uuid import UUID

from domain.shortlists.shortlist import Grouping, LotShortlist
from tests.matching.oracle.ground import tolerance_km
from tests.matching.oracle.oracle import OUTCOMES, Expected

MOST_TRIED = 20
FAR_KM = 1e9


class Member(NamedTuple):
    """A candidate as a grouping may have it: what it answers, its eligibility and its distance."""

    answers: frozenset[str]
    outcome: int
    distance_km: float


class Key(NamedTuple):
    """What decides before the draw."""

    size: int
    outcome: int
    distance_km: float


def grouping_disagreements(lot: LotShortlist, expected: Expected, asked: int) -> Iterator[str]:
    """Everything that a lot's groupings say otherwise; nothing is said where a call is close or the sets are many."""
    if not asked:
        if lot.groupings:
            yield "groupings that were not asked for"
        return
    members = _members(expected)
    if members is None or len(members) > MOST_TRIED:
        return
    objects = frozenset(segment for segment, role in expected.roles.items() if role == "object")
    allowed = {} if any(one.answers == objects for one in members.values()) else _allowed(members, objects)
    if len(lot.groupings) != min(asked, len(allowed)):
        yield f"{len(lot.groupings)} groupings of {len(allowed)}, {asked} asked for"
    for one in lot.groupings:
        yield from _composed(one, members, allowed)
    yield from _order([frozenset(each.id for each in one.suppliers) for one in lot.groupings], allowed)


def _composed(one: Grouping, members: Mapping[UUID, Member], allowed: Mapping[frozenset[UUID], Key]) -> Iterator[str]:
    """Who is together, and what each answers."""
    if frozenset(each.id for each in one.suppliers) not in allowed:
        yield f"{[each.name for each in one.suppliers]} is no grouping"
        return
    for each in one.suppliers:
        if set(each.segments) != members[each.id].answers:
            yield f"{each.name} answers {each.segments}, expected {sorted(members[each.id].answers)}"


def _order(shown: Sequence[frozenset[UUID]], allowed: Mapping[frozenset[UUID], Key]) -> Iterator[str]:
    """Each once, none after one that it is better than, and nothing better left out."""
    if len(set(shown)) < len(shown):
        yield "a grouping is shown twice"
    keys = [allowed[each] for each in shown if each in allowed]
    for place, key in enumerate(keys):
        if any(_after(before, key) for before in keys[:place]):
            yield f"grouping {place + 1} {key} comes after one that it is better than"
    for each, key in allowed.items():
        if keys and each not in shown and _after(keys[-1], key):
            yield f"a grouping {key} is missing"


def _members(expected: Expected) -> dict[UUID, Member] | None:
    """The candidates by id; None where close calls leave it open who they are."""
    found = {}
    for one in expected.judged:
        if len({(j.excluded_by(expected.reserved), frozenset(j.used)) for j in one.judgments}) > 1:
            return None
        judgment = one.judgments[0]
        if judgment.excluded_by(expected.reserved) is None:
            best = judgment.best(expected.reserved)
            answers = frozenset(judgment.answers & judgment.used.keys())
            away = FAR_KM if one.distance_km is None else one.distance_km
            found[one.supplier.id] = Member(answers, OUTCOMES.index(best) if best else 0, away)
    return found


def _allowed(members: Mapping[UUID, Member], objects: frozenset[str]) -> dict[frozenset[UUID], Key]:
    """Every set of two to four that answers all, none of them superfluous."""

    def answer_all(some: Sequence[UUID]) -> bool:
        return objects <= frozenset().union(*(members[each].answers for each in some))

    return {
        frozenset(some): Key(
            size, max(members[each].outcome for each in some), max(members[each].distance_km for each in some)
        )
        for size in (2, 3, 4)
        for some in combinations(members, size)
        if answer_all(some) and not any(answer_all([other for other in some if other != each]) for each in some)
    }


def _after(one: Key, other: Key) -> bool:
    """Does `one` come after `other` for certain, whatever the tolerance on distances?"""
    if one[:2] != other[:2]:
        return one[:2] > other[:2]
    return one.distance_km - other.distance_km > tolerance_km(one.distance_km) + tolerance_km(other.distance_km)
