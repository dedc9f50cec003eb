"""A need whose lots may be divided and joined, as `POST /allotment` takes it, and the proposals of lots it answers."""

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import msgspec

from domain.errors import Problem, pointer, require_no_problem
from domain.needs.need import Code, Euros, Lot, Need, Reserved
from domain.shortlists.listed_suppliers import Reason
from domain.shortlists.shortlist import Advice, Reservation, Stamp, Tension, TerritoryEcho
from domain.text.bilingual import Text, said_by

_SAID = said_by(__name__)

Axis = Literal["segment", "departement", "epci"]
"""Along which lots may be divided: segment by segment, or by departements or groups of neighbouring EPCIs."""


class AllotmentOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which divisions and joins of lots are tried, and how many candidates make competition."""

    min_candidates: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    """Eligible candidates that make competition, and that a reservation leaves at least"""
    max_lots: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    """The most lots of a proposal"""
    divide: Annotated[tuple[Axis, ...], msgspec.Meta(max_length=3)] = ("segment", "departement")
    """The ways to divide lots: by segment, and by departement or by neighbouring EPCIs; empty: not at all"""
    join: bool = True
    """Whether lots may be joined"""
    reserve: bool = True
    """Whether reservations are proposed besides those that the lots have"""


class DivisibleLot(Lot, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A thing to be bought, that may be divided or joined with others."""

    values_eur: Annotated[dict[Code, Euros], msgspec.Meta(max_length=200)] | None = None
    """Euros excluding tax by id of segment, by which the value is divided, of what that covers; null: not divided"""


