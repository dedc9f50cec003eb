"""Links to suppliers' own pages may be brought by a campaign, which counts those that were opened."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE declaration_links ADD COLUMN IF NOT EXISTS campaign_id uuid
            CONSTRAINT declaration_links_campaign_id_fk REFERENCES campaigns (id) ON DELETE SET NULL
    """)
    op.execute("""
        CREATE INDEX IF NOT EXISTS declaration_links_campaign_id_ix ON declaration_links (campaign_id, created_at)
            WHERE campaign_id IS NOT NULL
    """)
