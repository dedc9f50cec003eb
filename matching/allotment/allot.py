"""Proposes lots for a need: divisions and joins of the given lots, judged by the engine of `POST /match`.

The work of it is estimated before it starts and before anything of the need is read. The constants of the estimate are
milliseconds of one core, as `python -m bench.matching.allotment` measures them.
"""

from datetime import date

import msgspec

from domain.allotment.allotment import Allotment, AllotmentNeed, checked_values
from domain.allotment.divisions import AllowedDivisions, joinable_groups
from domain.allotment.search import best_divisions
from domain.errors import InvalidContent, Problem
from domain.needs.need import TerritoryRequest
from domain.text.bilingual import Language, Text, said_by
from matching.allotment.areas import AreaKind, Areas
from matching.allotment.lots import NO_SEGMENT, GivenLots, judged_lots, sum_figures
from matching.allotment.proposals import COMBINATIONS_LEFT_OUT, DIVISIONS_LEFT_OUT, ProposalWriter
from matching.allotment.valuing import LotValuer, suppliers_by_area
from matching.engine import draw_seed, stamp_of
from matching.index.live_index import LiveIndex
from matching.reference import Reference

_SAID = said_by(__name__)

MOST_PROPOSALS = 5
MOST_CELLS, MOST_AREAS = 1_500, 120
"""The segments of all lots, each in each area of its lot's territory, and the areas, that may be looked at."""


def allot_json(need: AllotmentNeed, live: LiveIndex, reference: Reference, on: date, language: Language) -> bytes:
    """The proposals of lots for a need, as an `Allotment` in JSON."""
    return msgspec.json.encode(allot(need, live, reference, on, language))


def allot(need: AllotmentNeed, live: LiveIndex, reference: Reference, on: date, language: Language) -> Allotment:
    """Proposals of lots of whole segments, evaluated for the day `on`. Raises InvalidContent with all that is wrong.

    Also where there is too much to divide, and where no division has as few lots as are asked for.
    """
    live, read = live.as_of(on), reference.reader.read(need)
    need = checked_values(need, tuple(query.understood.segments for query in read))
    kinds: tuple[AreaKind, ...] = ("departement", "epci")
    kind = next((kind for kind in kinds if kind in need.allotment.divide), None)
    given = GivenLots(need, read, Areas(reference.geography, kind), reference)
    options, lots = given.need.allotment, given.lots_to_divide()
    areas = {area for lot in lots for area in lot.areas}
    cells = sum(len(lot.segments) * len(lot.areas) for lot in lots)
    if cells > MOST_CELLS or len(areas) > MOST_AREAS:
        raise InvalidContent((Problem("/allotment/divide", "too_many_parts", _too_many_parts_text(cells, len(areas))),))
    codes = tuple(dict.fromkeys(code for each in read for code in (*each.understood.segments, *each.subject.objects)))
    suppliers = suppliers_by_area(live, given.areas.territories(), codes, on, reference.rules)
    valuing, seed = LotValuer(given, *suppliers, need.law_day(on)), draw_seed(need)
    freedom = AllowedDivisions(
        "segment" in options.divide,
        options.join,
        family_of,
        given.areas.may_unite,
        valuing.is_answered,
        given.areas.neighbours(lot.areas for lot in lots),
    )
    divisible = joinable_groups(lots, freedom)
    found = best_divisions(divisible, valuing, need.allotment.max_lots, MOST_PROPOSALS, seed)
    if not found.best:
        text = _SAID["too_few_lots"].filled(given=len(need.lots), most=options.max_lots)
        raise InvalidContent((Problem("/allotment/max_lots", "too_few_lots", text),))
    as_given = judged_lots(given.whole_need(), read, live, reference, on, language)
    writer = ProposalWriter(
        given=given,
        valuing=valuing,
        as_given=sum_figures(as_given, need.allotment.min_candidates),
        live=live,
        on=on,
        language=language,
        seed=seed,
    )
    left_out = [] if found.all_divisions else [DIVISIONS_LEFT_OUT.to(language)]
    left_out += [] if found.all_combinations else [COMBINATIONS_LEFT_OUT.to(language)]
    return Allotment(
        stamp=stamp_of(live, reference, on, need.planned_publication_on),
        as_given=writer.as_given,
        proposals=writer.proposals([tuple(sorted(each.lots)) for each in found.best]),
        complete=found.complete,
        left_out=" ".join(left_out) or None,
    )


def family_of(segment: str) -> str:
    """The family of a segment; of a family, the family itself."""
    return segment.partition("-")[0] if segment != NO_SEGMENT else segment


def _too_many_parts_text(cells: int, areas: int) -> Text:
    return _SAID["too_many_parts"].filled(cells=cells, most_cells=MOST_CELLS, areas=areas, most_areas=MOST_AREAS)


AREAS: dict[str, dict[str, int]] = {
    "departement": {"country": 101, "region": 8, "nuts": 6},
    "epci": {"country": 1_250, "region": 70, "nuts": 40, "departement": 14},
}
"""About the number of areas of each kind of territory, by the axis along which it is divided."""
SEGMENTS_OF_WORDS = 2
"""Segments that a CPV code, a keyword or a title stands for."""
CELL_MS, AREA_MS, SUPPLIER_MS = 3.0, 6.0, 0.0003
"""For each segment of a lot in each area; for each area, and each supplier that it is held against."""


def search_ms(need: AllotmentNeed, suppliers: int) -> float:
    """Estimated milliseconds of the search for proposals; matching the need as given is not counted."""
    requests = {lot.territory or need.territory for lot in need.lots}
    areas = sum(_area_count(request, need) for request in requests)
    cells = 0
    for lot in need.lots:
        words = len(lot.cpv) + len(lot.keywords) + (lot.title is not None and not lot.segments)
        cells += (len(lot.segments) + SEGMENTS_OF_WORDS * words) * _area_count(lot.territory or need.territory, need)
    return CELL_MS * cells + (AREA_MS + SUPPLIER_MS * suppliers) * areas


def _area_count(request: TerritoryRequest | None, need: AllotmentNeed) -> int:
    """Estimated number of areas that a territory is divided into."""
    codes = request.codes if request is not None and request.codes else ()
    kinds = [code.partition(":")[0] for code in codes]
    parts = (sum(AREAS.get(axis, {}).get(kind, 0) for kind in kinds) for axis in need.allotment.divide)
    return max(1, *parts, 0)
