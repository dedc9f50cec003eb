"""Buyers are told by e-mail of answers and of new suppliers, unless they want none."""

from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE IF NOT EXISTS buyer_mails (
            id uuid NOT NULL,
            lane uuid,
            status text DEFAULT 'waiting' NOT NULL,
            queued_at timestamp with time zone NOT NULL,
            due_at timestamp with time zone,
            lease uuid,
            attempts integer DEFAULT 0 NOT NULL,
            organisation_id uuid NOT NULL,
            exchange_id uuid,
            person_id uuid,
            need_id uuid,
            week date,
            stop_digest bytea,
            failure text,
            ended_at timestamp with time zone,
            CONSTRAINT buyer_mails_pk PRIMARY KEY (id),
            CONSTRAINT buyer_mails_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id),
            CONSTRAINT buyer_mails_exchange_id_fk FOREIGN KEY (exchange_id) REFERENCES exchanges (id) ON DELETE CASCADE,
            CONSTRAINT buyer_mails_person_id_fk FOREIGN KEY (person_id) REFERENCES persons (id) ON DELETE CASCADE,
            CONSTRAINT buyer_mails_need_id_fk FOREIGN KEY (need_id) REFERENCES needs (id) ON DELETE CASCADE,
            CONSTRAINT buyer_mails_person_id_week_uq UNIQUE (person_id, week),
            CONSTRAINT buyer_mails_need_id_week_uq UNIQUE (need_id, week),
            CONSTRAINT buyer_mails_waiting_is_due_ck CHECK ((status = 'waiting') = (due_at IS NOT NULL)),
            CONSTRAINT buyer_mails_about_one_thing_ck CHECK ((exchange_id IS NULL) = (week IS NOT NULL))
        )
    """)
    for name, columns in {
        "due_at": "(due_at) WHERE due_at IS NOT NULL",
        "lane_due_at": "(lane, due_at) WHERE due_at IS NOT NULL",
        "exchange_id": "(exchange_id)",
        "stop_digest": "(stop_digest)",
    }.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS buyer_mails_{name}_ix ON buyer_mails {columns}")
    op.execute("""
        CREATE TABLE IF NOT EXISTS unwanted_mails (
            organisation_id uuid NOT NULL,
            kind text NOT NULL,
            address_digest bytea NOT NULL,
            created_at timestamp with time zone NOT NULL,
            CONSTRAINT unwanted_mails_pk PRIMARY KEY (organisation_id, kind, address_digest),
            CONSTRAINT unwanted_mails_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
        )
    """)
