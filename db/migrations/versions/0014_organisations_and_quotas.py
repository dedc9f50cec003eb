"""Organisations have a SIRET; keys may expire, have a quota, and be the operator's; a key's requests of the minute."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("organisations", sa.Column("siret", sa.Text()))
    op.create_unique_constraint("organisations_siret_uq", "organisations", ["siret"])
    op.add_column("api_keys", sa.Column("platform", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("rate_per_minute", sa.Integer()))
    op.create_table(
        "key_minutes",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="key_minutes_pk"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("message_mails_queued_at_ix", "message_mails", ["queued_at"])
