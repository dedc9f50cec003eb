"""Format `spreadsheet`: the table in which a network keeps its suppliers, with French titles (CSV).

The titles are those of `spreadsheet_titles.toml`, whatever their case, accents and punctuation, or those that the
source's mapping names. Rows above the one with a title for the name are passed over; columns with other titles are not
looked at. The external id is the cell of “Identifiant”, else the SIRET. The commune is looked up by postal code and
city, or by the name alone where only one in France has it.
Activities are segments by the source's mapping, their label or a phrase of the taxonomy; one that is none is flagged.
Where no segment is said, offers are inferred from the names, the presentation and the activities.

The rejected rows of a table, of any format, are written to be corrected in a spreadsheet and sent again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from io import BytesIO
from typing import BinaryIO, NamedTuple

import msgspec

from domain.errors import Problem, pointer
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.source import Row, RowError, reject
from domain.suppliers.supplier import Flag
from domain.text.bilingual import Text, said_by
from domain.text.normalise import fold
from sources.file_types.csv_cells import (
    LEGAL_FORMS,
    Dialect,
    csv_of,
    escaped_text,
    listed_kinds,
    text_or_none,
    unmarked_text,
)
from sources.file_types.csv_table import FaultyRow, Table, read_table, rows_as_written
from sources.formats.vivier import document_of, put_inferred_offers
from sources.formats.vivier_columns import COLUMNS, ID, NONE_HELD, TO_CORRECT
from sources.postal_addresses import commune_names
from sources.rows import Context, UnreadableFile, row_of, unmapped_flag
from sources.trades.inference import OfferInference, word_reader
from sources.validation import whole_siret

_SAID = said_by(__name__)

_LISTED = re.compile(r"[;|\n]")
_LISTED_TOO = re.compile(r"[;|\n,]|\s/\s")
_FAILED = re.compile(r"#(REF|N/A|N/D|NAME|NOM|VALUE|VALEUR|DIV/0|NUM|NOMBRE|NULL|NUL|SPILL|EPARS)[!?]?", re.IGNORECASE)
_INSEE = re.compile("[0-9][0-9AB][0-9]{3}")


ACTIVITIES, DEPARTEMENT = "activities", "departement"


class Title(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column that a network's spreadsheet may have: its title in the template, and `others` in use elsewhere.

    `example`: a cell of it; `text`: what its cells say.
    """

    title: str
    others: tuple[str, ...]
    example: str
    text: Text


TITLES: Mapping[str, Title] = msgspec.toml.decode(
    (files("sources.formats") / "spreadsheet_titles.toml").read_bytes(), type=dict[str, dict[str, Title]]
)["titles"]
_BY_TITLE = {fold(each): column for column, found in TITLES.items() for each in (found.title, *found.others)}


class Titles(NamedTuple):
    """The titles in a header: `read`, by the column that each stands for, and `others`, which stand for none."""

    read: Mapping[str, str]
    others: tuple[str, ...]


def column_of_title(title: str, mapped: Mapping[str, str]) -> str | None:
    """The column that a title stands for, by the source's mapping or else by its French words; None for no column."""
    own = mapped.get(title.strip())
    return own if own in COLUMNS else _BY_TITLE.get(fold(title))


def template_rows() -> Iterator[Sequence[str]]:
    """The rows of the template that networks fill in: the titles, and an example of a supplier."""
    yield [each.title for each in TITLES.values()]
    yield [each.example for each in TITLES.values()]


