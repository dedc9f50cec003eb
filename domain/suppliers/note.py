"""A buyer organisation's note of what a supplier told it: offers that its own matches find, and no other's."""

from datetime import date, datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec

from domain.errors import Problem, control_character_problem, pointer
from domain.needs.need import ShortText
from domain.suppliers.supplier import Offer
from domain.text.bilingual import is_one_line, said_by

_SAID = said_by(__name__)

MOST_NOTED_OFFERS = 30
MOST_NOTES = 2_000
"""The notes of an organisation: matching holds them in memory beside the directory."""


class NotedOffer(Offer, frozen=True, kw_only=True):
    """Something that a supplier told a buyer it does, and where."""

    words: ShortText | None = None
    """The same as `label`; null: none"""


class NoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a note: the offers that a supplier told a buyer of. It replaces what was noted before."""

    offers: Annotated[tuple[NotedOffer, ...], msgspec.Meta(min_length=1, max_length=MOST_NOTED_OFFERS)]
    """What it does, in segments of the taxonomy"""
    told_on: date | None = None
    """The day it said so; null: not known"""
    how: ShortText | None = None
    """The way it said so, in words such as “by telephone”; null: not told"""


class SupplierNote(msgspec.Struct, frozen=True, kw_only=True):
    """A note of an organisation on a supplier."""

    supplier_id: UUID
    """The supplier, or the one it was merged into"""
    offers: tuple[Offer, ...]
    """Declared by a `buyer` on the day that the supplier said so"""
    told_on: date | None
    """The day it said so; null: not known"""
    how: str | None
    """The way it said so; null: not told"""
    noted_at: datetime
    """The moment it was last written"""
    noted_by: str | None
    """The name of the person, or of the key, that wrote it; null: not known any more"""


class NotedSupplier(NamedTuple):
    """The offers noted of one supplier, as matching reads them; `noted_id`: its id then, of a supplier merged since."""

    supplier_id: UUID
    offers: tuple[Offer, ...]
    noted_id: UUID


def check_note(body: NoteBody, today: date) -> list[Problem]:
    """The problems of a note, but those of its codes and areas, each with its JSON pointer."""
    found = []
    for position, offer in enumerate(body.offers):
        at = "offers", position
        if offer.basis != "declared" or offer.evidence:
            name = "basis" if offer.basis != "declared" else "evidence"
            found.append(Problem(pointer(*at, name), "not_declared", _SAID["not_declared"]))
        if offer.declared_by not in (None, "buyer"):
            found.append(Problem(pointer(*at, "declared_by"), "not_a_buyer", _SAID["by_buyer"]))
        if offer.words is not None and offer.label is not None:
            found.append(Problem(pointer(*at, "words"), "given_twice", _SAID["two_labels"]))
        texts = {"words": offer.words, "label": offer.label}
        found += [control_character_problem(pointer(*at, name)) for name, text in texts.items() if _is_broken(text)]
    if _is_broken(body.how):
        found.append(control_character_problem(pointer("how")))
    if body.told_on is not None and body.told_on > today:
        found.append(Problem(pointer("told_on"), "to_come", _SAID["to_come"]))
    return found


def _is_broken(text: str | None) -> bool:
    return text is not None and not is_one_line(text)


def noted_offers(body: NoteBody) -> tuple[Offer, ...]:
    """The offers of a note as the directory has them, declared by a buyer on the day that the supplier said so."""
    return tuple(
        Offer(
            segments=each.segments,
            cpv=each.cpv,
            label=each.label or each.words,
            presta_types=each.presta_types,
            service_area=each.service_area,
            declared_by="buyer",
            declared_on=each.declared_on or body.told_on,
        )
        for each in body.offers
    )
