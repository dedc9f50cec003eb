"""The tables of webhooks and of what is delivered to them; the migrations build the same."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.supplier_tables import id_and_organisation, metadata, moments, outbox_columns, required

# The secret is kept as it is: it signs. Of the directory's versions, the receiver has acknowledged all up to
# `acknowledged_version`, and all up to `queued_version` were queued for it at some time.
webhooks = sa.Table(
    "webhooks",
    metadata,
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
webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    *outbox_columns(sa.ForeignKey(webhooks.c.id, ondelete="CASCADE")),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index(None, "lane", "id"),
)

webhook_attempts = sa.Table(
    "webhook_attempts",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column(
        "delivery_id", sa.Uuid, sa.ForeignKey(webhook_deliveries.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    *moments("started_at", "ended_at"),
    sa.Column("http_status", sa.Integer),
    sa.Column("failure", sa.Text),
)
