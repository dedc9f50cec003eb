"""Exchanges name the day by which an answer is asked for, and whom suppliers may ask."""

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE exchanges ADD COLUMN IF NOT EXISTS reply_by date, ADD COLUMN IF NOT EXISTS contact json
    """)
