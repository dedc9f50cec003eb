"""Sources of supplier records, and what became of their bulk imports."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.need import Code, Codes

ImportMode = Literal["upsert", "snapshot"]
ImportStatus = Literal["running", "done", "refused", "failed", "interrupted"]


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a format cannot know: segments for a source's categories, record fields for its own fields."""

    categories: dict[Code, Codes] = {}
    fields: dict[Code, Code] = {}


class Source(msgspec.Struct, frozen=True):
    """Where records come from. `name` is the one in paths and on keys.

    `rank`: of sources that describe one supplier, the word of the one that ranks higher goes first.
    """

    name: str
    label: str | None = None
    url: str | None = None
    mapping: Mapping = Mapping()
    rank: int = 0


class SourceSummary(msgspec.Struct, frozen=True):
    """A source with the number of its records, when one was last received, and its last completed import."""

    name: str
    label: str | None
    url: str | None
    records: int
    last_received_at: datetime | None
    last_import_id: UUID | None
    last_import_at: datetime | None


class RowError(msgspec.Struct, frozen=True):
    """Why one row of an import was rejected. `line` counts from 1; `pointer` leads to the fault inside the row."""

    line: int
    external_id: str | None
    pointer: str
    code: str
    detail: str


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk import: `received` = `added` + `changed` + `unchanged` + `rejected`.

    `removed`: records of the source that a snapshot no longer holds. `kept_absent`: absent ones that were kept all the
    same, because rows without a readable `external_id` were rejected and may have been theirs.
    `data_version`: the directory's version once it was stored; null until then, and for a dry run the present one.
    """

    id: UUID
    source: str
    format: str
    mode: ImportMode
    dry_run: bool
    status: ImportStatus
    received: Annotated[int, msgspec.Meta(ge=0)] = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    kept_absent: int = 0
    rejected: int = 0
    errors: tuple[RowError, ...] = ()
    data_version: int | None = None
    started_at: datetime
    finished_at: datetime | None = None
    failure: str | None = None
