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
    """The settings that a format needs."""

    categories: dict[Code, Codes] = {}
    """Segments by the id or name of a category of the source; empty: it has no meaning here"""
    fields: dict[Code, Code] = {}
    """Columns of our own record, such as `contact.email`, by the name of a field of the source"""


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
    """The records of a source that lack something."""

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
    """A source with its settings: see `SourceSummary` and `Source`."""

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
    data_version: int | None = None
    """The directory's version once it was stored; null until then, the present one for a dry run"""
    started_at: datetime
    """The moment it began"""
    finished_at: datetime | None = None
    """The end of it; null while it runs"""
    failure: str | None = None
    """The reason for refusal or failure, in words; null where it did not"""
