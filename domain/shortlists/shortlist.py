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
    """The versions of data, taxonomy, territories and rules behind an answer, and its evaluation date."""

    data_version: int
    """Of the directory of suppliers, which counts its changes"""
    taxonomy: str
    """The version of the segments"""
    territories: str
    """The version of the communes and outlines"""
    rules: str
    """The version of the rules of law"""
    on: date
    """The day of evaluation, for suppliers' approvals"""
    data_uid: UUID | None = None
    """Random; tells versions of one number apart after a restoration; null before a change, and in old answers"""
    law_on: date | None = None
    """The planned day of publication, whose law was applied; null: none was planned, the law is that of `on`"""

    @property
    def law_day(self) -> date:
        """The day whose law was applied."""
        return self.law_on or self.on

    def differences(self, other: "Stamp") -> tuple[str, ...]:
        """The names of the fields that differ from another stamp's; `data_uid` only where both have one."""
        unknown = {"data_uid"} if self.data_uid is None or other.data_uid is None else set()
        names = (name for name in self.__struct_fields__ if name not in unknown)
        return tuple(name for name in names if getattr(self, name) != getattr(other, name))


class RequestedSegment(msgspec.Struct, frozen=True, rename={"sources": "from"}):
    """A segment the lot asks for."""

    segment: str
    """Its id, or that of a family"""
    label: str
    """In French"""
    sources: tuple[str, ...]
    """Parts of the request, such as `cpv:90919200`, `keyword:…` or `title:…`"""
    confidence: float
    """Of that reading, from 0 to 1"""
    role: Role
    """`object`: bought; `support`: carries the object, and never counts as answering"""


class TerritoryEcho(msgspec.Struct, frozen=True, omit_defaults=True):
    """The territory of a lot as Vivier read it from the request."""

    label: str
    """To read, such as `Morbihan`"""
    codes: tuple[str, ...] | None = None
    """The current ones where codes were sent"""
    radius_km: float | None = None
    """Kilometres, where a radius was sent"""


class PublicContact(msgspec.Struct, frozen=True):
    """The contact of a supplier, without a person."""

    email: str | None
    """An e-mail address; null: none known"""
    phone: str | None
    """As it was given; null: none known"""
    website: str | None
    """An address to open; null: none known"""


class SupplierSummary(msgspec.Struct, frozen=True):
    """A supplier as a shortlist shows it."""

    id: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    name: str
    """Its legal or usual name"""
    siret: str | None
    """14 digits; null: not known"""
    kinds: tuple[Kind, ...]
    """The kinds of its approvals, in force or lapsed"""
    legal_form: LegalForm | None
    """The family of its legal form; null: not known"""
    ess: bool | None
    """Whether it belongs to the social and solidarity economy; null: not known"""
    commune: str | None
    """The current INSEE code; null: not known"""
    location: Point | None
    """The point that distances are measured from; null: not known"""
    contact: PublicContact
    """The ways to reach it, without a person"""
    updated_at: datetime
    """The moment its content last changed"""


class OfferEvidence(msgspec.Struct, frozen=True):
    """A reason to believe an offer that nobody declared."""

    kind: EvidenceKind
    """The kind of what was read"""
    message: str
    """Its content, in the language of the request"""
    on: date | None
    """The day of what was read; null: not known"""
    source: str | None
    """The source of that; null: not known"""


class SegmentAnswer(msgspec.Struct, frozen=True):
    """The best offer of a supplier for one requested segment."""

    requested: str
    """The id that the lot asks for"""
    offered: str
    """The id that the offer names"""
    fit: Fit
    """`narrower`: a segment of the family asked for; `broader`: its family; `related`: a neighbour, no answer"""
    basis: Basis
    """`declared` by the supplier or its network, `awarded` by a public contract, or `inferred`"""
    role: Role
    """That of the requested segment"""
    evidence: tuple[OfferEvidence, ...] = ()
    """Reasons to believe it, strongest first, at most three; empty where it was declared"""


