"""The columns that every outbox begins with."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, Text, Uuid, text
from sqlalchemy.schema import SchemaItem


def outbox_columns(*of_lane: SchemaItem) -> tuple[SchemaItem, ...]:
    """The columns and checks of every outbox. `of_lane`: a foreign key for the lane, where it is the id of something.

    `lane`: who receives it; of one lane, one row is attempted at a time, those that are due in the order of their ids,
    and a row that waits to be attempted again keeps no other waiting. NULL: no such care. `due_at`: when it may be
    claimed, NULL once nothing more will be attempted.
    """
    waiting = text("due_at IS NOT NULL")
    return (
        Column("id", Uuid, primary_key=True),
        Column("lane", Uuid, *of_lane),
        Column("status", Text, nullable=False, server_default=text("'waiting'")),
        Column("queued_at", DateTime(timezone=True), nullable=False),
        Column("due_at", DateTime(timezone=True)),
        Column("lease", Uuid),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
        Index(None, "due_at", postgresql_where=waiting),
        Index(None, "lane", "due_at", postgresql_where=waiting),
    )
