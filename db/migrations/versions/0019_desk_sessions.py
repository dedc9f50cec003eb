"""Sessions of the buyer's desk, each of a key."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "desk_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="desk_sessions_pk"),
        if_not_exists=True,
    )
    op.create_index("desk_sessions_expires_at_ix", "desk_sessions", ["expires_at"], if_not_exists=True)
