"""Exchanges with suppliers: threads and messages that nobody changes, reply links, and mail on its way."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0007"
down_revision = "0006"


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _create_exchanges()
    _create_messages()
    _create_reply_links()
    _create_mails()
    _refuse_changes()


def _create_exchanges() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("lot_ids", ARRAY(sa.Text()), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        _moment("opened_at"),
        sa.PrimaryKeyConstraint("id", name="exchanges_pk"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="exchanges_organisation_id_fk"),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], name="exchanges_need_id_fk"),
    )
    op.create_index("exchanges_organisation_id_need_id_id_ix", "exchanges", ["organisation_id", "need_id", "id"])
    op.create_index("exchanges_need_id_ix", "exchanges", ["need_id"])
    op.create_table(
        "exchange_recipients",
        sa.Column("exchange_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_name", sa.Text(), nullable=False),
        sa.Column("siret", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", "supplier_id", name="exchange_recipients_pk"),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchanges.id"], name="exchange_recipients_exchange_id_fk"),
    )
    op.create_index("exchange_recipients_supplier_id_ix", "exchange_recipients", ["supplier_id"])


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("exchange_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("stance", sa.Text(), nullable=True),
        sa.Column("barriers", ARRAY(sa.Text()), nullable=False),
        sa.Column("barriers_note", sa.Text(), nullable=True),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("publishes", sa.Uuid(), nullable=True),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="messages_pk"),
        sa.UniqueConstraint("exchange_id", "id", name="messages_exchange_id_id_uq"),
        sa.UniqueConstraint("publishes", name="messages_publishes_uq"),
        sa.ForeignKeyConstraint(["exchange_id"], ["exchanges.id"], name="messages_exchange_id_fk"),
        _recipient("messages_exchange_id_supplier_id_fk"),
        sa.ForeignKeyConstraint(
            ["exchange_id", "corrects"],
            ["messages.exchange_id", "messages.id"],
            name="messages_exchange_id_corrects_fk",
        ),
        sa.ForeignKeyConstraint(
            ["exchange_id", "publishes"],
            ["messages.exchange_id", "messages.id"],
            name="messages_exchange_id_publishes_fk",
        ),
        sa.CheckConstraint("author IN ('buyer', 'supplier')", name="messages_known_author_ck"),
        sa.CheckConstraint("author = 'buyer' OR supplier_id IS NOT NULL", name="messages_supplier_is_named_ck"),
        sa.CheckConstraint(
            "author = 'supplier' OR (stance IS NULL AND barriers = '{}')", name="messages_buyer_takes_no_stance_ck"
        ),
        sa.CheckConstraint("(publishes IS NULL) = (question IS NULL)", name="messages_published_question_has_words_ck"),
        sa.CheckConstraint(
            "publishes IS NULL OR (author = 'buyer' AND supplier_id IS NULL AND NOT confidential)",
            name="messages_publication_is_for_all_ck",
        ),
    )
    op.create_index(
        "messages_exchange_id_corrects_ix",
        "messages",
        ["exchange_id", "corrects"],
        postgresql_where=sa.text("corrects IS NOT NULL"),
    )


def _create_reply_links() -> None:
    op.create_table(
        "reply_links",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("exchange_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        _moment("created_at"),
        _moment("expires_at"),
        _moment("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("digest", name="reply_links_pk"),
        _recipient("reply_links_exchange_id_supplier_id_fk", ondelete="CASCADE"),
    )
    op.create_index("reply_links_exchange_id_supplier_id_ix", "reply_links", ["exchange_id", "supplier_id"])


def _create_mails() -> None:
    op.create_table(
        "message_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        _moment("queued_at"),
        _moment("due_at", nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("exchange_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.SmallInteger(), nullable=True),
        _moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="message_mails_pk"),
        sa.UniqueConstraint("message_id", "supplier_id", name="message_mails_message_id_supplier_id_uq"),
        sa.ForeignKeyConstraint(
            ["exchange_id", "message_id"],
            ["messages.exchange_id", "messages.id"],
            name="message_mails_exchange_id_message_id_fk",
            ondelete="CASCADE",
        ),
        _recipient("message_mails_exchange_id_supplier_id_fk", ondelete="CASCADE"),
        sa.CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="message_mails_waiting_is_due_ck"),
    )
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index("message_mails_due_at_ix", "message_mails", ["due_at"], postgresql_where=waiting)
    op.create_index("message_mails_lane_due_at_ix", "message_mails", ["lane", "due_at"], postgresql_where=waiting)
    op.create_index("message_mails_exchange_id_supplier_id_ix", "message_mails", ["exchange_id", "supplier_id"])


def _recipient(name: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["exchange_id", "supplier_id"],
        ["exchange_recipients.exchange_id", "exchange_recipients.supplier_id"],
        name=name,
        ondelete=ondelete,
    )


def _refuse_changes() -> None:
    """What was said stays, and to whom. It goes only where the need has ended and whoever deletes says which one."""
    op.execute("""
        CREATE FUNCTION refuse_to_delete_unless_purging() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            purged uuid;
        BEGIN
            IF TG_TABLE_NAME = 'exchanges' THEN
                purged := OLD.need_id;
            ELSE
                SELECT need_id INTO purged FROM exchanges WHERE id = OLD.exchange_id;
            END IF;
            IF purged::text = current_setting('vivier.purging', true)
                AND EXISTS (SELECT FROM needs WHERE id = purged AND ended_at IS NOT NULL)
            THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    identity = "OF exchange_id, supplier_id, supplier_name, siret, why"
    for table, columns in (("exchanges", ""), ("exchange_recipients", identity), ("messages", "")):
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE {columns} OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter()
        """)
        op.execute(f"""
            CREATE TRIGGER kept_until_purged BEFORE DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_to_delete_unless_purging()
        """)
