"""Networks and facilitators, whom a buyer may call."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE IF NOT EXISTS networks (
            position integer CONSTRAINT networks_pk PRIMARY KEY,
            name text NOT NULL,
            kind text NOT NULL,
            territories text[] NOT NULL,
            reserved text[] NOT NULL,
            email text,
            phone text,
            url text
        )
    """)
