"""Meetings may be about a territory and trades, before there is a need."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute("ALTER TABLE meetings ADD COLUMN IF NOT EXISTS territory json")
    op.execute("ALTER TABLE meetings ADD COLUMN IF NOT EXISTS segments text[] NOT NULL DEFAULT '{}'")
