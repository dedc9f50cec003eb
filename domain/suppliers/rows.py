"""Rows of a source's file: records and rejects, as every format's reader yields them."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from domain.errors import Problem
from domain.suppliers.supplier import Flag, Placement, SupplierRecord
from domain.text.bilingual import Language, Text

LONGEST_EXTERNAL_ID = 400
_SHOWN = 5


class Row(NamedTuple):
    """One record of a file. `line`: where it starts, from 1 (a CSV header is a line too).

    `flags`: what the file says of the supplier and the record cannot hold, such as a category that means no segment.
    """

    line: int
    external_id: str
    record: SupplierRecord
    flags: tuple[Flag, ...] = ()


class Reject(NamedTuple):
    """One row that cannot be taken: the line where it starts, its id if that could be read, and what is wrong where.

    `pointer` is a JSON pointer into the record, also where the row came as CSV.
    """

    line: int
    external_id: str | None
    pointer: str
    code: str
    detail: str


class Batch(msgspec.Struct, frozen=True):
    """Some of the rows of an import: `placements[i]` is where `rows[i]` stands; `rejects` never became rows.

    `before`: how many came in the batches before it.
    """

    rows: Sequence[Row]
    placements: Sequence[Placement]
    rejects: Sequence[Reject] = ()
    before: int = 0


def reject(line: int, external_id: str | None, problems: tuple[Problem, ...], language: Language) -> Reject:
    """One reject for all the problems of a row: the first one's place and code, then what else is wrong."""
    first, *others = problems
    also = [f"{other.pointer} : {other.detail.to(language)}" for other in others[:_SHOWN]]
    if len(others) > _SHOWN:
        also.append(f"+{len(others) - _SHOWN}")
    detail = first.detail.to(language)
    if also:
        detail += Text(" ; et aussi ", "; also ").to(language) + " ; ".join(also)
    return Reject(line, external_id, first.pointer, first.code, detail)
