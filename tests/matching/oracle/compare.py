"""Is a lot's shortlist such that the oracle allows it? Each disagreement is told in words."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from uuid import UUID

from domain.needs.need import Need, Reserved
from domain.shortlists.listed_suppliers import Candidate, NearMiss, UnknownSupplier
from domain.shortlists.shortlist import LotShortlist, Shortlist, TensionLevel
from tests.matching.oracle.ground import tolerance_km
from tests.matching.oracle.oracle import (
    ANSWERING,
    GATES_PASSED,
    RADII_KM,
    RESERVATIONS,
    Expected,
    Judged,
    Judgment,
    Offerless,
)

Key = tuple[tuple[int, ...], float]
FAR_KM = 1e9


def disagreements(answer: Shortlist, expected: Sequence[Expected], asked: Need) -> list[str]:
    """Everything that an answer says otherwise than the oracle; empty where they agree."""
    if [lot.id for lot in answer.lots] != [one.lot.id for one in expected]:
        return ["the lots are not those of the need, in its order"]
    return [
        f"lot {lot.id}: {said}"
        for lot, one in zip(answer.lots, expected, strict=True)
        for said in (
            *_figures(lot, one),
            *_candidates(lot, one, asked.limit),
            *_near_misses(lot, one, asked.near_misses),
            *_unknown_trade(lot, one, asked.unknown_rows),
        )
    ]


def _figures(lot: LotShortlist, expected: Expected) -> Iterator[str]:
    reserved = expected.reserved
    asked = {one.segment: one.role for one in lot.requested}
    if asked != expected.roles or len(lot.requested) != len(asked):
        yield f"requested {asked}, expected {dict(expected.roles)}"
    yield from _counted("total", lot.total, expected.count(lambda one: one.excluded_by(reserved) is None))
    if list(lot.alternatives.reserved) != list(RESERVATIONS):
        yield f"alternatives for {list(lot.alternatives.reserved)}"
    for name, other in RESERVATIONS.items():
        allowed = expected.count(lambda one, other=other: one.excluded_by(other) is None)  # type: ignore[misc]
        yield from _counted(f"alternatives.reserved.{name}", lot.alternatives.reserved.get(name, -1), allowed)
    if list(lot.alternatives.radius_km) != [str(radius) for radius in RADII_KM]:
        yield f"radii {list(lot.alternatives.radius_km)}"
    for radius in RADII_KM:
        allowed = expected.count(lambda one, r=radius: one.excluded_by(reserved, cap=False) is None and one.within[r])  # type: ignore[misc]
        yield from _counted(
            f"alternatives.radius_km.{radius}", lot.alternatives.radius_km.get(str(radius), -1), allowed
        )
    yield from _coverage(lot, expected)


def _coverage(lot: LotShortlist, expected: Expected) -> Iterator[str]:
    if sorted(one.segment for one in lot.coverage) != sorted(expected.roles):
        yield f"coverage of {[one.segment for one in lot.coverage]}"
    for row in lot.coverage:

        def offers(one: Judgment, segment: str = row.segment) -> bool:
            return one.excluded_by(expected.reserved) is None and segment in one.used

        def sure(one: Judgment) -> bool:
            return one.best(expected.reserved) in {None, "ELIGIBLE", "ELIGIBLE_IF"}

        yield from _counted(f"coverage of {row.segment}", row.candidates, expected.count(offers))
        yield from _counted(
            f"eligible for {row.segment}", row.eligible, expected.count(lambda j: offers(j) and sure(j))
        )
        yield from _counted(f"local for {row.segment}", row.local, expected.count(lambda j: offers(j) and j.local))
        beyond = expected.count(lambda j: offers(j) and j.reach == "beyond")
        yield from _counted(f"beyond reach for {row.segment}", row.beyond_reach, beyond)
    objects = [row.candidates - row.beyond_reach for row in lot.coverage if expected.roles.get(row.segment) == "object"]
    level = _tension(min(objects, default=0), lot.unknown_trade.eligible)
    allowed = {level}
    if level == "good" and expected.yearly_eur is not None and expected.yearly_eur > 1_000_000:
        known = _known_sizes(expected)
        allowed = {"low"} if known.stop <= 3 else {"good"} if known.start >= 3 else {"low", "good"}
    if "good" in allowed and not (
        (answers := _answers(expected)) is not None and _is_whole_answered(answers, expected)
    ):
        allowed = {"low"} if answers is not None else {"low", "good"}  # a close call leaves it open
    if lot.tension.level not in allowed or lot.tension.unknown != lot.unknown_trade.eligible:
        yield f"tension {lot.tension} where the object segments have {objects} candidates"


def _answers(expected: Expected) -> set[frozenset[str]] | None:
    """What each of the candidates answers; None where close calls leave it open who they are."""
    found = set()
    for one in expected.judged:
        if len({(j.excluded_by(expected.reserved), frozenset(j.used)) for j in one.judgments}) > 1:
            return None
        judgment = one.judgments[0]
        if judgment.excluded_by(expected.reserved) is None:
            found.add(frozenset(judgment.answers & judgment.used.keys()))
    return found


def _is_whole_answered(answers: set[frozenset[str]], expected: Expected) -> bool:
    """Whether at most four of the candidates answer the whole lot."""
    objects = {segment for segment, role in expected.roles.items() if role == "object"}
    own = {each & objects for each in answers}
    return any(objects <= frozenset().union(*some) for size in range(1, 5) for some in combinations(own, size))


def _known_sizes(expected: Expected) -> range:
    """How many candidates of the object segment with the fewest are known to be large enough."""

    def large_enough(one: Judgment, segment: str) -> bool:
        is_candidate = one.excluded_by(expected.reserved) is None and segment in one.used
        return is_candidate and one.reach in {"within", "stretch"}

    objects = [segment for segment, role in expected.roles.items() if role == "object"]
    counts = [expected.count(lambda one, segment=each: large_enough(one, segment)) for each in objects]  # type: ignore[misc]
    return range(min(one.start for one in counts), min(one.stop for one in counts))


def _tension(fewest: int, unknown: int) -> TensionLevel:
    if fewest <= 2 and unknown >= 3:
        return "unknown"
    return "none" if fewest == 0 else "critical" if fewest <= 2 else "low" if fewest <= 4 else "good"


def _counted(what: str, count: int, allowed: range) -> Iterator[str]:
    if count not in allowed:
        yield f"{what} is {count}, expected {allowed.start}" + (f" to {allowed.stop - 1}" if len(allowed) > 1 else "")


def _candidates(lot: LotShortlist, expected: Expected, limit: int) -> Iterator[str]:
    reserved = expected.reserved
    judged = {one.supplier.id: one for one in expected.judged}
    if [one.rank for one in lot.candidates] != list(range(1, min(limit, lot.total) + 1)):
        yield f"ranks {[one.rank for one in lot.candidates]} with a total of {lot.total} and a limit of {limit}"
    placed: list[tuple[UUID, Key]] = []
    for row in lot.candidates:
        one = judged.get(row.supplier.id)
        fitting = [j for j in one.judgments if _shows(row, j, expected)] if one else []
        if one is None or not fitting:
            yield f"candidate {row.supplier.name} shown as {_shown(row)}, judged {_judged(one, expected)}"
            continue
        yield from _measured(row.supplier.name, row, one, expected)
        if row.reach.level != fitting[0].reach:
            yield f"reach of {row.supplier.name}: {row.reach}, expected {fitting[0].reach}"
        if reserved:
            yield from _eligible(row, one, expected)
        placed.append((row.supplier.id, (fitting[0].order(reserved), _known(one.distance_km))))
    others = [
        (one.supplier.id, max((j.order(reserved), _known(one.distance_km)) for j in one.judgments))
        for one in expected.judged
        if all(j.excluded_by(reserved) is None for j in one.judgments)
    ]
    yield from _order("candidates", placed, others, complete=lot.total <= limit)


def _shows(row: Candidate, judgment: Judgment, expected: Expected) -> bool:
    """Is a row of the shortlist what this judgment would write?"""
    if judgment.excluded_by(expected.reserved) is not None or row.presence != judgment.presence():
        return False
    shown = {
        one.requested: (one.fit, one.basis, one.declared_by, one.role) for one in row.segments if one.fit in ANSWERING
    }
    used = {
        segment: (one.fit, one.basis, one.declared_by, expected.roles[segment])
        for segment, one in judgment.used.items()
    }
    return shown == used and len(row.segments) == len({one.requested for one in row.segments})


def _shown(row: Candidate) -> str:
    answers = [f"{one.requested}<-{one.offered} {one.fit} {one.basis} {one.role}" for one in row.segments]
    return f"{row.presence} at {row.distance_km} km, {answers}"


def _judged(one: Judged | None, expected: Expected) -> str:
    if one is None:
        return "without any relevant offer"
    said = [f"{j.excluded_by(expected.reserved) or j.presence()} {dict(j.used)}" for j in one.judgments]
    return f"at {one.distance_km} km, {' or '.join(said)}"


def _eligible(
    row: Candidate | NearMiss | UnknownSupplier, one: Judged | Offerless, expected: Expected
) -> Iterator[str]:
    said = sorted((each.reserved, each.outcome, each.code or "") for each in row.eligibility)
    verdicts = (one.verdicts[reserved] for reserved in set(expected.reserved))
    right = sorted((verdict.reserved, verdict.outcome, verdict.code or "") for verdict in verdicts)
    if said != right:
        yield f"eligibility of {row.supplier.name}: {said}, expected {right}"


def _measured(
    name: str, row: Candidate | NearMiss | UnknownSupplier, one: Judged | Offerless, expected: Expected
) -> Iterator[str]:
    if not _same_distance(row.distance_km, one.distance_km):
        yield f"{name} at {row.distance_km} km, expected {one.distance_km}"
    measured_to = expected.measured_to if one.distance_km is not None else None
    if isinstance(row, Candidate) and row.measured_to != measured_to:
        yield f"{name} measured to {row.measured_to}, expected {measured_to}"


def _same_distance(said: float | None, expected: float | None) -> bool:
    if said is None or expected is None:
        return said is expected
    return abs(said - expected) <= tolerance_km(expected)


def _known(distance_km: float | None) -> float:
    return FAR_KM if distance_km is None else distance_km


def _after(one: Key, other: Key) -> bool:
    """Does `one` come after `other` for certain, whatever the tolerance on distances?"""
    if one[0] != other[0]:
        return one[0] > other[0]
    return one[1] - other[1] > tolerance_km(one[1]) + tolerance_km(other[1])


def _order(
    what: str, placed: Sequence[tuple[UUID, Key]], others: Sequence[tuple[UUID, Key]], *, complete: bool
) -> Iterator[str]:
    """`placed` are the rows shown; `others` all that certainly belong, each with its latest possible place."""
    shown = {supplier for supplier, _ in placed}
    if len(shown) != len(placed):
        yield f"{what}: a supplier is shown twice"
    for place, (_, key) in enumerate(placed):
        late = [before for before, (_, other) in enumerate(placed[:place]) if _after(other, key)]
        if late:
            yield f"{what}: number {place + 1} {key} comes after number {late[0] + 1} {placed[late[0]][1]}"
    for supplier, key in others:
        if supplier not in shown and (complete or (placed and _after(placed[-1][1], key))):
            yield f"{what}: {supplier} {key} is missing"


def _near_misses(lot: LotShortlist, expected: Expected, asked: int) -> Iterator[str]:
    reserved = expected.reserved
    judged = {one.supplier.id: one for one in expected.judged}
    allowed = expected.count(lambda one: one.excluded_by(reserved) is not None)
    least, most = min(asked, allowed.start), min(asked, allowed.stop - 1)
    if not least <= len(lot.near_misses) <= most:
        yield f"{len(lot.near_misses)} near misses, expected {least} to {most}"
    placed: list[tuple[UUID, Key]] = []
    for row in lot.near_misses:
        one = judged.get(row.supplier.id)
        gates = {j.excluded_by(reserved) for j in one.judgments} if one else set()
        if one is None or row.excluded_by not in gates:
            yield f"near miss {row.supplier.name} excluded by {row.excluded_by}, expected {gates or 'no mention'}"
            continue
        yield from _measured(row.supplier.name, row, one, expected)
        if row.excluded_by == "reservation":
            yield from _eligible(row, one, expected)
        placed.append((row.supplier.id, ((GATES_PASSED.index(row.excluded_by),), _known(one.distance_km))))
    others = []
    for one in expected.judged:
        failed = [j.excluded_by(reserved) for j in one.judgments]
        if None not in failed:
            latest = max(GATES_PASSED.index(gate) for gate in failed if gate)
            others.append((one.supplier.id, ((latest,), _known(one.distance_km))))
    yield from _order("near misses", placed, others, complete=len(lot.near_misses) < asked)


def _unknown_trade(lot: LotShortlist, expected: Expected, asked: int) -> Iterator[str]:
    told, every = lot.unknown_trade, [one for one in expected.offerless if one.near is not False]
    outcomes = [{one.verdicts[reserved].outcome for reserved in expected.reserved} for one in every]
    near = [one for one, found in zip(every, outcomes, strict=True) if found != {"INELIGIBLE"}]
    counts = [("total", told.total, near), ("eligible", told.eligible, _sure(every, expected.reserved))]
    if list(lot.alternatives.unknown_trade) != list(RESERVATIONS):
        yield f"alternatives for {list(lot.alternatives.unknown_trade)} of unknown trade"
    for name, other in RESERVATIONS.items():
        counts.append((name, lot.alternatives.unknown_trade.get(name, -1), _sure(every, other)))
    for what, count, ones in counts:
        yield from _counted(f"unknown_trade.{what}", count, range(sum(one.near is True for one in ones), len(ones) + 1))
    kinds = {kind for one in near for kind in one.supplier.kinds or ("none",)}
    for kind in kinds | told.by_kind.keys():
        ones = [one for one in near if kind in (one.supplier.kinds or ("none",))]
        allowed = range(sum(one.near is True for one in ones), len(ones) + 1)
        yield from _counted(f"unknown_trade.by_kind.{kind}", told.by_kind.get(kind, 0), allowed)
    if len(told.nearest) != min(asked, told.total):
        yield f"{len(told.nearest)} nearest of {told.total} of unknown trade"
    by_id = {one.supplier.id: one for one in near}
    placed: list[tuple[UUID, Key]] = []
    for row in told.nearest:
        one = by_id.get(row.supplier.id)
        if one is None:
            yield f"{row.supplier.name} is not of unknown trade and near"
            continue
        yield from _measured(row.supplier.name, row, one, expected)
        yield from _eligible(row, one, expected)
        if [each.code for each in row.reasons[:-1]] != ([one.why] if one.why else []):
            yield f"{row.supplier.name} is to be asked for {row.reasons}, expected {one.why}"
        placed.append((row.supplier.id, (_late(one), _known(one.distance_km))))
    others = [(one.supplier.id, (_late(one), _known(one.distance_km))) for one in near if one.near]
    yield from _order("unknown trade", placed, others, complete=len(told.nearest) < asked)


def _late(one: Offerless) -> tuple[int]:
    """1 for suppliers that come after all others of unknown trade."""
    return (int(one.why not in (None, "kind_offers")),)


def _sure(some: Sequence[Offerless], reserved: Sequence[Reserved]) -> list[Offerless]:
    """Those that are eligible for one of the reserved types, if only on proof."""
    return [
        one
        for one in some
        if not reserved or any(one.verdicts[kind].outcome in {"ELIGIBLE", "ELIGIBLE_IF"} for kind in reserved)
    ]
