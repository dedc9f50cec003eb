"""The map of a lot: its territory, its site and limit of distance, and its suppliers by what they may do."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from api.drawings import Drawing, Pin, map_drawing
from domain.needs.need import Lot, Need
from domain.report.lots import Standing, standings_of
from domain.shortlists.shortlist import LotShortlist, Shortlist, SupplierSummary
from domain.text.bilingual import Language
from matching.geo.map_sheets import map_sheets
from matching.reference import Reference


class _Shown(NamedTuple):
    """A supplier of a lot; `standing` is None where the answer says nothing of it."""

    supplier: SupplierSummary
    standing: Standing | None


def lot_maps(
    reference: Reference, need: Need, shortlist: Shortlist, chosen: tuple[str, ...], language: Language
) -> dict[str, Drawing]:
    """The map of each of the chosen lots, by its id."""
    asked = {lot.id: lot for lot in need.lots}
    return {
        lot.id: _lot_map(reference, need, asked[lot.id], shortlist, number, language)
        for number, lot in enumerate(shortlist.lots)
        if lot.id in chosen
    }


def _lot_map(
    reference: Reference, need: Need, asked: Lot, shortlist: Shortlist, position: int, language: Language
) -> Drawing:
    lot = shortlist.lots[position]
    shown = [each for each in _suppliers_of(shortlist, lot) if each.supplier.location]
    territory = asked.territory or need.territory
    sheets = map_sheets(
        reference.geography,
        [territory] if territory else [],
        [asked.site] if asked.site else [],
        [each.supplier.location for each in shown if each.supplier.location],
        asked.max_distance_km,
    )
    pins = [
        Pin(each.standing or "unknown_trade", each.supplier.name, f"#f-{position + 1}-{each.supplier.id}")
        for each in shown
    ]
    return map_drawing(pins, asked.title or "", language, sheets)


def _suppliers_of(shortlist: Shortlist, lot: LotShortlist) -> Iterator[_Shown]:
    """The suppliers of a lot, each with the best that it may do there."""
    standings = standings_of(msgspec.structs.replace(shortlist, lots=(lot,)))
    for rows in (lot.candidates, lot.near_misses, lot.unknown_trade.nearest):
        yield from (_Shown(row.supplier, standings.get(row.supplier.id)) for row in rows)
