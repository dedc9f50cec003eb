"""A record remembers the supplier that it described before that became part of another: a split gives it back."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("records", sa.Column("former_id", sa.Uuid()), if_not_exists=True)
