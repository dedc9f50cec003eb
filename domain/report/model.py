"""The sourcing report, which a buyer puts on file about how it prepared a contract, as data.

It says who was found and why, who was contacted, met and answered, what was learnt, and by which rules. It never says
who asked a question. A redacted report has neither confidential answers nor personal data.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Barrier, Channel
from domain.law.law_files import Theme
from domain.meetings.meeting import FollowUp, Format, MeetingStatus, Participant
from domain.needs.need import ContractKind, Procedure, Reserved, Technique
from domain.needs.status import Status
from domain.report.lots import (
    Contacted,
    MessageDeliveries,
    Position,
    ReportLot,
    ReportRecipient,
    ReportSupplier,
    Standing,
)
from domain.shortlists.listed_suppliers import Confidence
from domain.shortlists.shortlist import Advice
from domain.shortlists.version import ShortlistVersion
from domain.suppliers.supplier import Point
from domain.text.bilingual import Language

Variant = Literal["full", "redacted"]


class ReportNeed(msgspec.Struct, frozen=True, kw_only=True):
    """The need that the report is about: as matched and as now at once, its words redacted, its buyer a name."""

    id: UUID
    """UUID, as in `GET /needs/{id}`"""
    reference: str | None
    """The buyer's own; null: none"""
    title: str | None
    """In the buyer's words; null: none"""
    description: str | None
    """The object in the buyer's words; null: none"""
    buyer: str
    """The name of the buyer, else of the organisation"""
    status: Status
    """At the time of the report"""
    contract: ContractKind
    """The contract that is planned: a public contract (`market`) or a concession"""
    technique: Technique | None
    """The purchasing technique; null: none"""
    procedure: Procedure | None
    """The procedure of award that is planned; null: not known"""
    estimated_total_eur: float | None
    """Euros excluding tax of the whole need, renewals too; null: the sum of its lots"""
    lots_value_eur: float | None
    """Euros excluding tax of the lots whose value is known, with renewals and options; null: of none"""
    planned_publication_on: date | None
    """The planned day of the notice; null: not known"""
    created_at: datetime
    """The moment it was stored"""
    published_at: datetime | None
    """The moment it became `published`; null: not yet"""
    ended_at: datetime | None
    """The moment it was closed or abandoned; null: not yet"""
    changed_since: tuple[str, ...]
    """Its fields that changed after the shortlist was frozen"""


class ReportVersion(ShortlistVersion, frozen=True, kw_only=True):
    """The version of the shortlist that the report is about, and the data that it rests on."""

    latest: int
    """The number of the latest version"""


class PlacedSupplier(msgspec.Struct, frozen=True):
    """A supplier drawn on the map of the report."""

    name: str
    """Its legal or usual name"""
    at: Point
    """The point of the supplier, or of its commune"""
    standing: Standing
    """The best that it is over the lots"""


class MapPlacement(msgspec.Struct, frozen=True):
    """The suppliers on the map."""

    suppliers: tuple[PlacedSupplier, ...]
    """Each once"""
    unplaced: int
    """The number not on it, for want of a known place or, in a redacted report, of a name to be told"""


class ReportExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange. Of its messages it has those to all: the exchange's own would tell who asked and who answered."""

    subject: str
    """One line"""
    lot_ids: tuple[str, ...]
    """Lots that it is about; empty: the whole need"""
    channel: Channel
    """The means that was meant; `deliveries` says by which messages went"""
    opened_at: datetime
    """The moment it was opened"""
    recipients: int
    """The number of them"""
    messages: tuple[str, ...]
    """Those to all recipients, in order"""
    deliveries: tuple[MessageDeliveries, ...]
    """Of each message to all recipients, published answers and corrections too, the opening first"""


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of a supplier as last corrected; never a question."""

    supplier: ReportSupplier | None
    """Null: the report does not say whose it is"""
    subject: str | None
    """Of the exchange; without `supplier`, null where fewer than three were written to: it would tell whose it is"""
    lot_ids: tuple[str, ...]
    """Lots it is about; empty: the whole need, or `subject` is null"""
    said_at: datetime
    """The moment it was said"""
    position: Position | None
    """Without `supplier`, null where fewer than three suppliers are told to have it"""
    body: str
    """The answer in the supplier's words"""
    confidential: bool
    """Whether it is for the buyer alone"""


class BarrierCount(msgspec.Struct, frozen=True):
    """The number of suppliers that named a barrier."""

    barrier: Barrier
    """An obstacle to answering"""
    suppliers: int
    """Each counts once"""


class SharedAnswer(msgspec.Struct, frozen=True):
    """A question and its answer, as published to all recipients."""

    question: str
    """As it was shared, without its author"""
    answer: str
    """The answer of the buyer"""
    subject: str
    """Of the exchange"""
    shared_at: datetime
    """The moment it was published"""
    recipients: int
    """The number it is addressed to"""
    received: int
    """Those of them whom it is known to have reached"""


class ReportMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """A meeting. A `Meeting` also has the address to join it and the other needs that it is about."""

    title: str
    """One line"""
    format: Format
    """Its kind, such as `site_visit`"""
    status: MeetingStatus
    """Whether it is planned, was held or was cancelled"""
    starts_at: datetime
    """The moment it begins"""
    ends_at: datetime
    """The moment it ends"""
    place: str | None
    """In words; null: none, or online"""
    agenda: tuple[str, ...]
    """Its parts, in words"""
    participants: tuple[Participant, ...]
    """Those invited, each with attendance; a redacted report names the organisation alone"""
    has_minutes: bool
    """Whether there are minutes, which a redacted report does not tell"""
    minutes: str | None
    """Notes of what was said; null: none, and always in a redacted report"""
    follow_ups: tuple[FollowUp, ...]
    """Things that were agreed to be done; a redacted report does not say by whom"""


class ReportAward(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that was awarded; an `Award` names a winner whom a redacted report may not name."""

    lot_id: str
    """That of the lot in the need"""
    supplier: ReportSupplier
    """The winner"""
    awarded_on: date
    """The day of the award"""
    value_eur: float | None
    """Euros excluding tax; null: not known"""
    reserved: tuple[Reserved, ...]
    """To whom the contract was reserved; empty: to nobody"""
    duration_months: int | None
    """Months of the contract; null: not known"""


class ReportGap(msgspec.Struct, frozen=True):
    """An information or event that some suppliers lack and others have; a `Gap` tells who asked a question."""

    code: str
    """Stable in every language, as in `GET /needs/{id}/equal-treatment`"""
    message: str
    """A sentence in the language of the report"""
    suppliers: tuple[ReportSupplier, ...]
    """Those that lack it; empty where it would tell who asked a question"""


class NotContacted(msgspec.Struct, frozen=True):
    """A supplier on the shortlist that is not known to be contacted."""

    supplier: ReportSupplier
    """As it was known then"""
    reason: str
    """A sentence in the language of the report"""


class Treatment(msgspec.Struct, frozen=True):
    """The state of equal treatment: who was contacted, who was not and why, and what some suppliers lack."""

    statement: str
    """All of it in a sentence"""
    listed: int
    """Suppliers on the shortlist"""
    contacted: int
    """Those of them that are known to be contacted"""
    not_contacted: tuple[NotContacted, ...]
    """The others, each with the reason, which may be that its delivery was never confirmed"""
    gaps: tuple[ReportGap, ...]
    """Things that suppliers lack"""


class AppliedRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that findings, verdicts and advice of this report rest on, or a rule of sourcing in force.

    Without the value of a `DatedRule`, which the rule says in words.
    """

    id: str
    """As in `GET /rules/{rule}`"""
    theme: Theme
    """The part of the law that the rule belongs to"""
    article: str | None
    """Of the Code de la commande publique unless it says otherwise; null: counsel, not law"""
    message: str
    """The rule in words"""
    valid_from: date | None
    """The first day it holds in this form; null: unbounded"""
    valid_until: date | None
    """The last day it holds in this form, included; null: unbounded"""
    confidence: Confidence
    """Certainty of the reading of its source"""
    source: str
    """The address or document in which it was read"""
    quote: str | None
    """Words of the article as they stand, "…" where some are left out; null where it was not read"""
    quote_from: str | None
    """The article that the words are of, where it is another than `article`; else null"""
    version: date | None
    """The day on which that text of the article took effect; null without `quote`"""
    url: str | None
    """Where people find the article; null where there is no sure address"""


class ReportRules(msgspec.Struct, frozen=True):
    """The rules of law that the report rests on, with the version of the rules."""

    version: str
    """Of the rules they are read from, where it is not that of the stamp"""
    items: tuple[AppliedRule, ...]
    """Rules, each once"""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A sourcing report."""

    variant: Variant
    """`redacted`: without confidential answers and personal data"""
    language: Language
    """Of its sentences"""
    generated_at: datetime
    """The moment of the report"""
    need: ReportNeed
    """Its contract, technique and total as they were matched, the rest as now"""
    version: ReportVersion = msgspec.field(name="shortlist")
    """The version of the shortlist reported on"""
    method: tuple[str, ...]
    """The way in which suppliers were found and put in order, in paragraphs"""
    lots: tuple[ReportLot, ...]
    """In the order of the need"""
    advice: tuple[Advice, ...]
    """Counsel and legal consequences for the need as a whole"""
    placement: MapPlacement = msgspec.field(name="map")
    """The suppliers on the map"""
    exchanges: tuple[ReportExchange, ...]
    """Oldest first"""
    contacted: tuple[Contacted, ...]
    """Recipients of exchanges whom a message reached, the first contacted first"""
    other_recipients: tuple[ReportRecipient, ...]
    """Recipients whom no message is known to have reached, with the reason"""
    lessons: tuple[Lesson, ...]
    """Answers of suppliers"""
    withheld: int
    """The number of replies a redacted report leaves out as confidential"""
    barriers: tuple[BarrierCount, ...]
    """The most named first"""
    barrier_notes: tuple[str, ...]
    """The same in suppliers' words"""
    questions_unshared: int
    """The number of questions not answered to all"""
    shared_answers: tuple[SharedAnswer, ...]
    """Questions answered to all"""
    meetings: tuple[ReportMeeting, ...]
    """In order of time"""
    awards: tuple[ReportAward, ...]
    """In order of time"""
    treatment: Treatment = msgspec.field(name="equal_treatment")
    """The informations that suppliers got, and did not get"""
    rules: ReportRules
    """Those that this report rests on"""
