"""The tables of e-mails to buyers: those on their way, and who wants none. The migrations build the same."""

import sqlalchemy as sa

from db.schema.organisation_tables import exchanges, needs
from db.schema.person_tables import persons
from db.schema.supplier_tables import keys, moments, organisations, outbox_columns, table

# Without text or address: both are read at each attempt. Of an answer, the exchange, and the person who opened it where
# no contact is named; of a digest, the week, and the person whose needs it is about, or else one need.
# `stop_digest`: of the token of the link that stops such e-mails, then the keyed digest of the address that got it.
buyer_mails = table(
    "buyer_mails",
    *outbox_columns(),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), nullable=False),
    sa.Column("exchange_id", sa.Uuid, sa.ForeignKey(exchanges.c.id, ondelete="CASCADE"), index=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE")),
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id, ondelete="CASCADE")),
    sa.Column("week", sa.Date),
    sa.Column("stop_digest", sa.LargeBinary, index=True),
    sa.Column("failure", sa.Text),
    *moments("ended_at", nullable=True),
    sa.UniqueConstraint("person_id", "week"),
    sa.UniqueConstraint("need_id", "week"),
    sa.CheckConstraint("(exchange_id IS NULL) = (week IS NOT NULL)", name="about_one_thing"),
)

# By the keyed digest of an address; an empty one stands for all of the organisation.
unwanted_mails = table(
    "unwanted_mails",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    *keys(sa.Text, "kind"),
    sa.Column("address_digest", sa.LargeBinary, primary_key=True),
    *moments("created_at"),
)
