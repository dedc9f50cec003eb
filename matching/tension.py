"""The tension of a supply: whether enough candidates answer for competition to be likely."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from domain.reference.taxonomy import Taxonomy
from domain.shortlists.reach import AMPLE_VALUE_EUR
from domain.shortlists.shortlist import Tension, TensionLevel
from domain.text.bilingual import FULL_STOP, Language, Text, join_texts, said_by

_SAID = said_by(__name__)

TENSIONS: tuple[tuple[int, TensionLevel], ...] = ((0, "none"), (2, "critical"), (4, "low"))
"""The most candidates each level of tension goes with; above the last, the supply is good."""
MANY_UNKNOWN = 3
"""The least number of suppliers nearby, eligible but of unknown trade, from which a scarce supply is called unknown."""

LEAST_KNOWN = 3
"""The least number of candidates whose size is known to do, without which the supply of an ample lot is not good."""


class SegmentCounts(NamedTuple):
    """The numbers of candidates for a wanted segment: all, the eligible (surely or on proof), the local ones."""

    candidates: int
    eligible: int
    local: int


class ReachCounts(NamedTuple):
    """The numbers of candidates for a wanted segment by their reach, in the order of REACH_LEVELS."""

    within: int
    stretch: int
    beyond: int
    unknown: int

    @property
    def known(self) -> int:
        """The candidates of which it is known that the lot is within their reach, or at its limit."""
        return self.within + self.stretch

    @property
    def capable(self) -> int:
        """The candidates for whom the lot is not too large."""
        return self.within + self.stretch + self.unknown


def scarcest_segment(segments: Sequence[str], reach: Sequence[ReachCounts]) -> tuple[str, ReachCounts]:
    """The segment, of these, with the fewest candidates for whom the lot is not too large, and its counts."""
    return min(zip(segments, reach, strict=False), key=lambda each: each[1].capable)


def tension_of(
    segments: Sequence[str],
    reach: Sequence[ReachCounts],
    unknown: int,
    yearly_eur: float | None,
    taxonomy: Taxonomy,
    language: Language,
) -> Tension:
    """The tension of a lot's supply, by the segment of its object (`segments`) with the fewest candidates.

    Candidates for whom the lot is too large do not count. `reach`: of these segments, then of others. `unknown`:
    suppliers nearby that might answer, of unknown trade. `yearly_eur`: the lot's value a year; None: not known.
    """
    if not segments:
        return Tension(tension_level(0, unknown), tension_message("none", 0, None).to(language))
    segment, few = scarcest_segment(segments, reach)
    fewest, least_known = few.capable, min(each.known for each in reach[: len(segments)])
    level, label = tension_level(fewest, unknown), taxonomy.label(segment)
    said = [tension_message(level, fewest, label, unknown)]
    if yearly_eur is not None:
        if level == "good" and yearly_eur > AMPLE_VALUE_EUR and least_known < LEAST_KNOWN:
            level, said = "low", [_sizes_not_shown(fewest, least_known)]
        said += _sizes_texts(few)
    return Tension(level, join_texts(said, FULL_STOP).to(language))


def tension_of_whole_lot(
    tension: Tension, unknown: int, is_answered: Callable[[], bool | None], language: Language
) -> Tension:
    """The tension of a lot's segments as that of the whole lot, with the number of suppliers of unknown trade nearby.

    Never good unless the whole `is_answered` by a candidate or a grouping of candidates; None: it is not found out.
    """
    level, message = tension.level, tension.message
    if level == "good" and not (answered := is_answered()):
        level, why = "low", _SAID["not_found_out"] if answered is None else _SAID["nobody_for_the_whole"]
        message += why.to(language)
    return Tension(level, message, unknown)


def tension_level(fewest: int, unknown: int) -> TensionLevel:
    """The tension where a segment has `fewest` candidates and `unknown` eligible suppliers nearby of unknown trade."""
    level: TensionLevel = next((level for most, level in TENSIONS if fewest <= most), "good")
    return "unknown" if level in {"none", "critical"} and unknown >= MANY_UNKNOWN else level


def tension_message(level: TensionLevel, fewest: int, label: str | None, unknown: int = 0) -> Text:
    """A sentence on whether competition is likely; `label`: of the requested segment with the fewest candidates.

    `unknown`: the suppliers nearby that might answer but whose trade is not known.
    """
    if label is None:
        return _SAID["no_trade"]
    few = _SAID["none_known" if not fewest else "only_one" if fewest == 1 else "only_few"].filled(fewest=fewest)
    match level:
        case "none":
            return _SAID["no_candidate"].filled(label=label)
        case "critical":
            return Text(f"{few.fr} pour « {label} »", f"{few.en} for “{label}”")
        case "unknown":
            return _SAID["supply_unknown"].filled(few=few, label=label, unknown=unknown)
        case "low":
            return _SAID["few_candidates"].filled(fewest=fewest, label=label)
        case _:
            return _SAID["enough_candidates"].filled(fewest=fewest)


def _sizes_not_shown(candidates: int, known: int) -> Text:
    """A sentence for an ample lot where the sizes of too few candidates are known to do."""
    said = _SAID["several_of_size" if known > 1 else "one_of_size" if known else "none_of_size"]
    return said.filled(candidates=candidates, known=known)


def _sizes_texts(reach: ReachCounts) -> Iterator[Text]:
    """Sentences on the candidates for whom a lot of that value is too large, and on those of unknown size."""
    if reach.beyond:
        yield _SAID["one_beyond" if reach.beyond == 1 else "several_beyond"].filled(beyond=reach.beyond)
    if reach.unknown:
        yield _SAID["one_unsized" if reach.unknown == 1 else "several_unsized"].filled(unknown=reach.unknown)
