"""The sourcing report, which a buyer puts on file about how it prepared a contract, as data.

It says who was found and why, who was contacted, met and answered, what was learnt, and by which rules. It never says
who asked a question. A redacted report has neither confidential answers nor personal data.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Barrier, Channel
from domain.law.rules import Theme
from domain.meetings.meeting import Format, MeetingStatus, Role
from domain.needs.need import ContractKind, Nature, Procedure, Reserved, Technique
from domain.needs.status import Status
from domain.shortlists.frozen import DecisionCode
from domain.shortlists.shortlist import (
    Advice,
    Alternatives,
    Confidence,
    Coverage,
    Eligibility,
    Finding,
    Gate,
    Outcome,
    Presence,
    Reason,
    RequestedSegment,
    Stamp,
    Tension,
)
from domain.suppliers.supplier import Kind, Point
from domain.text.bilingual import Language

Variant = Literal["full", "redacted"]
ReportStanding = Literal["eligible", "on_proof", "to_judge", "near_miss"]
"""The best that a supplier is over the lots: may answer, may with proofs, a person must judge, or it nearly fits."""
Position = Literal["interested", "declined", "answered"]


class ReportSupplier(msgspec.Struct, frozen=True):
    """A supplier as it was known. Of a person who works alone, a redacted report has no more than the kind."""

    id: UUID | None
    name: str
    siret: str | None
    kinds: tuple[Kind, ...]
    commune: Annotated[str | None, msgspec.Meta(description="The name of its commune")]


SupplierNamer = Callable[[UUID, str, str | None], ReportSupplier]
"""The supplier of an id, a name and a SIRET as the report calls it."""


class ReportDecision(msgspec.Struct, frozen=True):
    """The buyer's decision on a supplier, for a lot."""

    decision: DecisionCode
    reason: str | None
    decided_at: datetime


class ReportCandidate(msgspec.Struct, frozen=True):
    """A supplier that fits, and what the buyer decided of it, if anything. `outcome` null: the lot is not reserved."""

    rank: int
    supplier: ReportSupplier
    distance_km: float | None
    presence: Presence
    outcome: Outcome | None
    eligibility: tuple[Eligibility, ...]
    reasons: tuple[Reason, ...]
    decision: ReportDecision | None


class ReportNearMiss(msgspec.Struct, frozen=True):
    """A supplier that nearly fits, and what it lacks."""

    supplier: ReportSupplier
    excluded_by: Gate
    distance_km: float | None
    message: str
    decision: ReportDecision | None


class ReportUnknown(msgspec.Struct, frozen=True):
    """A supplier near the lot of which no offer is known. `outcome` null: the lot is not reserved."""

    supplier: ReportSupplier
    distance_km: float | None
    outcome: Outcome | None
    eligibility: tuple[Eligibility, ...]
    decision: ReportDecision | None


class ReportUnknownTrade(msgspec.Struct, frozen=True):
    """The suppliers near the lot of which no offer is known: how many, how many may answer, the nearest."""

    total: int
    eligible: int
    nearest: tuple[ReportUnknown, ...]
    message: str


class ReportGroupingSupplier(msgspec.Struct, frozen=True):
    """A member of a grouping. `segments`: the labels of what it answers."""

    supplier: ReportSupplier
    segments: tuple[str, ...]
    distance_km: float | None


class ReportGrouping(msgspec.Struct, frozen=True):
    """Candidates that together answer a lot which none of them answers alone."""

    suppliers: tuple[ReportGroupingSupplier, ...]
    message: str


class ReportLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as it was requested, and the suppliers found for it."""

    id: str
    title: str | None
    nature: Nature | None
    cpv: tuple[str, ...]
    value_eur: float | None
    duration_months: int | None
    renewal_months: int | None
    reserved: tuple[Reserved, ...]
    territory: str
    site: str | None
    max_distance_km: float | None
    requested: tuple[RequestedSegment, ...]
    total: int
    candidates: tuple[ReportCandidate, ...]
    near_misses: tuple[ReportNearMiss, ...]
    unknown_trade: ReportUnknownTrade
    groupings: tuple[ReportGrouping, ...]
    coverage: tuple[Coverage, ...]
    tension: Tension
    alternatives: Alternatives
    reservation: tuple[Finding, ...]
    advice: tuple[Advice, ...]


class ReportNeed(msgspec.Struct, frozen=True, kw_only=True):
    """The need. `changed_since`: its fields that changed after the shortlist was frozen."""

    id: UUID
    reference: str | None
    title: str | None
    description: str | None
    buyer: str
    status: Status
    contract: ContractKind
    technique: Technique | None
    procedure: Procedure | None
    estimated_total_eur: float | None
    planned_publication_on: date | None
    created_at: datetime
    published_at: datetime | None
    ended_at: datetime | None
    changed_since: tuple[str, ...]


class ReportVersion(msgspec.Struct, frozen=True):
    """The version of the shortlist that the report is about, and the data that it rests on."""

    number: int
    latest: int
    created_at: datetime
    language: Language
    stamp: Stamp


class PlacedSupplier(msgspec.Struct, frozen=True):
    """A supplier on the map."""

    name: str
    at: Point
    standing: ReportStanding


class MapPlacement(msgspec.Struct, frozen=True):
    """The suppliers on the map.

    `unplaced`: how many are not on it, for want of a known place or, in a redacted report, of a name to be told.
    """

    suppliers: tuple[PlacedSupplier, ...]
    unplaced: int


class Contacted(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient of an exchange.

    `position`: its last one, `answered` where it took none; null: no answer, though perhaps questions, which are
    attributed to nobody. `answered_at`: not in a redacted report, where it would tell whose an answer is.
    `confidential`: some of its answers are.
    """

    supplier: ReportSupplier
    first_at: datetime
    channels: tuple[Channel, ...]
    position: Position | None
    answered_at: datetime | None
    confidential: bool


class ReportExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange. `recipients`: how many there are; `messages`: those to all of them, in order."""

    subject: str
    lot_ids: tuple[str, ...]
    channel: Channel
    opened_at: datetime
    recipients: int
    messages: tuple[str, ...]


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a supplier as last corrected; never a question.

    `supplier` null: the report does not say whose. Then `position` is null where fewer than three suppliers are told to
    have it, and `subject` (with `lot_ids` empty) where fewer than three were written to: it would tell whose it is.
    """

    supplier: ReportSupplier | None
    subject: str | None
    lot_ids: tuple[str, ...]
    said_at: datetime
    position: Position | None
    body: str
    confidential: bool


class BarrierCount(msgspec.Struct, frozen=True):
    """The number of suppliers that named a barrier."""

    barrier: Barrier
    suppliers: int


class SharedAnswer(msgspec.Struct, frozen=True):
    """A question and its answer, as published to all recipients."""

    question: str
    answer: str
    subject: str
    shared_at: datetime
    recipients: int


class ReportParticipant(msgspec.Struct, frozen=True):
    """A participant of a meeting; a redacted report names the organisation alone."""

    role: Role
    organisation: str | None
    name: str | None
    attended: bool | None


class ReportFollowUp(msgspec.Struct, frozen=True):
    """An action agreed at a meeting."""

    what: str
    who: str | None
    due_on: date | None
    done: bool


class ReportMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting. `minutes`: never in a redacted report, where `has_minutes` says that there are some."""

    title: str
    format: Format
    status: MeetingStatus
    starts_at: datetime
    ends_at: datetime
    place: str | None
    agenda: tuple[str, ...]
    participants: tuple[ReportParticipant, ...]
    has_minutes: bool
    minutes: str | None
    follow_ups: tuple[ReportFollowUp, ...]


class ReportAward(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that was awarded."""

    lot_id: str
    supplier: ReportSupplier
    awarded_on: date
    value_eur: float | None
    reserved: tuple[Reserved, ...]
    duration_months: int | None


class ReportGap(msgspec.Struct, frozen=True):
    """Something that suppliers lack and others have; `suppliers` empty where it would tell who asked a question."""

    code: str
    message: str
    suppliers: tuple[ReportSupplier, ...]


class NotContacted(msgspec.Struct, frozen=True):
    """A supplier on the shortlist that was not contacted, and why."""

    supplier: ReportSupplier
    reason: str


class Treatment(msgspec.Struct, frozen=True):
    """Equal treatment: how many are on the shortlist, how many of these were contacted, the others, and the gaps."""

    statement: str
    listed: int
    contacted: int
    not_contacted: tuple[NotContacted, ...]
    gaps: tuple[ReportGap, ...]


class AppliedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that findings, verdicts and advice of this report rest on, or a rule of sourcing in force.

    `article` null: counsel, not law.
    """

    id: str
    theme: Theme
    article: str | None
    message: str
    valid_from: date | None
    valid_until: date | None
    confidence: Confidence
    source: str


class ReportRules(msgspec.Struct, frozen=True):
    """The rules applied. `version`: of the rules they are read from, where it is not that of the stamp."""

    version: str
    items: tuple[AppliedRule, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A sourcing report. `method`: how suppliers were found and put in order, in words.

    `withheld`: how many replies a redacted report leaves out as confidential.
    """

    variant: Variant
    language: Language
    generated_at: datetime
    need: ReportNeed
    version: ReportVersion = msgspec.field(name="shortlist")
    method: tuple[str, ...]
    lots: tuple[ReportLot, ...]
    advice: tuple[Advice, ...]
    placement: MapPlacement = msgspec.field(name="map")
    exchanges: tuple[ReportExchange, ...]
    contacted: tuple[Contacted, ...]
    lessons: tuple[Lesson, ...]
    withheld: int
    barriers: tuple[BarrierCount, ...]
    barrier_notes: tuple[str, ...]
    questions_unshared: int
    shared_answers: tuple[SharedAnswer, ...]
    meetings: tuple[ReportMeeting, ...]
    awards: tuple[ReportAward, ...]
    treatment: Treatment = msgspec.field(name="equal_treatment")
    rules: ReportRules
