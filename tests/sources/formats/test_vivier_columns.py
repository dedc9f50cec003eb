"""The Table Schema of suppliers as CSV, held against the rules of Table Schema and against tables as they are given."""

import csv
import io
from typing import Any

import msgspec
import pytest
from hypothesis import given

from domain.suppliers.supplier import SupplierRecord
from domain.text.labels import GIVEN_ALONE
from sources.file_types.csv_cells import csv_of
from sources.formats.vivier import rows_of_supplier
from sources.formats.vivier_columns import COLUMNS, HEADER, NEVER_GIVEN, table_schema
from tests.sources.formats.conftest import RECORDS
from tests.sources.formats.test_vivier import ON, supplier_of

SCHEMA: dict[str, Any] = msgspec.to_builtins(table_schema("fr"))
FIELDS: dict[str, dict[str, Any]] = {field["name"]: field for field in SCHEMA["fields"]}
# of the specification: the constraints that apply to each type of values
CONSTRAINTS = {
    "string": {"required", "minLength", "maxLength", "pattern", "enum"},
    "number": {"required", "minimum", "maximum", "enum"},
    "integer": {"required", "minimum", "maximum", "enum"},
    "boolean": {"required", "enum"},
}


def test_the_descriptor_is_a_table_schema() -> None:
    assert set(SCHEMA) == {"fields", "missingValues", "fieldsMatch"}
    assert len(FIELDS) == len(SCHEMA["fields"])
    for field in FIELDS.values():
        known = {"name", "type", "title", "description", "constraints"}
        assert set(field) <= known | ({"trueValues", "falseValues"} if field["type"] == "boolean" else set())
        assert field["description"]
        assert set(field.get("constraints", {})) <= CONSTRAINTS[field["type"]]


def test_it_has_the_columns_that_are_given_and_taken() -> None:
    assert tuple(FIELDS) == (*HEADER, NEVER_GIVEN)
    assert set(FIELDS) == {*COLUMNS, *GIVEN_ALONE}
    assert {name for name, field in FIELDS.items() if field.get("constraints", {}).get("required")} == {
        "external_id",
        "name",
    }


def test_bounds_are_those_of_the_record() -> None:
    assert FIELDS["location.lat"]["constraints"] == {"minimum": -90, "maximum": 90}
    assert FIELDS["shares.disabled"]["constraints"] == {"minimum": 0, "maximum": 1}
    assert set(FIELDS["basis"]["constraints"]["enum"]) == {"declared", "awarded", "inferred"}
    assert FIELDS["address.postal_code"]["constraints"] == {"maxLength": 20}


def fault(cell: str, field: dict[str, Any]) -> str | None:
    """The first rule of the field that the cell breaks."""
    bounds = field.get("constraints", {})
    if cell in SCHEMA["missingValues"]:
        return "required" if bounds.get("required") else None
    if field["type"] == "boolean":
        return None if cell in (*field["trueValues"], *field["falseValues"]) else "boolean"
    if "enum" in bounds and cell not in bounds["enum"]:
        return "enum"
    value = int(cell) if field["type"] == "integer" else float(cell) if field["type"] == "number" else len(cell)
    low, high = ("minLength", "maxLength") if field["type"] == "string" else ("minimum", "maximum")
    return None if bounds.get(low, value) <= value <= bounds.get(high, value) else f"{low} or {high}"


@given(RECORDS)
def test_a_table_that_is_given_is_valid(record: SupplierRecord) -> None:
    table = csv_of(HEADER, rows_of_supplier(supplier_of(record), ON)).decode()
    for row in csv.DictReader(io.StringIO(table, newline="")):
        assert [(name, wrong) for name in HEADER if (wrong := fault(row[name], FIELDS[name]))] == []


@pytest.mark.parametrize(
    ("name", "cell", "rule"),
    [("name", "", "required"), ("ess", "peut-être", "boolean"), ("location.lat", "91", "minimum or maximum")],
)
def test_a_table_that_would_be_rejected_is_not(name: str, cell: str, rule: str) -> None:
    assert fault(cell, FIELDS[name]) == rule
