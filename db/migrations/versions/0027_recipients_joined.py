"""A recipient of an exchange stands for other suppliers of its legal unit at its address, which get no letter more."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.execute("ALTER TABLE exchange_recipients ADD COLUMN IF NOT EXISTS joined uuid[] NOT NULL DEFAULT '{}'")
