"""The outcome of a match: an explained shortlist, as `POST /match` answers it."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.shortlists.listed_suppliers import (
    NOT_LOOKED_FOR,
    Candidate,
    Confidence,
    Grouping,
    NearMiss,
    Outcome,
    Role,
    UnknownSupplier,
    UnknownTrade,
)

Severity = Literal["info", "warning", "blocking"]
SupposedSiteSource = Literal["title", "buyer"]
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


class SuggestedSegment(msgspec.Struct, frozen=True, rename={"sources": "from"}):
    """A segment that the lot's words may mean: offered to the buyer, demanded of no supplier."""

    segment: str
    """Its id"""
    label: str
    """In French"""
    sources: tuple[str, ...]
    """Parts of the request, such as `keyword:…` or `title:…`"""
    confidence: float
    """Of that reading, from 0 to 1"""


class SupposedSite(msgspec.Struct, frozen=True, rename={"source": "from"}):
    """The commune that a lot without a site is supposed to be performed in; no gate looks at it."""

    commune: str
    """Its INSEE code"""
    label: str
    """Its name"""
    source: SupposedSiteSource
    """Named in the lot's words, else the buyer, which is a commune"""


class TerritoryEcho(msgspec.Struct, frozen=True, omit_defaults=True):
    """The territory of a lot as Vivier read it from the request."""

    label: str
    """To read, such as `Morbihan`"""
    codes: tuple[str, ...] | None = None
    """The current ones where codes were sent"""
    radius_km: float | None = None
    """Kilometres, where a radius was sent"""


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
    beyond_reach: int = 0
    """Candidates for which the lot is too large"""


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
    unknown_trade: dict[str, int] = {}
    """By reservation as in `reserved`, the eligible suppliers nearby whose trade is not known"""


class Tension(msgspec.Struct, frozen=True):
    """The level of competition to expect."""

    level: TensionLevel
    """By the segment with the fewest candidates; `unknown` for `none`, `critical`: many of unknown trade are near"""
    message: str
    """A sentence in the language of the request"""
    unknown: int = 0
    """Eligible suppliers nearby whose trade is not known"""


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
    general: bool = False
    """Said of most contracts, whatever they are: it stands behind what decides this need; left out where it is not"""


class LotAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one lot; its suppliers are told by the rows of the document that it stands in."""

    id: str
    """That of the lot in the need"""
    requested: tuple[RequestedSegment, ...]
    """Segments that were named or read surely; empty: none was, and there are no candidates"""
    suggested: tuple[SuggestedSegment, ...] = ()
    """Other segments that the words may mean"""
    territory: TerritoryEcho
    """As it was understood"""
    supposed_site: SupposedSite | None = None
    """Where the lot has no site and its words or its buyer name a commune of its territory"""
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


class LegalScope(msgspec.Struct, frozen=True):
    """The limits of what is said of the law, and who decides."""

    message: str = ""
    """In the language of the request; empty in answers that were frozen before it was said"""


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
    scope: LegalScope = LegalScope()
    """The limits of what is said of the law here"""
