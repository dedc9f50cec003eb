"""A need whose lots may be divided and joined, as `POST /allotment` takes it."""

from typing import Annotated, Literal

import msgspec

from domain.errors import InvalidContent, Problem, pointer
from domain.needs.need import Code, Euros, Lot, Need
from domain.text.bilingual import Text

Axis = Literal["segment", "departement", "epci"]
"""Along which lots may be divided: segment by segment, or by the departements or EPCIs of their territory."""

BOTH_AREAS = Text(
    "Diviser par département ou par EPCI, non par les deux.", "Divide by departement or by EPCI, not by both."
)


class AllotmentOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The divisions and joins that are looked at."""

    min_candidates: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    """Eligible candidates that make competition, and that a reservation leaves at least"""
    max_lots: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    """The most lots of a proposal"""
    divide: Annotated[tuple[Axis, ...], msgspec.Meta(max_length=3)] = ("segment", "departement")
    """The ways to divide lots: by segment, and by departement or EPCI; empty: not at all"""
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


def checked_values(need: AllotmentNeed, objects: tuple[tuple[str, ...], ...]) -> AllotmentNeed:
    """The need, each lot with its value where only its segments have one. Raises InvalidContent with all problems.

    `objects`: the segments that each lot asks for. Values by segment are of these alone, and add up to the lot's value
    where all of them are given; else they are not more.
    """
    problems: list[Problem] = []
    if {"departement", "epci"} <= set(need.allotment.divide):
        problems.append(Problem("/allotment/divide", "both_areas", BOTH_AREAS))
    lots = []
    for place, (lot, segments) in enumerate(zip(need.lots, objects, strict=True)):
        values = lot.values_eur or {}
        problems += [
            Problem(pointer("lots", place, "values_eur", segment), "not_asked_for", _not_asked_for(segment, segments))
            for segment in values
            if segment not in segments
        ]
        total, whole = round(sum(values.values()), 2), bool(segments) and values.keys() >= set(segments)
        if lot.value_eur is None:
            lots.append(msgspec.structs.replace(lot, value_eur=total) if whole else lot)
            continue
        if total > (stated := round(lot.value_eur, 2)) or (whole and total < stated):
            problems.append(Problem(pointer("lots", place, "values_eur"), "values_differ", VALUES_DIFFER))
        lots.append(lot)
    if problems:
        raise InvalidContent(tuple(problems))
    return msgspec.structs.replace(need, lots=tuple(lots))


def value_of(lot: DivisibleLot, segments: tuple[str, ...], objects: tuple[str, ...]) -> float | None:
    """Euros of some of a lot's segments in all its territory; None where the buyer did not say.

    Nobody says how options are divided: beside them, the value of a part is not known.
    """
    if set(segments) >= set(objects):
        return lot.value_eur
    values = lot.values_eur or {}
    if not values.keys() >= set(segments) or options_of(lot):
        return None
    return round(sum(values[segment] for segment in segments), 2)


def options_of(lot: Lot) -> float:
    """Euros of the options that add to a lot's value."""
    return 0.0 if lot.value_covers == "all" else lot.options_eur or 0.0


VALUES_DIFFER = Text(
    "Les valeurs par segment ne font pas la valeur du lot (« value_eur ») : corriger l'une ou les autres.",
    "The values by segment do not make up the value of the lot (“value_eur”): correct the one or the others.",
)


def _not_asked_for(segment: str, segments: tuple[str, ...]) -> Text:
    asked = ", ".join(segments)
    return Text(
        f"Le lot ne demande pas le segment « {segment} » ; il demande : {asked}.",
        f"The lot does not ask for the segment “{segment}”; it asks for: {asked}.",
    )
