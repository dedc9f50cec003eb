"""A row of a source's file on its way to the database: as a format read it, checked and placed, or rejected."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from domain.errors import Problem
from domain.suppliers.supplier import Flag, Placement, SupplierRecord
from domain.text.bilingual import Language, Text

LONGEST_EXTERNAL_ID = 400
WITHDRAWN = frozenset({"withheld", "natural_person", "not_active"})
"""Codes of rejects of which no earlier record may stay: its holder withholds it, it is a person, it was dissolved."""
_PROBLEMS_LISTED = 5


class Row(NamedTuple):
    """One record as a format read it. `line`: where it starts, from 1 (a CSV header is a line too).

    `flags`: what the file says of the supplier and the record cannot hold, such as a category that means no segment.
    `joins`: of a record that makes no supplier but adds to those that others make, the SIRET or SIREN by which it does.
    """

    line: int
    external_id: str
    record: SupplierRecord
    flags: tuple[Flag, ...] = ()
    joins: str | None = None


class CheckedRecord(NamedTuple):
    """A record without faults, and where it stands; `placement` has its flags. `joins`: see `Row`."""

    line: int
    external_id: str
    record: SupplierRecord
    placement: Placement
    joins: str | None = None


class RowError(msgspec.Struct, frozen=True):
    """The fault of a rejected row of an import."""

    line: int
    """Line of the file, from 1"""
    external_id: str | None
    """Of the row; null where it could not be read"""
    pointer: str
    """JSON pointer (RFC 6901) to the fault inside the row"""
    code: str
    """Stable in every language, such as `unknown_code`"""
    detail: str
    """The fault, and what would be right, in the language of the request"""


class Batch(msgspec.Struct, frozen=True):
    """A part of the rows of an import. `before`: how many rows came in the batches before it."""

    records: Sequence[CheckedRecord]
    rejects: Sequence[RowError] = ()
    before: int = 0


def reject(line: int, external_id: str | None, problems: tuple[Problem, ...], language: Language) -> RowError:
    """One error for all the problems of a row: place and code of the first one, then the details of five others."""
    first, *others = problems
    colon, semicolon = Text(" : ", ": ").to(language), Text(" ; ", "; ").to(language)
    also = [other.pointer + colon + other.detail.to(language) for other in others[:_PROBLEMS_LISTED]]
    if len(others) > _PROBLEMS_LISTED:
        also.append(f"+{len(others) - _PROBLEMS_LISTED}")
    detail = first.detail.to(language)
    if also:
        detail += semicolon + Text("et aussi ", "also ").to(language) + semicolon.join(also)
    return RowError(line, external_id, first.pointer, first.code, detail)
