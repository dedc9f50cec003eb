"""The words of the directory's pages for what the API says in codes: fields, flags, bases of offers, service areas."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Literal

from domain.reference.territory import Territories, UnknownTerritory
from domain.suppliers.supplier import Approval, Flag, ServiceArea
from domain.text.bilingual import NOTHING, Text, listed, long_date
from domain.text.typography import of_place

ApprovalState = Literal["in_force", "ended", "to_come"]
MOST_PLACES = 6

BASES: Mapping[str, Text] = {
    "declared": Text("déclaré par la structure ou son réseau", "declared by the supplier or its network"),
    "awarded": Text("montré par un marché public gagné", "shown by a public contract won"),
    "inferred": Text("déduit, à confirmer", "inferred, to be confirmed"),
}
APPROVAL_STATES: Mapping[ApprovalState, Text] = {
    "in_force": Text("en vigueur", "in force"),
    "ended": Text("échu", "ended"),
    "to_come": Text("à venir", "to come"),
}
LEGAL_FORM_NAMES: Mapping[str, Text] = {
    "association": Text("association", "association"),
    "cooperative": Text("coopérative", "cooperative"),
    "mutual": Text("mutuelle", "mutual society"),
    "foundation": Text("fondation", "foundation"),
    "commercial_company": Text("société commerciale", "commercial company"),
    "public_body": Text("organisme public", "public body"),
    "other": Text("autre forme", "other form"),
}
FLAGS: Mapping[str, Text] = {
    "siret_check_failed": Text("Le SIRET a une clé fausse", "The check digit of the SIRET is wrong"),
    "placed_at_commune": Text(
        "L'adresse exacte n'est pas connue : placé au milieu de sa commune",
        "The exact address is not known: placed in the middle of its commune",
    ),
    "point_far_from_commune": Text("Le point est loin de la commune", "The point is far from the commune"),
    "outside_france": Text("Le point est hors de France", "The point is outside of France"),
    "no_place": Text("Le lieu n'est pas connu", "The place is not known"),
    "no_offer": Text("Aucune activité n'est connue", "No trade is known"),
    "unmapped_category": Text("Une catégorie de la source n'a pas de métier", "A category of the source has no trade"),
    "area_simplified": Text("La zone d'intervention a été simplifiée", "The service area was simplified"),
    "approval_expired": Text("Un agrément est échu", "An approval has ended"),
}
_FAR_FROM_POSTAL_CODE = re.compile(r"([\d.]+) km from postal code (\d+)")
_FAR_FROM_COMMUNE = re.compile(r"([\d.]+) km from (\w+) (.+)")
_IN_ANOTHER_COMMUNE = re.compile(r"in (\w+) (.+), not (\w+) (.+)")
_SIMPLIFIED = re.compile(r"(\d+) vertices, (\d+) kept")
"""Details of flags as they are stored, in English."""
FIELDS: Mapping[str, Text] = {
    "name": Text("Nom", "Name"),
    "trade_name": Text("Nom commercial", "Trade name"),
    "siret": Text("SIRET", "SIRET"),
    "legal_form": Text("Forme juridique", "Legal form"),
    "ess": Text("Économie sociale et solidaire", "Social and solidarity economy"),
    "in_prison": Text("Travail en établissement pénitentiaire", "Work in a prison"),
    "address": Text("Adresse", "Address"),
    "commune": Text("Commune", "Commune"),
    "location": Text("Emplacement", "Location"),
    "description": Text("Présentation", "Description"),
    "employees": Text("Effectif", "Employees"),
    "active": Text("En activité", "Active"),
    "turnover_eur": Text("Chiffre d'affaires", "Turnover"),
    "contact.email": Text("Adresse e-mail", "E-mail address"),
    "contact.phone": Text("Téléphone", "Telephone"),
    "contact.website": Text("Site", "Website"),
    "shares.disabled": Text("Part de travailleurs handicapés", "Share of disabled workers"),
    "shares.disadvantaged": Text("Part de travailleurs défavorisés", "Share of disadvantaged workers"),
    "shares.detained": Text("Part de détenus", "Share of detainees"),
}


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
