"""A buyer's message may say which questions it answers, or that it answers none."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("messages", sa.Column("answers", ARRAY(sa.Uuid())), if_not_exists=True)
    op.execute("ALTER TABLE messages DROP CONSTRAINT IF EXISTS messages_answer_is_the_buyers_ck")
    op.create_check_constraint(
        op.f("messages_answer_is_the_buyers_ck"),
        "messages",
        "answers IS NULL OR (author = 'buyer' AND corrects IS NULL AND publishes IS NULL)",
    )
