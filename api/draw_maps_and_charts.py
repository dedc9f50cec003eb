"""Maps of suppliers and bar charts as SVG, for pages and for reports, to be read in grey too.

Texts are escaped; nothing refers to anything outside of the drawing. In a page, letters are those of the page; a
document that has no such surroundings names its `font`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
from markupsafe import escape

from domain.needs.need import Need
from domain.report.lots import Standing, standings_of
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language, Text, printed_count, typeset
from domain.text.labels import STANDINGS
from matching.geo.map_frame import TENTHS, WIDTH, Spot
from matching.geo.map_sheets import MapSheets, Sheet, Town, map_sheets
from matching.reference import Reference

INK, QUIET, PALE, LAND, SEA = "#1f3a56", "#5d6b78", "#c3d1dd", "#f7f5f0", "#e6eef3"
ROW, LABEL, BAR_END = 44, 470.0, 930.0
ROWS = 16
"""Rows of one part of a chart, which fits a page."""
LETTERS = 'font-size="20" fill="#26313c"'
GROUND = 'fill="#7fa3c2" fill-opacity=".45"'
"""Of the territory; the areas below it show through."""
REACH = 'fill="none" stroke="#a3341f" stroke-dasharray="90 60"'
"""Of all that lies within the radius, in tenths of a unit."""
HALO = 'fill="none" stroke="#fff" stroke-width="{:g}" stroke-linejoin="round"'
LABEL_SIGNS = 38
SITE = Text("Lieu d'exécution", "Place of performance")
TERRITORY = Text("Territoire du besoin", "Territory of the need")
UNKNOWN_TRADE = Text("Activité non renseignée, à interroger", "Trade unknown, to be asked")
WITHIN_REACH = Text("Limite de distance", "Limit of distance")


class LegendEntry(NamedTuple):
    """A line of a legend: a sign as SVG, and what the sign means."""

    sign: str
    text: str


class Drawing(NamedTuple):
    """A figure as SVG: parts one below the other, insets side by side, the legend, and a note."""

    parts: tuple[str, ...]
    insets: tuple[str, ...] = ()
    keys: tuple[LegendEntry, ...] = ()
    note: str = ""


class Pin(NamedTuple):
    """A supplier on a map: the standing that its sign shows; its name and a link where the page has an entry of it."""

    standing: Standing | Literal["unknown_trade"]
    name: str = ""
    href: str = ""


class Bar(NamedTuple):
    """A row of a chart, in numbers: the `whole` bar, the darker `part` of it, and where on it a `mark` stands."""

    label: str
    whole: int
    part: int | None = None
    mark: int | None = None


def lot_maps(
    reference: Reference, need: Need, shortlist: Shortlist, lot_ids: tuple[str, ...], language: Language
) -> dict[str, Drawing]:
    """The map of each lot of `lot_ids`, by id: its territory, its site, and its suppliers, each a link to its row.

    It needs no script; the desk's `assets/answer_map.js` makes of it a map to zoom.
    """
    asked_of, drawn = {lot.id: lot for lot in need.lots}, {}
    for number, lot in enumerate(shortlist.lots, 1):
        if lot.id not in lot_ids:
            continue
        asked, standings = asked_of[lot.id], standings_of(msgspec.structs.replace(shortlist, lots=(lot,)))
        suppliers = [row.supplier for row in lot.candidates] + [row.supplier for row in lot.near_misses]
        suppliers += [row.supplier for row in lot.unknown_trade.nearest]
        shown = [(each, each.location) for each in suppliers if each.location]
        territory = asked.territory or need.territory
        sheets = map_sheets(
            reference.geography,
            [territory] if territory else [],
            [asked.site] if asked.site else [],
            [at for _, at in shown],
            asked.max_distance_km,
        )
        pins = [
            Pin(standings.get(supplier.id, "unknown_trade"), supplier.name, f"#f-{number}-{supplier.id}")
            for supplier, _ in shown
        ]
        drawn[lot.id] = map_drawing(pins, asked.title or "", language, sheets)
    return drawn


def map_drawing(
    pins: Sequence[Pin], title: str, language: Language, maps: MapSheets, font: str | None = None
) -> Drawing:
    """The map of suppliers, with a sign for each standing; `pins`: one for each point in `maps`, in their order."""
    if not maps.sheets:
        unknown = Text("Le contour de ce territoire n'est pas connu.", "The outline of this territory is not known.")
        return Drawing((), note=unknown.to(language))
    beyond = Text(f"Hors du cadre de la carte : {maps.beyond}.", f"Beyond the map: {maps.beyond}.").to(language)
    main, *others = maps.sheets
    signs = [(_swatch_sign(GROUND, INK), TERRITORY)]
    if any(sheet.sites for sheet in maps.sheets):
        signs.append((_star_sign((20, 20), 15), SITE))
    if any(sheet.reach for sheet in maps.sheets):
        dashes = '<path d="M2 20H38" fill="none" stroke="#a3341f" stroke-width="3" stroke-dasharray="9 6"/>'
        signs.append((dashes, WITHIN_REACH))
    shown = Counter[str](pins[position].standing for sheet in maps.sheets for position, _ in sheet.points)
    for standing, words in {**STANDINGS, "unknown_trade": UNKNOWN_TRADE}.items():
        if standing in shown:
            number = printed_count(shown[standing], language)
            meaning = Text(f"{words.fr} : {number}", f"{words.en}: {number}")
            signs.append((_supplier_sign((20, 20), standing), meaning))
    return Drawing(
        parts=(_draw_sheet(pins, title, main, font, inset=False),),
        insets=tuple(_draw_sheet(pins, title, other, font, inset=True) for other in others),
        keys=tuple(
            LegendEntry(_legend_sign(sign, font), typeset(meaning.to(language), language)) for sign, meaning in signs
        ),
        note=typeset(beyond, language) if maps.beyond else "",
    )


def _draw_sheet(pins: Sequence[Pin], title: str, sheet: Sheet, font: str | None, *, inset: bool) -> str:
    """One sheet of the map as SVG. An inset has larger signs, as it is printed at a sixth of the width."""
    size = 3.2 if inset else 1.0
    inside = [
        f'<rect width="{WIDTH:g}" height="{sheet.height:g}" fill="{SEA}"/>',
        _path_element("context", sheet.context, f'fill="{LAND}" stroke="#b9b4a8"', 1.2 * size),
        _path_element("territory", sheet.territory, f'{GROUND} fill-rule="evenodd" stroke="{INK}"', 2.2 * size),
        _path_element("reach", sheet.reach, REACH, 3 * size),
        *map(_town_sign, sheet.towns),
    ]
    for position, at in reversed(sheet.points):
        pin, sign = pins[position], _supplier_sign(at, pins[position].standing, size)
        if pin.href:  # by keyboard the page's table is the way there
            linked = f'<a href="{escape(pin.href)}" tabindex="-1" data-at="{at[0]:g} {at[1]:g}">'
            sign = f"{linked}<title>{escape(pin.name)}</title>{sign}</a>"
        inside.append(sign)
    inside += (_star_sign(at, 17 * size) for at in sheet.sites)
    if sheet.name:
        letters = 90 if inset else 26
        where = f'<text x="{letters / 2:g}" y="{letters * 1.3:g}" font-size="{letters}"'
        inside.append(_haloed_text(where, HALO.format(letters / 5), sheet.name))
    if not inset:
        right, y = WIDTH - 24, sheet.height - 24
        left = right - sheet.scale
        line = f"M{left:g} {y - 8:g}V{y:g}H{right:g}V{y - 8:g}"
        inside += (
            f'<path d="{line}" fill="none" stroke="#3a4652" stroke-width="2.5"/>',
            f'<text x="{(left + right) / 2:g}" y="{y - 12:g}" font-size="19" text-anchor="middle" fill="#3a4652">',
            f"{sheet.scale_km}\N{NO-BREAK SPACE}km</text>",
        )
    border = f'fill="none" stroke="{QUIET}" stroke-width="{1.5 * size:g}"'
    inside.append(f'<path d="M0 0H{WIDTH:g}V{sheet.height:g}H0Z" {border}/>')
    ground = ""
    if any(pin.href for pin in pins):  # a script finds the ground: the plane's centre, west, north, units per kilometre
        frame = sheet.frame
        numbers = frame.plane.lat, frame.plane.lon, frame.west, frame.north, frame.per_km
        ground = f' data-frame="{" ".join(f"{number:.7g}" for number in numbers)}"'
    return _svg_element(sheet.height, inside, font, sheet.name or title, ground)


def _svg_element(height: float, elements: Sequence[str], font: str | None, title: str, attributes: str = "") -> str:
    titled = f"<title>{escape(title)}</title>" if title else ""
    size = f'viewBox="0 0 {WIDTH:g} {height:g}" width="{WIDTH:g}" height="{height:g}"'
    return f"<svg{_font_attributes(font)}{attributes} {size}>{titled}{''.join(elements)}</svg>"


def _legend_sign(sign: str, font: str | None) -> str:
    return f'<svg{_font_attributes(font)} viewBox="0 0 40 40" width="40" height="40" aria-hidden="true">{sign}</svg>'


def _font_attributes(font: str | None) -> str:
    """The SVG attributes of a font and, as a file outside of a page needs it, of the namespace; none without a font."""
    return f' xmlns="http://www.w3.org/2000/svg" font-family="{escape(font)}"' if font else ""


def _path_element(css_class: str, path_data: str, style: str, width: float) -> str:
    """The SVG path of data in tenths of a unit, with a line `width` units wide; "" where there are no data."""
    if not path_data:
        return ""
    scale = f'transform="scale({1 / TENTHS:g})" stroke-width="{width * TENTHS:g}"'
    return f'<path class="{css_class}" d="{path_data}" {scale} stroke-linejoin="round" {style}/>'


def _supplier_sign(at: Spot, standing: str, size: float = 1.0) -> str:
    """The SVG elements of a supplier's sign, centred at `at`; standings differ in shape, not in colour alone."""
    x, y, r = at[0], at[1], 10 * size
    match standing:
        case "eligible":
            return f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{INK}" stroke="#fff" stroke-width="{2 * size:g}"/>'
        case "on_proof":
            width = 4.5 * size
            return f'<circle cx="{x:g}" cy="{y:g}" r="{r - 1:g}" fill="#fff" stroke="{INK}" stroke-width="{width:g}"/>'
        case "to_judge":
            side = 1.7 * r
            return (
                f'<rect x="{x - side / 2:g}" y="{y - side / 2:g}" width="{side:g}" height="{side:g}" fill="#fff"'
                f' stroke="{QUIET}" stroke-width="{3 * size:g}"/>'
            )
        case "unknown_trade":
            high = f'x="{x:g}" y="{y + 8 * size:g}" font-size="{24 * size:g}" font-weight="bold" text-anchor="middle"'
            return f'<text {high} {HALO.format(5 * size)}>?</text><text {high} fill="{QUIET}">?</text>'
        case _:
            d = 0.75 * r
            cross = f"M{x - d:g} {y - d:g}L{x + d:g} {y + d:g}M{x - d:g} {y + d:g}L{x + d:g} {y - d:g}"
            return (
                f'<path d="{cross}" stroke="#fff" stroke-width="{7 * size:g}"/>'
                f'<path d="{cross}" stroke="{QUIET}" stroke-width="{3.5 * size:g}"/>'
            )


