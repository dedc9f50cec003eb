"""Reasons why a supplier is not among the candidates of a frozen shortlist, as codes and in words."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import msgspec

from domain.shortlists.frozen import Named
from domain.shortlists.shortlist import Gate
from domain.text.bilingual import Language, Text
from domain.text.labels import ABSENCES, LOT_FIELDS, REFUSED_BY

AbsenceCode = Literal[
    "beyond_limit",
    "refused",
    "no_offer",
    "trade_unknown",
    "inactive",
    "merged",
    "listed_as",
    "gone",
    "not_yet",
    "not_kept",
    "no_such_lot",
]


TODAY = Text(" (d'après les données d'aujourd'hui)", " (by the data of today)")


OFFERS = ("segments", "cpv", "keywords", "title")
DECISIVE: dict[str, tuple[str, ...]] = {
    "segment": OFFERS,
    "no_offer": OFFERS,
    "service_area": (*OFFERS, "territory"),
    "distance": ("territory", "site", "max_distance_km"),
    "reservation": ("reserved", "on"),
    "beyond_limit": (*OFFERS, "territory", "site", "max_distance_km", "reserved", "limit"),
}
"""The fields of a lot that decide whether a gate refuses a supplier, or how far down it comes."""


class AbsenceReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """The reason for which a supplier is not a candidate of a version, as a code and in words."""

    code: AbsenceCode
    """Stable in every language"""
    message: str
    """A sentence in the language of the request"""
    excluded_by: Gate | None = None
    """The gate that refused it"""
    rank: int | None = None
    """Its place beyond the rows shown"""
    other: UUID | None = None
    """The supplier that it is part of since (`merged`), or as which the version lists it (`listed_as`)"""
    changed: tuple[str, ...] = ()
    """Things that the lot asks differently in the two versions, of what decides this"""


class Absence(msgspec.Struct, frozen=True):
    """An `AbsenceReason` before it is put into words; `message`: the gate's, where it is known.

    `data_changed`: this was found with data that are no longer those of the version.
    """

    code: AbsenceCode
    excluded_by: Gate | None = None
    message: str | None = None
    rank: int | None = None
    other: Named | None = None
    data_changed: bool = False

    def reason(self, number: int, shown: int, changed: Sequence[str], language: Language) -> AbsenceReason:
        """The reason in words, for version `number`, which shows so many candidates of the lot.

        `changed`: what the lot asks differently in the version it is compared with.
        """
        decisive = DECISIVE.get(self.excluded_by or self.code, ())
        named = tuple(name for name in changed if name in decisive)
        rows = Text("du seul affiché", "the only one shown")
        if shown > 1:
            rows = Text(f"des {shown} affichés", f"the {shown} shown")
        pattern = REFUSED_BY[self.excluded_by] if self.excluded_by else ABSENCES[self.code]
        other = self.other.name if self.other else ""
        sentence = self.message or pattern.to(language).format(rank=self.rank, rows=rows.to(language), other=other)
        today = TODAY.to(language) if self.data_changed and self.code != "not_kept" else ""
        fields = ", ".join(LOT_FIELDS[name].to(language) for name in named)
        differs = Text(f" (le lot diffère par : {fields})", f" (the lot differs in: {fields})").to(language)
        version = Text(f"Version {number} : ", f"Version {number}: ").to(language)
        return AbsenceReason(
            code=self.code,
            message=version + sentence + today + (differs if named else ""),
            excluded_by=self.excluded_by,
            rank=self.rank,
            other=self.other.id if self.other else None,
            changed=named,
        )


Absences = Mapping[str, Mapping[UUID, Absence]]
"""By lot and supplier."""
