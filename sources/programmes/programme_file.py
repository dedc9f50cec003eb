"""A file or document of planned purchases read whole: its tables found sheet by sheet, their rows read as lines."""

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import NamedTuple

from domain.errors import pointer
from domain.needs.need import Buyer
from domain.programme.programme import MOST_LINES, PlannedLine, ProgrammeError, ProgrammeRequest, SheetRead
from domain.text.bilingual import Language, Text
from matching.reference import Reference
from sources.file_types.csv_table import FaultyRow, RowAsWritten, rows_as_written
from sources.file_types.workbook import SIGNATURE, sheets_of
from sources.programmes.columns import Columns, columns_of, field_of_head, joined_heads
from sources.programmes.line_reader import LineReader, cell_of_value
from sources.programmes.places import Codes, PlaceReader
from sources.rows import unreadable

MOST_SHEETS, ROWS_ABOVE, MOST_COLUMNS_TOLD = 40, 40, 30
_FIRST_LINES = 8_192
_NAMED_DELIMITER = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=[,;\t]"?\s*\r?\n', re.IGNORECASE)
TOO_MANY = Text(
    f"Plus de {MOST_LINES} lignes : envoyer le programme en plusieurs fois",
    f"More than {MOST_LINES} lines: send the programme in several parts",
)
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
    is_book = content.startswith(SIGNATURE)
    if is_book:
        sheets = sheets_of(content, MOST_SHEETS)
        raw = [_raw_table(each.name if len(sheets) > 1 else None, each.content, ",") for each in sheets]
    else:
        raw = [_raw_table(None, content, None)]
    found = [(table, *_header_of(table.rows)) for table in raw]
    if not any(columns.is_programme for _, columns, _ in found):
        raise unreadable("missing_column", _columns_seen([columns for _, columns, _ in found]))
    lines, errors, read, heads = list[PlannedLine](), list[ProgrammeError](), list[SheetRead](), dict[str, None]()
    faulty = dict[tuple[str | None, int], dict[str, str]]()
    places = PlaceReader(reference)
    for table, columns, start in found:
        if not columns.is_programme:
            read.append(SheetRead(table.sheet, {}, columns.others[:MOST_COLUMNS_TOLD]))
            continue
        read.append(SheetRead(table.sheet, columns.heads_read, columns.others))
        heads |= dict.fromkeys(filter(None, columns.heads))
        above = " ".join(cell for _, cells in table.rows[:start] for cell in cells if cell)
        reader = LineReader(
            reference, columns, language, sheet=table.sheet, heading=f"{table.sheet or ''} {above}"[:1_000],
            asked=asked, buyer=buyer, as_computed=is_book, places=places,
        )  # fmt: skip
        errors += [
            ProgrammeError(each.line, table.sheet, "", each.problem.code, each.problem.detail.to(language))
            for each in table.faulty
        ]
        for line, cells in table.rows[start:]:
            found_line = reader.read(line, cells)
            _put(found_line, lines, errors)
            if isinstance(found_line, ProgrammeError):
                faulty[table.sheet, line] = columns.cells_by_head(cells)
            if len(lines) + len(errors) > MOST_LINES:
                raise unreadable("too_many_lines", TOO_MANY)
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
        if unknown := [
            name for name in names if field_of_head(name) is None and name not in {"territory", "value_covers"}
        ]:
            detail = Text(f"Champ inconnu : « {unknown[0][:80]} »", f"Unknown field: “{unknown[0][:80]}”")
            errors.append(
                _line_error(number, pointer("lines", number - 1, unknown[0]), "unknown_field", detail, language)
            )
            continue
        if names not in readers:
            readers[names] = LineReader(
                reference, columns_of(names), language, asked=asked, buyer=request.buyer,
                as_computed=True, in_months=True, places=places,
            )  # fmt: skip
        found = readers[names].read(number, [cell_of_value(value) for value in each.values()] or [""], codes)
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


def _raw_table(sheet: str | None, content: bytes, delimiter: str | None) -> RawTable:
    """The rows of a table as they are written; the delimiter of a CSV file is that of most of its first lines."""
    shift = 0
    if delimiter is None and not _NAMED_DELIMITER.match(content):
        first = content[:_FIRST_LINES]
        delimiter = max(",;\t", key=lambda mark: sum(line.count(mark.encode()) for line in first.splitlines()))
        if not any(first.count(mark.encode()) for mark in ",;\t"):
            delimiter = ";"
    if delimiter is not None:
        content, shift = f"sep={delimiter}\n".encode() + content.removeprefix(b"\xef\xbb\xbf"), 1
    rows, faulty = list[RowAsWritten](), list[FaultyRow]()
    for row in rows_as_written(BytesIO(content), as_published=True):
        if isinstance(row, FaultyRow):
            faulty.append(FaultyRow(row.line - shift, row.problem))
        else:
            rows.append((row[0] - shift, [" ".join(cell.split()) for cell in row[1]]))
        if len(rows) + len(faulty) > MOST_LINES + 10 * ROWS_ABOVE:
            raise unreadable("too_many_lines", TOO_MANY)
    return RawTable(sheet, rows, faulty)


def _header_of(rows: Sequence[RowAsWritten]) -> tuple[Columns, int]:
    """The columns of the header that names most fields, and where the rows below it begin; columns of none else."""
    best, start, most = Columns((), {}), 0, -1
    for place, (_, cells) in enumerate(rows[:ROWS_ABOVE]):
        for columns, begin in _possible_headers(rows, place, cells):
            fields = len(columns.of_field) + 10 * columns.is_programme
            if fields > most:
                best, start, most = columns, begin, fields
    return best, start


def _possible_headers(rows: Sequence[RowAsWritten], place: int, cells: Sequence[str]) -> Iterator[tuple[Columns, int]]:
    """A row as a header, and with the row below where that is a second row of heads."""
    columns = columns_of(cells)
    if sum(map(bool, cells)) < 2:  # a title; but the only column of a table is told
        yield columns, place + 1
        return
    below = rows[place + 1][1] if place + 1 < len(rows) else []
    is_second = any(map(field_of_head, filter(None, below))) or any(cell in {"HT", "TTC"} for cell in below)
    title = columns.of_field.get("title", (0,))[0]
    object_below = below[title] if title < len(below) else ""
    if (
        is_second
        and not any(map(str.isdigit, "".join(below[:title])))
        and (not object_below or field_of_head(object_below))
    ):
        yield columns_of(joined_heads(cells, below)), place + 2
    yield columns, place + 1


def _columns_seen(tables: Sequence[Columns]) -> Text:
    """A sentence on the columns that no table of a file has, and on those that it has."""
    best = max(tables, key=lambda each: (len(each.of_field), len(each.heads)))
    missing = [field for field in ("title", "amount") if field not in best.of_field]
    fr = " et ".join({"title": "d'objet", "amount": "de montant"}[field] for field in missing)
    en = " and no ".join({"title": "object", "amount": "amount"}[field] for field in missing)
    seen = ", ".join(head for head in best.heads if head) or "–"
    return Text(
        f"Aucune colonne {fr} n'est reconnue. Colonnes vues : {seen[:800]}",
        f"No {en} column is recognised. Columns seen: {seen[:800]}",
    )