class AllotmentNeed(Need, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A buyer's need, as `POST /match` takes it, and how its lots may be divided and joined."""

    lots: Annotated[tuple[DivisibleLot, ...], msgspec.Meta(min_length=1, max_length=200)]
    """The things to be bought, each id once"""
    allotment: AllotmentOptions = AllotmentOptions()
    """The ways in which they may be divided and joined"""


def checked_values(need: AllotmentNeed, segments_of_lots: tuple[tuple[str, ...], ...]) -> AllotmentNeed:
    """The need, a lot's missing value being summed from its segments' values. Raises InvalidContent with all problems.

    `segments_of_lots`: those that each lot asks for. Values by segment are of these alone, and add up to the lot's
    value where all of them are given; else they are not more.
    """
    problems: list[Problem] = []
    if {"departement", "epci"} <= set(need.allotment.divide):
        problems.append(Problem("/allotment/divide", "both_areas", _SAID["both_areas"]))
    lots = []
    for position, (lot, segments) in enumerate(zip(need.lots, segments_of_lots, strict=True)):
        values = lot.values_eur or {}
        asked = ", ".join(segments)
        for segment in (segment for segment in values if segment not in segments):
            said = _SAID["segment_not_asked"].filled(segment=segment, asked=asked)
            problems.append(Problem(pointer("lots", position, "values_eur", segment), "not_asked_for", said))
        total, whole = round(sum(values.values()), 2), bool(segments) and values.keys() >= set(segments)
        if lot.value_eur is None:
            lots.append(msgspec.structs.replace(lot, value_eur=total) if whole else lot)
            continue
        if total > (stated := round(lot.value_eur, 2)) or (whole and total < stated):
            problems.append(Problem(pointer("lots", position, "values_eur"), "values_differ", _SAID["values_differ"]))
        lots.append(lot)
    require_no_problem(problems)
    return msgspec.structs.replace(need, lots=tuple(lots))


def value_of(lot: DivisibleLot, segments: tuple[str, ...], all_segments: tuple[str, ...]) -> float | None:
    """The euros that `segments`, of a lot's `all_segments`, are worth in its whole territory; None where not known.

    Nobody says how options are divided: beside them, the value of a part is not known.
    """
    if set(segments) >= set(all_segments):
        return lot.value_eur
    values = lot.values_eur or {}
    if not values.keys() >= set(segments) or options_of(lot):
        return None
    return round(sum(values[segment] for segment in segments), 2)


def options_of(lot: Lot) -> float:
    """The euros of options that come on top of a lot's value; 0 where that value covers all."""
    return 0.0 if lot.value_covers == "all" else lot.options_eur or 0.0


class Summary(msgspec.Struct, frozen=True):
    """The figures of some lots together."""

    lots: int
    """The number of them"""
    without_supply: int
    """Lots with no candidate"""
    with_competition: int
    """Lots with at least `min_candidates` eligible ones"""
    reserved: int
    """Lots that are reserved"""
    suppliers_reached: int
    """Suppliers that are a candidate of some lot"""
    suppliers_alone: int
    """Suppliers that answer some whole lot by themselves"""


class Figure(NamedTuple):
    """A figure by which proposals are compared, read by `of`. `more_is_better` None: neither way is better."""

    label: Text
    of: Callable[[Summary], int]
    more_is_better: bool | None


FIGURES = (
    Figure(Text("Lots sans candidat", "Lots without candidate"), lambda found: found.without_supply, False),
    Figure(
        Text("Lots ayant assez de fournisseurs potentiels", "Lots with competition"),
        lambda found: found.with_competition,
        True,
    ),
    Figure(
        Text("Fournisseurs qui répondent seuls à un lot", "Suppliers that answer a lot by themselves"),
        lambda found: found.suppliers_alone,
        True,
    ),
    Figure(Text("Lots réservés", "Reserved lots"), lambda found: found.reserved, True),
    Figure(Text("Nombre de lots", "Number of lots"), lambda found: found.lots, None),
    Figure(Text("Fournisseurs repérés", "Suppliers found"), lambda found: found.suppliers_reached, True),
)
"""The criteria of the order, in that order, then whom the lots reach."""


class ProposedLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that is proposed; its counts are those of `POST /match` for it."""

    id: str
    """From `1` in each proposal"""
    title: str
    """In words, by its segments and territory"""
    from_lots: tuple[str, ...]
    """Lots of the need that it buys something of; all else that these say (site, distance) holds for it"""
    segments: tuple[str, ...]
    """Ids of what it buys"""
    cpv: tuple[str, ...]
    """Codes of those lots that stand for its segments alone"""
    territory: TerritoryEcho
    """The place of performance"""
    reserved: tuple[Reserved, ...]
    """Empty: not reserved"""
    value_eur: float | None
    """Euros excluding tax, which hold what those of the lots it comes from hold; null: not known for its part"""
    estimated_value_eur: float | None
    """Where `value_eur` is null: a share of what it comes from and its options, as `reasons` say; null: none"""
    options_eur: float | None
    """Euros excluding tax of the options; null: none, or not known for its part"""
    total: int
    """Suppliers that pass every gate"""
    eligible: int
    """Candidates that are ELIGIBLE or ELIGIBLE_IF"""
    local: int
    """Candidates located in its territory"""
    unknown: int
    """Eligible suppliers nearby whose trade is not known: to be asked before anything is concluded"""
    tension: Tension
    """The competition to expect, for a lot of that value or estimated value"""
    reservation: Reservation
    """Findings of law on its reservation"""
    reasons: tuple[Reason, ...]
    """Reasons for proposing this lot"""


class Proposal(msgspec.Struct, frozen=True):
    """A division of the whole need into lots."""

    rank: int
    """From 1, the best"""
    lots: tuple[ProposedLot, ...]
    """All that the need buys, each part once"""
    summary: Summary
    """Its figures"""
    reasons: tuple[Reason, ...]
    """Its figures by the criteria of the order, in that order, and what puts it after the proposal before it"""
    advice: tuple[Advice, ...]
    """Findings of law on the need so divided"""


class Allotment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lots of a need as they are given, and at most five proposals of others, the best first."""

    stamp: Stamp
    """The versions of data and rules behind it"""
    as_given: Summary
    """The figures of the need's own lots"""
    proposals: tuple[Proposal, ...]
    """The best first, at most five"""
    complete: Annotated[bool, msgspec.Meta(description="Whether every division and join was looked at")]
    left_out: Annotated[str | None, msgspec.Meta(description="The divisions not looked at, in words")] = None
