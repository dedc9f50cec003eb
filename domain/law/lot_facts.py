"""The facts about a lot that rules read: its object, its nature, its value in cents."""

from functools import lru_cache

import msgspec

from domain.law.cpv_list import Listing, listing
from domain.law.estimate import Estimate, estimate_of
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import Codes, Lot, Nature
from domain.reference import taxonomy
from domain.short_cache import short_cache

WORKS_DIVISION = "45"
KEPT, LONGEST_KEPT = 4_096, 32
"""The number of objects of lots whose reading is kept, and of the codes that the longest of them has."""


class LotObject(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """The object of a lot as the rules read it; hashable at little cost. `cpv`: 8 digits, the main code first.

    `asked`, `support`: the segments that the lot names as its object and beside it; `segments`: those understood as its
    object. `works` null: not known. Null without CPV: `ess_listing`, the main CPV against the list of services that may
    be reserved to ESS; `light_listing`, against the wider one of the light regime. `transport`: the main CPV is
    passenger transport.
    """

    cpv: tuple[str, ...]
    asked: tuple[str, ...]
    support: tuple[str, ...]
    segments: tuple[str, ...]
    works: bool | None
    ess_listing: Listing | None
    light_listing: Listing | None
    insertion: bool
    transport: bool

    @property
    def length(self) -> int:
        """The number of its codes."""
        return len(self.cpv) + len(self.asked) + len(self.support) + len(self.segments)


class LotFacts(msgspec.Struct, frozen=True, gc=False):
    """A lot as the rules read it. `estimate`: its estimated value, null where it has no amount."""

    lot: Lot
    object: LotObject
    estimate: Estimate | None

    @property
    def cents(self) -> int | None:
        """Its estimated value in cents, the one that every rule compares; None where it is not known."""
        return self.estimate.total if self.estimate else None


def read_lot(lot: Lot, segments: tuple[str, ...], view: InForce) -> LotFacts:
    """One lot; `segments` are those understood as its object, from codes or words."""
    bought = _object(lot.cpv, lot.segments, lot.support_segments, lot.nature, segments, view)
    return LotFacts(lot, bought, estimate_of(lot))


@short_cache(KEPT, LONGEST_KEPT, lambda *named: sum(map(len, named[:3])) + len(named[4]))
def _object(
    written: Codes, asked: Codes, support: Codes, nature: Nature | None, segments: tuple[str, ...], view: InForce
) -> LotObject:
    cpv = tuple(code[:8] for code in written)
    ess_listing = listing(cpv[0], view.codes("ess_listed_cpv")) if cpv else None
    return LotObject(
        cpv=cpv,
        asked=asked,
        support=support,
        segments=segments,
        works=_works(nature, cpv, segments),
        ess_listing=ess_listing,
        light_listing=listing(cpv[0], view.codes("light_regime_cpv")) if cpv else None,
        insertion=_is_insertion("so-insertion" in (asked or segments), cpv[:1], ess_listing, view),
        transport=cpv != () and cpv[0].startswith(tuple(view.codes("concession_transport"))),
    )


@short_cache(KEPT, LONGEST_KEPT, lambda segments, cpv: len(segments) + len(cpv))
def families(segments: tuple[str, ...], cpv: tuple[str, ...]) -> frozenset[str]:
    """The families of a lot when lots are added up: those of its segments ("pr" of "pr-locaux").

    Without segment, the CPV group of the main code.
    """
    if segments:
        return frozenset(segment.partition("-")[0] for segment in segments)
    return frozenset(code[:3] for code in cpv[:1])


def _works(nature: Nature | None, cpv: tuple[str, ...], segments: tuple[str, ...]) -> bool | None:
    """As stated, else by the main CPV (division 45), else by the segments where all their codes agree."""
    if nature is not None:
        return nature == "works"
    if cpv:
        return cpv[0].startswith(WORKS_DIVISION)
    natures = {segment_is_works(segment) for segment in segments}
    return natures.pop() if len(natures) == 1 else None


@lru_cache(maxsize=512)
def _prefixes(segment: str) -> tuple[str, ...]:
    """The CPV prefixes of a segment, or of a family's segments; empty for an unknown one."""
    segments = taxonomy.load()
    family = segments.family(segment)
    members = family.segments if family else tuple(s for s in (segments.segments.get(segment),) if s)
    return tuple(prefix for member in members for prefix in member.cpv)


@lru_cache(maxsize=512)
def segment_is_works(segment: str) -> bool | None:
    """Whether an activity is works, is not, or may be either (null): as stated, else if all its CPV codes are."""
    known = taxonomy.load().segments.get(segment)
    if known and known.works is not None:
        return known.works
    natures = {prefix.startswith(WORKS_DIVISION) for prefix in _prefixes(segment)}
    return natures.pop() if len(natures) == 1 else None


@lru_cache(maxsize=512)
def segment_is_outside(segment: str, listed: frozenset[str]) -> bool:
    """Whether no code of an activity is on a list of single codes, such as that of the ESS reservation."""
    prefixes = _prefixes(segment)
    return bool(prefixes) and not any(code.startswith(prefixes) for code in listed)


@applies("insertion_object")
def _is_insertion(named: bool, main_cpv: tuple[str, ...], ess_listing: Listing | None, view: InForce) -> bool:
    """The object is work integration itself where the main CPV says so (OBJECT_IS_INSERTION).

    Else where the lot names the segment `so-insertion` and its main CPV, if any, is a social service that may be
    reserved to ESS: the wider list of the light regime has catering or guarding, which then only carry the integration.
    With the supporting activity as main CPV, the lot is no work integration.
    """
    if any(code.startswith(tuple(view.codes("insertion_object"))) for code in main_cpv):
        return True
    return named and ess_listing in {None, "listed"}
