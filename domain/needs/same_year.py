"""Needs that an organisation plans or has begun in one calendar year, as far as their values are added up."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.needs.need import Need
from domain.text.typography import PARIS


class OtherNeed(msgspec.Struct, frozen=True):
    """Another market of the buyer. `need` has only its names and its total, and the objects and values of its lots."""

    id: UUID
    buyer_siret: str | None
    need: Need


def year_of(planned_publication_on: date | None, created_at: datetime) -> int:
    """The calendar year that a need counts in: that of its planned publication, else that in which it was created."""
    return (planned_publication_on or created_at.astimezone(PARIS)).year
