"""A source's file as batches of records, checked and placed."""

import gzip
import zlib
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import BinaryIO, cast

import msgspec

from domain.suppliers.rows import Batch, CheckedRecord, Row, RowError
from domain.suppliers.source import SourceMapping
from domain.suppliers.supplier import Placement
from domain.text.bilingual import Language, Text
from matching.geo.territory import Geography
from matching.reference import Reference
from sources.checked_rows import CHECKED, batches_kept
from sources.formats.registry import read_rows
from sources.rows import Context, unreadable
from sources.validation import placed, siret_flags

ROWS_AT_ONCE = 2_000

_BROKEN_GZIP = Text("La compression gzip est rompue", "This is not a whole gzip file")


class Reading(msgspec.Struct, frozen=True):
    """The way to read a file: `format` and `media_type` are a pair of FORMATS; `language` is that of its errors.

    Of the media type CHECKED are rows kept of such a file (`sources.checked_rows`).

    `source`, `today`: see `Context`.
    """

    format: str
    media_type: str
    mapping: SourceMapping
    language: Language
    is_gzipped: bool = False
    source: str | None = None
    today: date | None = None


def batches(reading: Reading, stream: BinaryIO, reference: Reference) -> Iterator[Batch]:
    """The records of the file, some at a time, in bounded memory; nothing is read before the first are asked for.

    Raises, at any batch, KeyError for an unknown format or media type and UnreadableFile for a file that cannot be
    read row by row.
    """
    if reading.media_type == CHECKED:
        yield from batches_kept(stream)
        return
    content = cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if reading.is_gzipped else stream
    context = Context(
        reference.territories,
        reference.taxonomy,
        reference.cpv,
        reading.mapping,
        reading.language,
        reading.source,
        reading.today,
    )
    rows = read_rows(reading.format, content, reading.media_type, context)
    before = 0
    try:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            yield _batch(some, before, reference.geography)
            before += len(some)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise unreadable("malformed_gzip", _BROKEN_GZIP) from None


def _batch(some: list[Row | RowError], before: int, geography: Geography) -> Batch:
    rows = [row for row in some if isinstance(row, Row)]
    making = [row for row in rows if row.joins is None]
    placements = iter(placed([row.record for row in making], geography, [row.flags for row in making]))
    records = [
        CheckedRecord(
            row.line,
            row.external_id,
            row.record,
            next(placements) if row.joins is None else Placement(flags=siret_flags(row.record) + row.flags),
            row.joins,
        )
        for row in rows
    ]
    return Batch(records, [row for row in some if isinstance(row, RowError)], before)
