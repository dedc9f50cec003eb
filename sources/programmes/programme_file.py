"""A file or document of planned purchases read whole: its tables found sheet by sheet, their rows read as lines."""

from io import BytesIO
from typing import Any, NamedTuple

from domain.errors import pointer
from domain.needs.need import Buyer
from domain.programme.programme import MOST_LINES, PlannedLine, ProgrammeError, ProgrammeRequest, SheetRead
from domain.text.bilingual import Language, Text, said_by
from matching.reference import Reference
from sources.file_types.columns import ROWS_ABOVE
from sources.file_types.csv_table import FaultyRow, RowAsWritten, rows_as_written
from sources.file_types.workbook import MOST_SHEETS, NOT_CSV, Sheet, sheets_of, unread_sheets
from sources.programmes.line_reader import PURCHASES, Codes, LineReader, PlaceReader
from sources.rows import unreadable

MOST_COLUMNS_TOLD = 30
TOO_MANY = said_by(__name__)["too_many"].filled(most_lines=MOST_LINES)
_GIVEN_ALONE = frozenset(("territory", "value_covers"))
NO_OBJECT = Text("Une ligne est un objet, avec des champs", "A line is an object with fields")


class PlannedProgramme(NamedTuple):
    """The lines of a programme, its faulty ones with their cells, and the tables that they were read in."""

    lines: tuple[PlannedLine, ...]
    errors: tuple[ProgrammeError, ...]
    sheets: tuple[SheetRead, ...]
    heads: tuple[str, ...]
    buyer: Buyer | None
    faulty_cells: dict[tuple[str | None, int], dict[str, str]]


class RawTable(NamedTuple):
    """A sheet as rows, before its header is known."""

    sheet: str | None
    rows: list[RowAsWritten]
    faulty: list[FaultyRow]


def read_programme_file(
    reference: Reference, content: bytes, asked: Codes, buyer: Buyer | None, language: Language
) -> PlannedProgramme:
    """The programme in a CSV file or workbook. Raises UnreadableFile for one without a table of purchases."""
    is_book = content.startswith(NOT_CSV)
    sheets = sheets_of(content, MOST_SHEETS) if is_book else [Sheet(content, "", ())]
    raw = [_raw_table(each.name if len(sheets) > 1 else None, each.content) for each in sheets]
    found = [(table, *PURCHASES.header_in(table.rows)) for table in raw]
    if not any(PURCHASES.is_whole(columns) for _, columns, _ in found):
        raise unreadable("missing_column", PURCHASES.missing([columns for _, columns, _ in found]))
    lines, errors, read, heads = list[PlannedLine](), list[ProgrammeError](), list[SheetRead](), dict[str, None]()
    faulty = dict[tuple[str | None, int], dict[str, str]]()
    places = PlaceReader(reference)
    for table, found_columns, header in found:
        if not PURCHASES.is_whole(found_columns):
            read.append(SheetRead(table.sheet, {}, found_columns.others[:MOST_COLUMNS_TOLD]))
            continue
        below = [(line, cells) for line, cells in table.rows if line > header]
        headless = {at for _, cells in below for at in found_columns.headless_in(cells)}
        columns = found_columns.with_headless(headless, language)
        heads |= dict.fromkeys(filter(None, columns.heads))
        above = " ".join(cell for line, cells in table.rows if line <= header for cell in cells if cell)
        reader = LineReader(
            reference, columns, language, sheet=table.sheet, heading=f"{table.sheet or ''} {above}"[:1_000],
            asked=asked, buyer=buyer, as_computed=is_book, places=places,
        )  # fmt: skip
        errors += [
            ProgrammeError(each.line, table.sheet, "", each.problem.code, each.problem.detail.to(language))
            for each in table.faulty
        ]
        left = list[int]()
        for line, cells in below:
            found_line = reader.read(line, cells)
            _put(found_line, lines, errors)
            left += [line] if found_line is None else []
            if isinstance(found_line, ProgrammeError):
                faulty[table.sheet, line] = columns.cells_by_head(cells)
            if len(lines) + len(errors) > MOST_LINES:
                raise unreadable("too_many_lines", TOO_MANY)
        read.append(SheetRead(table.sheet, columns.heads_read, columns.others, tuple(left)))
    read += [SheetRead(name, {}, ()) for name in unread_sheets(sheets)]
    return PlannedProgramme(tuple(lines), tuple(errors), tuple(read), tuple(heads), buyer, faulty)


