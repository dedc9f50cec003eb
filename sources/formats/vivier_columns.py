"""The columns of format `vivier` as CSV: the field of a record that each one fills, and how its cells are read.

The reader and the writer are made of them alone; the Table Schema (Frictionless Data), of them and of the record's own
types.
"""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Literal, NamedTuple

import msgspec

from domain.suppliers.supplier import SupplierRecord
from domain.text.bilingual import Language, Text, said_by
from domain.text.labels import GIVEN_ALONE
from sources.file_types.csv_cells import (
    FALSE,
    TRUE,
    BadCell,
    Path,
    approval_kind,
    boolean,
    integer,
    iso_day,
    number,
    siret_of,
    split_list,
    staff_fields,
    unescaped_text,
)
from sources.postal_addresses import with_first_zero

_SAID = said_by(__name__)

ColumnType = Literal["string", "number", "integer", "boolean"]
Read = Callable[[str, Path], Any]

ID = "external_id"
TO_CORRECT = "à corriger"
"""The column that says what is wrong in a table of rejected rows; no import reads it."""
NONE_HELD = ("none", "aucun")
"""A cell of `approvals` that says that none is held; an empty one says that it is not known."""
APPROVAL_FIELDS = ("kind", "valid_from", "valid_until", "reference")
EVIDENCE_FIELDS = ("kind", "on", "source", "reference", "label")


class Column(NamedTuple):
    """A column: the `path` of the field it fills in a record, how a cell is read, its values' type and meaning."""

    path: Path
    read: Read
    type: ColumnType
    text: Text


def _approvals(cell: str, path: Path) -> list[dict[str, str]]:
    held = cell.strip().lower() not in NONE_HELD
    found = _objects_in(cell, path, APPROVAL_FIELDS, frozenset({1, 3, 4}), _SAID["approval"]) if held else []
    return [each | {"kind": approval_kind(each.get("kind", ""), (*path, at, "kind"))} for at, each in enumerate(found)]


def _objects_in(
    cell: str, path: Path, names: tuple[str, ...], counts: frozenset[int], wrong: Text
) -> list[dict[str, str]]:
    """The objects that a cell lists with `|`, fields with `:`. Raises BadCell where these are not `counts` many."""
    days = {"valid_from", "valid_until", "on"}
    found = []
    for position, item in enumerate(split_list(cell, "|")):
        parts = [unescaped_text(part) for part in split_list(item, ":", len(names))]
        if len(parts) not in counts:
            raise BadCell((*path, position), "wrong_format", wrong)
        written = zip(names, parts, strict=False)
        found.append({name: iso_day(part) if name in days else part for name, part in written if part})
    return found


def _geometry(cell: str, path: Path) -> Any:
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError:
        raise BadCell(path, "wrong_format", _SAID["no_geometry"]) from None


_READERS: Mapping[str, Read] = {
    "texts": lambda cell, _: cell,
    "codes": lambda cell, _: cell.strip(),
    "commune": lambda cell, _: with_first_zero(cell.strip(), 5),
    "day": lambda cell, _: iso_day(cell.strip()),
    "lists": lambda cell, _: [unescaped_text(item) for item in split_list(cell, "|")],
    "siret": siret_of,
    "approvals": _approvals,
    "evidence": lambda cell, path: _objects_in(
        cell, path, EVIDENCE_FIELDS, frozenset({len(EVIDENCE_FIELDS)}), _SAID["evidence"]
    ),
    "geometry": _geometry,
    "boolean": boolean,
    "true": lambda cell, path: boolean(cell, path) or None,  # `false` only means that an offer is not national
    "number": number,
    "integer": integer,
    "staff": lambda cell, _: staff_fields(cell),
}


class _ColumnEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of vivier_columns.toml, which describes a column; without `path`, the column's name is the path."""

    read: str
    text: Text
    type: ColumnType = "string"
    path: Path | None = None


_DESCRIBED = msgspec.toml.decode(
    (files("sources.formats") / "vivier_columns.toml").read_bytes(), type=dict[str, _ColumnEntry]
)
COLUMNS: Mapping[str, Column] = {
    name: Column(each.path or tuple(name.split(".")), _READERS[each.read], each.type, each.text)
    for name, each in _DESCRIBED.items()
}
OFFER_COLUMNS = tuple(name for name, column in COLUMNS.items() if column.path[0] == "offers")
"""The columns of one offer: a supplier with several has as many rows, alike but for these."""

NEVER_GIVEN = "contact.person"
HEADER = ("id", *(name for name in COLUMNS if name != NEVER_GIVEN), *(name for name in GIVEN_ALONE if name != "id"))


REQUIRED = frozenset({ID, "name"})
_BOUNDS = {"minimum", "maximum", "minLength", "maxLength", "pattern", "enum"}
(_RECORD,), _TYPES = msgspec.json.schema_components((SupplierRecord,), ref_template="{name}")


class Constraints(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The values that a column may hold."""

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
    """A column of the table, as Table Schema describes it."""

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
    """The schema of the directory's tables: their columns in order, and then NEVER_GIVEN, which only imports take."""
    fields = []
    for name in (*HEADER, NEVER_GIVEN):
        if name in GIVEN_ALONE:
            fields.append(Field(name=name, type="string", title=name, description=GIVEN_ALONE[name].to(language)))
            continue
        column = COLUMNS[name]
        field = Field(
            name=name,
            type=column.type,
            title=name,
            description=column.text.to(language),
            constraints=msgspec.convert({"required": name in REQUIRED} | _bounds(column), Constraints),
            true_values=TRUE if column.type == "boolean" else None,
            false_values=FALSE if column.type == "boolean" else None,
        )
        fields.append(field)
    return TableSchema(tuple(fields))


def _bounds(column: Column) -> dict[str, Any]:
    """The bounds of a column's values as JSON Schema has them, by the type of the record's field."""
    if column.path == (ID,):
        return {}
    found = _RECORD
    for step in (None, *column.path):
        if step is not None:
            found = found["items"] if "items" in found else found["properties"][step]
        while "anyOf" in found or "$ref" in found:
            never_null = (each for each in found.get("anyOf", ()) if each.get("type") != "null")
            found = _TYPES[found["$ref"]] if "$ref" in found else next(never_null)
    return {name: bound for name, bound in found.items() if name in _BOUNDS}
