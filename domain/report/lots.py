"""The lots of a sourcing report and the suppliers found for them or written to, as data.

And what terminal, desk and report alike tell of the answer to a lot: verdicts in short, facts and remarks in words.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Channel, DeliveryState, Way
from domain.law.findings import GENERAL, ON_PROCEDURE, OUTCOMES
from domain.needs.need import ContractKind, Nature, Reserved, ValueCovers
from domain.shortlists.listed_suppliers import Candidate, Eligibility, Gate, Outcome, Presence, Reach, Reason
from domain.shortlists.shortlist import (
    Advice,
    LotAnswer,
    LotShortlist,
    Severity,
    Shortlist,
    SupposedSite,
)
from domain.shortlists.version import DecisionCode
from domain.suppliers.supplier import Kind
from domain.text.bilingual import Language, Text, listed, printed_count
from domain.text.labels import MATCH_WORDS, TENSIONS

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
    """A supplier as it was known. Of a person who works alone, a redacted report has no more than the kind.

    No `SupplierSummary`: a report has nobody's contact, and must be able to leave out the id.
    """

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
    """The buyer's decision on a supplier, for a lot; no `Decision`, which has the supplier's id."""

    decision: DecisionCode
    """`kept`: to go on with; `set_aside`: left out where an exchange is opened with `shortlist`"""
    reason: str | None
    """In the buyer's words; null: none given"""
    decided_at: datetime
    """The moment it was last changed"""
    message: str
    """The decision in words: before the supplier was asked, whether to ask it; then, whether it is retained"""


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier that a lot's shortlist names; its row there would tell its contact."""

    supplier: ReportSupplier
    """As it was known then"""
    distance_km: float | None
    """Kilometres to the site, known or supposed, else to the territory; null: no location"""
    decision: ReportDecision | None
    """The buyer's; null: none"""


class ReportNearMiss(ReportRow, frozen=True, kw_only=True):
    """A supplier that nearly fits, and what it lacks."""

    excluded_by: Gate
    """The first gate that it failed"""
    message: str
    """The thing it lacks, in the language of the report"""


class ReportJudged(ReportRow, frozen=True, kw_only=True):
    """A supplier with its verdicts."""

    outcome: Outcome | None
    """Its best over the reserved types; null: the lot is not reserved"""
    eligibility: tuple[Eligibility, ...]
    """By reserved type"""


class ReportCandidate(ReportJudged, frozen=True, kw_only=True):
    """A supplier that fits; without the evidence of its offers, which may quote who works alone."""

    rank: int
    """From 1; for sourcing, no criterion of award"""
    presence: Presence
    """Stands there, its declared area meets the territory, is near without one, or serves all of France"""
    reasons: tuple[Reason, ...]
    """By the criteria of the order, in that order"""
    reach: Reach
    """Its size against the lot's yearly value"""


class ReportUnknown(ReportJudged, frozen=True, kw_only=True):
    """A supplier near the lot of which no offer is known."""

    reasons: tuple[Reason, ...]
    """Of its place among those to ask"""


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
    """A member of a grouping; the shortlist's own has its id, and ids of segments."""

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


class ReportLot(LotAnswer, frozen=True, kw_only=True):
    """A lot as it was requested, and the suppliers found for it.

    The lot's own struct is not embedded: its words are redacted, its site is told in words, its drawn area left out.
    """

    candidates: tuple[ReportCandidate, ...]
    near_misses: tuple[ReportNearMiss, ...]
    unknown_trade: ReportUnknownTrade
    groupings: tuple[ReportGrouping, ...]
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
    site: str | None
    """The place of performance, in words; null: none"""
    supposed_site: SupposedSite | None
    """The commune that stood in for it where none was given; no gate looked at it"""
    max_distance_km: float | None
    """The most kilometres from the site, else from the territory; null: no cap"""


class ToldDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery of a message as a report tells it, without the recipient's id and the moment of a `Delivery`."""

    way: Way
    """By which it goes or went to this recipient; `none`: not known"""
    state: DeliveryState
    """The state of the delivery, see `docs/exchanges.md`"""
    since: date | None
    """The day in France since which it is in this state; null: not known, or not told, for it is that of an answer"""
    words: str
    """All this in the language of the report"""


class ReportDelivery(ToldDelivery, frozen=True, kw_only=True):
    """A message to all recipients of an exchange, on its way to one of them."""

    subject: str
    """Of the exchange"""
    written_at: datetime
    """The moment it was written"""
    failure: str | None
    """A word of `docs/mail.md`; null: none"""


class ReportRecipient(ToldDelivery, frozen=True, kw_only=True):
    """A recipient of exchanges, with the delivery by which it was first contacted, else is written to."""

    supplier: ReportSupplier
    """As it was known then"""
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


def decisive_and_general(advice: Iterable[Advice]) -> tuple[list[Advice], list[Advice]]:
    """The advice on a need in two lists: what decides this purchase, then duties that most contracts have.

    What forbids comes first, then the procedure, then the rest with the gravest first.
    """
    given = by_gravity(advice)
    decisive = [each for each in given if each.code not in GENERAL or each.severity == "blocking"]
    decisive.sort(key=lambda each: (each.severity != "blocking", each.code not in ON_PROCEDURE))
    return decisive, [msgspec.structs.replace(each, general=True) for each in given if each not in decisive]


def reminders_in_words(general: Sequence[Advice], contract: ContractKind) -> Text:
    """The line that stands for what every contract of a kind is told: “6 rappels communs à tout marché”."""
    many = "reminders" if len(general) > 1 else "reminder"
    return MATCH_WORDS[f"{many}_{contract}"].filled(number=len(general))


def suppliers_in_words(number: int, unknown: int = 0) -> Text:
    """The number of suppliers found for a lot: “1 240 fournisseurs repérés”, or none; `unknown`: others to be asked."""
    none = "none_known" if unknown else "none_found"
    words = MATCH_WORDS[none if not number else "one_found" if number == 1 else "found"]
    return words.filled(number=Text(printed_count(number, "fr"), printed_count(number, "en")))


def competition_in_words(lot: LotAnswer) -> Text:
    """The supply found for a lot in short; with candidates for some of its trades, there is not simply none."""
    level = Text(*map(str.lower, TENSIONS[lot.tension.level]))
    if lot.tension.level != "none":
        return MATCH_WORDS["competition"].filled(level=level)
    return MATCH_WORDS["trade_without_candidate"] if lot.total else level


def main_reasons(row: Candidate | ReportCandidate) -> list[Reason]:
    """The reasons for a rank that are told where the distance has its column; a neighbouring trade is no reason."""
    return [each for each in row.reasons if each.code not in {"distance", "segment_related"}]


def advice_in_words(advice: Advice, language: Language) -> str:
    """The message of an advice, with the lots that it concerns where it does not name them."""
    sets = [listed(lots).to(language) for lots in advice.lots]
    if len(sets) < 2 and all(lot in advice.message for lots in advice.lots for lot in lots):
        return advice.message
    among = MATCH_WORDS["or_lots"].to(language).join(sets)
    return advice.message + MATCH_WORDS["concerns_lots"].to(language).format(among)
