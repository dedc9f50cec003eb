"""The lots of a sourcing report and the suppliers found for them or written to, as data; verdicts in short."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Channel, DeliveryState, Way
from domain.law.findings import OUTCOMES
from domain.needs.need import Nature, Reserved, ValueCovers
from domain.shortlists.listed_suppliers import Eligibility, Gate, Outcome, Presence, Reach, Reason
from domain.shortlists.shortlist import (
    Advice,
    Alternatives,
    Coverage,
    Finding,
    LotShortlist,
    RequestedSegment,
    Severity,
    Shortlist,
    SuggestedSegment,
    SupposedSite,
    Tension,
)
from domain.shortlists.version import DecisionCode
from domain.suppliers.supplier import Kind

Position = Literal["interested", "declined", "answered"]
Standing = Literal["eligible", "on_proof", "to_judge", "near_miss"]
"""The best that a supplier is over the lots: may answer, may with proofs, a person must judge, or it nearly fits."""
BEST_FIRST: tuple[Standing, ...] = ("eligible", "on_proof", "to_judge", "near_miss")
GRAVEST_FIRST: tuple[Severity, ...] = ("blocking", "warning", "info")
STANDINGS: dict[Outcome | None, Standing] = {
    None: "eligible",
    "ELIGIBLE": "eligible",
    "ELIGIBLE_IF": "on_proof",
    "UNKNOWN": "to_judge",
    "REVIEW": "to_judge",
    "INELIGIBLE": "to_judge",
}


class ReportSupplier(msgspec.Struct, frozen=True):
    """A supplier as it was known. Of a person who works alone, a redacted report has no more than the kind."""

    id: UUID | None
    """UUID, as in `GET /suppliers/{id}`; null where a redacted report does not name it"""
    name: str
    """Its legal or usual name, or that it is not told"""
    siret: str | None
    """14 digits; null: not known, or not told"""
    kinds: tuple[Kind, ...]
    """The kinds of its approvals, such as `ESAT`"""
    commune: Annotated[str | None, msgspec.Meta(description="The name of its commune")]


SupplierNamer = Callable[[UUID, str, str | None], ReportSupplier]
"""The supplier of an id, a name and a SIRET as the report calls it."""


class ReportDecision(msgspec.Struct, frozen=True):
    """The buyer's decision on a supplier, for a lot."""

    decision: DecisionCode
    """`kept`: to go on with; `set_aside`: left out where an exchange is opened with `shortlist`"""
    reason: str | None
    """In the buyer's words; null: none given"""
    decided_at: datetime
    """The moment it was last changed"""


class ReportCandidate(msgspec.Struct, frozen=True):
    """A supplier that fits."""

    rank: int
    """From 1; for sourcing, no criterion of award"""
    supplier: ReportSupplier
    """As it was known then"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""
    presence: Presence
    """Stands there, its declared area meets the territory, is near without one, or serves all of France"""
    outcome: Outcome | None
    """Its best over the reserved types; null: the lot is not reserved"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type"""
    reasons: tuple[Reason, ...]
    """By the criteria of the order, in that order"""
    reach: Reach
    """Its size against the lot's yearly value"""
    decision: ReportDecision | None
    """The buyer's; null: none"""


class ReportNearMiss(msgspec.Struct, frozen=True):
    """A supplier that nearly fits, and what it lacks."""

    supplier: ReportSupplier
    """As it was known then"""
    excluded_by: Gate
    """The first gate that it failed"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""
    message: str
    """The thing it lacks, in the language of the report"""
    decision: ReportDecision | None
    """The buyer's; null: none"""


class ReportUnknown(msgspec.Struct, frozen=True):
    """A supplier near the lot of which no offer is known."""

    supplier: ReportSupplier
    """As it was known then"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""
    outcome: Outcome | None
    """Its best over the reserved types; null: the lot is not reserved"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type"""
    reasons: tuple[Reason, ...]
    """Of its place among those to ask"""
    decision: ReportDecision | None
    """The buyer's; null: none"""


class ReportUnknownTrade(msgspec.Struct, frozen=True):
    """The suppliers near the lot of which no offer is known."""

    total: int
    """The number of all of them"""
    eligible: int
    """ELIGIBLE or ELIGIBLE_IF; all of them on a lot that is not reserved"""
    nearest: tuple[ReportUnknown, ...]
    """Those that the shortlist names"""
    message: str
    """A sentence in the language of the report"""
    by_kind: dict[str, int]
    """Those of `total` by kind of their approvals, `none` without any"""


class ReportGroupingSupplier(msgspec.Struct, frozen=True):
    """A member of a grouping."""

    supplier: ReportSupplier
    """As it was known then"""
    segments: tuple[str, ...]
    """The labels of what it answers"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""


class ReportGrouping(msgspec.Struct, frozen=True):
    """Candidates that together answer a lot which none of them answers alone."""

    suppliers: tuple[ReportGroupingSupplier, ...]
    """Its members"""
    message: str
    """The part that each answers, in the language of the report"""
    reach: Reach
    """The lot's yearly value against the sizes of all members together"""


class ReportLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as it was requested, and the suppliers found for it."""

    id: str
    """That of the lot in the need"""
    title: str | None
    """In the buyer's words; null: none"""
    nature: Nature | None
    """Works, supplies or services; null: not said"""
    cpv: tuple[str, ...]
    """CPV codes as the need gave them"""
    value_eur: float | None
    """Euros excluding tax of the firm duration, or of all as `value_covers` says; null: not known"""
    duration_months: int | None
    """Months of the contract, without renewals; null: not known"""
    renewal_months: int | None
    """Months that renewals can add; null: not known"""
    value_covers: ValueCovers
    """`firm`: the value is that of the firm duration alone; `all`: it holds renewals and options"""
    options_eur: float | None
    """Euros excluding tax of the options; null: none or not known"""
    estimated_value_eur: float | None
    """Euros excluding tax with renewals and options, as the law counts them; null: not known"""
    estimated_value_sum: str | None
    """That value as a sum, in the language of the report; null: nothing adds to `value_eur`"""
    reserved: tuple[Reserved, ...]
    """Open to suppliers of any of these; empty: not reserved"""
    territory: str
    """The territory, in words"""
    site: str | None
    """The place of performance, in words; null: none"""
    supposed_site: SupposedSite | None
    """The commune that stood in for it where none was given; no gate looked at it"""
    max_distance_km: float | None
    """The most kilometres from the site, else from the territory; null: no cap"""
    requested: tuple[RequestedSegment, ...]
    """Segments as they were understood"""
    suggested: tuple[SuggestedSegment, ...] = ()
    """Other segments that the words may mean"""
    total: int
    """Suppliers that pass every gate"""
    candidates: tuple[ReportCandidate, ...]
    """The first in order, as the shortlist shows them"""
    near_misses: tuple[ReportNearMiss, ...]
    """Refused suppliers nearest to being candidates"""
    unknown_trade: ReportUnknownTrade
    """Suppliers near the lot that may answer, though nobody knows what they do"""
    groupings: tuple[ReportGrouping, ...]
    """Sets of candidates, if asked for and no candidate answers alone"""
    coverage: tuple[Coverage, ...]
    """By requested segment"""
    tension: Tension
    """The competition to expect"""
    alternatives: Alternatives
    """The totals under another reservation or radius"""
    reservation: tuple[Finding, ...]
    """Findings of law on the lot's reservation"""
    advice: tuple[Advice, ...]
    """Counsel and legal consequences for this lot"""


class ReportDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message to all recipients of an exchange, on its way to one of them."""

    subject: str
    """Of the exchange"""
    written_at: datetime
    """The moment it was written"""
    way: Way
    """By which it goes or went to this recipient; `none`: not known"""
    state: DeliveryState
    """The state of the delivery, see `docs/exchanges.md`"""
    since: date | None
    """The day in France since which it is in this state; null: not known, or not told, for it is that of an answer"""
    failure: str | None
    """A word of `docs/mail.md`; null: none"""
    words: str
    """All this in the language of the report"""


class ReportRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient of exchanges, and what is known of its deliveries."""

    supplier: ReportSupplier
    """As it was known then"""
    way: Way
    """By which it was first contacted, else by which it is written to; `none`: not known"""
    state: DeliveryState
    """Of that delivery, see `docs/exchanges.md`"""
    since: date | None
    """The day in France since which it is contacted, or the delivery in that state; null: not known, or not told"""
    words: str
    """All this in the language of the report"""
    deliveries: tuple[ReportDelivery, ...]
    """The messages to all recipients that went to it, in order"""


class Contacted(ReportRecipient, frozen=True, kw_only=True):
    """A recipient of an exchange whom a message reached."""

    first_at: datetime | None
    """The moment of the first, of what the buyer brought the beginning of its day; null: only its answer shows it"""
    channels: tuple[Channel, ...]
    """By which messages reached it; none where only its answer shows that one did"""
    position: Position | None
    """Its last one, `answered` where it took none; null: no answer, though perhaps questions, attributed to nobody"""
    answered_at: datetime | None
    """Null in a redacted report, where it would tell whose an answer is"""
    confidential: bool
    """Whether some of its answers are"""


class DeliveryCount(msgspec.Struct, frozen=True):
    """The number of recipients to whom a message went in one way, with one result so far."""

    way: Way
    """By which it goes or went; `none`: not known"""
    state: DeliveryState
    """The state of the delivery, see `docs/exchanges.md`"""
    recipients: int
    """The number of them"""


class MessageDeliveries(msgspec.Struct, frozen=True):
    """The deliveries of one message to all recipients of an exchange."""

    written_at: datetime
    """The moment it was written"""
    counts: tuple[DeliveryCount, ...]
    """By way and state, those that arrived first"""


def best_outcome(verdicts: Iterable[Eligibility]) -> Outcome | None:
    """The best outcome of the verdicts, one per reserved type of a lot; None where it is not reserved."""
    return min((each.outcome for each in verdicts), key=OUTCOMES.index, default=None)


def standings_of(shortlist: Shortlist) -> dict[UUID, Standing]:
    """The best standing of each supplier, as candidate or near miss, over the lots of a shortlist."""
    found: dict[UUID, list[Standing]] = {}
    for lot in shortlist.lots:
        for row in lot.candidates:
            found.setdefault(row.supplier.id, []).append(STANDINGS[best_outcome(row.eligibility)])
        for miss in lot.near_misses:
            found.setdefault(miss.supplier.id, []).append("near_miss")
    return {supplier_id: min(standings, key=BEST_FIRST.index) for supplier_id, standings in found.items()}


def points_of_law(lot: LotShortlist) -> list[Advice]:
    """The findings on the reservation of a lot, as advice on it, and the other advice, the gravest first."""
    found = (
        Advice(
            each.code,
            "blocking" if each.outcome == "INELIGIBLE" else "warning",
            each.article,
            each.message,
            each.confidence,
            each.rule,
        )
        for each in lot.reservation.findings
    )
    return by_gravity((*found, *lot.advice))


def by_gravity(advice: Iterable[Advice]) -> list[Advice]:
    """The advice with the gravest first, else in the order given."""
    return sorted(advice, key=lambda each: GRAVEST_FIRST.index(each.severity))