class Eligibility(msgspec.Struct, frozen=True):
    """The eligibility of a supplier for one reserved type at the evaluation date."""

    reserved: Reserved
    """The type of reservation"""
    outcome: Outcome
    """`ELIGIBLE_IF`: with the proofs of `missing`; `REVIEW`: a person must judge; `UNKNOWN`: data missing"""
    code: str | None
    """Such as `PRESUMED_SHARE`; null where a plain `ELIGIBLE` needs no comment"""
    missing: tuple[str, ...]
    """The proofs to ask for"""
    rule: str
    """The id of the rule applied (`GET /rules/{rule}`)"""
    article: str
    """Of the Code de la commande publique unless it says otherwise"""
    confidence: Confidence
    """Certainty of the rule as it was read"""
    message: str
    """A sentence in the language of the request"""


class Reason(msgspec.Struct, frozen=True):
    """A reason for the rank of a candidate, or for its place in a list."""

    code: str
    """Stable in every language, such as `distance`"""
    message: str
    """A sentence in the language of the request"""


class Candidate(msgspec.Struct, frozen=True):
    """A supplier that passed every gate."""

    rank: int
    """From 1; for sourcing, no criterion of award"""
    supplier: SupplierSummary
    """As it was known at that time"""
    distance_km: float | None
    """Kilometres from its location to `measured_to`, 0 inside a territory; null: no location"""
    measured_to: MeasuredTo | None
    """The site where there is one, else the nearest point of the territory; null: not measured"""
    presence: Presence
    """Stands there, its declared area meets the territory, is at most 50 km away, or serves all of France"""
    segments: tuple[SegmentAnswer, ...]
    """By requested segment, its best offer"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type; empty on a lot that is not reserved"""
    reasons: tuple[Reason, ...]
    """By the criteria of the order, in that order"""


class NearMiss(msgspec.Struct, frozen=True):
    """A supplier that failed a gate, and why."""

    supplier: SupplierSummary
    """As it was known at that time"""
    excluded_by: Gate
    """The first gate that it failed"""
    distance_km: float | None
    """Kilometres to the site, else to the territory; null: no location"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type where `excluded_by` is `reservation`; else empty"""
    message: str
    """The thing it lacks, in the language of the request"""


class UnknownSupplier(msgspec.Struct, frozen=True):
    """A supplier near the lot of which no offer is known."""

    supplier: SupplierSummary
    """As it was known at that time"""
    distance_km: float | None
    """Kilometres to the site, else to the territory; null: no location"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type; empty on a lot that is not reserved"""


class UnknownTrade(msgspec.Struct, frozen=True):
    """The suppliers of which no offer is known, in the lot's territory or at most 50 km away, and within its cap.

    On a reserved lot, those that are INELIGIBLE for all of its types are left out. They count nowhere else.
    """

    total: int
    """The number of all of them"""
    eligible: int
    """ELIGIBLE or ELIGIBLE_IF; all of them on a lot that is not reserved"""
    nearest: tuple[UnknownSupplier, ...]
    """As many as `near_misses`, nearest first"""
    message: str
    """A sentence in the language of the request"""


NOT_LOOKED_FOR = UnknownTrade(0, 0, (), "")
"""Of a version that was frozen before suppliers of unknown trade were looked for."""


class GroupingSupplier(msgspec.Struct, frozen=True):
    """A candidate as a member of a grouping."""

    id: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    name: str
    """Its legal or usual name"""
    segments: tuple[str, ...]
    """Ids of those of the lot's object that it answers"""
    distance_km: float | None
    """Kilometres to the site, else to the territory; null: no location"""


class Grouping(msgspec.Struct, frozen=True):
    """Two to four candidates that together answer all segments of a lot's object, none of them superfluous."""

    suppliers: tuple[GroupingSupplier, ...]
    """Its members"""
    message: str
    """The part that each answers, in the language of the request"""


class Coverage(msgspec.Struct, frozen=True):
    """The numbers of candidates for one requested segment."""

    segment: str
    """Its id"""
    candidates: int
    """Candidates that answer it"""
    eligible: int
    """ELIGIBLE or ELIGIBLE_IF; all of them on a lot that is not reserved"""
    local: int
    """Candidates located in the territory"""


