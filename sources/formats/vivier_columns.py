"""The columns of our own record as CSV: where each leads to in a record, and how its cells are read.

The reader and the writer are made of them alone; the Table Schema (Frictionless Data), of them and of the record's own
types.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import inspect

from domain.suppliers.supplier import SupplierRecord
from domain.text.bilingual import Language, Text
from sources.file_types.csv_cells import FALSE, TRUE, BadCell, Path, boolean, day, integer, number, parts_of, unescaped

ColumnType = Literal["string", "number", "integer", "boolean"]
Read = Callable[[str, Path], Any]

ID = "external_id"
TO_CORRECT = "à corriger"
"""The column that says what is wrong in a table of rejected rows; no import reads it."""
NONE_HELD = ("none", "aucun")
"""A cell of `approvals` that says that none is held; an empty one says that it is not known."""
APPROVAL_FIELDS = ("kind", "valid_from", "valid_until", "reference")
EVIDENCE_FIELDS = ("kind", "on", "source", "reference", "label")

_EVIDENCE = Text(
    "Un indice s'écrit award:2024-05-02:decp:2024-117:Entretien des parcs (genre, date, source, référence, libellé)",
    "Evidence is written award:2024-05-02:decp:2024-117:Upkeep of parks (kind, date, source, reference, label)",
)
_APPROVAL = Text("Un agrément s'écrit ACI:2025-01-01:2027-12-31", "An approval is written ACI:2025-01-01:2027-12-31")
_NO_GEOMETRY = Text("Une géométrie GeoJSON est attendue", "A GeoJSON geometry is expected")
_SIRET_AS_NUMBER = Text(
    "Un tableur a fait de ce SIRET un nombre, et ses chiffres sont perdus : mettre la colonne en texte, et le remettre",
    "A spreadsheet made a number of this SIRET, and its digits are lost: make the column text, and put it back",
)
_SIRET_WITHOUT_ZEROS = Text(
    "Un SIRET compte 14 chiffres : un tableur a ôté les zéros de son début, mettre la colonne en texte",
    "A SIRET has 14 digits: a spreadsheet took the zeros off its beginning, make the column text",
)


class Column(NamedTuple):
    """A column. `path`: what its cells fill in the record; `type`: that of its values; `text`: what they are."""

    path: Path
    read: Read
    type: ColumnType
    text: Text


def texts(cell: str, _: Path) -> str:
    """The text, to the letter."""
    return cell


def codes(cell: str, _: Path) -> str:
    """The text without the blanks around it."""
    return cell.strip()


def lists(cell: str, _: Path) -> list[str]:
    """The texts between `|`."""
    return [unescaped(piece) for piece in parts_of(cell, "|")]


def _siret(cell: str, path: Path) -> str:
    digits = "".join(cell.split())
    mantissa, exponent, _ = digits.upper().partition("E")
    if exponent and mantissa.replace(",", "").replace(".", "").isdecimal():
        raise BadCell(path, "invalid_siret", _SIRET_AS_NUMBER)
    if digits.isdecimal() and len(digits) in {12, 13}:
        raise BadCell(path, "invalid_siret", _SIRET_WITHOUT_ZEROS)
    return digits


def _true(cell: str, path: Path) -> bool | None:
    """True or nothing: `false` in a column for all rows only means that the offer is not national."""
    return boolean(cell, path) or None


def _approvals(cell: str, path: Path) -> list[dict[str, str]]:
    if cell.strip().lower() in NONE_HELD:
        return []
    return [_approval(item, (*path, position)) for position, item in enumerate(parts_of(cell, "|"))]


def _approval(written: str, path: Path) -> dict[str, str]:
    parts = [unescaped(part) for part in parts_of(written, ":", len(APPROVAL_FIELDS))]
    if len(parts) == 2:
        raise BadCell(path, "wrong_format", _APPROVAL)
    return _fields_of(APPROVAL_FIELDS, parts)


def _evidence(cell: str, path: Path) -> list[dict[str, str]]:
    return [_one_evidence(item, (*path, position)) for position, item in enumerate(parts_of(cell, "|"))]


def _one_evidence(written: str, path: Path) -> dict[str, str]:
    parts = [unescaped(part) for part in parts_of(written, ":", len(EVIDENCE_FIELDS))]
    if len(parts) != len(EVIDENCE_FIELDS):
        raise BadCell(path, "wrong_format", _EVIDENCE)
    return _fields_of(EVIDENCE_FIELDS, parts)


def _fields_of(names: tuple[str, ...], parts: list[str]) -> dict[str, str]:
    days = {"valid_from", "valid_until", "on"}
    return {name: day(part) if name in days else part for name, part in zip(names, parts, strict=False) if part}


def _geometry(cell: str, path: Path) -> Any:
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError:
        raise BadCell(path, "wrong_format", _NO_GEOMETRY) from None


_OFFER: Path = ("offers", 0)
_AREA: Path = (*_OFFER, "service_area")


def _column(path: str, read: Read, kind: ColumnType, fr: str, en: str) -> Column:
    return Column(tuple(path.split(".")), read, kind, Text(fr, en))


def _of_offer(path: Path, read: Read, kind: ColumnType, fr: str, en: str) -> Column:
    return Column(path, read, kind, Text(fr, en))


COLUMNS: Mapping[str, Column] = {
    ID: _column(ID, codes, "string", "Identifiant de la fiche chez sa source", "The record's id at its source"),
    "name": _column("name", texts, "string", "Nom", "Name"),
    "trade_name": _column("trade_name", texts, "string", "Nom commercial", "Trade name"),
    "siret": _column("siret", _siret, "string", "SIRET, 14 chiffres", "SIRET, 14 digits"),
    "legal_form": _column("legal_form", codes, "string", "Forme juridique", "Legal form"),
    "ess": _column("ess", boolean, "boolean", "Entreprise de l'ESS", "Social-economy enterprise"),
    "approvals": _column(
        "approvals",
        _approvals,
        "string",
        "Agréments, séparés par | : type:début:fin:référence, les trois derniers facultatifs ; none : aucun",
        "Approvals, separated by |: kind:from:until:reference, the last three optional; none: holds none",
    ),
    "shares.disabled": _column(
        "shares.disabled", number, "number", "Part de travailleurs handicapés, de 0 à 1", "Share of disabled workers"
    ),
    "shares.disadvantaged": _column(
        "shares.disadvantaged",
        number,
        "number",
        "Part de travailleurs défavorisés, de 0 à 1",
        "Share of disadvantaged workers",
    ),
    "shares.detained": _column(
        "shares.detained", number, "number", "Part de personnes détenues, de 0 à 1", "Share of detained workers"
    ),
    "in_prison": _column("in_prison", boolean, "boolean", "Travaille en prison", "Works in a prison"),
    "address.street": _column("address.street", texts, "string", "Voie", "Street"),
    "address.postal_code": _column("address.postal_code", codes, "string", "Code postal", "Postal code"),
    "address.city": _column("address.city", texts, "string", "Ville", "City"),
    "address.commune": _column("address.commune", codes, "string", "Commune, code INSEE", "Commune, INSEE code"),
    "location.lat": _column("location.lat", number, "number", "Latitude (WGS 84)", "Latitude (WGS 84)"),
    "location.lon": _column("location.lon", number, "number", "Longitude (WGS 84)", "Longitude (WGS 84)"),
    "segments": _of_offer(
        (*_OFFER, "segments"),
        lists,
        "string",
        "Segments de l'offre, séparés par |",
        "Segments of the offer, separated by |",
    ),
    "cpv": _of_offer(
        (*_OFFER, "cpv"), lists, "string", "Codes CPV de l'offre, séparés par |", "CPV codes of the offer"
    ),
    "offer_label": _of_offer((*_OFFER, "label"), texts, "string", "Libellé de l'offre", "Label of the offer"),
    "presta_types": _of_offer(
        (*_OFFER, "presta_types"),
        lists,
        "string",
        "DISP (mise à disposition), PREST (prestation), BUILD (fabrication), séparés par |",
        "DISP (staff made available), PREST (service), BUILD (manufacture), separated by |",
    ),
    "basis": _of_offer((*_OFFER, "basis"), codes, "string", "Fondement de l'offre", "Basis of the offer"),
    "evidence": _of_offer(
        (*_OFFER, "evidence"),
        _evidence,
        "string",
        "Indices de l'offre, séparés par | : genre:date:source:référence:libellé",
        "Evidence of the offer, separated by |: kind:date:source:reference:label",
    ),
    "radius_km": _of_offer(
        (*_AREA, "radius_km"), number, "number", "Zone : kilomètres à la ronde", "Area: kilometres around the supplier"
    ),
    "area_codes": _of_offer(
        (*_AREA, "codes"), lists, "string", "Zone : territoires, séparés par |", "Area: territories, separated by |"
    ),
    "area_geometry": _of_offer(
        (*_AREA, "geometry"), _geometry, "string", "Zone : géométrie GeoJSON", "Area: GeoJSON geometry"
    ),
    "national": _of_offer((*_AREA, "national"), _true, "boolean", "Zone : toute la France", "Area: all of France"),
    "description": _column("description", texts, "string", "Présentation", "Description"),
    "contact.email": _column("contact.email", texts, "string", "Adresse électronique", "E-mail address"),
    "contact.phone": _column("contact.phone", texts, "string", "Téléphone", "Telephone"),
    "contact.website": _column("contact.website", texts, "string", "Site", "Website"),
    "contact.person": _column(
        "contact.person", texts, "string", "Personne à contacter, jamais donnée", "Person to contact, never given out"
    ),
    "employees": _column("employees", integer, "integer", "Effectif", "Employees"),
    "turnover_eur": _column("turnover_eur", number, "number", "Chiffre d'affaires en euros", "Turnover in euros"),
    "labels": _column("labels", lists, "string", "Labels, séparés par |", "Labels, separated by |"),
    "active": _column("active", boolean, "boolean", "En activité", "Active"),
}
OFFER_COLUMNS = tuple(name for name, column in COLUMNS.items() if column.path[0] == "offers")
"""The columns of one offer: a supplier with several has as many rows, alike but for these."""

GIVEN_ALONE: Mapping[str, Text] = {
    "id": Text("Identifiant du fournisseur", "The supplier's id"),
    "kinds": Text("Types de structure", "Kinds"),
    "commune": Text("Commune où il est placé, code INSEE", "Commune in which it is placed, INSEE code"),
    "flags": Text("Signalements", "Flags"),
    "sources": Text("Fiches qui le décrivent", "Records that describe it"),
    "updated_at": Text("Dernier changement", "Last change"),
}
"""The columns that the directory adds to a table it gives; an import takes them and, but for `flags`, reads none."""

NEVER_GIVEN = "contact.person"
HEADER = ("id", *(name for name in COLUMNS if name != NEVER_GIVEN), *(name for name in GIVEN_ALONE if name != "id"))


REQUIRED = frozenset({ID, "name"})
_NAMES = {"ge": "minimum", "le": "maximum", "min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"}


class Constraints(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The bounds of the values of a field."""

    required: bool = False
    """Whether every row has a value"""
    minimum: float | None = None
    """The least number"""
    maximum: float | None = None
    """The greatest number"""
    min_length: int | None = None
    """The fewest characters"""
    max_length: int | None = None
    """The most characters"""
    pattern: str | None = None
    """A regular expression of the whole value"""
    enum: tuple[str, ...] | None = None
    """All values that there are"""


