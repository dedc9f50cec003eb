"""The outcome of a match: an explained shortlist, as `POST /match` answers it."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.needs.need import Reserved
from domain.suppliers.supplier import Basis, EvidenceKind, Kind, LegalForm, Point

Outcome = Literal["ELIGIBLE", "ELIGIBLE_IF", "INELIGIBLE", "REVIEW", "UNKNOWN"]
Fit = Literal["exact", "narrower", "broader", "related"]
Presence = Literal["local", "declared", "nearby", "national"]
MeasuredTo = Literal["site", "territory"]
Role = Literal["object", "support"]
Gate = Literal["segment", "service_area", "distance", "reservation"]
Confidence = Literal["high", "medium", "low"]
Severity = Literal["info", "warning", "blocking"]
TensionLevel = Literal["none", "critical", "unknown", "low", "good"]


class Stamp(msgspec.Struct, frozen=True):
    """The versions of data, taxonomy, territories and rules behind an answer, and its evaluation date.

    `data_uid`: the random id of that version of the data, by which versions of the same number are told apart after a
    restoration or a failover; null before the first change, and in what was kept before there were such ids.
    """

    data_version: int
    taxonomy: str
    territories: str
    rules: str
    on: date
    data_uid: UUID | None = None

    def differences(self, other: "Stamp") -> tuple[str, ...]:
        """The names of the fields that differ; `data_uid` where both have one."""
        unknown = {"data_uid"} if self.data_uid is None or other.data_uid is None else set()
        names = (name for name in self.__struct_fields__ if name not in unknown)
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


class RequestedSegment(msgspec.Struct, frozen=True, rename={"sources": "from"}):
    """A segment the lot asks for, where in the request it comes from, and how sure that reading is (0 to 1)."""

    segment: str
    label: str
    sources: tuple[str, ...]
    confidence: float
    role: Role


class TerritoryEcho(msgspec.Struct, frozen=True, omit_defaults=True):
    """The territory as it was understood: current codes where codes were sent, and a label to read."""

    label: str
    codes: tuple[str, ...] | None = None
    radius_km: float | None = None


class PublicContact(msgspec.Struct, frozen=True):
    """The contact of a supplier, without a person."""

    email: str | None
    phone: str | None
    website: str | None


class SupplierSummary(msgspec.Struct, frozen=True):
    """A supplier as a shortlist shows it."""

    id: UUID
    name: str
    siret: str | None
    kinds: tuple[Kind, ...]
    legal_form: LegalForm | None
    ess: bool | None
    commune: str | None
    location: Point | None
    contact: PublicContact
    updated_at: datetime


class OfferEvidence(msgspec.Struct, frozen=True):
    """A reason to believe an offer that nobody declared. `on`: the day of what was read; `source`: where that was."""

    kind: EvidenceKind
    message: str
    on: date | None
    source: str | None


class SegmentAnswer(msgspec.Struct, frozen=True):
    """The best offer of a supplier for one requested segment.

    `evidence`: why it is believed, strongest first, at most three; empty where it was declared.
    """

    requested: str
    offered: str
    fit: Fit
    basis: Basis
    role: Role
    evidence: tuple[OfferEvidence, ...] = ()


class Eligibility(msgspec.Struct, frozen=True):
    """The eligibility of a supplier for one reserved type at the evaluation date; `missing`: the proofs to ask for."""

    reserved: Reserved
    outcome: Outcome
    code: str | None
    missing: tuple[str, ...]
    rule: str
    article: str
    confidence: Confidence
    message: str


class Reason(msgspec.Struct, frozen=True):
    """One reason for the rank of a supplier."""

    code: str
    message: str


class Candidate(msgspec.Struct, frozen=True):
    """A supplier that passed every gate."""

    rank: int
    supplier: SupplierSummary
    distance_km: float | None
    measured_to: MeasuredTo | None
    presence: Presence
    segments: tuple[SegmentAnswer, ...]
    eligibility: tuple[Eligibility, ...]
    reasons: tuple[Reason, ...]


class NearMiss(msgspec.Struct, frozen=True):
    """A supplier that failed a gate, and why."""

    supplier: SupplierSummary
    excluded_by: Gate
    distance_km: float | None
    eligibility: tuple[Eligibility, ...]
    message: str


class UnknownSupplier(msgspec.Struct, frozen=True):
    """A supplier near the lot of which no offer is known."""

    supplier: SupplierSummary
    distance_km: float | None
    eligibility: tuple[Eligibility, ...]


class UnknownTrade(msgspec.Struct, frozen=True):
    """The suppliers of which no offer is known, in the lot's territory or at most 50 km away, and within its cap.

    On a reserved lot, those that are INELIGIBLE for all of its types are left out. `eligible`: ELIGIBLE or ELIGIBLE_IF;
    all of them on a lot that is not reserved. `nearest`: as many as `near_misses`. They count nowhere else.
    """

    total: int
    eligible: int
    nearest: tuple[UnknownSupplier, ...]
    message: str


NOT_LOOKED_FOR = UnknownTrade(0, 0, (), "")
"""Of a version that was frozen before suppliers of unknown trade were looked for."""


class GroupingSupplier(msgspec.Struct, frozen=True):
    """A candidate as a member of a grouping. `segments`: those of the lot's object that it answers."""

    id: UUID
    name: str
    segments: tuple[str, ...]
    distance_km: float | None


