"""Needs that an organisation plans or has begun in one calendar year, as far as their values are added up."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.needs.need import Need
from domain.text.typography import PARIS


class OtherNeed(msgspec.Struct, frozen=True):
    """Another need of the organisation. `need` has only its names, its buyer's SIRET, and its lots' objects and values.

    Its lots' `segments` may be those understood as their object, from codes or words.
    """

    id: UUID
    need: Need


class SameYear(msgspec.Struct, frozen=True):
    """The other needs, none of them abandoned, of the calendar year of a need."""

    year: int
    others: tuple[OtherNeed, ...]


def year_of(planned_publication_on: date | None, created_at: datetime) -> int:
    """The calendar year that a need counts in: that of its planned publication, else that in which it was created."""
    return (planned_publication_on or created_at.astimezone(PARIS)).year
