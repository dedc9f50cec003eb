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
    """The part of a lot's shortlist that insights read, whatever its age."""

    id: str
    requested: tuple[RequestedSegment, ...]
    coverage: tuple[Coverage, ...]
    tension: Tension

    @property
    def objects(self) -> dict[str, RequestedSegment]:
        """The segments that had to be answered, by id."""
        return {each.segment: each for each in self.requested if each.role == "object"}


class NeedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A need as it is now (`content`), and its latest shortlist: the need that was matched, and its lots."""

    id: UUID
    status: Status
    content: PlannedNeed
    matched: PlannedNeed
    lots: tuple[LotSupply, ...]


class ExchangeFacts(msgspec.Struct, frozen=True):
    """An exchange and its subject; `lot_ids` empty: the whole need."""

    id: UUID
    need_id: UUID
    lot_ids: tuple[str, ...]


class BarrierFigure(msgspec.Struct, frozen=True):
    """A barrier, and how often it was named.

    `replies`: by recipients of exchanges, a supplier counting once in each; `needs`: in how many needs; `suppliers`: by
    how many suppliers.
    """

    barrier: Barrier
    replies: int
    needs: int
    suppliers: int


class BarrierNote(msgspec.Struct, frozen=True):
    """A barrier in a supplier's own words."""

    need_id: UUID
    at: datetime
    note: str


class BarrierNotes(msgspec.Struct, frozen=True):
    """The latest notes, at most 200.

    `total`: all there are; `confidential`: those not shown because they are confidential.
    """

    items: tuple[BarrierNote, ...]
    total: int
    confidential: int


class FirstAnswer(msgspec.Struct, frozen=True):
    """Hours, to the hundredth, from the opening of an exchange to a recipient's first answer; null: no answer."""

    median: float | None
    p90: float | None


class ReplyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The share of recipients of exchanges that answered.

    `undelivered`: recipients whom no message reached; they are not among `contacted`. `rate`: null without any contact.
    """

    contacted: int
    answered: int
    undelivered: int
    rate: float | None
    first_answer_hours: FirstAnswer


class Unsupplied(msgspec.Struct, frozen=True):
    """A requested segment without any candidate in `lots` lots of these needs, where supply is not unknown."""

    segment: str
    label: str
    lots: int
    need_ids: tuple[UUID, ...]


class TensionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The number of lots of each tension; `good`: supply enough for competition; `unknown`: nothing to conclude."""

    none: int
    critical: int
    unknown: int
    low: int
    good: int


class ProvisionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of needs, without abandoned ones, that will have a provision, will not, or do not say.

    `share`: of those that say; null where none does. `target`: the share aimed at.
    """

    target: float
    with_provision: int = msgspec.field(name="with")
    without: int
    unknown: int
    share: float | None


class Provisions(msgspec.Struct, frozen=True):
    """Social: a reserved lot, or the need says so. Environmental: the need says so."""

    social: ProvisionFigures
    environmental: ProvisionFigures


class NeedFigures(msgspec.Struct, frozen=True):
    """The numbers of needs and lots that are counted."""

    total: int
    lots: int
    by_status: dict[Status, int]


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over the needs of an organisation."""

    needs: NeedFigures
    replies: ReplyFigures
    barriers: tuple[BarrierFigure, ...]
    barrier_notes: BarrierNotes
    segments_without_supply: tuple[Unsupplied, ...]
    tension: TensionFigures
    provisions: Provisions


class LotScope(msgspec.Struct, frozen=True):
    """The lots that are counted: all, or those that request one of `segments` in a territory that `meets` accepts."""

    segments: frozenset[str] | None = None
    meets: Callable[[TerritoryRequest], bool] | None = None

    def lots(self, need: NeedFacts) -> tuple[LotSupply, ...]:
        """The lots of a need that are counted; a need without any is left out."""
        lots = [lot for lot in need.lots if self.segments is None or not self.segments.isdisjoint(lot.objects)]
        if self.meets is not None:
            territories = {lot.id: lot.territory or need.matched.territory for lot in need.matched.lots}
            lots = [lot for lot in lots if (territory := territories.get(lot.id)) and self.meets(territory)]
        return tuple(lots)


class Tally:
    """The figures over needs that are added batch by batch."""

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
        """The needs that are counted."""
        return self._lots.keys()

    def add(self, needs: Iterable[NeedFacts]) -> None:
        """Count more needs; those without a lot in the scope are left out."""
        for need in needs:
            if lots := self._scope.lots(need):
                self._lots[need.id] = frozenset(lot.id for lot in lots)
                self._statuses[need.status] += 1
                self._tension.update(lot.tension.level for lot in lots)
                for lot in lots:
                    if lot.tension.level != "unknown":
                        self._add_lacking(need.id, lot)
                if need.status != "abandoned":
                    # a reserved lot is a social provision by itself
                    reserved = any(lot.reserved for lot in need.content.lots)
                    self._social[reserved or need.content.social_considerations] += 1
                    self._environmental[need.content.environmental_considerations] += 1

    def relevant(self, exchanges: Iterable[ExchangeFacts]) -> list[UUID]:
        """The ids of the exchanges about lots that are counted, or about a whole need that is."""
        return [
            each.id
            for each in exchanges
            if each.need_id in self._lots
            and (not each.lot_ids or not self._lots[each.need_id].isdisjoint(each.lot_ids))
        ]

    def insights(self, replies: ReplyFigures, barriers: Sequence[BarrierFigure], notes: BarrierNotes) -> Insights:
        """The figures over all needs added, beside those of their relevant exchanges."""
        tension = dict.fromkeys(TensionFigures.__struct_fields__, 0) | self._tension
        return Insights(
            needs=NeedFigures(len(self._lots), sum(map(len, self._lots.values())), dict(self._statuses)),
            replies=replies,
            barriers=tuple(barriers),
            barrier_notes=notes,
            segments_without_supply=self._unsupplied(),
            tension=TensionFigures(**tension),
            provisions=Provisions(
                _provision(self._social, SOCIAL_TARGET), _provision(self._environmental, ENVIRONMENTAL_TARGET)
            ),
        )

    def _add_lacking(self, need_id: UUID, lot: LotSupply) -> None:
        objects = lot.objects
        for each in lot.coverage:
            if each.candidates == 0 and each.segment in objects:
                self._lacking.setdefault(each.segment, (objects[each.segment].label, []))[1].append(need_id)

    def _unsupplied(self) -> tuple[Unsupplied, ...]:
        """The segments that lack in most lots come first."""
        found = (
            Unsupplied(segment, label, len(needs), tuple(dict.fromkeys(needs)))
            for segment, (label, needs) in self._lacking.items()
        )
        return tuple(sorted(found, key=lambda each: (-each.lots, each.segment)))


def _provision(counted: Counter[bool | None], target: float) -> ProvisionFigures:
    known = counted[True] + counted[False]
    return ProvisionFigures(
        target=target,
        with_provision=counted[True],
        without=counted[False],
        unknown=counted[None],
        share=counted[True] / known if known else None,
    )
