"""Sources of supplier records, the rows of their files, and what became of their bulk imports.

A row goes to the database as a format read it, checked and placed, or rejected.
Suppliers of sources under an open licence may be published: without contact, and no persons.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.errors import Problem
from domain.needs.need import Code, Codes
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.known_trades import TradeCounts
from domain.suppliers.supplier import Contact, Flag, Kind, Offer, Placement, Supplier, SupplierRecord
from domain.text.bilingual import SEMICOLON, Language, Text
from domain.text.normalise import fold

ImportMode = Literal["upsert", "snapshot"]
ImportStatus = Literal["running", "done", "refused", "failed", "interrupted"]

LONGEST_EXTERNAL_ID = 400
WITHDRAWN = frozenset({"withheld", "natural_person", "not_active"})
"""Codes of rejects of which no earlier record may stay: its holder withholds it, it is a person, it was dissolved."""
_PROBLEMS_LISTED = 5


class Row(NamedTuple):
    """One record as a format read it. `line`: where it starts, from 1 (a header is one); `problems`: of cells left out.

    `flags`: what the file says of the supplier and the record cannot hold, such as a category that means no segment.
    `joins`: of a record that makes no supplier but adds to those that others make, the SIRET or SIREN by which it does.
    """

    line: int
    external_id: str
    record: SupplierRecord
    flags: tuple[Flag, ...] = ()
    joins: str | None = None
    problems: tuple[Problem, ...] = ()


class CheckedRecord(NamedTuple):
    """A record without faults; `placement`: its place on the map, and flags. `joins`: as in `Row`, a SIRET or SIREN."""

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
    """A part of the rows of an import. `before`: the number of rows in earlier batches."""

    records: Sequence[CheckedRecord]
    rejects: Sequence[RowError] = ()
    before: int = 0


def reject(line: int, external_id: str | None, problems: tuple[Problem, ...], language: Language) -> RowError:
    """The error of a row: the pointer and code of its first problem; in words, that one and at most five others."""
    first, *others = problems
    colon, semicolon = Text(" : ", ": ").to(language), SEMICOLON.to(language)
    also = [other.pointer + colon + other.detail.to(language) for other in others[:_PROBLEMS_LISTED]]
    if len(others) > _PROBLEMS_LISTED:
        also.append(f"+{len(others) - _PROBLEMS_LISTED}")
    detail = first.detail.to(language)
    if also:
        detail += semicolon + Text("et aussi ", "also ").to(language) + semicolon.join(also)
    return RowError(line, external_id, first.pointer, first.code, detail)


class SourceMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that a format needs."""

    categories: dict[Code, Codes] = {}
    """Segments by the id or name of a category of the source; empty: it has no meaning here"""
    fields: dict[Code, Code] = {}
    """Columns of our own record, such as `contact.email`, by the name of a field of the source"""


class Source(msgspec.Struct, frozen=True):
    """A directory from which records come. `name` is the one in paths and on keys.

    `rank`: where several sources describe one supplier, the values of the higher rank are preferred.
    `licence`: as it is written, under which its records may be used again; None: not known.
    """

    name: str
    label: str | None = None
    url: str | None = None
    mapping: SourceMapping = SourceMapping()
    rank: int = 0
    licence: str | None = None


class QualityGap(msgspec.Struct, frozen=True):
    """The records of a source that lack a piece of data, such as a SIRET."""

    records: int = 0
    """The number that lack it"""
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    """Of all its records, from 0 to 1; null where it has none"""


class QualityGaps(msgspec.Struct, frozen=True):
    """Gaps of a source's records."""

    place: QualityGap = QualityGap()
    """Records with neither a point nor a commune"""
    siret: QualityGap = QualityGap()
    """Records without a SIRET"""
    segment: QualityGap = QualityGap()
    """Records without an offer, so that no need finds them"""
    email: QualityGap = QualityGap()
    """Records without an e-mail address"""


class SourceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A source, how fresh it is and how good."""

    name: str
    """As it stands in paths and on keys"""
    label: str | None = None
    """A name to read; null: none set"""
    url: str | None = None
    """A page about it; null: none set"""
    licence: str | None = None
    """The licence under which its records may be used again, such as `etalab-2.0`; null: not known"""
    records: int = 0
    """Records that it holds"""
    last_received_at: datetime | None = None
    """The moment it last sent a record; null: never"""
    last_import_id: UUID | None = None
    """Its last completed import; null: none"""
    last_import_at: datetime | None = None
    """The end of its last completed import; null: none"""
    without: QualityGaps = QualityGaps()
    """Records that lack something"""
    flags: dict[str, int] = {}
    """Records with each flag today"""
    waiting: int = 0
    """Records about no supplier known so far"""
    trades: TradeCounts | None = None
    """Active suppliers that it describes or adds to, by trade, counted in memory; null until they are loaded"""


class SourceDocument(SourceSummary, frozen=True, kw_only=True):
    """A source with its summary (`SourceSummary`) and its settings (`Source`)."""

    mapping: SourceMapping = SourceMapping()
    """The meaning of its categories and fields"""
    rank: int = 0
    """The higher goes first where sources say different things of one supplier"""


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk import: `received` = `added` + `changed` + `unchanged` + `waiting` + `rejected`."""

    id: UUID
    """UUID, given when it began"""
    source: str
    """The name of the source"""
    format: str
    """Of the file: the layouts of `docs/formats.md`"""
    mode: ImportMode
    """`snapshot`: the file is all that the source has; `upsert`: the rest stays"""
    dry_run: bool
    """Whether it only tells what would happen"""
    status: ImportStatus
    """`refused`: by a check of the whole file; `failed`: by an error; `interrupted`: the server stopped"""
    received: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Rows read; in formats that group rows, the records they make"""
    added: int = 0
    """Records that the source did not have"""
    changed: int = 0
    """Records whose content is another now"""
    unchanged: int = 0
    """Records received as they were"""
    waiting: int = 0
    """Rows that only add to suppliers, about none known so far: they join it when it comes"""
    removed: int = 0
    """Records that a snapshot no longer holds, or of which a row says that nothing may be kept"""
    kept_absent: int = 0
    """Absent records kept, since a rejected row without readable `external_id` may be theirs"""
    rejected: int = 0
    """Rows with a fault; they stop no others"""
    errors: tuple[RowError, ...] = ()
    """The first 10,000; more are at `GET /imports/{id}/errors`"""
    flags: dict[str, int] | None = None
    """Accepted records with each flag, in the answer of an import; null for none, and where it is read again"""
    flagged: tuple[RowError, ...] = ()
    """Of these, in the same answer, the first 100 whose place, size or SIRET is doubtful"""
    data_version: int | None = None
    """The directory's version once it was stored; null until then, the present one for a dry run"""
    started_at: datetime
    """The moment it began"""
    finished_at: datetime | None = None
    """The end of it; null while it runs"""
    failure: str | None = None
    """The reason for refusal or failure, in words; null where it did not"""


SELF_EMPLOYED: tuple[Kind, ...] = ("TIH",)
"""Kinds of suppliers who are persons: their name is personal data, and none of them is published."""

REACHES_SOMEBODY = re.compile(
    r"[^\s@]+@[^\s@]+|(?:\+\s?33|\b0)\s?[1-9](?:[ .\-]?\d{2}){4}\b|(?i:\bchez (?:mr?|mme|mlle|monsieur|madame)\b)"
)
"""Finds an e-mail address, a telephone number, or at whose home somebody is in words that are shown to anybody."""


class Licence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A licence under which anybody may use data again: what it is called, where it is read."""

    title: str
    url: str
    also: tuple[str, ...] = ()
    share_alike: bool = False


LICENCES: Mapping[str, Licence] = msgspec.toml.decode(
    (files("domain") / "data" / "licences.toml").read_bytes(), type=dict[str, Licence]
)


def _spelling(written: str) -> str:
    """The letters and digits of a licence's name, whatever stands between them."""
    return "".join(filter(str.isalnum, fold(written)))


_BY_SPELLING = {_spelling(name): key for key, each in LICENCES.items() for name in (key, each.title, *each.also)}


def open_licence(written: str | None) -> str | None:
    """The identifier of the open licence that is written; None where none is, or one that is not known to be open."""
    return None if written is None else _BY_SPELLING.get(_spelling(written))


def published_supplier(supplier_id: UUID, stored: Sequence[StoredRecord]) -> Supplier | None:
    """The supplier as records of open sources make it, without contact, description and words that reach a person.

    None where none of these records makes a supplier, or where they say that it is not active.
    """
    if all(item.supplier_id is None for item in stored):
        return None
    supplier = assemble(supplier_id, stored)
    if not supplier.active:
        return None
    offers = tuple(map(_without_contact, supplier.offers))
    address = supplier.address
    if address and address.street and REACHES_SOMEBODY.search(address.street):
        address = msgspec.structs.replace(address, street=None)
    return msgspec.structs.replace(supplier, contact=Contact(), description=None, offers=offers, address=address)


def _without_contact(offer: Offer) -> Offer:
    """The offer without labels in which an e-mail address or a telephone number stands."""
    evidence = tuple(
        msgspec.structs.replace(each, label=None) if each.label and REACHES_SOMEBODY.search(each.label) else each
        for each in offer.evidence
    )
    label = None if offer.label and REACHES_SOMEBODY.search(offer.label) else offer.label
    return msgspec.structs.replace(offer, label=label, evidence=evidence)
