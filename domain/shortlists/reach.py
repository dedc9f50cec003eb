"""Reach: a lot's yearly value against what is known of a supplier's size. It changes no gate and no order.

What a supplier says itself that it can carry decides; else the largest contract won shows what it can do at least, and
beyond that its turnover decides, else places or staff.
docs/reach.md has the rule, its figures and their sources, which are those of `domain/data/reach.toml`.
"""

from collections.abc import Collection
from functools import lru_cache
from importlib.resources import files
from math import inf, isnan, nan
from typing import Literal, NamedTuple, get_args

import msgspec

from domain.needs.need import value_per_year
from domain.shortlists.listed_suppliers import Reach, ReachLevel
from domain.suppliers.supplier import Kind, SupplierSize
from domain.text import labels
from domain.text.bilingual import Language, Text, euros, said_by, whole

_SAID = said_by(__name__)

SizeBasis = Literal["unknown", "turnover", "places", "staff", "capacity"]
SIZE_BASES: tuple[SizeBasis, ...] = get_args(SizeBasis)
REACH_LEVELS: tuple[ReachLevel, ...] = get_args(ReachLevel)


class ReachFigure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of the rule and its source; `families`: of the segments that a sector's figure is for."""

    value: float
    source: str
    families: tuple[str, ...] = ()


class ReachFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of reach.toml: euros of turnover per person by `sectors` and `kinds`, and the other `figures`."""

    figures: dict[str, ReachFigure]
    sectors: dict[str, ReachFigure]
    kinds: dict[Kind, ReachFigure]


REACH_FIGURES = msgspec.toml.decode((files("domain") / "data" / "reach.toml").read_bytes(), type=ReachFigures)
SHARE, STRETCH, FAR, AMPLE_VALUE_EUR, SMALL_LOT_EUR = (
    REACH_FIGURES.figures[name].value
    for name in ("share_of_turnover", "stretch", "far_above_award", "ample_value_eur", "small_lot_eur")
)
"""The share of its turnover that one contract within reach may be; how often that is still a stretch; how often the
largest contract won is too much where nothing else is known; the yearly value above which a supply is good only where
sizes are known; and that below which a part of a lot is small."""
_SECTOR_OF_FAMILY = {family: name for name, each in REACH_FIGURES.sectors.items() for family in each.families}


class DecidingSize(NamedTuple):
    """The parts of a supplier's size that decide on its reach.

    `contract_eur`: by `basis`, the most a year that is within its reach, whatever is bought; NaN: not known, infinite:
    `persons` (infinite where they do not count) decide with what is bought. `award_eur`: the largest contract won, a
    year, which it can do at least; NaN: none known.
    """

    basis: SizeBasis
    contract_eur: float
    persons: float
    award_eur: float

    def bound_eur(self, sector_eur: float) -> float:
        """The most a year by `basis` where a person makes so many euros of turnover; NaN: not known."""
        return self.contract_eur if self.persons == inf else min(self.contract_eur, self.persons * sector_eur * SHARE)

    def is_shown_by_award(self, sector_eur: float) -> bool:
        """Whether the largest contract won shows the most that is within reach, not `basis`."""
        bound = self.bound_eur(sector_eur)
        return self.award_eur >= bound or (isnan(bound) and not isnan(self.award_eur))

    def within_eur(self, sector_eur: float) -> float:
        """The most a year that is within reach where a person makes so many euros of turnover; NaN: not known."""
        return self.award_eur if self.is_shown_by_award(sector_eur) else self.bound_eur(sector_eur)


NO_SIZE_KNOWN = DecidingSize("unknown", nan, inf, nan)


def deciding_size(size: SupplierSize, kinds: Collection[Kind]) -> DecidingSize:
    """The parts of a size that decide: its own word; else the largest contract won, and turnover, places or staff.

    Of a range of staff the most counts; nobody employed counts as one. The employees of an ESAT, who lead its workers,
    say nothing of what it can do.
    """
    if (capacity := size.yearly_capacity_eur) and capacity.max is not None:
        return DecidingSize("capacity", capacity.max, inf, nan)
    award = size.largest_award_eur
    award_eur = value_per_year(award.value, award.duration_months) if award else nan
    if turnover := size.turnover_eur:
        return DecidingSize("turnover", turnover.value * SHARE, inf, award_eur)
    if size.places:
        persons = size.places.count
        return DecidingSize("places", persons * REACH_FIGURES.kinds["ESAT"].value * SHARE, persons, award_eur)
    if size.staff is None or (kinds and all(kind == "ESAT" for kind in kinds)):
        return DecidingSize("unknown", nan, inf, award_eur)
    persons = max(size.staff.min, size.staff.max or 0, 1)
    figures = [REACH_FIGURES.kinds.get(kind) for kind in kinds if kind != "ESAT"]
    most = max((each.value if each else inf for each in figures), default=inf)
    return DecidingSize("staff", persons * most * SHARE, persons, award_eur)


def sector_eur(segments: Collection[str]) -> float:
    """The turnover of a person a year where these segments are bought: of several sectors, the highest."""
    names = {_SECTOR_OF_FAMILY.get(segment.partition("-")[0], "other") for segment in segments} or {"other"}
    return max(REACH_FIGURES.sectors[name].value for name in names)


def reach_level(yearly_eur: float | None, within_eur: float, *, is_bounded: bool) -> ReachLevel:
    """The level of a lot's yearly value, where so many euros are within reach (NaN: not known).

    `is_bounded`: whether more is known than contracts won, which show what can be done at least.
    """
    if yearly_eur is None or isnan(within_eur):
        return "unknown"
    if yearly_eur <= within_eur:
        return "within"
    return "stretch" if yearly_eur <= within_eur * (STRETCH if is_bounded else FAR) else "beyond"


_FOR_ALL = {"within": "within_for_all", "stretch": "stretch_for_all", "beyond": "beyond_for_all"}


@lru_cache(maxsize=16_384)
def reach_of(yearly_eur: float | None, size: DecidingSize, sector: float, language: Language) -> Reach:
    """The reach of a supplier of that size, in words; `sector`: euros of turnover per person of what is bought."""
    within = size.within_eur(sector)
    level = reach_level(yearly_eur, within, is_bounded=size.basis != "unknown")
    if yearly_eur is None or isnan(within):
        return Reach("unknown", _SAID["value_not_known" if yearly_eur is None else "size_not_known"].to(language))
    lot, known = whole_euros(yearly_eur), _known_size_text(size, sector)
    said = labels.REACH_LEVELS[level]
    return Reach(level, _SAID["of_one"].filled(said=said, lot=lot, known=known).to(language))


def reach_together(
    yearly_eur: float | None, sizes: Collection[DecidingSize], sector: float, language: Language
) -> Reach:
    """The reach of several suppliers that would share a lot: what is within that of each, added up.

    Where some sizes are not known, the level is known only if the others are enough.
    """
    known = [within for size in sizes if not isnan(within := size.within_eur(sector))]
    unknown = sum(size.basis == "unknown" for size in sizes)
    level = reach_level(yearly_eur, sum(known), is_bounded=not unknown)
    if yearly_eur is None:
        return Reach("unknown", _SAID["value_not_known"].to(language))
    if level == "unknown" or (len(known) < len(sizes) and level != "within"):
        message = _SAID["sizes_not_known"].filled(unknown=unknown, many="s" if unknown > 1 else "")
        return Reach("unknown", message.to(language))
    lot, most, said = whole_euros(yearly_eur), whole_euros(sum(known)), _SAID[_FOR_ALL[level]]
    return Reach(level, _SAID["of_several"].filled(said=said, lot=lot, most=most).to(language))


def _known_size_text(size: DecidingSize, sector: float) -> Text:
    """The end of a sentence, which says what is known of a size."""
    if size.basis == "capacity":
        return _SAID["of_capacity"].filled(most=whole_euros(size.contract_eur))
    if size.is_shown_by_award(sector):
        return _SAID["of_award"].filled(most=whole_euros(size.award_eur))
    turnover = whole_euros(size.bound_eur(sector) / SHARE)
    if size.basis == "turnover":
        return _SAID["of_turnover"].filled(turnover=turnover)
    said = _SAID["of_places" if size.basis == "places" else "of_staff"]
    return said.filled(turnover=turnover, number=whole(size.persons))


def whole_euros(amount: float) -> Text:
    """An amount of money in whole euros."""
    return euros(round(amount) * 100)
