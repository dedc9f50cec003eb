"""Columns of one kind, and those that every outbox begins with."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import SchemaItem


def required(kind: Any, *names: str) -> list[sa.Column[Any]]:
    """Columns that are never NULL."""
    return [sa.Column(name, kind, nullable=False) for name in names]


def optional(kind: Any, *names: str) -> list[sa.Column[Any]]:
    """Columns that may be NULL."""
    return [sa.Column(name, kind) for name in names]


def keys(kind: Any, *names: str) -> list[sa.Column[Any]]:
    """Columns of the primary key, whose values are given."""
    return [sa.Column(name, kind, primary_key=True, autoincrement=False) for name in names]


def moments(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    """Columns for instants."""
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def outbox_columns(*of_lane: SchemaItem) -> tuple[SchemaItem, ...]:
    """The columns and checks of every outbox. `of_lane`: a foreign key for the lane, where it is the id of something.

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
