"""Each version of the directory has a random id, by which two histories with the same numbers are told apart."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column(
        "change_sets", sa.Column("uid", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()"))
    )
