"""A source's file as batches of checked and placed records: read row by row, or from the cache beside the file.

The formats of a file by name: a new one takes a reader, its test, and a line in `FORMATS`.

The cache holds the rows as they were read, checked and placed, for an import that need not read the file again: to
decode them takes a twentieth of the time. Its first frame is the key: one file, as one program read it. A digest of all
frames stands at the end. A cache that is not whole, or has another key, is not used.
"""

import gzip
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from importlib.metadata import version
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from domain.errors import Problem
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.assembly import as_directory_word
from domain.suppliers.source import Batch, CheckedRecord, Row, RowError, SourceMapping, reject
from domain.suppliers.supplier import Placement
from domain.text.bilingual import Language, said_by
from matching.reference import Reference
from sources.file_types.csv_cells import csv_of
from sources.file_types.workbook import ODS, XLSX, reader_of_workbooks
from sources.formats import (
    conventions,
    decp,
    gogocarto,
    hosmoz,
    inclusion,
    open_data,
    registers,
    sirene,
    spreadsheet,
    vivier,
)
from sources.rows import Context, Reader, UnreadableFile, unreadable
from sources.validation import check, placements_of, siret_flags

_SAID = said_by(__name__)

CSV = "text/csv"
JSON = "application/json"
NDJSON = "application/x-ndjson"
ZIP = "application/zip"


def _table_readers(read: Reader) -> dict[str, Reader]:
    """The readers of a table that `read` reads as CSV, by media type: as CSV, and as the first sheet of a workbook."""
    return {CSV: read, XLSX: reader_of_workbooks(read), ODS: reader_of_workbooks(read)}


# The readers of each format, by the media type that the file is sent as.
FORMATS: Mapping[str, Mapping[str, Reader]] = {
    "vivier": {
        NDJSON: vivier.read_ndjson,
        JSON: vivier.read_json,
        ZIP: open_data.read_package,
        **_table_readers(vivier.read_csv),
    },
    "siae": _table_readers(registers.read_siae),
    "esat": _table_readers(registers.read_esat),
    "conventions": _table_readers(conventions.read),
    "emplois": {JSON: inclusion.read_emplois_json, NDJSON: inclusion.read_emplois_ndjson},
    "sirene": _table_readers(sirene.read),
    "geiq": _table_readers(registers.read_geiq),
    "ess-france": _table_readers(registers.read_ess_france),
    "rna": _table_readers(registers.read_rna),
    "directory": _table_readers(registers.read_directory),
    "decp": {JSON: decp.read_json, NDJSON: decp.read_ndjson, **_table_readers(decp.read_csv)},
    "hosmoz": _table_readers(hosmoz.read),
    "gogocarto": {JSON: gogocarto.read_json, NDJSON: gogocarto.read_ndjson},
    "le-marche": {JSON: inclusion.read_le_marche_json, NDJSON: inclusion.read_le_marche_ndjson},
    "recherche-entreprises": {JSON: sirene.read_json, NDJSON: sirene.read_ndjson},
    "spreadsheet": _table_readers(spreadsheet.read),
}


OWN = frozenset({"spreadsheet", "vivier"})
"""Formats written for us, whose faults are told; of others' files, an address is taken as it is."""
ADDING = frozenset({"conventions", "decp", "directory", "ess-france", "rna"})
"""Formats whose rows make no supplier: they add to those that others make, by SIRET or by what `Row.joins` says."""

BY_FILE_ALONE = frozenset({"directory", "emplois", "esat", "ess-france", "geiq", "rna", "sirene"})
"""Formats of the pool whose rows say the same on any day, whatever the mapping of their source."""
BY_FILE_AND_DAY = frozenset({"decp"})
"""Those whose rows say the same on one day."""


def read_rows(name: str, stream: BinaryIO, media_type: str, context: Context) -> Iterator[Row | RowError]:
    """Yield every row of a file of format `name`, as a checked record or an error; blank lines are skipped.

    Lazy: the file is read as rows are asked for, in bounded memory. Raises, at the first row or later, KeyError for an
    unknown format or media type and UnreadableFile where the file cannot be read by rows at all.
    """
    for row in _rows_as_read(name, stream, media_type, context):
        if not isinstance(row, Row):
            yield row
            continue
        known = context.territories, context.taxonomy, context.cpv
        record, flags, problems = check(row.record, *known, is_own=name in OWN)
        if problems := row.problems + problems:
            yield reject(row.line, row.external_id, problems, context.language)
            continue
        checked = row if record is row.record else row._replace(record=record, flags=row.flags + flags)
        yield checked._replace(joins=row.joins or record.siret) if name in ADDING else checked


def _rows_as_read(name: str, stream: BinaryIO, media_type: str, context: Context) -> Iterator[Row | RowError]:
    """Yield the rows of a file; of a table with the columns of another format, UnreadableFile says which it is."""
    try:
        yield from FORMATS[name][media_type](stream, context)
    except UnreadableFile as error:
        other = next((each for each in FORMATS if each != name and _is_table_of(each, error.columns, context)), None)
        if other is None:
            raise
        detail = _SAID["other_format"].filled(format=other)
        raise UnreadableFile((Problem("", "other_format", detail), *error.problems)) from None


