"""The tables of suppliers' own pages: the links that open them, what suppliers say there, e-mail with links.

The migrations build the same.
"""

import sqlalchemy as sa

from db.schema.campaign_tables import campaigns
from db.schema.supplier_tables import (
    Document,
    id_and_organisation,
    index_where,
    moments,
    organisations,
    outbox_columns,
    required,
    table,
)
from domain.declarations.declaration import Declaration, DeclarationByLink

# The right to speak for one supplier, made by an organisation. `supplier_id`: as it was then; it may be part of another
# one since. `opened_at`: when it was first followed. `sends`: declarations sent by it on the day `sent_on`.
# `campaign_id`: the campaign that brought it.
declaration_links = table(
    "declaration_links",
    *id_and_organisation(),
    sa.Column("supplier_id", sa.Uuid, nullable=False),
    *moments("created_at", "expires_at"),
    *moments("revoked_at", "opened_at", nullable=True),
    sa.Column("sent_on", sa.Date),
    sa.Column("sends", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("campaign_id", sa.Uuid, sa.ForeignKey(campaigns.c.id, ondelete="SET NULL")),
    index_where("campaign_id IS NOT NULL", "declaration_links_campaign_id_ix", "campaign_id", "created_at"),
    sa.Index(None, "supplier_id", "organisation_id", "id"),
    sa.Index(None, "organisation_id", "id"),
)

# Digests of the secrets of a link: a token, a short code, the tokens that e-mails brought.
declaration_secrets = table(
    "declaration_secrets",
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column(
        "link_id", sa.Uuid, sa.ForeignKey(declaration_links.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
)

# What a supplier says of itself, beside the record that the directory is made of. `supplier_id` is that record's
# `external_id`. `content` NULL: the supplier took it back, or an operator withdrew it, for the `reason`. The
# organisation is the one whose link it came by: that of `link_id`, or of the reply links of `exchange_id`. `sent_from`:
# a keyed digest of the network address. `reminded_at`: when the supplier was last told that it will expire. `others`:
# what other links said before it, which stands again once it is withdrawn, or why that was withdrawn.
declarations = table(
    "declarations",
    sa.Column("supplier_id", sa.Uuid, primary_key=True, autoincrement=False),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), nullable=False),
    sa.Column("link_id", sa.Uuid),
    sa.Column("content", Document(Declaration)),
    *moments("declared_at"),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("reason", sa.Text),
    *moments("withdrawn_at", "reminded_at", nullable=True),
    sa.Column("exchange_id", sa.Uuid),
    sa.Column("sent_from", sa.LargeBinary, index=True),
    sa.Column("others", Document(tuple[DeclarationByLink, ...])),
    sa.CheckConstraint("(content IS NULL) = (withdrawn_at IS NOT NULL)", name="withdrawn_is_empty"),
    sa.Index(None, "valid_until"),
    sa.Index(None, "organisation_id", "supplier_id"),
)

# Links on their way to suppliers by e-mail, without text or token: both are made at each attempt. `kind`: a
# `MailKind`. `failure`, `failure_code`: of the last attempt.
declaration_mails = table(
    "declaration_mails",
    *outbox_columns(),
    sa.Column(
        "link_id", sa.Uuid, sa.ForeignKey(declaration_links.c.id, ondelete="CASCADE"), nullable=False, index=True
    ),
    *required(sa.Text, "kind", "address", "language"),
    sa.Column("failure", sa.Text),
    sa.Column("failure_code", sa.SmallInteger),
    *moments("ended_at", nullable=True),
    sa.Index(None, "queued_at"),
)
