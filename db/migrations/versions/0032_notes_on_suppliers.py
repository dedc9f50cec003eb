"""Organisations note what suppliers told them; `notes` changes whenever one of theirs does, and with any at all."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE IF NOT EXISTS supplier_notes (
            organisation_id uuid NOT NULL,
            supplier_id uuid NOT NULL,
            offers json NOT NULL,
            told_on date,
            how text,
            means text NOT NULL,
            actor_id uuid,
            noted_at timestamptz NOT NULL,
            CONSTRAINT supplier_notes_pk PRIMARY KEY (organisation_id, supplier_id),
            CONSTRAINT supplier_notes_organisation_id_fk FOREIGN KEY (organisation_id) REFERENCES organisations (id)
        )
    """)
    for name in ("organisations", "directory_version"):
        op.add_column(name, sa.Column("notes", sa.Uuid()), if_not_exists=True)
