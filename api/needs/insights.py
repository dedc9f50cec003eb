"""The route of figures over all needs of an organisation."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated

import msgspec

from api.directory.filters import MOST_VALUES
from api.runtime.endpoint import Call, endpoint
from api.web.dates import end_of, first_moment
from api.web.query_string import invalid
from db.core.engine import transaction
from db.needs.insights import barrier_figures, barrier_notes, exchanges_about, needs_with_supply, reply_figures
from domain.errors import InvalidContent, Problem, pointer
from domain.insights import Insights, LotScope, Tally
from domain.needs.need import TerritoryRequest
from domain.reference.taxonomy import Taxonomy
from domain.reference.territory import UnknownTerritory
from domain.suppliers.record_check import unknown_segment
from domain.text.bilingual import Text
from matching.geo.territory import Bools
from matching.reference import Reference

Segments = Annotated[
    tuple[str, ...],
    msgspec.Meta(
        max_length=MOST_VALUES,
        description="A segment that a lot asks for, itself or with its whole family; or a family, itself or "
        "one of its segments",
    ),
]
TerritoryCodes = Annotated[
    tuple[str, ...],
    msgspec.Meta(max_length=MOST_VALUES, description="The code of a territory that the lot's own meets"),
]


class InsightsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Filters of the needs counted; without any, all of the organisation's.

    Of a repeated parameter, one value suffices.
    """

    segment: Segments | None = None
    territory: TerritoryCodes | None = None
    from_: Annotated[date, msgspec.Meta(description="Needs made on this day (in France) or later")] | None = (
        msgspec.field(default=None, name="from")
    )
    to: Annotated[date, msgspec.Meta(description="Needs made on this day (in France) or before")] | None = None


@endpoint(
    "GET",
    "/insights",
    tag="Needs",
    scope="needs",
    answers=Insights,
    problems=("unknown-segment", "unknown-territory"),
)
async def get_insights(call: Call, query: InsightsQuery) -> Insights:
    """Figures over the organisation's needs.

    Barriers that suppliers named (once per supplier and exchange, as last corrected), who answered and after how many
    hours, segments that no candidate answered, tension of the lots, and the share of needs with a social and with an
    environmental provision beside the targets of 30 % and 100 %. Supply is that of the latest shortlist of each need;
    `segment` and `territory` narrow to lots of which both hold, and to exchanges about these or a whole need.
    Confidential notes are counted and never quoted.
    """
    scope = await asyncio.to_thread(_scope, query, call.services.reference)
    organisation = call.bearer.organisation_id
    tally = Tally(scope)
    async with transaction(call.services.database) as connection:
        async for some in needs_with_supply(connection, organisation, first_moment(query.from_), end_of(query.to)):
            await asyncio.to_thread(tally.add, some)
        exchanges = tally.relevant(await exchanges_about(connection, organisation, tally.need_ids))
        replies = await reply_figures(connection, organisation, exchanges)
        barriers = await barrier_figures(connection, organisation, exchanges)
        notes = await barrier_notes(connection, organisation, exchanges)
    return tally.insights(replies, barriers, notes)


ROUTES = (get_insights,)


def _scope(query: InsightsQuery, reference: Reference) -> LotScope:
    """The scope of the query. Raises Refusal (422) with everything wrong in it."""
    problems: list[Problem] = []
    segments = None if query.segment is None else _segments(query.segment, reference.taxonomy, problems)
    ground = None if query.territory is None else _ground(query.territory, reference, problems)
    if query.from_ is not None and query.to is not None and query.from_ > query.to:
        detail = Text("« from » vient après « to »", "“from” comes after “to”")
        problems.append(Problem(pointer("from"), "invalid_period", detail))
    if problems:
        raise invalid(*problems)
    return LotScope(segments, None if ground is None else _meets(ground, reference))


def _segments(given: Iterable[str], taxonomy: Taxonomy, problems: list[Problem]) -> frozenset[str]:
    """The codes by which a lot requests one of these: a segment, its family, or the segments of a family."""
    found: set[str] = set()
    for place, code in enumerate(given):
        if not taxonomy.known(code):
            problems.append(Problem(pointer("segment", place), "unknown_code", unknown_segment(code, taxonomy)))
            continue
        family = taxonomy.family(code)
        found.add(code)
        found.update({each.id for each in family.segments} if family else {taxonomy.segments[code].family})
    return frozenset(found)


def _ground(codes: Iterable[str], reference: Reference, problems: list[Problem]) -> Bools:
    """The communes of these territories."""
    areas = []
    for place, code in enumerate(codes):
        try:
            areas.append(reference.territories.area(code))
        except UnknownTerritory as unknown:
            problems.append(Problem(pointer("territory", place), unknown.code, unknown.detail))
    return reference.geography.ground_of_codes(tuple(areas))


def _meets(ground: Bools, reference: Reference) -> Callable[[TerritoryRequest], bool]:
    """A test whether a territory shares a commune with this ground; False for one that no longer exists."""

    def meets(request: TerritoryRequest) -> bool:
        try:
            if request.codes is not None:
                # preparing its outline, which is not needed here, would cost much more
                areas = tuple(reference.territories.area(code) for code in request.codes)
                return any(ground[list(area.communes)].any() for area in areas)
            return bool((reference.geography.territory(request).ground & ground).any())
        except (InvalidContent, UnknownTerritory):
            return False

    return meets