class Field(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, rename="camel"):
    """A column."""

    name: str
    """As in the header of the table"""
    type: ColumnType
    """Of its values, in the words of Table Schema"""
    title: str
    """The name to read"""
    description: str
    """Its meaning, in the language of the request"""
    constraints: Constraints = Constraints()
    """Bounds of its values"""
    true_values: tuple[str, ...] | None = None
    """Words that mean true"""
    false_values: tuple[str, ...] | None = None
    """Words that mean false"""


class TableSchema(msgspec.Struct, frozen=True, rename="camel"):
    """The columns of a table (Table Schema)."""

    fields: tuple[Field, ...]
    """In their order"""
    missing_values: tuple[str, ...] = ("",)
    """Cells that mean a value that is not known"""
    fields_match: Literal["superset"] = "superset"
    """A table may lack some of these columns, and has no others"""


def table_schema(language: Language) -> TableSchema:
    """The columns of the tables that the directory gives, in their order, and the one more that imports take."""
    return TableSchema(tuple(_field(name, language) for name in (*HEADER, NEVER_GIVEN)))


def _field(name: str, language: Language) -> Field:
    if name in GIVEN_ALONE:
        return Field(name=name, type="string", title=name, description=GIVEN_ALONE[name].to(language))
    column = COLUMNS[name]
    is_boolean = column.type == "boolean"
    return Field(
        name=name,
        type=column.type,
        title=name,
        description=column.text.to(language),
        constraints=msgspec.convert({"required": name in REQUIRED} | _bounds(column), Constraints),
        true_values=TRUE if is_boolean else None,
        false_values=FALSE if is_boolean else None,
    )


def _bounds(column: Column) -> dict[str, Any]:
    """The bounds of the record's own type, where a cell is one value of it."""
    if column.path == (ID,):
        return {}
    found: inspect.Type | None = _type_at(column.path)
    if isinstance(found, inspect.LiteralType):
        return {"enum": found.values}
    if not isinstance(found, inspect.StrType | inspect.FloatType | inspect.IntType):
        return {}
    return {_NAMES[each]: bound for each in _NAMES if (bound := getattr(found, each, None)) is not None}


def _type_at(path: Path) -> inspect.Type:
    """The type of what `path` leads to in a record, without null."""
    found: inspect.Type = inspect.type_info(SupplierRecord)
    for step in path:
        found = _never_null(found)
        if isinstance(found, inspect.StructType):
            found = next(field.type for field in found.fields if field.encode_name == step)
        elif isinstance(found, inspect.VarTupleType):
            found = found.item_type
    return _never_null(found)


def _never_null(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata | inspect.UnionType):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        else:
            kind = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
    return kind
