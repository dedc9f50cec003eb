"""Journal entries bind what they are about and are signed; a need is purged by a function that notes it itself."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    # servers of earlier versions go on writing entries without either
    op.add_column(
        "audit_entries", sa.Column("content", ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'"))
    )
    op.add_column("audit_entries", sa.Column("signature", sa.LargeBinary()))
    _create_heads()
    _purge_by_function()


def _create_heads() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.CheckConstraint("(status = 'waiting') = (due_at IS NOT NULL)", name="audit_heads_waiting_is_due_ck"),
        sa.PrimaryKeyConstraint("id", name="audit_heads_pk"),
    )
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index("audit_heads_due_at_ix", "audit_heads", ["due_at"], postgresql_where=waiting)
    op.create_index("audit_heads_lane_due_at_ix", "audit_heads", ["lane", "due_at"], postgresql_where=waiting)
    op.create_index("audit_heads_queued_at_ix", "audit_heads", ["queued_at"])


def _purge_by_function() -> None:
    """The flag that lets exchanges be deleted counts for the owner of the tables alone, such as this function's.

    Its entry is that of `domain.audit.chained`: ids and counts, so that its JSON needs no care. The caller holds the
    lock on the journal, has removed the meetings, and knows the hash beforehand, which it may have signed.
    """
    op.execute("""
        CREATE OR REPLACE FUNCTION refuse_to_delete_unless_purging() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            purged uuid;
        BEGIN
            IF TG_TABLE_NAME = 'exchanges' THEN
                purged := OLD.need_id;
            ELSE
                SELECT need_id INTO purged FROM exchanges WHERE id = OLD.exchange_id;
            END IF;
            IF purged::text = current_setting('vivier.purging', true)
                AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
                AND EXISTS (SELECT FROM needs WHERE id = purged AND ended_at IS NOT NULL)
            THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE FUNCTION purge_need(purged uuid, purged_at timestamptz, meetings bigint, by text, signed bytea)
        RETURNS bytea LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE
            need needs%ROWTYPE;
            counts json;
            last_number bigint;
            last_hash bytea;
            digest bytea;
        BEGIN
            SELECT * INTO need FROM needs WHERE id = purged AND ended_at <= purged_at FOR UPDATE;
            IF NOT FOUND OR by NOT IN ('command', 'server') THEN
                RAISE EXCEPTION 'need % cannot be purged by %', purged, by USING ERRCODE = 'restrict_violation';
            END IF;
            counts := format(
                '{"awards":%s,"exchanges":%s,"meetings":%s,"shortlists":%s}',
                (SELECT count(*) FROM awards WHERE need_id = purged),
                (SELECT count(*) FROM exchanges WHERE need_id = purged),
                meetings,
                need.shortlists
            );
            SELECT number, hash INTO last_number, last_hash FROM audit_entries
            WHERE organisation_id = need.organisation_id ORDER BY number DESC LIMIT 1;
            last_number := coalesce(last_number, 0);
            digest := sha256(coalesce(last_hash, decode(repeat('00', 32), 'hex')) || convert_to(format(
                '["%s",%s,%s,"%s",null,"need.purged","need:%s",null,%s]',
                replace(need.organisation_id::text, '-', ''), last_number + 1,
                (extract(epoch FROM purged_at) * 1000000)::bigint, by, purged, counts
            ), 'UTF8'));
            PERFORM set_config('vivier.purging', purged::text, true);
            DELETE FROM messages WHERE exchange_id IN (SELECT id FROM exchanges WHERE need_id = purged);
            DELETE FROM exchange_recipients WHERE exchange_id IN (SELECT id FROM exchanges WHERE need_id = purged);
            DELETE FROM exchanges WHERE need_id = purged;
            PERFORM set_config('vivier.purging', '', true);
            DELETE FROM awards WHERE need_id = purged;
            DELETE FROM needs WHERE id = purged;
            INSERT INTO audit_entries
                (organisation_id, number, at, means, action, object, detail, hash, signature)
            VALUES (need.organisation_id, last_number + 1, purged_at, by, 'need.purged', 'need:' || purged,
                counts, digest, signed);
            RETURN digest;
        END $$
    """)
    # or whoever calls it could put temporary tables in the place of these
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(f"ALTER FUNCTION purge_need SET search_path = {schema}, pg_temp")
