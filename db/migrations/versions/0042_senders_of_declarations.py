"""The exchange whose reply link a declaration came by, and a keyed digest of the network address that sent it."""

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.execute("ALTER TABLE declarations ADD COLUMN IF NOT EXISTS exchange_id uuid")
    op.execute("ALTER TABLE declarations ADD COLUMN IF NOT EXISTS sent_from bytea")
    op.execute("CREATE INDEX IF NOT EXISTS declarations_sent_from_ix ON declarations (sent_from)")
