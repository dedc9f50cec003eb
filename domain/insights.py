"""What an organisation learns from its needs together: barriers, replies, supply that is lacking, provisions.

Needs are looked at as their latest shortlist answered them; whether a contract will hold a social or environmental
provision, as the need says now.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Barrier
from domain.needs.need import PlannedNeed, TerritoryRequest
from domain.needs.status import Status
from domain.shortlists.shortlist import Role, TensionLevel

SOCIAL_TARGET = 0.3
"""Of the contracts of a year, at least this share with a social provision (PNAD 2022-2025; none has followed yet)."""
ENVIRONMENTAL_TARGET = 1.0
"""Of the contracts of a year, at least this share with an environmental provision (PNAD 2022-2025)."""
MOST_NOTES = 200


class AskedSegment(msgspec.Struct, frozen=True):
    """A segment that a lot asked for, as its shortlist read it."""

    segment: str
    label: str
    role: Role


class SegmentSupply(msgspec.Struct, frozen=True):
    """How many candidates a lot's segment had."""

    segment: str
    candidates: int


class LotTension(msgspec.Struct, frozen=True):
    """Whether a lot had supply enough for competition."""

    level: TensionLevel


class LotSupply(msgspec.Struct, frozen=True):
    """What is read of a lot in a shortlist, however old it is."""

    id: str
    requested: tuple[AskedSegment, ...]
    coverage: tuple[SegmentSupply, ...]
    tension: LotTension

    @property
    def objects(self) -> dict[str, AskedSegment]:
        """The segments that had to be answered, by id."""
        return {each.segment: each for each in self.requested if each.role == "object"}


class NeedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A need: as it is now (`content`), and as its latest shortlist answered it (`asked`, `lots`)."""

    id: UUID
    status: Status
    content: PlannedNeed
    asked: PlannedNeed
    lots: tuple[LotSupply, ...]


class ExchangeFacts(msgspec.Struct, frozen=True):
    """What an exchange is about; `lot_ids` empty: the whole need."""

    id: UUID
    need_id: UUID
    lot_ids: tuple[str, ...]


class BarrierFigure(msgspec.Struct, frozen=True):
    """How often a barrier was named: by how many recipients of exchanges (a supplier counts once in each), in how many
    needs, by how many suppliers."""

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
    """The latest notes, at most 200, of all that there are; those given in confidence are only counted."""

    items: tuple[BarrierNote, ...]
    total: int
    confidential: int


class FirstAnswer(msgspec.Struct, frozen=True):
    """Hours, to the hundredth, from the opening of an exchange to a recipient's first answer; null: no answer."""

    median: float | None
    p90: float | None


class ReplyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered, recipient by recipient of each exchange.

    `undelivered`: nobody's mailbox took any message; they are not among `contacted`. `rate`: null without any contact.
    """

    contacted: int
    answered: int
    undelivered: int
    rate: float | None
    first_answer_hours: FirstAnswer


class Unsupplied(msgspec.Struct, frozen=True):
    """A requested segment without any candidate in `lots` lots of these needs."""

    segment: str
    label: str
    lots: int
    need_ids: tuple[UUID, ...]


class TensionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many lots have which tension; `good`: supply enough for competition."""

    none: int
    critical: int
    low: int
    good: int


class ProvisionFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many needs, abandoned ones aside, will have a provision, will not, or do not say.

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
    """How many needs these figures rest on."""

    total: int
    lots: int
    by_status: dict[Status, int]


class Insights(msgspec.Struct, frozen=True, kw_only=True):
    """What needs tell together."""

    needs: NeedFigures
    replies: ReplyFigures
    barriers: tuple[BarrierFigure, ...]
    barrier_notes: BarrierNotes
    segments_without_supply: tuple[Unsupplied, ...]
    tension: TensionFigures
    provisions: Provisions