def read_programme_request(
    reference: Reference, request: ProgrammeRequest, asked: Codes, language: Language
) -> PlannedProgramme:
    """The programme in a JSON document; what a line says that is not known is a fault of that line."""
    readers: dict[tuple[str, ...], LineReader] = {}
    lines, errors, places = list[PlannedLine](), list[ProgrammeError](), PlaceReader(reference)
    for number, each in enumerate(request.lines, 1):
        if not isinstance(each, dict):
            errors.append(_line_error(number, pointer("lines", number - 1), "wrong_type", NO_OBJECT, language))
            continue
        names, codes = tuple(each), _codes_in(each)
        unknown = [name for name in names if name not in _GIVEN_ALONE and PURCHASES.field_of_head(name) is None]
        if unknown:
            detail = Text(f"Champ inconnu : « {unknown[0][:80]} »", f"Unknown field: “{unknown[0][:80]}”")
            errors.append(
                _line_error(number, pointer("lines", number - 1, unknown[0]), "unknown_field", detail, language)
            )
            continue
        if names not in readers:
            readers[names] = LineReader(
                reference, PURCHASES.columns_of(names), language, asked=asked, buyer=request.buyer,
                as_computed=True, in_months=True, places=places,
            )  # fmt: skip
        found = readers[names].read(number, [_cell_of_value(value) for value in each.values()] or [""], codes)
        if isinstance(found, ProgrammeError):
            found = ProgrammeError(number, None, f"/lines/{number - 1}{found.pointer}", found.code, found.detail)
        if found is None:
            missing = Text("L'objet manque", "The object is missing")
            found = _line_error(number, pointer("lines", number - 1, "title"), "missing_title", missing, language)
        _put(found, lines, errors)
    heads = dict.fromkeys(head for line in lines for head in line.cells)
    return PlannedProgramme(tuple(lines), tuple(errors), (), tuple(heads), request.buyer, {})


def _put(found: PlannedLine | ProgrammeError | None, lines: list[PlannedLine], errors: list[ProgrammeError]) -> None:
    if isinstance(found, PlannedLine):
        lines.append(found)
    elif found is not None:
        errors.append(found)


def _line_error(number: int, where: str, code: str, detail: Text, language: Language) -> ProgrammeError:
    return ProgrammeError(number, None, where, code, detail.to(language))


def _cell_of_value(value: Any) -> str:
    """A value of JSON as the text of a cell."""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if value is None:
        return ""
    if isinstance(value, list):
        return " | ".join(map(_cell_of_value, value))
    if isinstance(value, float):
        return f"{value:.2f}"
    return str(value)


def _codes_in(line: dict[str, object]) -> Codes:
    """The codes of the territory of a line of JSON; empty where it has none of that form."""
    for name in ("territory", "place", "site"):
        said = line.get(name)
        if isinstance(said, dict):
            codes = said.get("codes")
            if isinstance(codes, list) and codes and all(isinstance(code, str) for code in codes):
                return tuple(codes)
            if isinstance(said.get("commune"), str):
                return (f"commune:{said['commune']}",)
    return ()


def _raw_table(sheet: str | None, content: bytes) -> RawTable:
    """The rows of a table as they are written."""
    rows, faulty = list[RowAsWritten](), list[FaultyRow]()
    for row in rows_as_written(BytesIO(content), is_header=PURCHASES.is_header):
        if isinstance(row, FaultyRow):
            faulty.append(row)
        else:
            rows.append((row[0], [" ".join(cell.split()) for cell in row[1]]))
        if len(rows) + len(faulty) > MOST_LINES + 10 * ROWS_ABOVE:
            raise unreadable("too_many_lines", TOO_MANY)
    return RawTable(sheet, rows, faulty)
