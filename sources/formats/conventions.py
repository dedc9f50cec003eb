"""Format `conventions`: dated approvals, which join suppliers by their SIRET (CSV).

Two shapes are read, told apart by the header.

- Our own: a row is an approval, with the columns `siret`, `kind` and any of `valid_from`, `valid_until`, `reference`,
  `is_active`, `deactivated_at`, `name`, `external_id`. Without `external_id` a row is known by its SIRET, kind, first
  day and reference: where one of these changes it is another record.
- Conventions as les emplois de l'inclusion keep them (`convention_pk`, `kind`, `siret_signature`, `is_active`,
  `deactivated_at`) and, after them in the same file under a header of their own, their annexes (`convention_pk`,
  `number`, `state`, `start_at`, `end_at`): the one file after the other. A convention is a record, with an approval for
  each period of its annexes; one without annexes has an approval without dates. They are joined in memory.

An approval ends when it was deactivated; of one that is not active, nobody says since when, nothing is left. Annexes
that were refused, cancelled or not decided yet give nothing. Such a record makes no supplier: it waits for the one that
others make, and every record of that goes before it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import BinaryIO

from domain.suppliers.source import Row, RowError, reject
from domain.suppliers.supplier import name_by_number
from domain.text.bilingual import Text, said_by
from sources.file_types.csv_cells import BadCell, approval_kind, boolean, iso_day, siret_of, text_or_none
from sources.file_types.csv_table import (
    Cells,
    FaultyRow,
    RowAsWritten,
    Table,
    missing_columns,
    rows_as_written,
    rows_of,
    table_below,
    unknown_columns,
)
from sources.rows import Context, Document, UnreadableFile, day_of, row_of, unreadable
from sources.validation import whole_siret

_SAID = said_by(__name__)

APPROVAL_COLUMNS = ("siret", "kind")
OTHER_COLUMNS = ("valid_from", "valid_until", "reference", "is_active", "deactivated_at", "name", "external_id")
CONVENTION_COLUMNS = ("convention_pk", "kind", "siret_signature")
ANNEX_COLUMNS = ("convention_pk", "number", "state", "start_at", "end_at")
ALL_COLUMNS = (*APPROVAL_COLUMNS, *OTHER_COLUMNS, *CONVENTION_COLUMNS, *ANNEX_COLUMNS)
MOST_JOINED = 500_000

# What was in force in its time, and what never was.
_GRANTING = frozenset({"VALIDE", "PROVISOIRE", "HISTORISE", "CLOTURE"})
_NOT_GRANTING = frozenset({"ANNULE", "REJETE", "BROUILLON", "SAISI"})
_LONGEST_REFERENCE = 200
_UNSTATED = date.min

_TOO_MANY = _SAID["too_many"].filled(most_joined=MOST_JOINED)


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read a file of approvals, or of conventions with annexes; raises UnreadableFile for any other header."""
    rows, annexes = rows_as_written(stream), list[RowAsWritten]()
    above = _rows_above_annexes(rows, annexes)
    table = table_below(next(above, None), above, also=ALL_COLUMNS)
    if set(CONVENTION_COLUMNS) <= set(table.columns):
        conventions: dict[str, _Convention] = {}
        yield from _put_rows(table, partial(_add_convention, conventions), 0, context)
        if annexes:
            below = table_below(annexes[0], rows, ANNEX_COLUMNS)
            yield from _put_rows(below, partial(_add_annex, conventions), len(conventions), context)
        for key, convention in conventions.items():
            yield row_of(convention.line, key, convention.document(), context)
        return
    if set(ANNEX_COLUMNS) <= set(table.columns):
        raise unreadable("wrong_order", _SAID["out_of_order"])
    if problems := (
        *missing_columns(table, APPROVAL_COLUMNS),
        *unknown_columns(table, (*APPROVAL_COLUMNS, *OTHER_COLUMNS)),
    ):
        raise UnreadableFile(problems, table.columns)

    def approval_id(cells: dict[str, str]) -> str | None:
        kind, start, reference = (cells.get(name, "").strip() for name in ("kind", "valid_from", "reference"))
        parts = whole_siret(cells["siret"]), kind, iso_day(start), reference
        return text_or_none(cells.get("external_id", "")) or "/".join(filter(None, parts)) or None

    yield from rows_of(table, context, approval_id, _record_of_approval)
    if annexes:
        raise unreadable("wrong_order", _SAID["out_of_order"])


def _rows_above_annexes(
    rows: Iterator[RowAsWritten | FaultyRow], annexes: list[RowAsWritten]
) -> Iterator[RowAsWritten | FaultyRow]:
    """Yield the rows above the header of a file's annexes, and put that into `annexes`: their rows are left."""
    for place, row in enumerate(rows):
        if place and not isinstance(row, FaultyRow):
            titles = [cell.strip('\ufeff" ') for cell in row[1]]  # a second file may have a mark of its own
            if set(ANNEX_COLUMNS) <= set(titles):
                annexes.append((row[0], titles))
                return
        yield row


