"""The route of figures over all needs of an organisation."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from datetime import date
from typing import Annotated

import msgspec

from api.directory.search import MOST_VALUES, known_areas, known_segments, related_codes
from api.match import MATCH_PROBLEMS
from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_work import MatchTask
from api.web.query_string import end_of_day, invalid_query, start_of_day
from db.core.engine import transaction
from db.needs.insights import barrier_figures, barrier_notes, exchanges_about, needs_with_supply, reply_figures
from domain.errors import InvalidContent, Problem, pointer
from domain.insights import Insights, InsightsTally, LotScope, NeedFacts
from domain.needs.need import Need, TerritoryRequest
from domain.reference.territory import UnknownTerritory
from domain.text.bilingual import Language, Text
from matching.geo.territory import Bools
from matching.index.live_index import LiveIndex
from matching.reference import Reference


class InsightsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters of the needs counted; without any, all of the organisation's.

    Where a parameter is repeated, a lot that has any of its values is counted.
    """

    segment: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)] | None = None
    """A segment that a lot asks for, itself or with its whole family; or a family, itself or one of its segments"""
    territory: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_VALUES)] | None = None
    """The code of a territory that the lot's own meets"""
    from_: date | None = msgspec.field(default=None, name="from")
    """Needs made on this day (in France) or later"""
    to: date | None = None
    """Needs made on this day (in France) or before"""


@endpoint(
    "GET",
    "/insights",
    tag="Needs",
    scope="needs",
    answers=Insights,
    problems=("unknown-segment", "unknown-territory", *MATCH_PROBLEMS),
)
async def get_insights(call: Call, query: InsightsQuery) -> Insights:
    """Figures over the organisation's needs.

    Barriers that suppliers named (once per supplier and exchange, as last corrected), who answered and after how many
    hours, segments that no candidate answered, tension of the lots, and the share of needs with a social and with an
    environmental provision beside the targets of 30 % and 100 %. Supply is that of the latest shortlist of each need;
    `segment` and `territory` narrow to lots of which both hold, and to exchanges about these or a whole need.
    Confidential notes are counted and never quoted. With `territory`, lots whose own was drawn wait their turn, as they
    did when they were matched.
    """
    services, organisation = call.services, call.bearer.organisation_id
    drawn_overlaps: dict[TerritoryRequest | None, bool] = {}
    scope, ground = await asyncio.to_thread(_lots_and_communes, query, services.reference, drawn_overlaps)
    tally = InsightsTally(scope)
    # its turn first where territories are read: those that were drawn take as long as in a match
    turn = nullcontext() if ground is None else services.matches.slot_of(str(organisation))
    async with turn, transaction(services.database) as connection:
        async for some in needs_with_supply(connection, organisation, start_of_day(query.from_), end_of_day(query.to)):
            if ground is not None:
                drawn_overlaps.clear()
                for facts in some:
                    drawn_overlaps |= await _overlaps_of_territories(call, facts, ground)
            await asyncio.to_thread(tally.add, some)
        exchanges = tally.relevant_exchanges(await exchanges_about(connection, organisation, tally.need_ids))
        replies = await reply_figures(connection, organisation, exchanges)
        barriers = await barrier_figures(connection, organisation, exchanges)
        notes = await barrier_notes(connection, organisation, exchanges)
    return tally.insights(replies, barriers, notes)


async def _overlaps_of_territories(call: Call, facts: NeedFacts, ground: Bools) -> dict[TerritoryRequest | None, bool]:
    """For each territory in a need, whether it was drawn (not given by codes) and shares a commune with the query's.

    They are prepared as the need's match had them: in its turn. Raises as `MatchWork.run`.
    """
    territories = [lot.territory or facts.matched.territory for lot in facts.matched.lots]
    if all(request is None or request.codes is not None for request in territories):
        return {}
    services, need = call.services, msgspec.structs.replace(facts.matched.matched, limit=1, near_misses=0)
    task = MatchTask(
        overlaps_of_lots, need, services.directory.index, services.today(), call.language, {"ground": ground}
    )
    meeting = await services.match_work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)
    return dict(zip(territories, meeting, strict=True))


def overlaps_of_lots(
    need: Need, _: LiveIndex, reference: Reference, __: date, ___: Language, *, ground: Bools
) -> list[bool]:
    """For each lot, whether its territory was drawn (not given by codes) and has a commune of the mask `ground`."""
    meeting = []
    for lot in need.lots:
        request, shares = lot.territory or need.territory, False
        if request is not None and request.codes is None:
            with suppress(InvalidContent):
                shares = bool((reference.geography.territory(request).ground & ground).any())
        meeting.append(shares)
    return meeting


def _lots_and_communes(
    query: InsightsQuery, reference: Reference, drawn_overlaps: Mapping[TerritoryRequest | None, bool]
) -> tuple[LotScope, Bools | None]:
    """The scope of lots that a query counts, and its territories' communes (None without any). Raises Refusal (422).

    `drawn_overlaps`: of `_overlaps_of_territories`, for the needs that are looked at; the scope reads it when asked.
    """
    problems: list[Problem] = []
    taxonomy = reference.taxonomy
    known = [related_codes(code, taxonomy) for code in known_segments(query.segment or (), taxonomy, problems)]
    areas = tuple(known_areas(query.territory or (), reference.territories, problems))
    if query.from_ is not None and query.to is not None and query.from_ > query.to:
        detail = Text("« from » vient après « to »", "“from” comes after “to”")
        problems.append(Problem(pointer("from"), "invalid_period", detail))
    if problems:
        raise invalid_query(*problems)
    segments = None if query.segment is None else frozenset[str]().union(*known)
    if query.territory is None:
        return LotScope(segments, None), None
    ground = reference.geography.ground_of_areas(areas)

    def shares_commune(request: TerritoryRequest) -> bool:
        """Whether a territory shares a commune with the query's; False for one that no longer exists."""
        if request.codes is None:
            return drawn_overlaps.get(request, False)
        try:
            # preparing its outline, which is not needed here, would cost much more
            found = [reference.territories.area(code) for code in request.codes]
        except UnknownTerritory:
            return False
        return any(ground[list(area.communes)].any() for area in found)

    return LotScope(segments, shares_commune), ground
