"""A need written without its year gets the present one, as servers from before 0010 write it while new ones start."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE needs ALTER COLUMN year
        SET DEFAULT extract(year FROM now() AT TIME ZONE 'Europe/Paris')::integer
    """)
