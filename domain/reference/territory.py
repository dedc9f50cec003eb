"""Administrative France: communes, the areas they make up, and what codes that are no longer in use stand for.

At the end the GeoJSON geometries (RFC 7946) that clients may send instead of codes: longitude first, WGS 84.
"""

import csv
import hashlib
import lzma
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Annotated, Literal, NamedTuple, get_args

import msgspec

from domain.errors import DomainError
from domain.text.bilingual import Text
from domain.text.normalise import fold

TerritoryKind = Literal["country", "region", "departement", "epci", "commune", "nuts"]

KINDS: tuple[TerritoryKind, ...] = get_args(TerritoryKind)
COUNTRY = "FR"
DATA = Path(__file__).parents[1] / "data"

COARSER: dict[TerritoryKind, tuple[Literal["epci", "departement", "region"], ...]] = {
    "commune": ("epci", "departement", "region"),
    "epci": ("departement", "region"),
    "departement": ("region",),
}
LEGAL_NATURES = ("CA ", "CC ", "CU ")
LONGEST_CODE = 9
CORSICAN_DIGITS = digits + "AB"


class Commune(msgspec.Struct, frozen=True, gc=False):
    """One of today's communes.

    `departement` is also the code (975 to 989) of an overseas collectivity, whose communes have neither EPCI nor
    region nor outline. `lat` and `lon` are in degrees (WGS 84) and lie inside the outline, at the town hall where that
    does; both are None where there is no outline.
    """

    code: str
    name: str
    postal_codes: tuple[str, ...]
    epci: str | None
    departement: str | None
    region: str | None
    population: int
    lat: float | None
    lon: float | None


class Area(msgspec.Struct, frozen=True):
    """A named part of France: `communes` are positions in `Territories.communes`, ascending."""

    kind: TerritoryKind
    code: str
    name: str
    communes: tuple[int, ...]

    @property
    def id(self) -> str:
        """The code as clients write it: `epci:243500741`."""
        return f"{self.kind}:{self.code}"

    @property
    def label(self) -> str:
        """The name people use: the legal nature before an EPCI's proper name is left out."""
        proper = self.name[3:]
        if self.kind == "epci" and self.name.startswith(LEGAL_NATURES) and not proper[0].islower():
            return proper
        return self.name


class UnknownTerritory(DomainError):
    """No territory has this code; `suggestion` is a full code (`kind:code`) that exists and may be meant."""

    code = "unknown_code"

    def __init__(self, given: str, suggestion: str | None) -> None:
        self.suggestion = suggestion
        kind, colon, _ = given.partition(":")
        if colon and kind in KINDS:
            wrong = Text(f"« {given} » ne désigne aucun territoire connu", f"“{given}” is no known territory")
        else:
            wrong = Text(
                f"« {given} » n'est pas un code de territoire (genre:code, genre parmi {', '.join(KINDS)})",
                f"“{given}” is not a territory code (kind:code, kind one of {', '.join(KINDS)})",
            )
        if suggestion is not None:
            wrong = Text(f"{wrong.fr} ; peut-être {suggestion}", f"{wrong.en}; perhaps {suggestion}")
        super().__init__(wrong)


class _Tables(msgspec.Struct):
    """communes.json.xz: the communes column by column, in the order of their codes, and names by code."""

    vintage: str
    outlines: str
    code: list[str]
    name: list[str]
    postal_codes: list[tuple[str, ...]]
    epci: list[str | None]
    departement: list[str | None]
    region: list[str | None]
    population: list[int]
    lat: list[float | None]
    lon: list[float | None]
    epci_names: dict[str, str]
    departement_names: dict[str, str]
    region_names: dict[str, str]
    retired_communes: dict[str, str]
    retired_epci: dict[str, str]


class _NutsRow(NamedTuple):
    """A row of nuts.csv. `formerly`: codes of the same area in earlier editions, separated by spaces.

    A row that is its own former code is a group of an earlier edition that no present area succeeds: it consists of
    the areas whose former codes begin with it.
    """

    code: str
    name: str
    departement: str
    formerly: str

    @property
    def is_former_group(self) -> bool:
        return self.code == self.formerly

    @property
    def former_codes(self) -> list[str]:
        return [] if self.is_former_group else self.formerly.split()


