"""The tables of webhooks and of what is delivered to them; the migrations build the same."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.columns import moments, outbox_columns, required
from db.schema.supplier_tables import id_and_organisation, metadata

# The secret is kept as it is: it signs. Of the directory's versions, the receiver has acknowledged all up to
# `acknowledged_version`, and all up to `queued_version` were queued for it at some time.
webhooks = Table(
    "webhooks",
    metadata,
    *id_and_organisation(),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("sources", ARRAY(Text)),
    Column("active", Boolean, nullable=False),
    Column("secret", Text, nullable=False),
    *required(BigInteger, "acknowledged_version", "queued_version"),
    *moments("failing_since", nullable=True),
    *moments("created_at", "updated_at"),
    Index(None, "organisation_id", "id"),
)

# An outbox: the lane of a delivery is its webhook. `version`: of the directory, for an event that tells of one.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    *outbox_columns(ForeignKey(webhooks.c.id, ondelete="CASCADE")),
    Column("event", Text, nullable=False),
    Column("version", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index(None, "lane", "id"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, ForeignKey(webhook_deliveries.c.id, ondelete="CASCADE"), nullable=False, index=True),
    *moments("started_at", "ended_at"),
    Column("http_status", Integer),
    Column("failure", Text),
)
