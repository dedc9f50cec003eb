"""Suppliers of known trade are counted once a day, by commune and kind, so that what was learnt can be shown."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "trade_counts",
        sa.Column("commune", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("suppliers", sa.Integer(), nullable=False),
        sa.Column("with_trade", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("commune", "kind", "counted_on", name="trade_counts_pk"),
        if_not_exists=True,
    )