class Territories:
    """Everything known about administrative France; `version` changes whenever any of it does, outlines included."""

    def __init__(self, tables: _Tables, nuts: list[_NutsRow], version: str) -> None:
        self.version = version
        self.communes = tuple(map(Commune, *(getattr(tables, column) for column in Commune.__struct_fields__)))
        self._ordinals = {commune.code: ordinal for ordinal, commune in enumerate(self.communes)}
        retired = {code: self._ordinals[successor] for code, successor in tables.retired_communes.items()}
        self._ordinals_ever = retired | self._ordinals
        everything = tuple(range(len(self.communes)))
        self._areas: dict[TerritoryKind, dict[str, Area]] = {
            "country": {COUNTRY: Area("country", COUNTRY, "France", everything)},
            "region": _areas_of_kind("region", tables.region, tables.region_names),
            "departement": _areas_of_kind("departement", tables.departement, tables.departement_names),
            "epci": _areas_of_kind("epci", tables.epci, tables.epci_names),
        }
        self._areas["nuts"] = self._nuts_areas(row for row in nuts if not row.is_former_group)
        former: dict[str, set[int]] = defaultdict(set)
        for row in nuts:
            for old in row.former_codes:
                former[old[:3]].update(self._areas["nuts"][row.code].communes)
        groups = {
            row.code: Area("nuts", row.code, row.name, tuple(sorted(former[row.code])))
            for row in nuts
            if row.is_former_group
        }
        self._retired: dict[TerritoryKind, dict[str, Area]] = {
            "epci": {old: self._areas["epci"][new] for old, new in tables.retired_epci.items()},
            # level 0: what notices state where the place of performance is the whole country
            "nuts": {COUNTRY: self._areas["country"][COUNTRY]}
            | groups
            | {old: self._areas["nuts"][row.code] for row in nuts for old in row.former_codes},
        }

    def area(self, code: str, *, suggest: bool = True) -> Area:
        """The area that a full code (`kind:code`) means, its successor where the code is retired.

        Takes INSEE codes of communes (delegated and merged ones and municipal arrondissements too), departements and
        regions, SIREN of EPCI, NUTS codes of levels 1 to 3 (editions 2010 to 2021), and the country as `country:FR` or
        `nuts:FR`. Raises UnknownTerritory, with a suggestion where one can be made and is wanted (it costs up to 1 ms).
        """
        kind, _, own = code.partition(":")
        area = next((self._find_area(known, own) for known in KINDS if known == kind), None)
        if area is None:
            raise UnknownTerritory(code, next(self._suggestions(kind, own), None) if suggest else None)
        return area

    def commune_ordinal(self, insee: str) -> int | None:
        """The position in `communes` of the commune that a code means: its own, a former one or an arrondissement's."""
        return self._ordinals_ever.get(insee)

    def commune_name(self, insee: str | None) -> str | None:
        """The present name of the commune with this code; None for no code or an unknown one."""
        ordinal = None if insee is None else self.commune_ordinal(insee)
        return None if ordinal is None else self.communes[ordinal].name

    def areas(self, kind: TerritoryKind) -> tuple[Area, ...]:
        """Every area of a kind in use today, in the order of their codes (communes: in the order of `communes`)."""
        return self._all_communes if kind == "commune" else self._areas_by_kind[kind]

    def epcis_called_after(self, areas: Iterable[Area]) -> tuple[Area, ...]:
        """The EPCI of each commune among the areas that has its name, as Ploërmel Communauté has."""
        named = [(area.communes[0], {*fold(area.name).split()}) for area in areas if area.kind == "commune"]
        own = ((epci, at, {*fold(epci.label).split()} >= name) for epci in self.areas("epci") for at, name in named)
        return tuple(epci for epci, at, has_name in own if has_name and at in epci.communes)

    def parents(self, area: Area) -> tuple[Area, ...]:
        """The larger areas that contain this area or, as an EPCI may, overlap it: nearest kind first, country last.

        NUTS areas have NUTS parents only, other areas none of them.
        """
        if area.kind == "country":
            return ()
        country = self._areas["country"][COUNTRY]
        if area.kind == "nuts":
            wider = [self._areas["nuts"].get(area.code[:length]) for length in range(len(area.code) - 1, 2, -1)]
            return (*(parent for parent in wider if parent is not None), country)
        found: list[Area] = []
        for kind in COARSER.get(area.kind, ()):
            codes = {getattr(self.communes[ordinal], kind) for ordinal in area.communes} - {None}
            found += [self._areas[kind][code] for code in sorted(codes)]
        return (*found, country)

    def _find_area(self, kind: TerritoryKind, code: str) -> Area | None:
        if kind == "commune":
            ordinal = self.commune_ordinal(code)
            return None if ordinal is None else self._commune_area(ordinal)
        return self._areas[kind].get(code) or self._retired.get(kind, {}).get(code)

    def _commune_area(self, ordinal: int) -> Area:
        commune = self.communes[ordinal]
        return Area("commune", commune.code, commune.name, (ordinal,))

    @cached_property
    def _all_communes(self) -> tuple[Area, ...]:
        return tuple(map(self._commune_area, range(len(self.communes))))

    @cached_property
    def _areas_by_kind(self) -> dict[TerritoryKind, tuple[Area, ...]]:
        return {kind: tuple(areas.values()) for kind, areas in self._areas.items()}

    def _nuts_areas(self, rows: Iterable[_NutsRow]) -> dict[str, Area]:
        """The NUTS areas of the present edition by code: those of level 3 are departements and make up the others."""
        names: dict[str, str] = {}
        communes: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            names[row.code] = row.name
            if row.departement:
                for length in range(3, len(row.code) + 1):
                    communes[row.code[:length]] += self._areas["departement"][row.departement].communes
        return {code: Area("nuts", code, names[code], tuple(sorted(communes[code]))) for code in sorted(names)}

    def _suggestions(self, kind: str, own: str) -> Iterator[str]:
        """Yield the existing full codes that the unknown code `kind:own` may mean, the likeliest first."""
        written = own.strip() or kind.strip()
        # a misspelt or foreign word of a kind may stand for those that begin like it
        kinds = tuple(one for one in KINDS if own.strip() and one[:3] == fold(kind)[:3]) or KINDS
        others = tuple(other for other in KINDS if other not in kinds)
        yield from self._ids_with_code(kinds, written)
        yield from self._ids_with_name(kinds, written)
        if "commune" in kinds and written in self._ordinals_by_postal_code:
            largest = max(self._ordinals_by_postal_code[written], key=lambda ordinal: self.communes[ordinal].population)
            yield self._commune_area(largest).id
        yield from self._ids_with_code(others, written)
        if len(kinds) == 1:
            for near in _near_codes(written):
                yield from self._ids_with_code(kinds, near)
        yield from self._ids_with_name(others, written)

    def _ids_with_code(self, kinds: Iterable[TerritoryKind], code: str) -> Iterator[str]:
        return (area.id for kind in kinds if (area := self._find_area(kind, code)) is not None)

    def _ids_with_name(self, kinds: Iterable[TerritoryKind], name: str) -> Iterator[str]:
        named = self._areas_by_name.get(fold(name), {})
        return (named[kind].id for kind in kinds if kind in named)

    @cached_property
    def _areas_by_name(self) -> dict[str, dict[TerritoryKind, Area]]:
        """The areas by kind and folded name; among communes of one name, the one with the most inhabitants."""
        found: dict[str, dict[TerritoryKind, Area]] = defaultdict(dict)
        for ordinal in sorted(range(len(self.communes)), key=lambda ordinal: self.communes[ordinal].population):
            area = self._commune_area(ordinal)
            found[fold(area.name)]["commune"] = area
        for kind, areas in self._areas_by_kind.items():
            for area in areas:
                found[fold(area.label)].setdefault(kind, area)
        return dict(found)

    def communes_with_postal_code(self, postal_code: str) -> tuple[int, ...]:
        """The ordinals of the communes that a postal code serves, ascending; none for those of firms (cedex)."""
        return self._ordinals_by_postal_code.get(postal_code, ())

    @cached_property
    def _ordinals_by_postal_code(self) -> dict[str, tuple[int, ...]]:
        served: dict[str, list[int]] = defaultdict(list)
        for ordinal, commune in enumerate(self.communes):
            for postal_code in commune.postal_codes:
                served[postal_code].append(ordinal)
        return {postal_code: tuple(ordinals) for postal_code, ordinals in served.items()}


