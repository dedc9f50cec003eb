"""The words of the directory's pages for what the API says in codes: fields, flags, bases of offers, service areas."""

import re
from datetime import date
from typing import Literal

from domain.reference.territory import Territories, UnknownTerritory
from domain.suppliers.supplier import Approval, Flag, ServiceArea
from domain.text.bilingual import NOTHING, Text, listed, long_date
from domain.text.typography import of_place

ApprovalState = Literal["in_force", "ended", "to_come"]
MOST_PLACES = 6

_FAR_FROM_POSTAL_CODE = re.compile(r"([\d.]+) km from postal code (\d+)")
_FAR_FROM_COMMUNE = re.compile(r"([\d.]+) km from (\w+) (.+)")
_IN_ANOTHER_COMMUNE = re.compile(r"in (\w+) (.+), not (\w+) (.+)")
_SIMPLIFIED = re.compile(r"(\d+) vertices, (\d+) kept")
"""Details of flags as they are stored, in English."""


def approval_state(approval: Approval, on: date) -> ApprovalState:
    """Whether an approval is in force on a day; its bounds are included."""
    if approval.valid_until is not None and approval.valid_until < on:
        return "ended"
    return "to_come" if approval.valid_from is not None and on < approval.valid_from else "in_force"


def flag_detail(flag: Flag, territories: Territories) -> Text:
    """The doubtful value of a flag in words; nothing where the flag says it all."""
    if flag.code in {"no_place", "no_offer"}:
        return NOTHING
    if flag.code == "placed_at_commune":
        name = territories.commune_name(flag.detail) or flag.detail
        return Text(name, name)
    if flag.code == "approval_expired":
        kind, _, last = flag.detail.partition(" ")
        day = long_date(date.fromisoformat(last))
        return Text(f"{kind}, le {day.fr}", f"{kind}, on {day.en}")
    return Text(_in_french(flag.detail), flag.detail)


def _in_french(detail: str) -> str:
    """A value that is stored with English words, in French ones; others are the same in both."""
    if found := _FAR_FROM_POSTAL_CODE.fullmatch(detail):
        return f"à {found[1].replace('.', ',')} km des communes du code postal {found[2]}"
    if found := _FAR_FROM_COMMUNE.fullmatch(detail):
        return f"à {found[1].replace('.', ',')} km {of_place(found[3])}"
    if found := _IN_ANOTHER_COMMUNE.fullmatch(detail):
        return f"dans la commune {of_place(found[2])}, non dans celle {of_place(found[4])}"
    if found := _SIMPLIFIED.fullmatch(detail):
        return f"{found[2]} sommets gardés sur {found[1]}"
    return detail


def service_area(area: ServiceArea | None, territories: Territories) -> Text:
    """A service area in words."""
    if area is None:
        return Text("non précisé", "not said")
    if area.national:
        return Text("toute la France", "all of France")
    if area.radius_km is not None:
        return Text(f"{area.radius_km:g} km autour de son adresse", f"{area.radius_km:g} km around its address")
    if area.geometry is not None:
        return Text("un contour tracé", "a drawn outline")
    names = [_name(code, territories) for code in area.codes or ()]
    shown, more = names[:MOST_PLACES], len(names) - MOST_PLACES
    if more > 0:
        return Text(f"{', '.join(shown)} et {more} autres", f"{', '.join(shown)} and {more} more")
    return listed(shown)


def _name(code: str, territories: Territories) -> str:
    try:
        return territories.area(code).label
    except UnknownTerritory:
        return code