def _is_table_of(name: str, columns: Sequence[str], context: Context) -> bool:
    """Whether a table with these columns is one of format `name`; any with a SIREN could be one of some formats."""
    if not columns or CSV not in FORMATS[name] or name in ("directory", "ess-france"):
        return False
    try:
        return not any(FORMATS[name][CSV](BytesIO(csv_of(columns, ())), context))
    except UnreadableFile:
        return False


CHECKED = "application/x-vivier-checked"
SUFFIX = ".checked"
_LENGTH_BYTES = 4
_END = b""
_DIGEST_BYTES = 32
_READ_AT_ONCE = 1 << 20

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode


class CacheKey(msgspec.Struct, frozen=True):
    """The key of cached rows: digest of their file, `reader_versions`, source, day of reading, language of errors.

    `on`: None where the rows are the same on any day.
    """

    sha256: str
    reader: str
    source: str
    on: date | None = None
    language: Language = "en"


def cache_key_of(format_: str, sha256: str, reader: str, on: date) -> CacheKey | None:
    """The key of a file's rows, read on the day `on` into the source that is named like its format.

    None for a format whose rows depend on more than that, and are not cached. `reader`: see `reader_versions`.
    """
    if format_ not in BY_FILE_ALONE | BY_FILE_AND_DAY:
        return None
    return CacheKey(sha256, reader, format_, on if format_ in BY_FILE_AND_DAY else None)


def reader_versions(taxonomy: Taxonomy) -> str:
    """The versions of this program and its taxonomy as one text; another version may read other rows."""
    return f"{version('vivier')} {taxonomy.version}"


def cache_path_of(path: Path) -> Path:
    """The path of the cache of a file's rows, beside the file."""
    return path.with_name(path.name + SUFFIX)


def write_through(path: Path, key: CacheKey, batches: Iterable[Batch]) -> Generator[Batch, None, None]:
    """Yield the batches, each written to the file's cache on the way; the cache appears once the last was taken."""
    kept = cache_path_of(path)
    part, digest = kept.with_name(f".{kept.name}"), blake2b(digest_size=_DIGEST_BYTES)
    try:
        with part.open("wb") as file:

            def write_frame(content: bytes) -> None:
                """Append `content`, preceded by its length, to the cache, and add both to its digest."""
                for piece in (len(content).to_bytes(_LENGTH_BYTES), content):
                    digest.update(piece)
                    file.write(piece)

            write_frame(_encode(key))
            for batch in batches:
                write_frame(_encode(batch))
                yield batch
            write_frame(_END)
            file.write(digest.digest())
        part.replace(kept)
    finally:
        part.unlink(missing_ok=True)


def has_cached_rows(path: Path, key: CacheKey) -> bool:
    """Whether the file has a cache of its rows that is whole and was written under the key."""
    try:
        with cache_path_of(path).open("rb") as file:
            if _read_frame(file) != _encode(key):
                return False
            left = file.seek(0, os.SEEK_END) - _DIGEST_BYTES
            file.seek(0)
            digest = blake2b(digest_size=_DIGEST_BYTES)
            while left > 0 and (some := file.read(min(left, _READ_AT_ONCE))):
                digest.update(some)
                left -= len(some)
            return file.read() == digest.digest()
    except OSError:
        return False


def _read_frame(stream: BinaryIO) -> bytes:
    """The content of the next frame of a cache, before which its length stands; b"" for the last one."""
    return stream.read(int.from_bytes(stream.read(_LENGTH_BYTES)))


ROWS_AT_ONCE = 2_000


class ReadOptions(msgspec.Struct, frozen=True):
    """Options for reading a source's file: its format and media type (a pair of FORMATS), mapping, errors' language.

    The media type CHECKED stands for the cache of such a file, which `has_cached_rows` found to be whole.

    `source`, `today`: see `Context`.
    """

    format: str
    media_type: str
    mapping: SourceMapping
    language: Language
    is_gzipped: bool = False
    source: str | None = None
    today: date | None = None


def batches(options: ReadOptions, stream: BinaryIO, reference: Reference) -> Iterator[Batch]:
    """Yield a file's records and rejects, up to 2,000 rows a batch; nothing is read before the first is asked for.

    Raises, at any batch, KeyError for an unknown format or media type and UnreadableFile for a file that cannot be
    read row by row.
    """
    if options.media_type == CHECKED:
        _read_frame(stream)
        while checked := _read_frame(stream):
            yield _decode(checked)
        return
    content = cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if options.is_gzipped else stream
    context = Context(
        reference.territories,
        reference.taxonomy,
        reference.cpv,
        options.mapping,
        options.language,
        options.source,
        options.today,
    )
    rows = read_rows(options.format, content, options.media_type, context)
    before = 0
    try:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            made = [row for row in some if isinstance(row, Row)]
            making = [row for row in made if row.joins is None]
            flags = [row.flags for row in making]
            placements = iter(placements_of([row.record for row in making], reference.geography, flags))
            records = [
                CheckedRecord(
                    row.line,
                    row.external_id,
                    as_directory_word(row.record),
                    next(placements) if row.joins is None else Placement(flags=siret_flags(row.record) + row.flags),
                    row.joins,
                )
                for row in made
            ]
            yield Batch(records, [row for row in some if isinstance(row, RowError)], before)
            before += len(some)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise unreadable("malformed_gzip", _SAID["broken_gzip"]) from None