_STAR = (
    (0.0, -1.0), (0.22, -0.31), (0.95, -0.31), (0.36, 0.12), (0.59, 0.81),
    (0.0, 0.38), (-0.59, 0.81), (-0.36, 0.12), (-0.95, -0.31), (-0.22, -0.31),
)  # fmt: skip


def _star_sign(at: Spot, size: float) -> str:
    corners = " ".join(f"{at[0] + size * x:.1f},{at[1] + size * y:.1f}" for x, y in _STAR)
    where = f'class="site" data-at="{at[0]:g} {at[1]:g}" points="{corners}"'
    return f'<polygon {where} fill="#a3341f" stroke="#fff" stroke-width="{size / 6:g}"/>'


def _diamond_sign(at: Spot, size: float) -> str:
    x, y = at
    corners = f"{x:g},{y - size:g} {x + size:g},{y:g} {x:g},{y + size:g} {x - size:g},{y:g}"
    return f'<polygon points="{corners}" fill="#fff" stroke="{INK}" stroke-width="2.5"/>'


def _swatch_sign(fill_attribute: str, stroke: str = "none") -> str:
    return f'<rect x="2" y="10" width="36" height="20" {fill_attribute} stroke="{stroke}" stroke-width="2"/>'


def _town_sign(town: Town) -> str:
    x, y = town.at
    beside, anchor = (x - 10, "end") if town.left else (x + 10, "start")
    where = f'<text x="{beside:g}" y="{y + 7:g}" font-size="21" text-anchor="{anchor}"'
    named = _haloed_text(where, f'{HALO.format(4)} opacity=".8"', town.name)
    return f'<g class="town" data-at="{x:g} {y:g}"><circle cx="{x:g}" cy="{y:g}" r="3" fill="{QUIET}"/>{named}</g>'


