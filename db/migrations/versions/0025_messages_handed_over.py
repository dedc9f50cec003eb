"""The buyer confirms how and on which day it brought a message to a recipient that gets no e-mail."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "message_handovers",
        sa.Column("exchange_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("handed_on", sa.Date()),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("message_id", "supplier_id", name="message_handovers_pk"),
        sa.ForeignKeyConstraint(
            ["exchange_id", "message_id"],
            ["messages.exchange_id", "messages.id"],
            name="message_handovers_exchange_id_message_id_fk",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id", "supplier_id"],
            ["exchange_recipients.exchange_id", "exchange_recipients.supplier_id"],
            name="message_handovers_exchange_id_supplier_id_fk",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "(handed_on IS NULL) = (confirmed_at IS NULL)", name="message_handovers_day_is_confirmed_ck"
        ),
        if_not_exists=True,
    )
    own = ["exchange_id", "supplier_id"]
    op.create_index("message_handovers_exchange_id_supplier_id_ix", "message_handovers", own, if_not_exists=True)