def read(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read a spreadsheet, one row per supplier; raises UnreadableFile where no title stands for the name."""
    table, titles = _table_and_titles(stream, context.mapping.fields)
    suppliers = _Suppliers(context)
    for row in table.rows:
        if isinstance(row, FaultyRow):
            yield reject(row.line, None, (row.problem,), context.language)
            continue
        cells = {column: row.cells[title].strip() for column, title in titles.items() if row.cells[title].strip()}
        if cells:
            yield suppliers.row(row.line, cells)


def titles_in(stream: BinaryIO, fields: Mapping[str, str]) -> Titles:
    """The titles in a spreadsheet's header, by a mapping's `fields`. Raises UnreadableFile if none is that of names."""
    table, titles = _table_and_titles(stream, fields)
    return Titles(titles, tuple(title for title in table.columns if title not in titles.values()))


def is_header(cells: Sequence[str], fields: Mapping[str, str]) -> bool:
    """Whether a row is a header: a cell is the title of suppliers' names, by a mapping's `fields` or French words."""
    return any(column_of_title(cell, fields) == "name" for cell in cells)


def _table_and_titles(stream: BinaryIO, fields: Mapping[str, str]) -> tuple[Table, dict[str, str]]:
    """Open a spreadsheet's table; returns it, and by column the title (of several the first) that stands for it."""
    table = read_table(stream, is_header=lambda cells: is_header(cells, fields))
    titles: dict[str, str] = {}
    for title in table.columns:
        if (column := column_of_title(title, fields)) is not None:
            titles.setdefault(column, title)
    if "name" not in titles:
        raise UnreadableFile((Problem("", "missing_column", _SAID["no_name"]),), table.columns)
    return table, titles


class _Suppliers:
    """Makes records of the rows of one table."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._communes = commune_names(context.territories)
        self._inference = OfferInference(context.taxonomy, context.source)
        self._activities = ActivityReader(context.taxonomy, context.mapping.categories)

    def row(self, line: int, cells: dict[str, str]) -> Row | RowError:
        siret = whole_siret(unmarked_text(cells.get("siret", "")))
        external_id = unmarked_text(cells.pop(ID, "")) or text_or_none(siret)
        problems = _take_unreadable(cells, external_id)
        activities = cells.pop(ACTIVITIES, "")
        segments, flags = self._activities.segments_in(activities)
        document = document_of(self._cells(cells, segments))
        document["problems"] = (*problems, *document.get("problems", ()))
        if not segments:
            # inferred of names, presentation and activities that are no segment, in the area that the row says
            kind = next((each["kind"] for each in document.get("approvals") or ()), None)
            texts = (*(document.get(name, "") for name in ("name", "trade_name", "description")), activities)
            city = document.get("address", {}).get("city", "")
            put_inferred_offers(document, self._inference.offers(kind, None, texts, city))
        return row_of(line, external_id, document, self._context, flags)

    def _cells(self, cells: dict[str, str], segments: Sequence[str]) -> dict[str, str]:
        """Rewrite the cells of a row as format `vivier` has them, by its columns."""
        departement = cells.pop(DEPARTEMENT, "")
        own = {column: unmarked_text(cell) for column, cell in cells.items()}
        if commune := own.get("address.commune") or self._commune(own, departement):
            own["address.commune"] = commune
        if "legal_form" in own:
            own["legal_form"] = LEGAL_FORMS["words"].get(fold(own["legal_form"]), "")
        if fold(own.get("approvals", "")) in NONE_HELD:
            own["approvals"] = NONE_HELD[0]
        elif "approvals" in own:
            own["approvals"] = "|".join(listed_kinds(own["approvals"]))
        if "labels" in own:
            own["labels"] = "|".join(escaped_text(each) for each in _split_cell(own["labels"], _LISTED))
        if segments:
            own["segments"] = "|".join(segments)
        return own

    def _commune(self, own: Mapping[str, str], departement: str) -> str | None:
        """The INSEE code of the commune in a row's address; None where it is unknown or several have the name."""
        postal_code, city = own.get("address.postal_code", ""), own.get("address.city", "")
        if postal_code or departement or not city:
            return self._communes.find(postal_code, city, "" if postal_code else departement)
        return city if _INSEE.fullmatch(city) else self._communes.find_in_france(city)


class ActivityReader:
    """Reads activities that a cell lists as segments.

    By `mapped`, an id or a label of the taxonomy, the names of `others`, else by the phrases of the taxonomy.
    """

    def __init__(
        self, taxonomy: Taxonomy, mapped: Mapping[str, Sequence[str]], others: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._taxonomy, self._mapped, self._words = taxonomy, mapped, word_reader(taxonomy)
        self._labels: dict[str, Sequence[str]] = {fold(family.label): (family.id,) for family in taxonomy.families}
        self._labels |= {fold(segment.label): (segment.id,) for segment in taxonomy.segments.values()}
        self._labels |= {fold(name): segments for name, segments in (others or {}).items()}

    def segments_in(self, cell: str) -> tuple[list[str], tuple[Flag, ...]]:
        """The segments of the activities in a cell, and a flag for each activity without a segment."""
        found: dict[str, None] = {}
        flags: dict[Flag, None] = {}
        for piece in _split_cell(cell, _LISTED):
            for part in [piece] if self._segments_of(piece) is not None else _split_cell(piece, _LISTED_TOO):
                meant = self._segments_of(part)
                said = tuple(clue.segment for clue in self._words.read([part])) if meant is None else meant
                if meant is None and not said:
                    flags[unmapped_flag(part)] = None
                found |= dict.fromkeys(said)
        return list(found), tuple(flags)

    def _segments_of(self, words: str) -> Sequence[str] | None:
        """The segments of an activity, by the source's mapping, a segment's id or a name; None where none fits."""
        if words in self._mapped:
            return self._mapped[words]
        return (words,) if self._taxonomy.known(words) else self._labels.get(fold(words))


def _take_unreadable(cells: dict[str, str], external_id: str | None) -> list[Problem]:
    """Take out cells whose formula failed; the problems of these, and of a row without an identifier."""
    failed = [column for column, cell in [*cells.items()] if _FAILED.fullmatch(cell) and cells.pop(column)]
    paths = (COLUMNS[column].path if column in COLUMNS else (column,) for column in failed)
    problems = [Problem(pointer(*path), "formula_error", _SAID["formula_failed"]) for path in paths]
    if external_id is None:
        problems.append(Problem("/external_id", "missing_field", _SAID["no_id"]))
    return problems


def _split_cell(cell: str, separator: re.Pattern[str]) -> list[str]:
    return [piece.strip() for piece in separator.split(cell) if piece.strip()]


DIALECTS: Mapping[str, Dialect] = {"vivier": "excel", "spreadsheet": "excel"}
"""Formats that take back what a spreadsheet is given so that it changes nothing; others read commas."""


def rejected_rows(content: bytes, format_: str, fields: Mapping[str, str], reasons: Mapping[int, str]) -> bytes:
    """Write a file's rejected rows as CSV, under the file's header and with a last column that says what is wrong.

    `fields`: of the mapping of its source; `reasons`: what is wrong, by the lines of the rows. Of a record with several
    rows, all of them. Rows whose cells cannot be told apart are left out.
    """
    rows = (row for row in rows_as_written(BytesIO(content)) if not isinstance(row, FaultyRow))
    header: list[str] = []
    for _, cells in rows:
        if format_ != "spreadsheet" or is_header(cells, fields):
            header = cells
            break
    place = header.index(TO_CORRECT) if TO_CORRECT in header else len(header)
    identity = header.index(ID) if ID in header else None
    wrong: list[list[str]] = []
    record: str | None = None
    for line, cells in rows:
        own = cells[identity].strip() if identity is not None and identity < len(cells) else ""
        if line in reasons:
            record = own
        elif not record or own != record:  # else the row goes on the record, after its first
            record = None
            continue
        wrong.append([*cells[:place], *[""] * (place - len(cells)), reasons.get(line, "")])
    return csv_of([*header[:place], TO_CORRECT], wrong, DIALECTS.get(format_, "plain"))
