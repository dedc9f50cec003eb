"""The tables of organisations, their keys and webhooks, of sources, records, suppliers and imports.

The migrations build the same. Before them, columns of one kind, and those that every outbox begins with.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import UserDefinedType

from domain.decoding.stored import stored_decoder
from domain.suppliers.source import SourceMapping
from domain.suppliers.supplier import Flag, Supplier, SupplierRecord


def required(kind: Any, *names: str) -> list[sa.Column[Any]]:
    """Columns of the type `kind` that are never NULL."""
    return [sa.Column(name, kind, nullable=False) for name in names]


def optional(kind: Any, *names: str) -> list[sa.Column[Any]]:
    """Columns of the type `kind` that may be NULL."""
    return [sa.Column(name, kind) for name in names]


def keys(kind: Any, *names: str) -> list[sa.Column[Any]]:
    """Columns of a primary key, whose values the program sets."""
    return [sa.Column(name, kind, primary_key=True, autoincrement=False) for name in names]


def moments(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    """Columns of timestamps with time zone."""
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def salt() -> sa.Column[Any]:
    """A random column that the journal's digest of a row with personal data is made with; an erasure replaces it."""
    return sa.Column("salt", sa.Uuid, server_default=sa.text("gen_random_uuid()"))


def outbox_columns(*of_lane: SchemaItem) -> tuple[SchemaItem, ...]:
    """The columns and checks of every outbox table; `of_lane`: the foreign key of the column `lane`, if any.

    `lane`: who receives it; of one lane, one row is attempted at a time, those that are due in the order of their ids,
    and a row that waits to be attempted again keeps no other waiting. NULL: no such care. `due_at`: when it may be
    claimed, NULL once nothing more will be attempted.
    """
    waiting = sa.text("due_at IS NOT NULL")
    return (
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("lane", sa.Uuid, *of_lane),
        sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'waiting'")),
        *moments("queued_at"),
        *moments("due_at", nullable=True),
        sa.Column("lease", sa.Uuid),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
        sa.Index(None, "due_at", postgresql_where=waiting),
        sa.Index(None, "lane", "due_at", postgresql_where=waiting),
    )


Shape = TypeVar("Shape")

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)


def table(name: str, *items: SchemaItem, **options: Any) -> sa.Table:
    """A table with these columns in the program's only schema."""
    return sa.Table(name, metadata, *items, **options)


def index_where(condition: str, name: str, *columns: str, **options: Any) -> sa.Index:
    """A partial index: of the rows that meet the condition."""
    return sa.Index(name, *columns, postgresql_where=sa.text(condition), **options)


class Document(UserDefinedType[Shape]):
    """The type of a json column whose document is a `shape`, which msgspec encodes and decodes.

    It is read leniently (`domain.decoding.stored`), and takes a msgspec.Raw as it is.
    json, not jsonb: it keeps the text as it came, and an import costs half as much."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, shape: type[Shape]) -> None:
        self.shape = shape

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Shape | msgspec.Raw | None], str | None]:  # noqa: ARG002
        return lambda value: None if value is None else msgspec.json.encode(value).decode()

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[str | None], Shape | None]:  # noqa: ARG002
        decode = stored_decoder(self.shape)
        return lambda value: None if value is None else decode(value)


# `notes`, here and of the directory's version: drawn anew whenever notes on suppliers change; NULL: never.
organisations = table(
    "organisations",
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("siret", sa.Text, unique=True),
    *moments("created_at"),
    sa.Column("notes", sa.Uuid),
)


def id_and_organisation() -> tuple[sa.Column[Any], ...]:
    """The columns `id` and `organisation_id` of tables with organisations' own data."""
    return (
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), nullable=False),
    )