def _haloed_text(start: str, halo: str, text: str) -> str:
    """A text of SVG drawn twice, first as a white halo; `start`: the start of its tag, up to the colours (`halo`)."""
    return f'{start} {halo}>{escape(text)}</text>{start} fill="#3a4652">{escape(text)}</text>'


def bar_chart(bars: Sequence[Bar], language: Language, font: str | None, meanings: Sequence[Text] = ()) -> Drawing:
    """A bar chart in parts of `ROWS` bars, at one scale. `meanings`: legend of the bar, its darker part, its mark."""
    most = max((bar.whole for bar in bars), default=0)
    per_unit = (BAR_END - LABEL) / max(most, 1)
    parts = []
    for first in range(0, len(bars), ROWS):
        rows = bars[first : first + ROWS]
        inside = [f'<path d="M{LABEL:g} 4V{ROW * len(rows) + 4:g}" stroke="{QUIET}" stroke-width="1.5"/>']
        for place, bar in enumerate(rows):
            top, middle, end = 4 + ROW * place, 4 + ROW * (place + 0.5), LABEL + bar.whole * per_unit
            label = bar.label if len(bar.label) <= LABEL_SIGNS else bar.label[: LABEL_SIGNS - 1].rstrip() + "…"
            row = f'<text x="{LABEL - 14:g}" y="{middle + 7:g}" {LETTERS} text-anchor="end">{escape(label)}</text>'
            lengths = [(bar.whole, 8, INK if bar.part is None else PALE)]
            lengths += [] if bar.part is None else [(bar.part, 14, INK)]
            for length, margin, fill in lengths:
                size = f'width="{length * per_unit:.1f}" height="{ROW - 2 * margin}"'
                row += f'<rect x="{LABEL:g}" y="{top + margin:g}" {size} fill="{fill}"/>'
            if bar.mark is not None and bar.whole:
                row += _diamond_sign((round(LABEL + bar.mark * per_unit, 1), middle), 8)
            row += f'<text x="{end + 14:.1f}" y="{middle + 7:g}" {LETTERS}>{printed_count(bar.whole, language)}</text>'
            inside.append(row)
        parts.append(_svg_element(ROW * len(rows) + 8, inside, font, ""))
    signs = _swatch_sign(f'fill="{PALE}"'), _swatch_sign(f'fill="{INK}"'), _diamond_sign((20, 20), 9)
    keys = (
        LegendEntry(_legend_sign(sign, font), meaning.to(language))
        for sign, meaning in zip(signs, meanings, strict=False)
    )
    return Drawing(tuple(parts), keys=tuple(keys))