class Grouping(msgspec.Struct, frozen=True):
    """Two to four candidates that together answer all segments of a lot's object, none of them superfluous."""

    suppliers: tuple[GroupingSupplier, ...]
    message: str


class Coverage(msgspec.Struct, frozen=True):
    """The numbers of candidates for one requested segment: all, `eligible`, and `local` ones.

    `eligible`: ELIGIBLE or ELIGIBLE_IF; all of them on a lot that is not reserved.
    """

    segment: str
    candidates: int
    eligible: int
    local: int


class Finding(msgspec.Struct, frozen=True):
    """A finding of law on the reservation of a lot."""

    code: str
    outcome: Outcome
    rule: str
    article: str
    confidence: Confidence
    message: str


class Alternatives(msgspec.Struct, frozen=True):
    """The totals under other reservations, and the numbers of suppliers within each radius.

    `forbidden`: of these reservations, those that the law does not allow for this lot, each with what forbids it.
    """

    reserved: dict[str, int]
    radius_km: dict[str, int]
    forbidden: dict[str, Finding]


class Tension(msgspec.Struct, frozen=True):
    """The level of competition to expect, by the requested segment with the fewest candidates.

    `unknown` instead of `none` and `critical` where too many suppliers of unknown trade are near to conclude anything.
    """

    level: TensionLevel
    message: str


class Reservation(msgspec.Struct, frozen=True):
    """The worst of the findings on the lot's reservation."""

    outcome: Outcome
    findings: tuple[Finding, ...]


class Advice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counsel or a legal consequence for the buyer; `lots` where it concerns sets of lots."""

    code: str
    severity: Severity
    article: Annotated[str | None, msgspec.Meta(description="Null where it is counsel, not law")]
    message: str
    confidence: Confidence | None = None
    rule: str | None = None
    suggestions: tuple[str, ...] = ()
    lots: tuple[tuple[str, ...], ...] = ()


class LotShortlist(msgspec.Struct, frozen=True, kw_only=True):
    """The shortlist of one lot."""

    id: str
    requested: tuple[RequestedSegment, ...]
    territory: TerritoryEcho
    total: int
    candidates: tuple[Candidate, ...]
    near_misses: tuple[NearMiss, ...]
    unknown_trade: UnknownTrade = NOT_LOOKED_FOR
    groupings: Annotated[
        tuple[Grouping, ...], msgspec.Meta(description="As many as are asked for, where no candidate answers alone")
    ] = ()
    coverage: tuple[Coverage, ...]
    alternatives: Alternatives
    tension: Tension
    reservation: Reservation
    advice: tuple[Advice, ...]


class Shortlist(msgspec.Struct, frozen=True):
    """The answer to a need."""

    reference: str | None
    stamp: Stamp
    lots: tuple[LotShortlist, ...]
    advice: tuple[Advice, ...]
