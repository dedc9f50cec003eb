"""Accounts have the language of the browser that signed in last, in which e-mails are written to the person."""

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.execute("ALTER TABLE desk_accounts ADD COLUMN IF NOT EXISTS language text")
