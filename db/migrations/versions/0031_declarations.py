"""Suppliers speak of themselves, by links that open their own pages."""

from alembic import op

revision = "0031"
down_revision = "0030"


STATEMENTS = """
CREATE INDEX IF NOT EXISTS suppliers_merged_into_ix ON suppliers (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE IF NOT EXISTS declaration_links (
    id UUID CONSTRAINT declaration_links_pk PRIMARY KEY,
    organisation_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    opened_at TIMESTAMPTZ,
    sent_on DATE,
    sends INTEGER DEFAULT 0 NOT NULL,
    CONSTRAINT declaration_links_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX IF NOT EXISTS declaration_links_supplier_id_organisation_id_id_ix
    ON declaration_links (supplier_id, organisation_id, id);
CREATE INDEX IF NOT EXISTS declaration_links_organisation_id_id_ix ON declaration_links (organisation_id, id);
CREATE TABLE IF NOT EXISTS declaration_secrets (
    digest BYTEA CONSTRAINT declaration_secrets_pk PRIMARY KEY,
    link_id UUID NOT NULL,
    CONSTRAINT declaration_secrets_link_id_fk FOREIGN KEY (link_id)
        REFERENCES declaration_links (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS declaration_secrets_link_id_ix ON declaration_secrets (link_id);
CREATE TABLE IF NOT EXISTS declarations (
    supplier_id UUID CONSTRAINT declarations_pk PRIMARY KEY,
    organisation_id UUID NOT NULL,
    link_id UUID,
    content JSON,
    declared_at TIMESTAMPTZ NOT NULL,
    valid_until DATE NOT NULL,
    reason TEXT,
    withdrawn_at TIMESTAMPTZ,
    reminded_at TIMESTAMPTZ,
    CONSTRAINT declarations_withdrawn_is_empty_ck CHECK ((content IS NULL) = (withdrawn_at IS NOT NULL)),
    CONSTRAINT declarations_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
);
CREATE INDEX IF NOT EXISTS declarations_valid_until_ix ON declarations (valid_until);
CREATE INDEX IF NOT EXISTS declarations_organisation_id_supplier_id_ix ON declarations (organisation_id, supplier_id);
CREATE TABLE IF NOT EXISTS declaration_mails (
    id UUID CONSTRAINT declaration_mails_pk PRIMARY KEY,
    lane UUID,
    status TEXT DEFAULT 'waiting' NOT NULL,
    queued_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ,
    lease UUID,
    attempts INTEGER DEFAULT 0 NOT NULL,
    link_id UUID NOT NULL,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    failure TEXT,
    failure_code SMALLINT,
    ended_at TIMESTAMPTZ,
    CONSTRAINT declaration_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT declaration_mails_link_id_fk FOREIGN KEY (link_id)
        REFERENCES declaration_links (id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS declaration_mails_due_at_ix ON declaration_mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS declaration_mails_lane_due_at_ix ON declaration_mails (lane, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS declaration_mails_link_id_ix ON declaration_mails (link_id);
CREATE INDEX IF NOT EXISTS declaration_mails_queued_at_ix ON declaration_mails (queued_at);
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
