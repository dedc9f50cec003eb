"""The tables of campaigns and of suppliers' own pages. The migrations build the same.

Questions to many suppliers, their recipients, e-mails to these, and who is asked no more; the links that open
suppliers' pages, what suppliers say there, e-mail with links.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.supplier_tables import (
    Document,
    id_and_organisation,
    index_where,
    keys,
    moments,
    organisations,
    outbox_columns,
    required,
    salt,
    table,
)
from domain.campaigns.campaign import CampaignRequest, LeftOut
from domain.declarations.declaration import Declaration, DeclarationByLink

# `started_at`: when it was first sent, or its links were made; its recipients and its question stay from then on.
campaigns = table(
    "campaigns",
    *id_and_organisation(),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", Document(CampaignRequest), nullable=False),
    sa.Column("left_out", Document(LeftOut), nullable=False),
    *moments("created_at", "updated_at"),
    *moments("started_at", "sent_at", "posted_at", "reminded_at", nullable=True),
    sa.Index(None, "organisation_id", "id"),
)

# Suppliers as they were known when recipients were last chosen. `opened_at`, `declared_at`, `declined_at`: what they
# did since, by this campaign's links or others. `linked_at`: when links for a letter or a call were last made.
campaign_recipients = table(
    "campaign_recipients",
    sa.Column("campaign_id", sa.Uuid, sa.ForeignKey(campaigns.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(sa.Uuid, "supplier_id"),
    sa.Column("supplier_name", sa.Text, key="name", nullable=False),
    sa.Column("siret", sa.Text),
    sa.Column("kinds", ARRAY(sa.Text, as_tuple=True), nullable=False),
    sa.Column("commune", sa.Text),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("address", ARRAY(sa.Text, as_tuple=True), nullable=False),
    sa.Column("joined", ARRAY(sa.Uuid, as_tuple=True), nullable=False),
    *moments("linked_at", "posted_at", "opened_at", "declared_at", "declined_at", nullable=True),
    salt(),
    sa.Index(None, "supplier_id"),
    sa.CheckConstraint("way IN ('email', 'letter', 'none')", name="known_way"),
)

# E-mails of campaigns on their way, one to a recipient for each purpose. `failure`, `failure_code`: of the last
# attempt.
campaign_mails = table(
    "campaign_mails",
    *outbox_columns(),
    *required(sa.Uuid, "campaign_id", "supplier_id"),
    *required(sa.Text, "purpose", "address", "language"),
    sa.Column("failure", sa.Text),
    sa.Column("failure_code", sa.SmallInteger),
    *moments("ended_at", nullable=True),
    sa.ForeignKeyConstraint(
        ["campaign_id", "supplier_id"],
        [campaign_recipients.c.campaign_id, campaign_recipients.c.supplier_id],
        ondelete="CASCADE",
    ),
    sa.UniqueConstraint("campaign_id", "supplier_id", "purpose"),
    sa.Index(None, "queued_at"),
)

# Suppliers that asked an organisation to write to them no more, outside of an exchange about a need.
unsolicited_suppliers = table(
    "unsolicited_suppliers",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    *keys(sa.Uuid, "supplier_id"),
    *moments("asked_at"),
    sa.Index(None, "supplier_id"),
)


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
