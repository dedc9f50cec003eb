"""The tables, as queries see them; the migrations build the same."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import UserDefinedType

from db.schema.columns import keys, moments, optional, required
from domain.suppliers.source import Mapping
from domain.suppliers.supplier import Flag, Supplier, SupplierRecord

Shape = TypeVar("Shape")

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_N_name)s_fk",
        "uq": "%(table_name)s_%(column_0_N_name)s_uq",
        "ix": "%(table_name)s_%(column_0_N_name)s_ix",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)


class Document(UserDefinedType[Shape]):
    """A json column that holds a `shape`: msgspec writes and reads its text, which the engine hands over untouched.

    json, not jsonb: it keeps the text as it came, and an import costs half as much."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, shape: type[Shape]) -> None:
        self.shape = shape

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"

    def bind_processor(self, dialect: Dialect) -> Callable[[Shape | None], str | None]:  # noqa: ARG002
        return lambda value: None if value is None else msgspec.json.encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Shape | None]:  # noqa: ARG002
        decode = msgspec.json.Decoder(self.shape).decode
        return lambda value: None if value is None else decode(value)


organisations = Table(
    "organisations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    *moments("created_at"),
)


def id_and_organisation() -> tuple[Column[Any], ...]:
    """The columns with which tables of organisations' own data begin."""
    return (
        Column("id", Uuid, primary_key=True),
        Column("organisation_id", Uuid, ForeignKey(organisations.c.id), nullable=False),
    )


api_keys = Table(
    "api_keys",
    metadata,
    *id_and_organisation(),
    *required(Text, "name", "prefix"),
    Column("digest", LargeBinary, nullable=False, unique=True),
    *required(ARRAY(Text), "scopes", "sources"),
    *moments("created_at"),
    *moments("revoked_at", nullable=True),
)

# A row without a status is a request that is being answered; it is committed with its answer or not at all.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), primary_key=True),
    *keys(Text, "route", "key"),
    Column("body_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger),
    Column("headers", Document(dict[str, str])),
    Column("body", LargeBinary),
    *moments("created_at"),
    Index(None, "created_at"),
)

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    *optional(Text, "label", "url"),
    Column("mapping", Document(Mapping), nullable=False),
    Column("rank", Integer, nullable=False, server_default=text("0")),
    *moments("created_at"),
)

directory_version = Table(
    "directory_version",
    metadata,
    Column("singleton", Boolean, primary_key=True, server_default=text("true")),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("singleton", name="one_row"),
)

# Documents beyond 2 kB would be compressed: slow to write, and again to read, for little space.
LONGEST_UNCOMPRESSED = 8160
UNCOMPRESSED: dict[str, Any] = {"postgresql_with": {"toast_tuple_target": LONGEST_UNCOMPRESSED}}

change_set_ids = Sequence("change_set_ids", metadata=metadata, data_type=BigInteger)

# Suppliers carry the change set of their last change, known from its start; its version is known only at its very end.
change_sets = Table(
    "change_sets",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False, unique=True),
)

suppliers = Table(
    "suppliers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("document", Document(Supplier)),
    *required(Boolean, "deleted", "active"),
    *required(ARRAY(Text), "activities", "kinds"),
    Column("commune", Text),
    *optional(Double, "lat", "lon"),
    Column("name_folded", Text, nullable=False),
    *moments("updated_at"),
    Column("change_set", BigInteger, nullable=False),
    Column("merged_into", Uuid),
    CheckConstraint("deleted = (document IS NULL)", name="tombstone_is_empty"),
    CheckConstraint("deleted OR merged_into IS NULL", name="merged_is_deleted"),
    Index(None, "change_set", "id"),
    Index(None, "activities", postgresql_using="gin"),
    Index(None, "commune"),
    Index(None, "lat", "lon"),
    **UNCOMPRESSED,
)

# From `siret` to `trade_key`, what tells who a record is about. Names are held where the record has a point of its own;
# their keys are those of `domain.suppliers.names`. A record without SIRET may join any neighbour, one with a SIRET only
# those without. The last two are what sources are told of their records, as `domain.suppliers.completeness` finds it.
records = Table(
    "records",
    metadata,
    Column("source", Text, ForeignKey(sources.c.name), primary_key=True),
    Column("external_id", Text, primary_key=True),
    Column("supplier_id", Uuid, ForeignKey(suppliers.c.id), nullable=False, index=True),
    Column("payload", Document(SupplierRecord), nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("commune", Text),
    *optional(Double, "lat", "lon"),
    Column("flags", Document(tuple[Flag, ...]), nullable=False),
    *moments("created_at", "changed_at", "received_at"),
    Column("siret", Text),
    Column("in_prison", Boolean, nullable=False, server_default=text("false")),
    *optional(Text, "name", "name_key", "trade_name", "trade_key"),
    Column("doubts", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("approved_until", Date),
    Index("records_siret_ix", "siret", postgresql_where=text("siret IS NOT NULL")),
    Index(
        "records_with_siret_ix", "name_key", "lat", postgresql_where=text("siret IS NOT NULL AND name_key IS NOT NULL")
    ),
    Index(
        "records_without_siret_ix", "name_key", "lat", postgresql_where=text("siret IS NULL AND name_key IS NOT NULL")
    ),
    Index("records_trade_key_lat_ix", "trade_key", "lat", postgresql_where=text("trade_key IS NOT NULL")),
    **UNCOMPRESSED,
)

# What people decided about records, whether or not these are there: all of one decision are one supplier.
merged_records = Table(
    "merged_records",
    metadata,
    Column("decision_id", Uuid, primary_key=True),
    *keys(Text, "source", "external_id"),
    Index(None, "source", "external_id"),
)

# Pairs of records that are not one supplier; each is held in both orders.
split_records = Table(
    "split_records",
    metadata,
    *keys(Text, "source", "external_id", "other_source", "other_external_id"),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text, ForeignKey(sources.c.name), nullable=False),
    *required(Text, "format", "mode", "status"),
    *(
        Column(name, Integer, nullable=False, server_default=text("0"))
        for name in ("received", "added", "changed", "unchanged", "removed", "kept_absent", "rejected")
    ),
    Column("data_version", BigInteger),
    *moments("started_at"),
    *moments("finished_at", nullable=True),
    Column("failure", Text),
    Index(None, "source", "id"),
)

import_errors = Table(
    "import_errors",
    metadata,
    Column("import_id", Uuid, ForeignKey(imports.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(Integer, "position"),
    Column("line", Integer, nullable=False),
    Column("external_id", Text),
    *required(Text, "pointer", "code", "detail"),
)