class Scope(msgspec.Struct, frozen=True):
    """Which lots are looked at: all, or those that ask for one of `segments` and lie where `meets` says so."""

    segments: frozenset[str] | None = None
    meets: Callable[[TerritoryRequest], bool] | None = None

    def lots(self, need: NeedFacts) -> tuple[LotSupply, ...]:
        """The lots of a need that are looked at; a need without any is left out."""
        places = {lot.id: lot.territory or need.asked.territory for lot in need.asked.lots}
        return tuple(
            lot
            for lot in need.lots
            if (self.segments is None or not self.segments.isdisjoint(lot.objects))
            and self._is_there(places.get(lot.id))
        )

    def _is_there(self, place: TerritoryRequest | None) -> bool:
        return self.meets is None or (place is not None and self.meets(place))


class Gathered:
    """Needs looked at one by one, and what they come to."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._lots: dict[UUID, frozenset[str]] = {}
        self._statuses: Counter[Status] = Counter()
        self._tension: Counter[TensionLevel] = Counter()
        self._lacking: dict[str, tuple[str, list[UUID]]] = {}
        self._social: Counter[bool | None] = Counter()
        self._environmental: Counter[bool | None] = Counter()

    @property
    def need_ids(self) -> Collection[UUID]:
        """The needs that are looked at."""
        return self._lots.keys()

    def add(self, needs: Iterable[NeedFacts]) -> None:
        """Look at more needs; those without a lot in the scope are left out."""
        for need in needs:
            self._add(need)

    def _add(self, need: NeedFacts) -> None:
        lots = self._scope.lots(need)
        if not lots:
            return
        self._lots[need.id] = frozenset(lot.id for lot in lots)
        self._statuses[need.status] += 1
        self._tension.update(lot.tension.level for lot in lots)
        for lot in lots:
            self._note_lacking(need.id, lot)
        if need.status != "abandoned":
            self._social[_social(need.content)] += 1
            self._environmental[need.content.environmental_considerations] += 1

    def relevant(self, exchanges: Iterable[ExchangeFacts]) -> list[UUID]:
        """Those of the exchanges that are about lots looked at, or about a whole need."""
        return [
            each.id for each in exchanges if each.need_id in self._lots and self._is_about(each.need_id, each.lot_ids)
        ]

    def insights(self, replies: ReplyFigures, barriers: Sequence[BarrierFigure], notes: BarrierNotes) -> Insights:
        """All together, with what was counted in the relevant exchanges."""
        return Insights(
            needs=NeedFigures(len(self._lots), sum(map(len, self._lots.values())), dict(self._statuses)),
            replies=replies,
            barriers=tuple(barriers),
            barrier_notes=notes,
            segments_without_supply=self._unsupplied(),
            tension=TensionFigures(
                **{level: self._tension[level] for level in TensionFigures.__struct_fields__}  # type: ignore[index]
            ),
            provisions=Provisions(
                _provision(self._social, SOCIAL_TARGET), _provision(self._environmental, ENVIRONMENTAL_TARGET)
            ),
        )

    def _is_about(self, need_id: UUID, lot_ids: tuple[str, ...]) -> bool:
        return not lot_ids or not self._lots[need_id].isdisjoint(lot_ids)

    def _note_lacking(self, need_id: UUID, lot: LotSupply) -> None:
        asked = lot.objects
        for covered in lot.coverage:
            if covered.candidates == 0 and covered.segment in asked:
                _, needs = self._lacking.setdefault(covered.segment, (asked[covered.segment].label, []))
                needs.append(need_id)

    def _unsupplied(self) -> tuple[Unsupplied, ...]:
        """Those lacking in most lots first."""
        found = [
            Unsupplied(segment, label, len(needs), tuple(dict.fromkeys(needs)))
            for segment, (label, needs) in self._lacking.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.lots, each.segment)))


def _social(content: PlannedNeed) -> bool | None:
    """A reserved lot is a social provision by itself; unknown where nothing is said."""
    return True if any(lot.reserved for lot in content.lots) else content.social_considerations


def _provision(counted: Counter[bool | None], target: float) -> ProvisionFigures:
    known = counted[True] + counted[False]
    return ProvisionFigures(
        target=target,
        with_provision=counted[True],
        without=counted[False],
        unknown=counted[None],
        share=counted[True] / known if known else None,
    )