# `platform`: the key also has that scope; in a column of its own, as releases before it refuse scopes they do not know.
# `quota_of`: the key in whose quota its requests count too.
api_keys = table(
    "api_keys",
    *id_and_organisation(),
    *required(sa.Text, "name", "prefix"),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    *required(ARRAY(sa.Text), "scopes", "sources"),
    sa.Column("platform", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("rate_per_minute", sa.Integer),
    sa.Column("quota_of", sa.Uuid, sa.ForeignKey("api_keys.id")),
    *moments("created_at"),
    *moments("revoked_at", "expires_at", nullable=True),
)

# Requests of a key, or attempts in vain of an address (by a digest), in a minute. Of no worth after a crash: no log.
key_minutes = table(
    "key_minutes",
    sa.Column("key_id", sa.Uuid, primary_key=True),
    *moments("minute"),
    sa.Column("taken", sa.Integer, nullable=False),
    prefixes=["UNLOGGED"],
)

# A row without a status is a request that is being answered; it is committed with its answer or not at all.
idempotency_keys = table(
    "idempotency_keys",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    *keys(sa.Text, "route", "key"),
    sa.Column("body_hash", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.SmallInteger),
    sa.Column("headers", Document(dict[str, str])),
    sa.Column("body", sa.LargeBinary),
    *moments("created_at"),
    sa.Index(None, "created_at"),
)

sources = table(
    "sources",
    sa.Column("name", sa.Text, primary_key=True),
    *optional(sa.Text, "label", "url"),
    sa.Column("mapping", Document(SourceMapping), nullable=False),
    sa.Column("rank", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("licence", sa.Text),
    *moments("created_at"),
)

directory_version = table(
    "directory_version",
    sa.Column("singleton", sa.Boolean, primary_key=True, server_default=sa.text("true")),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("notes", sa.Uuid),
    sa.CheckConstraint("singleton", name="one_row"),
)

# Documents beyond 2 kB would be compressed: slow to write, and again to read, for little space.
LONGEST_UNCOMPRESSED = 8160
UNCOMPRESSED: dict[str, Any] = {"postgresql_with": {"toast_tuple_target": LONGEST_UNCOMPRESSED}}

change_set_ids = sa.Sequence("change_set_ids", metadata=metadata, data_type=sa.BigInteger)

# Suppliers carry the change set of their last change, known from its start; its version is known only at its very end.
# `uid` is random: a directory that was restored goes on with the same numbers, and never with the same uid.
change_sets = table(
    "change_sets",
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.BigInteger, nullable=False, unique=True),
    sa.Column("uid", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
)

suppliers = table(
    "suppliers",
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("document", Document(Supplier)),
    *required(sa.Boolean, "deleted", "active"),
    *required(ARRAY(sa.Text), "activities", "kinds"),
    sa.Column("commune", sa.Text),
    *optional(sa.Double, "lat", "lon"),
    sa.Column("name_folded", sa.Text, nullable=False),
    *moments("updated_at"),
    sa.Column("change_set", sa.BigInteger, nullable=False),
    sa.Column("merged_into", sa.Uuid),
    sa.CheckConstraint("deleted = (document IS NULL)", name="tombstone_is_empty"),
    sa.CheckConstraint("deleted OR merged_into IS NULL", name="merged_is_deleted"),
    sa.Index(None, "change_set", "id"),
    index_where("merged_into IS NOT NULL", "suppliers_merged_into_ix", "merged_into"),
    sa.Index(None, "activities", postgresql_using="gin"),
    sa.Index(None, "commune"),
    sa.Index(None, "lat", "lon"),
    **UNCOMPRESSED,
)

# From `siret` to `trade_key`, what tells who a record is about. Names are held where the record has a point of its own;
# their keys are those of `domain.suppliers.deduplication`. A record without SIRET may join any neighbour, one with a
# SIRET only those without. `doubts` and `approved_until` are what sources are told of their records, as
# `domain.suppliers.record_check` finds it. A record with `joins`, a SIRET or SIREN, makes no supplier: it adds to all
# whose records have that number, and waits where there are none. It has no other key that tells whom it is about.
# `vertices`: those of the areas it draws; what a source has of them is added up from the few records that draw any.
# `former_id`: the supplier that it described before that became part of another one; a split gives it back.
records = table(
    "records",
    sa.Column("source", sa.Text, sa.ForeignKey(sources.c.name), primary_key=True),
    sa.Column("external_id", sa.Text, primary_key=True),
    sa.Column("supplier_id", sa.Uuid, sa.ForeignKey(suppliers.c.id), index=True),
    sa.Column("payload", Document(SupplierRecord), nullable=False),
    sa.Column("content_hash", sa.LargeBinary, nullable=False),
    sa.Column("commune", sa.Text),
    *optional(sa.Double, "lat", "lon"),
    sa.Column("flags", Document(tuple[Flag, ...]), nullable=False),
    sa.Column("vertices", sa.Integer, nullable=False, server_default=sa.text("0")),
    *moments("created_at", "changed_at", "received_at"),
    sa.Column("siret", sa.Text),
    sa.Column("in_prison", sa.Boolean, nullable=False, server_default=sa.text("false")),
    *optional(sa.Text, "name", "name_key", "trade_name", "trade_key"),
    sa.Column("doubts", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("approved_until", sa.Date),
    sa.Column("joins", sa.Text),
    sa.Column("former_id", sa.Uuid),
    sa.CheckConstraint("(joins IS NULL) = (supplier_id IS NOT NULL)", name="joins_or_makes"),
    index_where("joins IS NOT NULL", "records_joins_ix", "joins"),
    index_where("siret IS NOT NULL", "records_siret_ix", "siret"),
    index_where("siret IS NOT NULL AND name_key IS NOT NULL", "records_with_siret_ix", "name_key", "lat"),
    index_where("siret IS NULL AND name_key IS NOT NULL", "records_without_siret_ix", "name_key", "lat"),
    index_where("vertices > 0", "records_source_vertices_ix", "source", postgresql_include=["vertices"]),
    index_where("trade_key IS NOT NULL", "records_trade_key_lat_ix", "trade_key", "lat"),
    **UNCOMPRESSED,
)

# What people decided about records, whether or not these are there: all of one decision are one supplier.
merged_records = table(
    "merged_records",
    sa.Column("decision_id", sa.Uuid, primary_key=True),
    *keys(sa.Text, "source", "external_id"),
    sa.Index(None, "source", "external_id"),
)

# Pairs of records that are not one supplier; each is held in both orders.
split_records = table(
    "split_records",
    *keys(sa.Text, "source", "external_id", "other_source", "other_external_id"),
)

# Active suppliers of a kind ("all") in a commune ("": everywhere), and those with a known trade, counted once a day. A
# row stands until a later day's; of the whole directory there is one for each day.
trade_counts = table(
    "trade_counts",
    *keys(sa.Text, "commune", "kind"),
    *keys(sa.Date, "counted_on"),
    *required(sa.Integer, "suppliers", "with_trade"),
)

imports = table(
    "imports",
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("source", sa.Text, sa.ForeignKey(sources.c.name), nullable=False),
    *required(sa.Text, "format", "mode", "status"),
    *(
        sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))
        for name in ("received", "added", "changed", "unchanged", "waiting", "removed", "kept_absent", "rejected")
    ),
    sa.Column("data_version", sa.BigInteger),
    *moments("started_at"),
    *moments("finished_at", nullable=True),
    sa.Column("failure", sa.Text),
    sa.Index(None, "source", "id"),
)

import_errors = table(
    "import_errors",
    sa.Column("import_id", sa.Uuid, sa.ForeignKey(imports.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(sa.Integer, "position"),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Column("external_id", sa.Text),
    *required(sa.Text, "pointer", "code", "detail"),
)

# The secret is kept as it is: it signs. Of the directory's versions, the receiver has acknowledged all up to
# `acknowledged_version`, and all up to `queued_version` were queued for it at some time.
webhooks = table(
    "webhooks",
    *id_and_organisation(),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", ARRAY(sa.Text), nullable=False),
    sa.Column("sources", ARRAY(sa.Text)),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    *required(sa.BigInteger, "acknowledged_version", "queued_version"),
    *moments("failing_since", nullable=True),
    *moments("created_at", "updated_at"),
    sa.Index(None, "organisation_id", "id"),
)

# An outbox: the lane of a delivery is its webhook. `version`: of the directory, for an event that tells of one.
webhook_deliveries = table(
    "webhook_deliveries",
    *outbox_columns(sa.ForeignKey(webhooks.c.id, ondelete="CASCADE")),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index(None, "lane", "id"),
)

webhook_attempts = table(
    "webhook_attempts",
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column(
        "delivery_id", sa.Uuid, sa.ForeignKey(webhook_deliveries.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    *moments("started_at", "ended_at"),
    sa.Column("http_status", sa.Integer),
    sa.Column("failure", sa.Text),
)

# Networks and facilitators that the operator keeps, replaced as a whole; contacts are those of organisations.
networks = table(
    "networks",
    *keys(sa.Integer, "position"),
    *required(sa.Text, "name", "kind"),
    *required(ARRAY(sa.Text), "territories", "reserved"),
    *optional(sa.Text, "email", "phone", "url"),
)
