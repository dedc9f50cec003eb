"""An organisation asks all suppliers of a territory one question: campaigns, their recipients, their e-mails."""

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE IF NOT EXISTS campaigns (
            id uuid CONSTRAINT campaigns_pk PRIMARY KEY,
            organisation_id uuid NOT NULL
                CONSTRAINT campaigns_organisation_id_fk REFERENCES organisations (id),
            version integer NOT NULL,
            content json NOT NULL,
            left_out json NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            started_at timestamptz,
            sent_at timestamptz,
            posted_at timestamptz,
            reminded_at timestamptz
        )
    """)
    op.execute("CREATE INDEX IF NOT EXISTS campaigns_organisation_id_id_ix ON campaigns (organisation_id, id)")
    op.execute("""
        CREATE TABLE IF NOT EXISTS campaign_recipients (
            campaign_id uuid NOT NULL
                CONSTRAINT campaign_recipients_campaign_id_fk REFERENCES campaigns (id) ON DELETE CASCADE,
            supplier_id uuid NOT NULL,
            supplier_name text NOT NULL,
            siret text,
            kinds text[] NOT NULL,
            commune text,
            way text NOT NULL,
            email text,
            address text[] NOT NULL,
            joined uuid[] NOT NULL,
            linked_at timestamptz,
            posted_at timestamptz,
            opened_at timestamptz,
            declared_at timestamptz,
            declined_at timestamptz,
            CONSTRAINT campaign_recipients_pk PRIMARY KEY (campaign_id, supplier_id),
            CONSTRAINT campaign_recipients_known_way_ck CHECK (way IN ('email', 'letter', 'none'))
        )
    """)
    op.execute("CREATE INDEX IF NOT EXISTS campaign_recipients_supplier_id_ix ON campaign_recipients (supplier_id)")
    op.execute("""
        CREATE TABLE IF NOT EXISTS campaign_mails (
            id uuid CONSTRAINT campaign_mails_pk PRIMARY KEY,
            lane uuid,
            status text NOT NULL DEFAULT 'waiting',
            queued_at timestamptz NOT NULL,
            due_at timestamptz,
            lease uuid,
            attempts integer NOT NULL DEFAULT 0,
            campaign_id uuid NOT NULL,
            supplier_id uuid NOT NULL,
            purpose text NOT NULL,
            address text NOT NULL,
            language text NOT NULL,
            failure text,
            failure_code smallint,
            ended_at timestamptz,
            CONSTRAINT campaign_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL)),
            CONSTRAINT campaign_mails_campaign_id_supplier_id_purpose_uq UNIQUE (campaign_id, supplier_id, purpose),
            CONSTRAINT campaign_mails_campaign_id_supplier_id_fk FOREIGN KEY (campaign_id, supplier_id)
                REFERENCES campaign_recipients (campaign_id, supplier_id) ON DELETE CASCADE
        )
    """)
    op.execute(
        "CREATE INDEX IF NOT EXISTS campaign_mails_due_at_ix ON campaign_mails (due_at) WHERE due_at IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX IF NOT EXISTS campaign_mails_lane_due_at_ix ON campaign_mails (lane, due_at)"
        " WHERE due_at IS NOT NULL"
    )
    op.execute("CREATE INDEX IF NOT EXISTS campaign_mails_queued_at_ix ON campaign_mails (queued_at)")
    op.execute("""
        CREATE TABLE IF NOT EXISTS unsolicited_suppliers (
            organisation_id uuid NOT NULL
                CONSTRAINT unsolicited_suppliers_organisation_id_fk REFERENCES organisations (id),
            supplier_id uuid NOT NULL,
            asked_at timestamptz NOT NULL,
            CONSTRAINT unsolicited_suppliers_pk PRIMARY KEY (organisation_id, supplier_id)
        )
    """)
    op.execute("CREATE INDEX IF NOT EXISTS unsolicited_suppliers_supplier_id_ix ON unsolicited_suppliers (supplier_id)")
