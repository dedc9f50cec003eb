"""The tables of campaigns: questions to many suppliers, their recipients, e-mails to these, and who is asked no more.

The migrations build the same.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.supplier_tables import (
    Document,
    id_and_organisation,
    keys,
    moments,
    organisations,
    outbox_columns,
    required,
    salt,
    table,
)
from domain.campaigns.campaign import CampaignRequest, LeftOut

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
