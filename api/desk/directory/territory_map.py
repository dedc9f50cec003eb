"""The map of a territory by communes or EPCI, shaded by how many suppliers stand in each."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from markupsafe import escape

from api.reports.svg import LAND, QUIET, SEA, Drawing, Key
from api.runtime.endpoint import Call
from api.runtime.rate_limits import caller_of
from api.supply import Question, SupplyQuery, question_of, search_of
from api.web.content_negotiation import GEOJSON
from domain.supply import AreaSupply
from domain.text.bilingual import Language, Text
from domain.text.typography import count
from matching.geo.map_frame import TENTHS, WIDTH
from matching.geo.map_sheets import AreaShape, AreaSheet, area_sheets
from matching.index import LiveIndex
from matching.reference import Reference
from matching.supply import Level, area_supplies

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
    """The numbers that have one shade: from `least` to `most`."""

    least: int
    most: int
    colour: str


async def map_of_areas(call: Call, codes: tuple[str, ...], level: Level, segment: str | None) -> AreaMap:
    """The map of the areas of some territories; `segment`: those that could answer it, else all suppliers.

    Raises Refusal: 422 for what is unknown, 429 where too many wait.
    """
    services = call.services
    query = SupplyQuery(territory=codes, segments=(segment,) if segment else (), level=level)
    question, live = question_of(call, query, GEOJSON), services.directory.index
    body = await services.supply_answers.answer(
        ("map of areas", question), caller_of(call.scope), lambda: _encoded(question, live, services.reference)
    )
    return msgspec.json.decode(body, type=AreaMap)


def _encoded(question: Question, live: LiveIndex, reference: Reference) -> bytes:
    search = search_of(question, live, reference)
    areas = area_supplies(search, question.segments, question.level, reference.geography)
    numbers = [sum(each.local.values()) if question.segments else each.suppliers for each in areas]
    sheets = area_sheets(reference.geography, [each.id for each in areas])
    drawing = area_drawing(areas, numbers, sheets, question.language)
    return msgspec.json.encode(AreaMap(tuple(areas), tuple(numbers), drawing))


def area_drawing(
    areas: Sequence[AreaSupply], numbers: Sequence[int], sheets: Sequence[AreaSheet], language: Language
) -> Drawing:
    """The sheets as drawings, every area in the shade of its number, and what the shades mean."""
    if not sheets:
        unknown = Text("Le contour de ce territoire n'est pas connu.", "The outline of this territory is not known.")
        return Drawing((), note=unknown.to(language))
    shades = shades_of(numbers)
    main, *others = (_sheet(sheet, areas, numbers, shades) for sheet in sheets)
    return Drawing((main,), tuple(others), tuple(Key(_swatch(shade), _range(shade, language)) for shade in shades))


def shades_of(numbers: Sequence[int]) -> tuple[Shade, ...]:
    """The shades of some numbers: one of nought, and about as many areas in each of the others."""
    known = sorted(number for number in numbers if number)
    steps = len(SHADES) - 1
    least = sorted({known[len(known) * step // steps] for step in range(steps)}) if known else []
    most = [*(following - 1 for following in least[1:]), *known[-1:]]
    shades = (Shade(0, 0, SHADES[0]),) if len(known) < len(numbers) else ()
    colours = SHADES[len(SHADES) - len(least) :]
    return (*shades, *map(Shade, least, most, colours))


def _shade(number: int, shades: Sequence[Shade]) -> Shade:
    return next(shade for shade in reversed(shades) if number >= shade.least)


def _range(shade: Shade, language: Language) -> str:
    least, most = count(shade.least, language), count(shade.most, language)
    if shade.least == shade.most:
        return least
    between = Text("ou", "or") if shade.least + 1 == shade.most else Text("à", "to")
    return f"{least} {between.to(language)} {most}"


def _swatch(shade: Shade) -> str:
    rect = f'<rect x="2" y="8" width="36" height="24" fill="{shade.colour}" stroke="{QUIET}" stroke-width="2"/>'
    return f'<svg viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">{rect}</svg>'


def _sheet(sheet: AreaSheet, areas: Sequence[AreaSupply], numbers: Sequence[int], shades: Sequence[Shade]) -> str:
    height = f"{sheet.frame.height:.1f}"
    scale = f'transform="scale({1 / TENTHS:g})" stroke-linejoin="round"'
    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {height}" width="{WIDTH:g}" height="{height}">',
        f"<title>{escape(sheet.name)}</title>" if sheet.name else "",
        f'<rect width="{WIDTH:g}" height="{height}" fill="{SEA}"/>',
        f'<path d="{sheet.context}" fill="{LAND}" stroke="#b9b4a8" stroke-width="12" {scale}/>',
        f'<g stroke="#3a4652" stroke-width="14" {scale}>',
    ]
    parts += [_area(shape, areas[shape.position], numbers[shape.position], shades) for shape in sheet.areas]
    parts += ["</g>", *_numbers(sheet, numbers, shades), "</svg>"]
    return "".join(parts)


def _area(shape: AreaShape, area: AreaSupply, number: int, shades: Sequence[Shade]) -> str:
    """An area, as a link to its own page; by keyboard the table is the way there."""
    path = f'<path d="{shape.path}" fill="{_shade(number, shades).colour}"/>'
    return f'<a href="./{area.id}" tabindex="-1"><title>{escape(area.label)} : {number}</title>{path}</a>'


def _numbers(sheet: AreaSheet, numbers: Sequence[int], shades: Sequence[Shade]) -> Iterator[str]:
    """The number of each area that has room for it."""
    for shape in sheet.areas:
        number = numbers[shape.position]
        if shape.room < DIGIT * len(str(number)) + 12:
            continue
        fill = "#fff" if _shade(number, shades).colour == SHADES[DARK] else "#1a1a1a"
        x, y = shape.middle
        where = f'x="{x:g}" y="{y + LETTER_SIZE / 3:.1f}" font-size="{LETTER_SIZE}" text-anchor="middle"'
        yield f'<text {where} fill="{fill}" pointer-events="none">{number}</text>'
