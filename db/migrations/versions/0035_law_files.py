"""The files of law that frozen shortlists were judged by are kept, by their version."""

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE IF NOT EXISTS law_files (
            version text NOT NULL CONSTRAINT pk_law_files PRIMARY KEY,
            content bytea NOT NULL
        )
    """)