def _areas_of_kind(kind: TerritoryKind, code_by_commune: list[str | None], names: dict[str, str]) -> dict[str, Area]:
    members: dict[str, list[int]] = {code: [] for code in sorted(names)}
    for ordinal, code in enumerate(code_by_commune):
        if code is not None:
            members[code].append(ordinal)
    return {code: Area(kind, code, names[code], tuple(ordinals)) for code, ordinals in members.items()}


def _near_codes(code: str) -> Iterator[str]:
    """The codes one slip away: case, a lost leading zero, two neighbours swapped, a character wrong, added or lost."""
    code = code.upper()
    yield code
    if len(code) > LONGEST_CODE + 1:
        return
    yield "0" + code
    for i in range(len(code) - 1):
        yield code[:i] + code[i + 1] + code[i] + code[i + 2 :]
    signs = CORSICAN_DIGITS if code.isdecimal() else ascii_uppercase + digits
    for i in range(len(code) - 1, -1, -1):
        yield from (code[:i] + sign + code[i + 1 :] for sign in signs)
    for i in range(len(code)):
        yield code[:i] + code[i + 1 :]
    for i in range(len(code), -1, -1):
        yield from (code[:i] + sign + code[i:] for sign in signs)


@cache
def load() -> Territories:
    """The territories that come with the product, read once."""
    packed, nuts = (DATA / "communes.json.xz").read_bytes(), (DATA / "nuts.csv").read_bytes()
    tables = msgspec.json.decode(lzma.decompress(packed), type=_Tables)
    rows = list(csv.reader(nuts.decode().splitlines(), delimiter=";"))
    digest = hashlib.sha256(packed + nuts).hexdigest()
    return Territories(tables, [_NutsRow(*row) for row in rows[1:]], f"{tables.vintage}-{digest[:8]}")


