"""Who is one supplier with whom, read off the rule pair by pair: slow and plain, to compare the fast way with."""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

from domain.suppliers.deduplication import (
    NAMES_WITHIN_M,
    NO_DECISIONS,
    PRISONS_APART_M,
    SITES_APART_M,
    Decisions,
    IdentityFacts,
    NameSimilarity,
    RecordKey,
    metres,
)

Suppliers = set[frozenset[RecordKey]]


def suppliers(
    facts: Sequence[IdentityFacts], similarity: NameSimilarity, decisions: Decisions = NO_DECISIONS
) -> Suppliers:
    """Every linked pair, from the strongest link to the weakest, joins its two sets unless that is forbidden."""
    sets = {each.key: frozenset((each.key,)) for each in facts}
    known = {each.key: each for each in facts}
    for one, other, by in links(sorted(facts, key=lambda each: each.key), similarity, decisions):
        mine, theirs = sets[one], sets[other]
        if mine != theirs and not forbidden(
            [known[key] for key in mine], [known[key] for key in theirs], by, decisions
        ):
            sets |= dict.fromkeys(mine | theirs, mine | theirs)
    return set(sets.values())


def links(
    facts: Sequence[IdentityFacts], similarity: NameSimilarity, decisions: Decisions
) -> Iterator[tuple[RecordKey, RecordKey, str]]:
    decided = {key for keys in (*decisions.merged, *decisions.split) for key in keys}
    split = {key for pair in decisions.split for key in pair}
    special_keys = split | {each.key for each in facts if each.in_prison or each.is_site}
    pairs = list(combinations(facts, 2))
    for one, other in pairs:
        if {one.key, other.key}.isdisjoint(decided) and twins(one, other):
            yield one.key, other.key, "twins"
    for merged in decisions.merged:
        for later, earlier in by_later(facts):
            if later.key in merged and earlier.key in merged:
                yield earlier.key, later.key, "decision"
    same = [pair for pair in pairs if pair[0].siret and pair[0].siret == pair[1].siret]
    for later, earlier in by_later(facts):
        if (earlier, later) in same and not {earlier.key, later.key} & special_keys:
            yield earlier.key, later.key, "siret"
    special = [pair for pair in same if special_keys & {each.key for each in pair}]
    for one, other in sorted(special, key=lambda pair: (away(*pair), pair[0].key, pair[1].key)):
        yield one.key, other.key, "siret"
    named = [(strength, pair) for pair in pairs if (strength := by_name(*pair, similarity))]
    for _, (one, other) in sorted(named, key=lambda item: (item[0], item[1][0].key, item[1][1].key)):
        yield one.key, other.key, "name"


def by_later(facts: Sequence[IdentityFacts]) -> Iterator[tuple[IdentityFacts, IdentityFacts]]:
    for position, later in enumerate(facts):
        for earlier in facts[:position]:
            yield later, earlier


def twins(one: IdentityFacts, other: IdentityFacts) -> bool:
    same = all(
        getattr(one, name) == getattr(other, name) for name in ("siret", "names", "place", "in_prison", "is_site")
    )
    return same and bool(one.siret or one.names) and not (one.in_prison and one.place is None)


def by_name(one: IdentityFacts, other: IdentityFacts, similarity: NameSimilarity) -> tuple[float, float, bool] | None:
    if (one.siret and other.siret) or away(one, other) > NAMES_WITHIN_M:
        return None
    alike = max((similarity(*names) for names in product(one.names, other.names)), default=0.0)
    return (-alike, away(one, other), bool(one.siret or other.siret)) if alike > 0 else None


def away(one: IdentityFacts, other: IdentityFacts) -> float:
    return metres(one.place, other.place) if one.place and other.place else float("inf")


def forbidden(mine: Sequence[IdentityFacts], theirs: Sequence[IdentityFacts], by: str, decisions: Decisions) -> bool:
    split = {frozenset(pair) for pair in decisions.split}
    pairs = list(product(mine, theirs))
    if any(frozenset((one.key, other.key)) in split for one, other in pairs):
        return True
    if by == "name" and any(each.siret for each in mine) and any(each.siret for each in theirs):
        return True
    if by != "decision" and any(
        one.is_site and other.is_site and one.key.source == other.key.source
        and one.place and other.place and away(one, other) > SITES_APART_M
        for one, other in pairs
    ):  # fmt: skip
        return True
    return by != "decision" and any(
        one.in_prison and other.in_prison and away(one, other) > PRISONS_APART_M for one, other in pairs
    )
