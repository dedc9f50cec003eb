"""Suppliers and records of usual size are stored as they are, not compressed."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # of those beyond 2 kB, a quarter, compressing each costs an import more than the space is worth
    for table in ("suppliers", "records"):
        op.execute(f"ALTER TABLE {table} SET (toast_tuple_target = 8160)")
