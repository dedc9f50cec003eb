"""The sourcing report, made of a need, a version of its shortlist, its exchanges, meetings and awards."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.equal_treatment.acts import decision_in_words, supplier_acts
from domain.equal_treatment.matrix import equal_treatment
from domain.exchanges.exchange import Exchange
from domain.law.procedures.lot_facts import lot_value_as_sum
from domain.law.rules import Rules
from domain.meetings.meeting import Meeting, MeetingPlace, Participant
from domain.needs.estimate import estimate_of, estimated_cents, known_total
from domain.needs.need import Award, Lot, Place
from domain.needs.status import StoredNeed, changed_fields
from domain.reference.territory import Territories
from domain.report.exchange_summary import ExchangeReport, treatment
from domain.report.lots import (
    BEST_FIRST,
    ReportCandidate,
    ReportDecision,
    ReportGrouping,
    ReportGroupingSupplier,
    ReportLot,
    ReportNearMiss,
    ReportSupplier,
    ReportUnknown,
    ReportUnknownTrade,
    best_outcome,
    decisive_and_general,
    standings_of,
)
from domain.report.model import (
    AppliedRule,
    MapPlacement,
    PlacedSupplier,
    Report,
    ReportAward,
    ReportMeeting,
    ReportNeed,
    ReportRules,
    ReportVersion,
)
from domain.report.redaction import Redaction
from domain.shortlists.listed_suppliers import Candidate, GroupingSupplier, NearMiss, SupplierSummary, UnknownSupplier
from domain.shortlists.shortlist import Advice, LotShortlist, RequestedSegment, SuggestedSegment
from domain.shortlists.version import Decision, FrozenShortlist, everyone_shown
from domain.suppliers.supplier import Kind, Supplier
from domain.text.bilingual import Language, Text, decimal, long_date

T = TypeVar("T", bound=msgspec.Struct)
Read = TypeVar("Read", RequestedSegment, SuggestedSegment)
METHOD = msgspec.convert(
    tomllib.loads((files("domain") / "data" / "report_method.toml").read_text("utf-8"))["paragraph"],
    tuple[dict[Language, str], ...],
)
"""The report's account of how suppliers are found and put in order, paragraph by paragraph."""
SINGLE_PERSON: Kind = "TIH"
UNNAMED = Text("Travailleur indépendant (nom non communiqué)", "Self-employed person (name withheld)")
POINT = Text("point donné", "given point")


class ReportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The values that a report is made of.

    `organisation`: whose need it is; `directory`: the suppliers it names, as now; `earlier`: the decisions on versions
    before this one.
    """

    need: StoredNeed
    version: FrozenShortlist
    earlier: Sequence[Decision]
    exchanges: Sequence[Exchange]
    meetings: Sequence[Meeting]
    awards: Sequence[Award]
    directory: Mapping[UUID, Supplier]
    organisation: str


class ReportWriter:
    """Writes the report of these facts in a language; the same facts give the same report."""

    def __init__(self, facts: ReportFacts, territories: Territories, language: Language, *, redacted: bool) -> None:
        self._facts, self._territories, self._language = facts, territories, language
        self._shortlist = facts.version.shortlist
        self._summaries = everyone_shown(facts.version)
        self._redaction = Redaction(redacted, self._names_of_persons() if redacted else ())
        of_now = {supplier.id: supplier for supplier in facts.directory.values()}
        self._known: dict[UUID, SupplierSummary | Supplier] = {**of_now, **facts.directory, **self._summaries}
        self._asked_at: dict[UUID, datetime | None] = {}
        self._decisions = {(each.lot_id, each.supplier_id): each for each in facts.version.decisions}

    def report(self, rules: Rules, generated_at: datetime) -> Report:
        """The report, dated `generated_at`; `rules`: those kept with its shortlist, else those of today."""
        facts, language = self._facts, self._language
        exchanged = ExchangeReport(facts.exchanges, self._redaction, self._supplier, language)
        living = {asked: supplier.id for asked, supplier in facts.directory.items()}
        known = facts.version, facts.exchanges, facts.meetings, language, living, facts.earlier
        treated = equal_treatment(*known, by_questions=False)
        now_asked = {each.supplier_id: each.asked_at for each in supplier_acts(treated, ())}
        self._asked_at = now_asked | {asked: now_asked.get(now) for asked, now in living.items()}
        lots = {lot.id: lot for lot in facts.version.need.lots}
        on = long_date(self._shortlist.stamp.on).to(language)
        decisive, general = decisive_and_general(self._shortlist.advice)
        return Report(
            variant="redacted" if self._redaction.redacted else "full",
            language=language,
            generated_at=generated_at,
            need=self._report_need(),
            version=_copy_fields(ReportVersion, facts.version, latest=facts.need.shortlists),
            method=tuple(paragraph[language].replace("{on}", on) for paragraph in METHOD),
            lots=tuple(self._report_lot(lots[found.id], found, rules) for found in self._shortlist.lots),
            advice=self._redacted_advice([*decisive, *general]),
            placement=self._map_placement(),
            exchanges=exchanged.exchanges(),
            contacted=exchanged.contacted(),
            other_recipients=exchanged.other_recipients(),
            lessons=exchanged.lessons(),
            withheld=exchanged.withheld,
            barriers=exchanged.barriers(),
            barrier_notes=exchanged.barrier_notes(),
            questions_unshared=exchanged.questions_unshared,
            shared_answers=exchanged.shared_answers(),
            meetings=tuple(map(self._report_meeting, facts.meetings)),
            awards=tuple(
                _copy_fields(ReportAward, each, supplier=self._supplier(each.supplier_id, each.supplier_name))
                for each in facts.awards
            ),
            treatment=treatment(treated, self._redaction, language, self._supplier),
            rules=self._report_rules(rules),
        )

    def _names_of_persons(self) -> Iterator[str]:
        """The names of persons in the facts: at meetings, as contacts, and of suppliers that are a single person."""
        for meeting in self._facts.meetings:
            yield from filter(None, (each.name for each in meeting.participants))
            yield from filter(None, (each.who for each in meeting.follow_ups))
        for supplier in self._facts.directory.values():
            if supplier.contact.person:
                yield supplier.contact.person
            if SINGLE_PERSON in supplier.kinds:
                yield supplier.name
        yield from (each.name for each in self._summaries.values() if SINGLE_PERSON in each.kinds)

    def _report_need(self) -> ReportNeed:
        need, asked = self._facts.need, self._facts.version.need
        content = need.content
        valued = [lot for lot in asked.lots if estimated_cents(lot) is not None]
        return _copy_fields(
            ReportNeed,
            need,
            content,
            title=self._redaction.optional_text(content.title),
            description=self._redaction.optional_text(content.description),
            buyer=(content.buyer and content.buyer.name) or self._facts.organisation,
            contract=asked.contract,
            technique=asked.technique,
            estimated_total_eur=asked.estimated_total_eur,
            lots_value_eur=known_total(map(estimate_of, valued)) / 100 if valued else None,
            changed_since=changed_fields(asked, content),
        )

    def _report_lot(self, lot: Lot, found: LotShortlist, rules: Rules) -> ReportLot:
        total, said = estimated_cents(lot), lot_value_as_sum(lot, rules)
        return _copy_fields(
            ReportLot,
            found,
            lot,
            estimated_value_eur=None if total is None else total / 100,
            estimated_value_sum=said and said.to(self._language),
            title=self._redaction.optional_text(lot.title),
            reserved=tuple(dict.fromkeys(lot.reserved or ())),
            site=self._site_in_words(lot.site) if lot.site else None,
            requested=tuple(map(self._redacted_reading, found.requested)),
            suggested=tuple(map(self._redacted_reading, found.suggested)),
            candidates=tuple(self._report_row(ReportCandidate, lot.id, row) for row in found.candidates),
            near_misses=tuple(self._report_row(ReportNearMiss, lot.id, row) for row in found.near_misses),
            unknown_trade=_copy_fields(
                ReportUnknownTrade,
                found.unknown_trade,
                nearest=tuple(self._report_row(ReportUnknown, lot.id, row) for row in found.unknown_trade.nearest),
            ),
            groupings=self._report_groupings(found),
            advice=self._redacted_advice(found.advice),
        )

    def _redacted_advice(self, given: Sequence[Advice]) -> tuple[Advice, ...]:
        """The advice with its messages redacted, as they may quote the buyer's words."""
        return tuple(replace(each, message=self._redaction.text(each.message)) for each in given)

    def _report_row(self, kind: type[T], lot_id: str, row: Candidate | NearMiss | UnknownSupplier) -> T:
        """A row of a lot's shortlist as a report row of this `kind`, with the buyer's decision on the supplier."""
        decision = self._decisions.get((lot_id, row.supplier.id))
        given: dict[str, object] = {"supplier": self._supplier(row.supplier.id, row.supplier.name), "decision": None}
        if decision is not None:
            reason = self._redaction.optional_text(decision.reason)
            words = decision_in_words(decision, self._asked_at.get(row.supplier.id)).to(self._language)
            given["decision"] = _copy_fields(ReportDecision, decision, reason=reason, message=words)
        if "outcome" in kind.__struct_fields__:
            given["outcome"] = best_outcome(row.eligibility)
        return _copy_fields(kind, row, **given)

    def _redacted_reading(self, read: Read) -> Read:
        """A segment as it was read, its words redacted where the report is."""
        return msgspec.structs.replace(read, sources=tuple(map(self._redaction.text, read.sources)))

    def _report_groupings(self, found: LotShortlist) -> tuple[ReportGrouping, ...]:
        labels = {wanted.segment: wanted.label for wanted in found.requested}

        def report_member(each: GroupingSupplier) -> ReportGroupingSupplier:
            answered = tuple(labels[segment] for segment in each.segments)
            return ReportGroupingSupplier(self._supplier(each.id, each.name), answered, each.distance_km)

        return tuple(
            ReportGrouping(tuple(map(report_member, one.suppliers)), one.message, one.reach) for one in found.groupings
        )

    def _supplier(self, supplier_id: UUID, name: str, siret: str | None = None) -> ReportSupplier:
        """The report's supplier, by its `name` of the time, with other fields as on the shortlist, else as of today."""
        known = self._known.get(supplier_id)
        if known is None:
            return ReportSupplier(supplier_id, name, siret, (), None)
        if self._redaction.redacted and SINGLE_PERSON in known.kinds:
            return ReportSupplier(None, UNNAMED.to(self._language), None, known.kinds, None)
        commune = self._territories.commune_name(known.commune)
        return ReportSupplier(supplier_id, name or known.name, siret or known.siret, known.kinds, commune)

    def _site_in_words(self, site: Place | MeetingPlace) -> str:
        if site.commune is not None:
            return self._territories.commune_name(site.commune) or site.commune
        lat, lon = (decimal(degrees or 0.0, self._language, 4) for degrees in (site.lat, site.lon))
        return f"{POINT.to(self._language)} ({lat} ; {lon})"

    def _map_placement(self) -> MapPlacement:
        standings = standings_of(self._shortlist)
        ordered = sorted(standings.items(), key=lambda each: -BEST_FIRST.index(each[1]))
        placed = [
            PlacedSupplier(supplier.name, supplier.location, standing)
            for supplier_id, standing in ordered
            if (supplier := self._summaries[supplier_id]).location is not None
            and not (self._redaction.redacted and SINGLE_PERSON in supplier.kinds)
        ]
        return MapPlacement(tuple(placed), len(standings) - len(placed))

    def _report_meeting(self, meeting: Meeting) -> ReportMeeting:
        redaction = self._redaction
        return _copy_fields(
            ReportMeeting,
            meeting,
            title=redaction.text(meeting.title),
            place=meeting.place and self._place_in_words(meeting.place),
            agenda=tuple(redaction.text(item.title) for item in meeting.agenda or ()),
            participants=tuple(map(self._report_participant, meeting.participants)),
            has_minutes=bool(meeting.minutes),
            minutes=redaction.personal(meeting.minutes),
            follow_ups=tuple(
                replace(each, what=redaction.text(each.what), who=redaction.personal(each.who))
                for each in meeting.follow_ups
            ),
        )

    def _place_in_words(self, place: MeetingPlace) -> str:
        commune = self._territories.commune_name(place.commune) or place.commune
        named = [part for part in (self._redaction.optional_text(place.name), commune) if part]
        return ", ".join(named) or self._site_in_words(place)

    def _report_participant(self, each: Participant) -> Participant:
        organisation = self._redaction.optional_text(each.organisation)
        if each.supplier_id is not None:
            organisation = self._supplier(each.supplier_id, each.organisation or "").name or None
        if self._redaction.redacted:
            return Participant(each.role, organisation=organisation, attended=each.attended)
        return replace(each, organisation=organisation)

    def _report_rules(self, rules: Rules) -> ReportRules:
        """The rules of sourcing and those that the shortlist names, on its days."""
        stamp, named, of_suppliers = self._shortlist.stamp, set[str | None](), set[str]()
        for lot in self._shortlist.lots:
            findings = (*lot.reservation.findings, *lot.alternatives.forbidden.values())
            named |= {each.rule for each in findings} | {each.rule for each in lot.advice}
            of_suppliers |= {verdict.rule for row in lot.rows for verdict in row.eligibility}
        named |= {each.rule for each in self._shortlist.advice}
        of_suppliers -= named
        judging = rules.view(stamp.on).rows
        rows = (judging[each] if each in of_suppliers else row for each, row in rules.view(stamp.law_day).rows.items())
        items = tuple(
            _copy_fields(AppliedRule, row, message=row.message.to(self._language))
            for row in rows
            if row.id in named | of_suppliers or (row.theme == "sourcing" and row.status == "in_force")
        )
        return ReportRules(rules.version, items)


def _copy_fields(kind: type[T], *sources: object, **given: object) -> T:
    """A `kind` made of the values given and, for its other fields, of the first source that has such a field."""
    names = [name for name in kind.__struct_fields__ if name not in given]
    return kind(
        **{name: next(getattr(each, name) for each in sources if hasattr(each, name)) for name in names}, **given
    )
