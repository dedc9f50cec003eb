"""The page of a territory's supply, before there is a need: its suppliers by trade, as tables, bars and a map.

And the outlines of territories, from which one is chosen on a map.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, get_args
from urllib.parse import urlencode

import msgspec
from litestar import Response
from markupsafe import escape

from api.desk.frame.layout import SAID, YEAR
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.need.territory_field import territories_of_name
from api.draw_maps_and_charts import LAND, QUIET, SEA, Drawing, LegendEntry
from api.reports.routes import PDF
from api.reports.territory_sheet import SupplierToAsk, TerritorySheet, first_to_ask
from api.runtime.endpoint import Call
from api.runtime.processes.match_work import run_in_thread
from api.runtime.rate_limits import caller_of
from api.supply import MOST_AREAS, SupplyQuery, answer_to_query, question_of, search_of
from api.sync.sources import all_sources
from api.web.content_negotiation import GEOJSON, JSON
from domain.errors import NotFound
from domain.law.review import OPTIONS
from domain.reference.territory import Area, UnknownTerritory
from domain.shortlists.shortlist import TensionLevel
from domain.suppliers.known_trades import KindOrNone, years_before
from domain.supply import AreaSupply, SegmentSupply, Supply
from domain.text.bilingual import Language, Text, printed_count
from domain.text.normalise import fold
from matching.geo.map_frame import TENTHS, WIDTH, Drawn, outline_of, outlines_within
from matching.geo.map_sheets import AreaSheet, area_sheets
from matching.inspection.supply import Level, area_supplies
from matching.reference import Reference
from matching.tension import tension_level
from sources.rows import day_of

SHADES = ("#ffffff", "#d3e2ef", "#9dc0dc", "#5b94c0", "#1b4f7d")
"""Of nobody, then of more and more; the number is written in each area that has room for it."""
DARK = 4
DIGIT, LETTER_SIZE = 15.0, 26
"""The width of a digit of a number in an area, and its size, in units."""


class AreaMap(msgspec.Struct, frozen=True):
    """The areas of a territory with their counts, the map of them, and its legend."""

    areas: tuple[AreaSupply, ...]
    numbers: tuple[int, ...]
    drawing: Drawing


class Shade(NamedTuple):
    """A colour of the map, for areas whose number is from `least` to `most`."""

    least: int
    most: int
    colour: str


async def map_of_areas(call: Call, codes: tuple[str, ...], level: Level, segment: str | None) -> AreaMap:
    """The map of a territory's areas by number of suppliers; with a `segment`, only those that offer it.

    Raises Refusal: 422 for what is unknown, 429 where too many wait.
    """
    services = call.services
    query = SupplyQuery(territory=codes, segments=(segment,) if segment else (), level=level)
    question, live = question_of(call, query, GEOJSON)

    def encode_map() -> bytes:
        """The map in JSON, as it is cached."""
        search = search_of(question, live, services.reference)
        areas = area_supplies(search, question.segments, question.level, services.reference.geography)
        numbers = [sum(each.local.values()) if question.segments else each.suppliers for each in areas]
        sheets = area_sheets(services.reference.geography, [each.id for each in areas])
        drawing = area_drawing(areas, numbers, sheets, question.language)
        return msgspec.json.encode(AreaMap(tuple(areas), tuple(numbers), drawing))

    body = await services.supply_answers.answer(("map of areas", question), caller_of(call.scope), encode_map)
    return msgspec.json.decode(body, type=AreaMap)


def area_drawing(
    areas: Sequence[AreaSupply],
    numbers: Sequence[int],
    sheets: Sequence[AreaSheet],
    language: Language,
    path: str = "./",
) -> Drawing:
    """The map's sheets with every area in the shade of its number, and a legend; `path`: to territories' pages."""
    if not sheets:
        unknown = Text("Le contour de ce territoire n'est pas connu.", "The outline of this territory is not known.")
        return Drawing((), note=unknown.to(language))
    shades = shades_of(numbers)
    main, *others = (_draw_sheet(sheet, areas, numbers, shades, path) for sheet in sheets)
    keys = []
    for least, most, colour in shades:
        rect = f'<rect x="2" y="8" width="36" height="24" fill="{colour}" stroke="{QUIET}" stroke-width="2"/>'
        sign = f'<svg viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">{rect}</svg>'
        between = Text("ou", "or") if least + 1 == most else Text("à", "to")
        others_of = f" {between.to(language)} {printed_count(most, language)}" if least < most else ""
        keys.append(LegendEntry(sign, printed_count(least, language) + others_of))
    return Drawing((main,), tuple(others), tuple(keys))


def shades_of(numbers: Sequence[int]) -> tuple[Shade, ...]:
    """The shades for a map of these numbers: one for zero, and others that about equally many areas have each."""
    known = sorted(number for number in numbers if number)
    steps = len(SHADES) - 1
    least = sorted({known[len(known) * step // steps] for step in range(steps)}) if known else []
    most = [*(following - 1 for following in least[1:]), *known[-1:]]
    shades = (Shade(0, 0, SHADES[0]),) if len(known) < len(numbers) else ()
    colours = SHADES[len(SHADES) - len(least) :]
    return (*shades, *map(Shade, least, most, colours))


def _draw_sheet(
    sheet: AreaSheet, areas: Sequence[AreaSupply], numbers: Sequence[int], shades: Sequence[Shade], target: str
) -> str:
    """A sheet as SVG: each area a link to its page, with its number where there is room; keyboards use the table."""
    height = f"{sheet.frame.height:.1f}"
    scale = f'transform="scale({1 / TENTHS:g})" stroke-linejoin="round"'
    links, written = [], []
    for shape in sheet.areas:
        area, number = areas[shape.position], numbers[shape.position]
        colour = next(shade.colour for shade in reversed(shades) if number >= shade.least)
        path = f'<path d="{shape.path}" fill="{colour}"/>'
        links.append(
            f'<a href="{target}{area.id}" tabindex="-1"><title>{escape(area.label)} : {number}</title>{path}</a>'
        )
        if shape.room >= DIGIT * len(str(number)) + 12:
            fill = "#fff" if colour == SHADES[DARK] else "#1a1a1a"
            x, y = shape.middle
            where = f'x="{x:g}" y="{y + LETTER_SIZE / 3:.1f}" font-size="{LETTER_SIZE}" text-anchor="middle"'
            written.append(f'<text {where} fill="{fill}" pointer-events="none">{number}</text>')
    parts = (
        f'<svg viewBox="0 0 {WIDTH:g} {height}" width="{WIDTH:g}" height="{height}">',
        f"<title>{escape(sheet.name)}</title>" if sheet.name else "",
        f'<rect width="{WIDTH:g}" height="{height}" fill="{SEA}"/>',
        f'<path d="{sheet.context}" fill="{LAND}" stroke="#b9b4a8" stroke-width="12" {scale}/>',
        f'<g stroke="#3a4652" stroke-width="14" {scale}>',
    )
    return "".join((*parts, *links, "</g>", *written, "</svg>"))


MOST_TOGETHER = 20
LONGEST_NAME = 100


@page("GET", "/territoires", scope="match")
async def find_territory(visit: Visit) -> Response[bytes]:
    """The form that looks up a territory by name, with those found; a redirect where just one is found."""
    name = visit.text("lieu")[:LONGEST_NAME]
    found = territories_of_name(name, visit.reference) if name else ()
    if len(found) == 1:
        return visit.redirect(f"/territoires/{found[0].id}")
    regions = sorted(visit.reference.territories.areas("region"), key=lambda area: fold(area.label))
    return visit.page("directory/territories.html", name=name, found=found, regions=regions)


@page("GET", "/territoires/{code}", scope="match")
async def show_territory(visit: Visit, code: str) -> Response[bytes]:
    """The supply of a territory, with those that the query adds to it (`avec`), as tables, bars and a map."""
    areas = _areas_of_codes(visit, (code, *visit.fields.get("avec", ())))
    name = visit.text("lieu")[:LONGEST_NAME]
    found = territories_of_name(name, visit.reference) if name else ()
    if len(found) == 1:
        return visit.redirect(_path_of_supply_page(list({area.id: area for area in (*areas, *found)}.values())))
    codes = tuple(area.id for area in areas)
    since = day_of(visit.text("depuis")) or years_before(visit.services.today(), 1)
    _, answer = await answer_to_query(visit.call, SupplyQuery(territory=codes, since=since), JSON)
    supply = msgspec.json.decode(answer, type=Supply)
    items = sorted(supply.items, key=lambda each: (-each.suppliers, each.label))
    present = [each for each in items if each.suppliers]
    reserved, levels = visit.text("reserve"), _drawable_levels(areas)
    segment = next((each for each in present if each.segment == visit.text("metier")), None)
    level = next((each for each in levels if each == visit.text("niveau")), levels[0] if levels else None)
    mapped = await map_of_areas(visit.call, codes, level, segment.segment if segment else None) if level else None
    rows = [
        (each.id, each.label, number)
        for each, number in (zip(mapped.areas, mapped.numbers, strict=True) if mapped else ())
    ]
    return visit.page(
        "directory/territory.html",
        areas=areas,
        paths_without=[
            _path_of_supply_page([each for each in areas if each is not area]) for area in areas if len(areas) > 1
        ],
        name=name,
        found=found,
        paths_with=[_path_of_supply_page([*areas, each]) for each in found],
        supply=supply,
        known=known_by_kind(supply),
        present=present,
        absent=[each for each in items if not each.suppliers],
        most=max((each.suppliers for each in items), default=0),
        remaining=competition_under_reservations(supply, present),
        options=OPTIONS,
        reserved=reserved if reserved in OPTIONS else "",
        levels=levels,
        level=level,
        segment=segment,
        map=mapped,
        areas_in_order=sorted(rows, key=lambda row: (-row[2], row[1])),
        of_need=[("territoire", each) for each in codes],
        download=urlencode([("territory", each) for each in codes]),
        file_name="-".join(each.replace(":", "-") for each in codes)[:LONGEST_NAME],
    )


@page("GET", "/territoires/{code}/etat-des-lieux.pdf", scope="match")
async def print_territory(visit: Visit, code: str) -> Response[bytes]:
    """The supply of a territory as a handout (PDF, at most four pages)."""
    areas, services = _areas_of_codes(visit, (code, *visit.fields.get("avec", ()))), visit.services
    codes, today = tuple(area.id for area in areas), services.today()
    live = services.directory.index_for(visit.organisation_id)
    query = SupplyQuery(territory=codes, since=day_of(visit.text("depuis")) or years_before(today, 1))
    question, answer = await answer_to_query(visit.call, query, JSON)
    levels = _drawable_levels(areas)
    mapped = await map_of_areas(visit.call, codes, levels[0], None) if levels else None
    sources = await all_sources(services)

    def make_sheet() -> bytes:
        search = search_of(question, live, services.reference)
        standing = search.suppliers_in_territory
        groups = zip(standing.tolist(), live.base.trade_groups.groups_of(standing), strict=True)
        unknown = (
            (live.base.columns.supplier(ordinal), group.asked_last is not None)
            for ordinal, group in groups
            if group.evidence is None and not (live.noted and ordinal in live.noted.of_supplier)
        )
        town = visit.reference.territories.commune_name
        asked = first_to_ask(
            SupplierToAsk(each.name, each.kinds, each.commune and town(each.commune), last) for each, last in unknown
        )
        supply = msgspec.json.decode(answer, type=Supply)
        drawing = mapped.drawing if mapped else None
        made = TerritorySheet(supply, drawing, asked, sources.items, services.now(), visit.language)
        return made.pdf()

    async with services.reports.slot_of(str(visit.organisation_id)):
        pdf = await run_in_thread(None, make_sheet)
    name = "-".join(each.replace(":", "-") for each in codes)[:LONGEST_NAME]
    disposition = f'inline; filename="etat-des-lieux-{name}-{today}.pdf"'
    headers = {"content-disposition": disposition, "cache-control": "private, no-store"}
    return Response(pdf, media_type=PDF, headers=headers)


class KnownShare(NamedTuple):
    """The suppliers of a kind (None: of all), those whose trade is known, and what was known of them before."""

    kind: str | None
    suppliers: int
    with_trade: int
    before: tuple[int, int] | None
    """Suppliers, and those whose trade was known; null where nobody counted them on an earlier day"""


def known_by_kind(supply: Supply) -> tuple[KnownShare, ...]:
    """The known trades of those that stand in the territory, of all and by kind, beside those of the day before."""
    then = supply.trades_before if supply.trades_before and supply.trades_before.on < supply.on else None
    of_kinds = {each.kind: each for each in then.by_kind} if then else {}

    def counted_before(kind: KindOrNone) -> tuple[int, int] | None:
        """The numbers of a kind on the day before; none of a kind that nobody was of then."""
        if then is None:
            return None
        return (each.suppliers, each.with_trade) if (each := of_kinds.get(kind)) else (0, 0)

    now = supply.trades
    whole = KnownShare(None, now.suppliers, now.with_trade, None if then is None else (then.suppliers, then.with_trade))
    each_kind = sorted(now.by_kind, key=lambda each: -each.suppliers)
    return (whole, *(KnownShare(e.kind, e.suppliers, e.with_trade, counted_before(e.kind)) for e in each_kind))


def competition_under_reservations(
    supply: Supply, present: Iterable[SegmentSupply]
) -> dict[str, Counter[TensionLevel]]:
    """For each reservation, how many of these segments it would leave with which competition.

    Of a prison workshop nothing is known before it is asked.
    """
    counts: dict[str, Counter[TensionLevel]] = {option: Counter() for option in OPTIONS}
    for option in OPTIONS:
        unknown = getattr(supply.unknown_reserved, option)
        for known in (getattr(each.reserved, option) for each in present):
            counts[option][tension_level(*(0, known) if option == "penitentiary" else (known, unknown))] += 1
    return counts


def _areas_of_codes(visit: Visit, codes: Sequence[str]) -> list[Area]:
    """The territories of these codes, each once. Raises NotFound for the first that is unknown."""
    try:
        areas = [visit.reference.territories.area(code) for code in codes[:MOST_TOGETHER]]
    except UnknownTerritory as unknown:
        raise NotFound(unknown.detail) from None
    return list({area.id: area for area in areas}.values())


def _path_of_supply_page(areas: Sequence[Area]) -> str:
    first, *others = areas
    query = urlencode([("avec", area.id) for area in others], safe=":")
    return f"/territoires/{first.id}" + (f"?{query}" if query else "")


def _drawable_levels(areas: Sequence[Area]) -> tuple[Level, ...]:
    """The levels (commune, EPCI) at which these territories can be mapped, the best first; none for one commune."""
    communes = len({ordinal for area in areas for ordinal in area.communes})
    if communes < 2:
        return ()
    if communes > MOST_AREAS:
        return ("epci",)
    return ("commune", "epci") if all(area.kind in {"commune", "epci"} for area in areas) else ("epci", "commune")


MOST_TOWNS = 1_500
CACHED = 32
"""Answers that are remembered: some 60 kB each."""
OWN, TOWNS = "contour", "villes"
DRAWN: tuple[Drawn, ...] = get_args(Drawn)
WITHIN: dict[str, tuple[Drawn, ...]] = {"country": ("departement",), "departement": ("epci", "commune")}
"""The kinds of outlines that are drawn of an area, by its kind."""


@page("GET", "/contours/{version}/{code}/{kind}", scope="match")
async def get_outlines(visit: Visit, version: str, code: str, kind: str) -> Response[bytes]:
    """Outlines of a kind, such as `commune`, within an area, for the browser's map; cached if `version` is current."""
    (area,) = _areas_of_codes(visit, (code,))
    if kind not in (*WITHIN.get(area.kind, ()), OWN) and (area.kind, kind) != ("country", TOWNS):
        raise NotFound(SAID["no_outlines"])
    content = await visit.run_work(outlines_in, area.id, kind)
    is_current = version == visit.reference.territories.version
    caching = f"private, max-age={YEAR}, immutable" if is_current else "no-store"
    return Response(content, media_type=GEOJSON, headers={"cache-control": caching, "vary": "cookie"})


@lru_cache(CACHED)
def outlines_in(reference: Reference, code: str, kind: str) -> bytes:
    """GeoJSON of outlines: of areas of a kind within an area, its own (`contour`), or points of towns (`villes`)."""
    shapes: list[tuple[str, str, object]] = []
    if kind == TOWNS:
        for commune in sorted(reference.territories.communes, key=lambda each: -each.population)[:MOST_TOWNS]:
            if commune.lat is not None and commune.lon is not None:
                at = {"type": "Point", "coordinates": (round(commune.lon, 3), round(commune.lat, 3))}
                shapes.append((f"commune:{commune.code}", commune.name, at))
    else:
        area, geography = reference.territories.area(code), reference.geography
        drawn = next((each for each in DRAWN if each == kind), None)
        found = outline_of(geography, area) if drawn is None else outlines_within(geography, area, drawn)
        shapes = [(each.id, each.label, msgspec.Raw(outline.encode())) for each, outline in found]
    features = (
        {"type": "Feature", "id": id_, "properties": {"name": name}, "geometry": shape} for id_, name, shape in shapes
    )
    return msgspec.json.encode({"type": "FeatureCollection", "features": list(features)})
