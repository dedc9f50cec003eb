"""Columns of one kind, and those that every outbox begins with."""

from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Text, Uuid, text
from sqlalchemy.schema import SchemaItem


def required(kind: Any, *names: str) -> list[Column[Any]]:
    """Columns that are never NULL."""
    return [Column(name, kind, nullable=False) for name in names]


def optional(kind: Any, *names: str) -> list[Column[Any]]:
    """Columns that may be NULL."""
    return [Column(name, kind) for name in names]


def keys(kind: Any, *names: str) -> list[Column[Any]]:
    """Columns of the primary key, whose values are given."""
    return [Column(name, kind, primary_key=True, autoincrement=False) for name in names]


def moments(*names: str, nullable: bool = False) -> list[Column[Any]]:
    """Columns for instants."""
    return [Column(name, DateTime(timezone=True), nullable=nullable) for name in names]


def outbox_columns(*of_lane: SchemaItem) -> tuple[SchemaItem, ...]:
    """What every outbox has. `of_lane`: a foreign key for the lane, where it is the id of something.

    `lane`: who receives it; of one lane, one row is attempted at a time, those that are due in the order of their ids,
    and a row that waits to be attempted again keeps no other waiting. NULL: no such care. `due_at`: when it may be
    claimed, NULL once nothing more will be attempted.
    """
    waiting = text("due_at IS NOT NULL")
    return (
        Column("id", Uuid, primary_key=True),
        Column("lane", Uuid, *of_lane),
        Column("status", Text, nullable=False, server_default=text("'waiting'")),
        *moments("queued_at"),
        *moments("due_at", nullable=True),
        Column("lease", Uuid),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
        Index(None, "due_at", postgresql_where=waiting),
        Index(None, "lane", "due_at", postgresql_where=waiting),
    )
