"""What other links said of a supplier before the declaration that stands, to stand again if that is withdrawn."""

from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.execute("ALTER TABLE declarations ADD COLUMN IF NOT EXISTS others json")
