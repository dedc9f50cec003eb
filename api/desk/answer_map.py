"""The map of a lot on the desk's answer page: its territory, its site, and suppliers with signs of their best outcome.

It is a drawing that needs no script; `assets/answer_map.js` makes of it a map to zoom.
"""

import msgspec

from api.draw_maps_and_charts import Drawing, Pin, map_drawing
from domain.needs.need import Need
from domain.report.lots import standings_of
from domain.shortlists.shortlist import Shortlist
from domain.text.bilingual import Language
from matching.geo.map_sheets import map_sheets
from matching.reference import Reference


def lot_maps(
    reference: Reference, need: Need, shortlist: Shortlist, lot_ids: tuple[str, ...], language: Language
) -> dict[str, Drawing]:
    """The map of each lot of `lot_ids`, by id: its territory, its site, and its suppliers, each a link to its row."""
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
