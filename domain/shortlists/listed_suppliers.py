"""The suppliers of a shortlist, as `POST /match` answers them: candidates, near misses, those of unknown trade."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.needs.need import Reserved
from domain.suppliers.supplier import Basis, DeclaredBy, EvidenceKind, Kind, LegalForm, Point

Outcome = Literal["ELIGIBLE", "ELIGIBLE_IF", "INELIGIBLE", "REVIEW", "UNKNOWN"]
Fit = Literal["exact", "narrower", "broader", "related"]
Presence = Literal["local", "declared", "nearby", "national"]
MeasuredTo = Literal["site", "supposed_site", "territory"]
Role = Literal["object", "support"]
Gate = Literal["segment", "service_area", "distance", "reservation"]
Confidence = Literal["high", "medium", "low"]
ReachLevel = Literal["within", "stretch", "beyond", "unknown"]


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
    declared_by: DeclaredBy | None = None
    """The `supplier`, a `network` (a directory), or a `buyer` of this organisation; null where nobody declared it"""


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


class Reach(msgspec.Struct, frozen=True):
    """The lot's yearly value against what is known of a supplier's size; it changes no gate and no order."""

    level: ReachLevel
    """`unknown`: the value or the size is not known"""
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
    """The site, else the supposed one, else the nearest point of the territory; null: not measured"""
    presence: Presence
    """Stands there, its declared area meets the territory, is near without one, or serves all of France"""
    segments: tuple[SegmentAnswer, ...]
    """By requested segment, its best offer"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type; empty on a lot that is not reserved"""
    reasons: tuple[Reason, ...]
    """By the criteria of the order, in that order"""
    reach: Reach = Reach("unknown", "")
    """Its size against the lot's yearly value"""


class NearMiss(msgspec.Struct, frozen=True):
    """A supplier that failed a gate, and why."""

    supplier: SupplierSummary
    """As it was known at that time"""
    excluded_by: Gate
    """The first gate that it failed"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type where `excluded_by` is `reservation`; else empty"""
    message: str
    """The thing it lacks, in the language of the request"""


class UnknownSupplier(msgspec.Struct, frozen=True):
    """A supplier near the lot of which no offer is known."""

    supplier: SupplierSummary
    """As it was known at that time"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type; empty on a lot that is not reserved"""
    reasons: tuple[Reason, ...] = ()
    """`kind_offers`, `kind_never_offers`, `public_body`, `employers_group` or `club`; then its distance"""


class UnknownTrade(msgspec.Struct, frozen=True):
    """The suppliers of which no offer is known, in the lot's territory or at most 50 km away, and within its cap.

    On a reserved lot, those that are INELIGIBLE for all of its types are left out. They count nowhere else.
    """

    total: int
    """The number of all of them"""
    eligible: int
    """ELIGIBLE or ELIGIBLE_IF; all of them on a lot that is not reserved"""
    nearest: tuple[UnknownSupplier, ...]
    """As many as `near_misses`, or `unknown_trade` of the request: kinds that offer such a segment, then others"""
    message: str
    """A sentence in the language of the request"""
    by_kind: dict[str, int] = {}
    """Those of `total` by kind of their approvals, `none` without any; one of several kinds counts in each"""


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
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""


class Grouping(msgspec.Struct, frozen=True):
    """Two to four candidates that together answer all segments of a lot's object, none of them superfluous."""

    suppliers: tuple[GroupingSupplier, ...]
    """Its members"""
    message: str
    """The part that each answers, in the language of the request"""
    reach: Reach = Reach("unknown", "")
    """The lot's yearly value against the sizes of all members together"""
