"""The tables of exchanges with suppliers: append-only, except for links and e-mail."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.columns import moments, optional, outbox_columns, required
from db.schema.need_tables import needs
from db.schema.supplier_tables import id_and_organisation, metadata

# Without a cascade from the need: only `db.exchanges.exchanges.purge_exchanges` deletes exchanges, in their time.
exchanges = Table(
    "exchanges",
    metadata,
    *id_and_organisation(),
    Column("need_id", Uuid, ForeignKey(needs.c.id), nullable=False),
    Column("subject", Text, nullable=False),
    Column("lot_ids", ARRAY(Text, as_tuple=True), nullable=False),
    Column("channel", Text, nullable=False),
    *moments("opened_at"),
    Index(None, "organisation_id", "need_id", "id"),
    Index(None, "need_id"),
)

# Suppliers as they were known when the exchange was opened. Their address alone can be removed: it may be a person's.
exchange_recipients = Table(
    "exchange_recipients",
    metadata,
    Column("exchange_id", Uuid, ForeignKey(exchanges.c.id), primary_key=True),
    Column("supplier_id", Uuid, primary_key=True),
    Column("supplier_name", Text, key="name", nullable=False),
    *optional(Text, "siret", "email"),
    Column("why", Text, nullable=False),
    Index(None, "supplier_id"),
)


def _of_recipient(ondelete: str | None = None) -> ForeignKeyConstraint:
    recipient = exchange_recipients.c
    return ForeignKeyConstraint(
        ["exchange_id", "supplier_id"], [recipient.exchange_id, recipient.supplier_id], ondelete=ondelete
    )


# `supplier_id`: the author, or the one recipient; NULL: a buyer's message to all. `publishes`: the question that is
# answered to all, in the words of `question`.
messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("exchange_id", Uuid, ForeignKey(exchanges.c.id), nullable=False),
    Column("author", Text, nullable=False),
    Column("supplier_id", Uuid),
    Column("body", Text, nullable=False),
    Column("stance", Text),
    Column("barriers", ARRAY(Text), nullable=False),
    Column("barriers_note", Text),
    Column("confidential", Boolean, nullable=False),
    *optional(Uuid, "corrects", "publishes"),
    Column("question", Text),
    Column("channel", Text, nullable=False),
    *moments("created_at"),
    UniqueConstraint("exchange_id", "id"),
    UniqueConstraint("publishes"),
    _of_recipient(),
    ForeignKeyConstraint(["exchange_id", "corrects"], ["messages.exchange_id", "messages.id"]),
    ForeignKeyConstraint(["exchange_id", "publishes"], ["messages.exchange_id", "messages.id"]),
    # few messages are corrections; each deletion looks for those that refer to it
    Index(None, "exchange_id", "corrects", postgresql_where=text("corrects IS NOT NULL")),
    CheckConstraint("author IN ('buyer', 'supplier')", name="known_author"),
    CheckConstraint("author = 'buyer' OR supplier_id IS NOT NULL", name="supplier_is_named"),
    CheckConstraint("author = 'supplier' OR (stance IS NULL AND barriers = '{}')", name="buyer_takes_no_stance"),
    CheckConstraint("(publishes IS NULL) = (question IS NULL)", name="published_question_has_words"),
    CheckConstraint(
        "publishes IS NULL OR (author = 'buyer' AND supplier_id IS NULL AND NOT confidential)",
        name="publication_is_for_all",
    ),
)

# The right to read and answer one exchange as one recipient; of its token, only the SHA-256.
reply_links = Table(
    "reply_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    *required(Uuid, "exchange_id", "supplier_id"),
    *moments("created_at", "expires_at"),
    *moments("revoked_at", nullable=True),
    _of_recipient(ondelete="CASCADE"),
    Index(None, "exchange_id", "supplier_id"),
)

# Buyers' messages on their way to recipients by e-mail. `failure`, `failure_code`: of the last attempt.
message_mails = Table(
    "message_mails",
    metadata,
    *outbox_columns(),
    *required(Uuid, "exchange_id", "message_id", "supplier_id"),
    *required(Text, "address", "language"),
    Column("failure", Text),
    Column("failure_code", SmallInteger),
    *moments("ended_at", nullable=True),
    ForeignKeyConstraint(["exchange_id", "message_id"], [messages.c.exchange_id, messages.c.id], ondelete="CASCADE"),
    _of_recipient(ondelete="CASCADE"),
    UniqueConstraint("message_id", "supplier_id"),
    Index(None, "exchange_id", "supplier_id"),
)
