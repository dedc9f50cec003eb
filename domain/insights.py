"""Figures over the needs of an organisation: barriers, replies, segments without supply, tension, provisions.

Supply is that of the latest shortlist of each need; social and environmental provisions are those the need says now.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Barrier
from domain.needs.need import PlannedNeed, TerritoryRequest
from domain.needs.status import Status
from domain.shortlists.shortlist import Coverage, RequestedSegment, Tension, TensionLevel

SOCIAL_TARGET = 0.3
"""The least share of a year's contracts with a social provision (PNAD 2022-2025; no later plan exists yet)."""
ENVIRONMENTAL_TARGET = 1.0
"""The least share of a year's contracts with an environmental provision (PNAD 2022-2025)."""
MOST_NOTES = 200


class LotSupply(msgspec.Struct, frozen=True):
    """The part of a lot's shortlist that insights read; it is readable in every frozen version, however old."""

    id: str
    requested: tuple[RequestedSegment, ...]
    coverage: tuple[Coverage, ...]
    tension: Tension

    @property
    def main_segments(self) -> dict[str, RequestedSegment]:
        """The segments of the lot's object itself, without those in a supporting role, by id."""
        return {each.segment: each for each in self.requested if each.role == "object"}


class NeedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A need as it is now (`content`), and its latest shortlist: the need that was matched, and its lots."""

    id: UUID
    status: Status
    content: PlannedNeed
    matched: PlannedNeed
    lots: tuple[LotSupply, ...]


class BarrierFigure(msgspec.Struct, frozen=True):
    """A barrier, and how often it was named."""

    barrier: Barrier
    """An obstacle to answering"""
    replies: int
    """By recipients of exchanges, a supplier counting once in each"""
    needs: int
    """In how many needs"""
    suppliers: int
    """By how many suppliers"""


class BarrierNote(msgspec.Struct, frozen=True):
    """A barrier in a supplier's own words."""

    need_id: UUID
    """The need that it was said about"""
    at: datetime
    """The moment it was said"""
    note: str
    """As the supplier wrote it"""


class BarrierNotes(msgspec.Struct, frozen=True):
    """The words in which suppliers wrote of barriers."""

    items: tuple[BarrierNote, ...]
    """The latest, at most 200"""
    total: int
    """The number of all notes"""
    confidential: int
    """Those not shown because they are confidential"""


class FirstAnswer(msgspec.Struct, frozen=True):
    """Hours, to the hundredth, from the opening of an exchange to a recipient's first answer."""

    median: float | None
    """Half of those that answered took no longer; null: no answer"""
    p90: float | None
    """Nine in ten of those that answered took no longer; null: no answer"""


class ReplyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The share of recipients of exchanges that answered."""

    contacted: int
    """Recipients whom a message reached, or of whom that is not known"""
    answered: int
    """Those of them that answered"""
    undelivered: int
    """Recipients whom no e-mail could reach; they are not among `contacted`"""
    pending: int
    """Recipients whose e-mail is on its way, or whose letter is not confirmed; they are not among `contacted` either"""
    rate: float | None
    """Answered, of contacted, from 0 to 1; null without any contact"""
    first_answer_hours: FirstAnswer
    """Of those that answered"""


class Unsupplied(msgspec.Struct, frozen=True):
    """A requested segment without any candidate, where supply is not unknown."""

    segment: str
    """Its id"""
    label: str
    """In French"""
    lots: int
    """In how many lots of these needs"""
    need_ids: tuple[UUID, ...]
    """The needs of those lots"""


class TensionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The number of lots of each tension."""

    none: int
    """No candidate"""
    critical: int
    """1 or 2 candidates for some segment"""
    unknown: int
    """Too many suppliers of unknown trade nearby to conclude anything"""
    low: int
    """3 or 4 candidates for some segment"""
    good: int
    """Supply enough for competition"""


class ProvisionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of needs, without abandoned ones, that will have a provision, will not, or do not say."""

    target: float
    """The share aimed at, from 0 to 1"""
    with_provision: int = msgspec.field(name="with")
    """Needs that will have one"""
    without: int
    """Needs that will have none"""
    unknown: int
    """Needs that do not say"""
    share: float | None
    """Of those that say, from 0 to 1; null where none does"""


class Provisions(msgspec.Struct, frozen=True):
    """Needs with social and environmental provisions."""

    social: ProvisionFigures
    """A reserved lot, or the need says so"""
    environmental: ProvisionFigures
    """The need says so"""


class NeedFigures(msgspec.Struct, frozen=True):
    """The numbers of needs and lots that are counted."""

    total: int
    """Needs that are counted"""
    lots: int
    """Lots of these needs"""
    by_status: dict[Status, int]
    """The number of needs in each status"""


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over the needs of an organisation."""

    needs: NeedFigures
    """The needs that are counted"""
    replies: ReplyFigures
    """Answers of suppliers, in figures"""
    barriers: tuple[BarrierFigure, ...]
    """The most named first"""
    barrier_notes: BarrierNotes
    """The same in words"""
    segments_without_supply: tuple[Unsupplied, ...]
    """Segments that lots asked for and nobody offers"""
    tension: TensionFigures
    """Lots of the latest shortlists by tension"""
    provisions: Provisions
    """Social and environmental ones"""


