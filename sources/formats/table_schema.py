"""The Table Schema (Frictionless Data) of our own record as CSV, made of its columns and of the record's own types."""

from typing import Any, Literal

import msgspec
from msgspec import inspect

from domain.suppliers.supplier import SupplierRecord
from domain.text.bilingual import Language
from sources.formats.csv_cells import FALSE, TRUE, Path
from sources.formats.vivier_columns import COLUMNS, GIVEN_ALONE, ID, Column, ColumnType
from sources.formats.vivier_csv_rows import HEADER, NEVER_GIVEN

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