def _record_of_approval(written: dict[str, str]) -> Document:
    cells = {name: cell.strip() for name, cell in written.items()}
    siret, name = _required_siret(cells["siret"]), cells.get("name", "")
    start = _day(cells.get("valid_from", ""), "valid_from")
    end = _day(cells.get("valid_until", ""), "valid_until")
    ending = _end_of_approval(cells)
    if ending and (ending == _UNSTATED or (start and ending < start)):
        return _record(siret, name, [])
    approval = {"kind": approval_kind(cells["kind"]), "valid_from": start, "reference": cells.get("reference") or None}
    return _record(siret, name, [approval | {"valid_until": min(filter(None, (end, ending)), default=None)}])


@dataclass(slots=True)
class _Convention:
    """A convention, with the numbers of its annexes by the period that these cover."""

    line: int
    kind: str
    siret: str
    ending: date | None
    is_annexed: bool = False
    periods: dict[tuple[date, date], list[str]] = field(default_factory=dict)

    def document(self) -> Document:
        """The record of the convention: an approval for each period, or one without a start if it has no annex."""
        end = self.ending
        if not self.is_annexed and end != _UNSTATED:
            return _record(self.siret, "", [{"kind": self.kind, "valid_until": end}])
        approvals: list[Document] = [
            {
                "kind": self.kind,
                "valid_from": start,
                "valid_until": min(filter(None, (until, end)), default=None),
                "reference": ", ".join(numbers)[:_LONGEST_REFERENCE] or None,
            }
            for (start, until), numbers in sorted(self.periods.items())
            if end is None or start <= end
        ]
        return _record(self.siret, "", approvals)


def _put_rows(table: Table, put: Callable[[Cells], None], above: int, context: Context) -> Iterator[RowError]:
    """Call `put` with each row, and yield its reject where that raises BadCell; `above`: rows joined before."""
    for joined, row in enumerate(table.rows, above):
        if joined >= MOST_JOINED:
            raise unreadable("too_many_rows", _TOO_MANY)
        if isinstance(row, FaultyRow):
            yield reject(row.line, None, (row.problem,), context.language)
            continue
        try:
            put(row)
        except BadCell as bad:
            yield reject(row.line, row.cells["convention_pk"].strip() or None, bad.problems, context.language)


def _add_convention(conventions: dict[str, _Convention], row: Cells) -> None:
    key = row.cells["convention_pk"].strip()
    if not key:
        raise BadCell(("convention_pk",), "missing_field", _SAID["no_key"])
    if key in conventions:
        line = conventions[key].line
        repeats = Text(f"La ligne {line} porte déjà cet identifiant", f"Line {line} already has this identifier")
        raise BadCell(("convention_pk",), "duplicate_external_id", repeats)
    siret = _required_siret(row.cells["siret_signature"])
    conventions[key] = _Convention(row.line, row.cells["kind"].strip(), siret, _end_of_approval(row.cells))


def _add_annex(conventions: dict[str, _Convention], row: Cells) -> None:
    cells = {name: cell.strip() for name, cell in row.cells.items()}
    convention = conventions.get(cells["convention_pk"])
    if convention is None:
        raise BadCell(("convention_pk",), "unknown_code", _SAID["no_convention"])
    convention.is_annexed = True  # by a faulty annex too: its convention is not one without an end
    if cells["state"] not in _GRANTING | _NOT_GRANTING:
        shown = cells["state"][:40]
        unknown = Text(f"État d'annexe inconnu : « {shown} »", f"Unknown state of an annex: “{shown}”")
        raise BadCell(("state",), "unknown_value", unknown)
    start, end = _day(cells["start_at"], "start_at"), _day(cells["end_at"], "end_at")
    if start is None or end is None:
        raise BadCell(("start_at" if start is None else "end_at",), "missing_field", _SAID["no_date"])
    if end < start:
        raise BadCell(("end_at",), "invalid_period", _SAID["ends_early"])
    if cells["state"] in _GRANTING:
        convention.periods.setdefault((start, end), []).append(cells["number"])


def _record(siret: str, name: str, approvals: list[Document]) -> Document:
    return {"name": name or name_by_number(siret), "siret": siret, "approvals": approvals or None}


def _required_siret(siret: str) -> str:
    if not siret.strip():
        raise BadCell(("siret",), "missing_field", _SAID["no_siret"])
    return siret_of(siret)


def _end_of_approval(cells: dict[str, str]) -> date | None:
    """The day on which an approval was deactivated, `_UNSTATED` where no day is given; None while it is active."""
    if boolean(cells.get("is_active", "").strip() or "true", ("is_active",)):
        return None
    return _day(cells.get("deactivated_at", ""), "deactivated_at") or _UNSTATED


def _day(cell: str, column: str) -> date | None:
    """The day in a cell, which may have a time too; None for an empty cell. Raises BadCell for anything else."""
    day = day_of(iso_day(cell.strip()))
    if day is None and cell.strip():
        raise BadCell((column,), "wrong_format", _SAID["no_date"])
    return day
