"""Names, memberships and retired codes of communes, corrected where the package lags the INSEE list of 2026."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from scripts.territory_sources import Etalab, EtalabCommune, EtalabEpci

VINTAGE = "2026"

MERGED_EPCI = {
    "994579670": ("CC du Lévézou", ("241200658", "241200765")),
    "992367730": ("CA Thionville Fensch Agglomération", ("245701222", "245701362")),
}
"""EPCI created on 1 January 2026 by merger (SIREN → name, merged EPCI); the package still has those that merged."""

MOVED_COMMUNES = {"14062": "241400860", "31075": "243100781", "65063": "200069300"}
"""Communes that changed EPCI on 1 January 2026 (commune → its new EPCI)."""

FORMER_KINDS = ("commune-deleguee", "commune-associee")


class Retired(NamedTuple):
    """The successor of each code that is out of use, of communes and of EPCI."""

    communes: dict[str, str]
    epci: dict[str, str]


def current_communes(etalab: Etalab) -> list[EtalabCommune]:
    """The communes of today, in the order of their codes."""
    communes = [row for row in etalab.communes if row.type == "commune-actuelle"]
    return sorted(communes, key=lambda commune: commune.code)


def memberships(epci: Iterable[EtalabEpci]) -> dict[str, str]:
    """The EPCI (SIREN) of each commune that has one."""
    merged = retired_epci()
    listed = {member.code: merged.get(group.code, group.code) for group in epci for member in group.membres}
    return listed | MOVED_COMMUNES


def retired_epci() -> dict[str, str]:
    """The EPCI that each EPCI merged into another belongs to now, by code."""
    return {old: new for new, (_, merged) in MERGED_EPCI.items() for old in merged}


def retired_codes(etalab: Etalab) -> Retired:
    """The successor of every code that is out of use.

    For a commune that is delegated or associated today its present chef-lieu counts, even where the history lists an
    older one: 55273 left 55245 for 55386.
    """
    current = {commune.code for commune in current_communes(etalab)}
    successors = {old: row.code for row in etalab.communes for old in row.anciens_codes}
    for row in etalab.communes:
        if row.type in FORMER_KINDS and row.chef_lieu is not None:
            successors[row.code] = row.chef_lieu
        elif row.type == "arrondissement-municipal" and row.commune is not None:
            successors[row.code] = row.commune
    communes = {old: new for old, new in sorted(successors.items()) if old not in current}
    if lost := {new for new in communes.values() if new not in current}:
        raise ValueError(f"retired codes lead to codes that are not in use: {sorted(lost)}")
    return Retired(communes, retired_epci())


def names(etalab: Etalab) -> dict[str, dict[str, str]]:
    """The name of each EPCI, departement (overseas collectivities with them) and region, by code."""
    merged = retired_epci()
    epci = {group.code: group.nom for group in etalab.epci if group.code not in merged}
    epci |= {code: name for code, (name, _) in MERGED_EPCI.items()}
    return {
        "epci_names": dict(sorted(epci.items())),
        "departement_names": {area.code: area.nom for area in sorted(etalab.departements, key=lambda area: area.code)},
        "region_names": {area.code: area.nom for area in etalab.regions if area.zone != "com"},
    }


def columns(etalab: Etalab, points: dict[str, tuple[float, float]]) -> dict[str, list[Any]]:
    """The table of communes, column by column; `points` are longitude and latitude by commune code."""
    communes, epci = current_communes(etalab), memberships(etalab.epci)
    located = [points.get(commune.code, (None, None)) for commune in communes]
    return {
        "code": [commune.code for commune in communes],
        "name": [commune.nom for commune in communes],
        "postal_codes": [sorted(commune.codes_postaux) for commune in communes],
        "epci": [epci.get(commune.code) for commune in communes],
        "departement": [commune.departement for commune in communes],
        "region": [None if commune.zone == "com" else commune.region for commune in communes],
        "population": [commune.population for commune in communes],
        "lat": [lat for _, lat in located],
        "lon": [lon for lon, _ in located],
    }
