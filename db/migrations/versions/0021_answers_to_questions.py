"""A buyer's message may say which question it answers."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("messages", sa.Column("answers", sa.Uuid()), if_not_exists=True)
    for constraint in ("messages_exchange_id_answers_fk", "messages_answer_is_the_buyers_ck"):
        op.execute(f"ALTER TABLE messages DROP CONSTRAINT IF EXISTS {constraint}")
    op.create_foreign_key(
        "messages_exchange_id_answers_fk",
        "messages",
        "messages",
        ["exchange_id", "answers"],
        ["exchange_id", "id"],
    )
    op.create_check_constraint(
        op.f("messages_answer_is_the_buyers_ck"),
        "messages",
        "answers IS NULL OR (author = 'buyer' AND corrects IS NULL AND publishes IS NULL)",
    )
    op.create_index(
        "messages_exchange_id_answers_ix",
        "messages",
        ["exchange_id", "answers"],
        postgresql_where=sa.text("answers IS NOT NULL"),
        if_not_exists=True,
    )