Position = Annotated[tuple[float, ...], msgspec.Meta(min_length=2, max_length=3, description="[longitude, latitude]")]
Ring = Annotated[
    tuple[Position, ...], msgspec.Meta(min_length=4, description="Closed: the last position repeats the first.")
]
Rings = Annotated[tuple[Ring, ...], msgspec.Meta(min_length=1, description="The outer ring, then its holes.")]


class Polygon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="Polygon"):
    """GeoJSON Polygon."""

    coordinates: Rings
    """Rings of positions, longitude first: the outer one, then holes"""
    bbox: tuple[float, ...] | None = None
    """Accepted and not read"""


class MultiPolygon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="MultiPolygon"):
    """GeoJSON MultiPolygon."""

    coordinates: Annotated[tuple[Rings, ...], msgspec.Meta(min_length=1)]
    """Polygons, each as rings of positions, longitude first"""
    bbox: tuple[float, ...] | None = None
    """Accepted and not read"""


Geometry = Polygon | MultiPolygon


def polygons(geometry: Geometry) -> tuple[Rings, ...]:
    """The polygons of a geometry, each as its rings."""
    return (geometry.coordinates,) if isinstance(geometry, Polygon) else geometry.coordinates


def vertices(geometry: Geometry) -> int:
    """The number of positions of all rings of a geometry."""
    return sum(len(ring) for rings in polygons(geometry) for ring in rings)
