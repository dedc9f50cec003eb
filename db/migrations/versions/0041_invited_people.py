"""People who are invited by e-mail, with rights, passkeys and mails; the ground of a session's membership."""

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.execute("ALTER TABLE desk_accounts ADD COLUMN IF NOT EXISTS scopes text[]")
    op.execute("ALTER TABLE desk_sessions ADD COLUMN IF NOT EXISTS ground text")
    op.execute("""
        CREATE TABLE IF NOT EXISTS passkeys (
            credential_id bytea CONSTRAINT passkeys_pk PRIMARY KEY,
            person_id uuid NOT NULL CONSTRAINT passkeys_person_id_fk REFERENCES persons ON DELETE CASCADE,
            public_key bytea NOT NULL,
            sign_count bigint NOT NULL,
            created_at timestamptz NOT NULL,
            used_at timestamptz
        )
    """)
    op.execute("CREATE INDEX IF NOT EXISTS passkeys_person_id_ix ON passkeys (person_id)")
    op.execute("""
        CREATE TABLE IF NOT EXISTS sign_in_mails (
            id uuid CONSTRAINT sign_in_mails_pk PRIMARY KEY,
            lane uuid,
            status text NOT NULL DEFAULT 'waiting',
            queued_at timestamptz NOT NULL,
            due_at timestamptz,
            lease uuid,
            attempts integer NOT NULL DEFAULT 0,
            person_id uuid NOT NULL CONSTRAINT sign_in_mails_person_id_fk REFERENCES persons ON DELETE CASCADE,
            language text NOT NULL,
            browser bytea,
            digest bytea,
            expires_at timestamptz,
            tries integer NOT NULL DEFAULT 0,
            failure text,
            failure_code smallint,
            CONSTRAINT sign_in_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL))
        )
    """)
    for name, columns in (
        ("due_at", "(due_at) WHERE due_at IS NOT NULL"),
        ("lane_due_at", "(lane, due_at) WHERE due_at IS NOT NULL"),
        ("person_id_queued_at", "(person_id, queued_at)"),
        ("digest", "(digest) WHERE digest IS NOT NULL"),
        ("browser", "(browser) WHERE browser IS NOT NULL"),
    ):
        op.execute(f"CREATE INDEX IF NOT EXISTS sign_in_mails_{name}_ix ON sign_in_mails {columns}")