class LotScope(msgspec.Struct, frozen=True):
    """The lots to count: all, or the lots that request one of `segments` in a territory that `meets` accepts."""

    segments: frozenset[str] | None = None
    meets: Callable[[TerritoryRequest], bool] | None = None

    def counted_lots(self, need: NeedFacts) -> tuple[LotSupply, ...]:
        """The lots of a need that are in this scope; empty where none is."""
        lots = [lot for lot in need.lots if self.segments is None or not self.segments.isdisjoint(lot.main_segments)]
        if self.meets is not None:
            territories = {lot.id: lot.territory or need.matched.territory for lot in need.matched.lots}
            lots = [lot for lot in lots if (territory := territories.get(lot.id)) and self.meets(territory)]
        return tuple(lots)


class InsightsTally:
    """Adds up the figures over needs, batch by batch."""

    def __init__(self, scope: LotScope) -> None:
        self._scope = scope
        self._lots: dict[UUID, frozenset[str]] = {}
        self._statuses: Counter[Status] = Counter()
        self._tension: Counter[TensionLevel] = Counter()
        self._lacking: dict[str, tuple[str, list[UUID]]] = {}
        self._social: Counter[bool | None] = Counter()
        self._environmental: Counter[bool | None] = Counter()

    @property
    def need_ids(self) -> Collection[UUID]:
        """The ids of the needs that are counted."""
        return self._lots.keys()

    def add(self, needs: Iterable[NeedFacts]) -> None:
        """Count more needs; those without a lot in the scope are left out."""
        for need in needs:
            if lots := self._scope.counted_lots(need):
                self._lots[need.id] = frozenset(lot.id for lot in lots)
                self._statuses[need.status] += 1
                self._tension.update(lot.tension.level for lot in lots)
                for lot in (each for each in lots if each.tension.level != "unknown"):
                    for each in (each for each in lot.coverage if each.candidates == 0):
                        if asked := lot.main_segments.get(each.segment):
                            self._lacking.setdefault(each.segment, (asked.label, []))[1].append(need.id)
                if need.status != "abandoned":
                    # a reserved lot is a social provision by itself
                    reserved = any(lot.reserved for lot in need.content.lots)
                    self._social[reserved or need.content.social_considerations] += 1
                    self._environmental[need.content.environmental_considerations] += 1

    def relevant_exchanges(self, exchanges: Iterable[tuple[UUID, UUID, Collection[str]]]) -> list[UUID]:
        """The ids of the exchanges (id, need, lots) about a counted lot, or about the whole of a counted need."""
        return [
            exchange_id
            for exchange_id, need_id, lot_ids in exchanges
            if need_id in self._lots and (not lot_ids or not self._lots[need_id].isdisjoint(lot_ids))
        ]

    def insights(self, replies: ReplyFigures, barriers: Sequence[BarrierFigure], notes: BarrierNotes) -> Insights:
        """The figures over all needs that were added, completed by those of their exchanges."""
        tension = dict.fromkeys(TensionFigures.__struct_fields__, 0) | self._tension
        unsupplied = (
            Unsupplied(segment, label, len(needs), tuple(dict.fromkeys(needs)))
            for segment, (label, needs) in self._lacking.items()
        )
        counts = (SOCIAL_TARGET, self._social), (ENVIRONMENTAL_TARGET, self._environmental)
        provisions = (
            ProvisionFigures(
                target=target,
                with_provision=each[True],
                without=each[False],
                unknown=each[None],
                share=each[True] / known if (known := each[True] + each[False]) else None,
            )
            for target, each in counts
        )
        return Insights(
            needs=NeedFigures(len(self._lots), sum(map(len, self._lots.values())), dict(self._statuses)),
            replies=replies,
            barriers=tuple(barriers),
            barrier_notes=notes,
            segments_without_supply=tuple(sorted(unsupplied, key=lambda each: (-each.lots, each.segment))),
            tension=TensionFigures(**tension),
            provisions=Provisions(*provisions),
        )