class Finding(msgspec.Struct, frozen=True):
    """A finding of law on the reservation of a lot."""

    code: str
    """Stable in every language, such as `NOT_LISTED`"""
    outcome: Outcome
    """`INELIGIBLE`: the law forbids it; `REVIEW`: a person must judge"""
    rule: str
    """The id of the rule applied (`GET /rules/{rule}`)"""
    article: str
    """Of the Code de la commande publique unless it says otherwise"""
    confidence: Confidence
    """Certainty of the rule as it was read"""
    message: str
    """A sentence in the language of the request"""


class Alternatives(msgspec.Struct, frozen=True):
    """The totals that the lot would have with another reservation or radius, all else equal."""

    reserved: dict[str, int]
    """The lot's total by reservation; `none`: not reserved"""
    radius_km: dict[str, int]
    """Suppliers that pass all other gates, by kilometres they are at most away"""
    forbidden: dict[str, Finding]
    """Of these reservations, those that the law does not allow for this lot, each with what forbids it"""


class Tension(msgspec.Struct, frozen=True):
    """The level of competition to expect."""

    level: TensionLevel
    """By the segment with the fewest candidates; `unknown` for `none`, `critical`: many of unknown trade are near"""
    message: str
    """A sentence in the language of the request"""


class Reservation(msgspec.Struct, frozen=True):
    """The law on the lot's reservation."""

    outcome: Outcome
    """The worst of the findings"""
    findings: tuple[Finding, ...]
    """Findings of law, each with its article; empty: nothing against it"""


class Advice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Counsel or a legal consequence for the buyer."""

    code: str
    """Stable in every language, such as `PROC_FORMALISEE`"""
    severity: Severity
    """`blocking`: not lawful as it stands"""
    article: Annotated[str | None, msgspec.Meta(description="Null where it is counsel, not law")]
    message: str
    """A sentence in the language of the request"""
    confidence: Confidence | None = None
    """Certainty of the rule as it was read; left out where there is none"""
    rule: str | None = None
    """The id of the rule applied (`GET /rules/{rule}`); left out where there is none"""
    suggestions: tuple[str, ...] = ()
    """Things that could be meant instead, such as ids of segments"""
    lots: tuple[tuple[str, ...], ...] = ()
    """Sets of ids of lots, where it concerns sets"""


class LotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one lot; its suppliers are told by the rows of the document that it stands in."""

    id: str
    """That of the lot in the need"""
    requested: tuple[RequestedSegment, ...]
    """Segments as they were understood; empty: none was, and there are no candidates"""
    territory: TerritoryEcho
    """As it was understood"""
    total: int
    """Suppliers that pass every gate"""
    candidates: tuple[msgspec.Struct, ...]
    """The first in order, as many as `limit`"""
    near_misses: tuple[msgspec.Struct, ...]
    """Those that passed most gates, then the nearest, as many as `near_misses` asked for"""
    unknown_trade: msgspec.Struct
    """Suppliers near the lot that may answer, though nobody knows what they do"""
    groupings: tuple[msgspec.Struct, ...]
    """As many as are asked for, where no candidate answers alone"""
    coverage: tuple[Coverage, ...]
    """By requested segment"""
    alternatives: Alternatives
    """The totals under another reservation or radius"""
    tension: Tension
    """The competition to expect"""
    reservation: Reservation
    """Findings of law on the lot's reservation"""
    advice: tuple[Advice, ...]
    """Counsel and legal consequences for this lot"""


class LotShortlist(LotAnswer, frozen=True, kw_only=True):
    """The shortlist of one lot."""

    candidates: tuple[Candidate, ...]
    near_misses: tuple[NearMiss, ...]
    unknown_trade: UnknownTrade = NOT_LOOKED_FOR
    groupings: tuple[Grouping, ...] = ()

    @property
    def rows(self) -> tuple[Candidate | NearMiss | UnknownSupplier, ...]:
        """All rows of the lot: candidates in order, then near misses, then suppliers of unknown trade."""
        return self.candidates + self.near_misses + self.unknown_trade.nearest


class Shortlist(msgspec.Struct, frozen=True):
    """The answer to a need."""

    reference: str | None
    """The need's; null: none"""
    stamp: Stamp
    """The versions of data and rules behind it"""
    lots: tuple[LotShortlist, ...]
    """In the order of the need"""
    advice: tuple[Advice, ...]
    """Counsel and legal consequences for the need as a whole"""
