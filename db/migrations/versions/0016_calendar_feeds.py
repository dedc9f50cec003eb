"""Keys have an address of the calendar of meetings that opens without them."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="calendar_feeds_organisation_id_fk"),
        sa.PrimaryKeyConstraint("key_id", name="calendar_feeds_pk"),
        sa.UniqueConstraint("digest", name="calendar_feeds_digest_uq"),
    )
