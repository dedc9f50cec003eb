"""Webhooks, and the outbox of what is delivered to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0005"
down_revision = "0004"


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _create_webhooks()
    _create_deliveries()


def _create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", ARRAY(sa.Text()), nullable=False),
        sa.Column("sources", ARRAY(sa.Text()), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("acknowledged_version", sa.BigInteger(), nullable=False),
        sa.Column("queued_version", sa.BigInteger(), nullable=False),
        _moment("failing_since", nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id", name="webhooks_pk"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="webhooks_organisation_id_fk"),
    )
    op.create_index("webhooks_organisation_id_id_ix", "webhooks", ["organisation_id", "id"])


def _create_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        _moment("queued_at"),
        _moment("due_at", nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="webhook_deliveries_pk"),
        sa.ForeignKeyConstraint(["lane"], ["webhooks.id"], name="webhook_deliveries_lane_fk", ondelete="CASCADE"),
        sa.CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="webhook_deliveries_waiting_is_due_ck"),
    )
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index("webhook_deliveries_due_at_ix", "webhook_deliveries", ["due_at"], postgresql_where=waiting)
    op.create_index(
        "webhook_deliveries_lane_due_at_ix", "webhook_deliveries", ["lane", "due_at"], postgresql_where=waiting
    )
    op.create_index("webhook_deliveries_lane_id_ix", "webhook_deliveries", ["lane", "id"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        _moment("started_at"),
        _moment("ended_at"),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="webhook_attempts_pk"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["webhook_deliveries.id"], name="webhook_attempts_delivery_id_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("webhook_attempts_delivery_id_ix", "webhook_attempts", ["delivery_id"])
