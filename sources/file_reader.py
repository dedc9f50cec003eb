"""A source's file as batches of rows: read, checked and placed."""

from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import msgspec

from domain.suppliers.rows import Batch, Reject, Row, reject
from domain.suppliers.source import Mapping
from domain.text.bilingual import Language
from matching.reference import Reference
from sources.formats.registry import FORMATS
from sources.rows import Context
from sources.validation import drawing_faults, flagged, placed

ROWS_AT_ONCE = 2_000


class Reading(msgspec.Struct, frozen=True):
    """How a file is to be read: `format` and `media_type` are a pair of FORMATS; `language` is that of its rejects."""

    format: str
    media_type: str
    mapping: Mapping
    language: Language


def batches(reading: Reading, stream: BinaryIO, reference: Reference) -> Iterator[Batch]:
    """The rows of the file, some at a time, in bounded memory; nothing is read before the first are asked for.

    Raises KeyError for a format or media type that is not known and UnreadableFile, at any batch, for a file that
    cannot be read row by row.
    """
    context = Context(reference.territories, reference.taxonomy, reference.cpv, reading.mapping, reading.language)
    rows = _drawn_well(FORMATS[reading.format].read(stream, reading.media_type, context), reading.language)
    return _batches(rows, reference)


def _batches(rows: Iterator[Row | Reject], reference: Reference) -> Iterator[Batch]:
    before = 0
    while read := list(islice(rows, ROWS_AT_ONCE)):
        accepted = [row for row in read if isinstance(row, Row)]
        rejects = [row for row in read if isinstance(row, Reject)]
        found = placed([row.record for row in accepted], reference.geography)
        placements = [flagged(one, row.flags) for row, one in zip(accepted, found, strict=True)]
        yield Batch(accepted, placements, rejects, before)
        before += len(read)


def _drawn_well(rows: Iterator[Row | Reject], language: Language) -> Iterator[Row | Reject]:
    """The same rows, those that draw an impossible service area turned into rejects."""
    for row in rows:
        if isinstance(row, Row) and (faults := tuple(drawing_faults(row.record))):
            yield reject(row.line, row.external_id, faults, language)
        else:
            yield row
