"""Sources of supplier records, and what became of their bulk imports."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.needs.need import Code, Codes
from domain.suppliers.rows import RowError
from domain.suppliers.trades import TradeCounts

ImportMode = Literal["upsert", "snapshot"]
ImportStatus = Literal["running", "done", "refused", "failed", "interrupted"]


class SourceMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that a format needs: segments for a source's categories, record fields for its own fields."""

    categories: dict[Code, Codes] = {}
    fields: dict[Code, Code] = {}


class Source(msgspec.Struct, frozen=True):
    """A directory from which records come. `name` is the one in paths and on keys.

    `rank`: where several sources describe one supplier, the values of the higher rank are preferred.
    """

    name: str
    label: str | None = None
    url: str | None = None
    mapping: SourceMapping = SourceMapping()
    rank: int = 0


class QualityGap(msgspec.Struct, frozen=True):
    """The number of a source's records that lack something, and its share of them all; null where it has none."""

    records: int = 0
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class QualityGaps(msgspec.Struct, frozen=True):
    """Gaps of a source's records: any place, a SIRET, an offer (so that no need finds them), an e-mail address."""

    place: QualityGap = QualityGap()
    siret: QualityGap = QualityGap()
    segment: QualityGap = QualityGap()
    email: QualityGap = QualityGap()


class SourceSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A source, how fresh it is and how good.

    `records`: how many it holds; `last_received_at`: when it last sent one; `last_import_id`, `last_import_at`: its
    last completed import. `without`: how many of the records lack something. `flags`: how many carry each flag today.
    `waiting`: how many of the records are about no supplier known so far. `trades`: the active suppliers that its
    records describe or add to, and those with a trade, from whichever source they have it; counted in the memory of the
    process that answers, which follows changes within a second, and null until it holds the suppliers.
    """

    name: str
    label: str | None = None
    url: str | None = None
    records: int = 0
    last_received_at: datetime | None = None
    last_import_id: UUID | None = None
    last_import_at: datetime | None = None
    without: QualityGaps = QualityGaps()
    flags: dict[str, int] = {}
    waiting: int = 0
    trades: TradeCounts | None = None


class SourceDocument(SourceSummary, frozen=True, kw_only=True):
    """A source with its settings: see `SourceSummary` and `Source`."""

    mapping: SourceMapping = SourceMapping()
    rank: int = 0


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk import: `received` = `added` + `changed` + `unchanged` + `waiting` + `rejected`.

    `waiting`: rows of a format that only adds to suppliers, about none known so far: they join it when it comes.
    `removed`: records of the source that a snapshot no longer holds, or of which a row says that nothing may be kept
    (withheld by its holder, a natural person, dissolved). `kept_absent`: absent ones that were kept all the
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
    waiting: int = 0
    removed: int = 0
    kept_absent: int = 0
    rejected: int = 0
    errors: tuple[RowError, ...] = ()
    data_version: int | None = None
    started_at: datetime
    finished_at: datetime | None = None
    failure: str | None = None
