"""The tables of webhooks and of what is delivered to them; the migrations build the same."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.outbox_columns import outbox_columns
from db.schema.supplier_tables import metadata, moment, organisations

# The secret is kept as it is: it signs. Of the directory's versions, the receiver has acknowledged all up to
# `acknowledged_version`, and all up to `queued_version` were queued for it at some time.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    Column("sources", ARRAY(Text)),
    Column("active", Boolean, nullable=False),
    Column("secret", Text, nullable=False),
    Column("acknowledged_version", BigInteger, nullable=False),
    Column("queued_version", BigInteger, nullable=False),
    moment("failing_since", nullable=True),
    moment("created_at"),
    moment("updated_at"),
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
    moment("started_at"),
    moment("ended_at"),
    Column("http_status", Integer),
    Column("failure", Text),
)
