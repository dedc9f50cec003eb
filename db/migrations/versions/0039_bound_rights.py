"""Salts of what the journal binds of persons, and the organisations whose rights it did not bind before."""

from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    for table in ("persons", "exchange_recipients", "campaign_recipients"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS salt uuid DEFAULT gen_random_uuid()")
    op.execute("UPDATE persons SET salt = NULL WHERE erased_at IS NOT NULL")
    op.execute("""
        CREATE TABLE IF NOT EXISTS audit_adoptions (
            organisation_id uuid CONSTRAINT audit_adoptions_pk PRIMARY KEY
                CONSTRAINT audit_adoptions_organisation_id_fk REFERENCES organisations (id)
        )
    """)
    op.execute("INSERT INTO audit_adoptions SELECT id FROM organisations ON CONFLICT DO NOTHING")
    # whom suppliers may ask is a person, who may be erased
    op.execute("DROP TRIGGER append_only ON exchanges")
    op.execute("""
        CREATE TRIGGER append_only
        BEFORE UPDATE OF id, organisation_id, need_id, subject, lot_ids, channel, opened_at, reply_by OR TRUNCATE
        ON exchanges FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter()
    """)
