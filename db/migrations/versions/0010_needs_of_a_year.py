"""An organisation's needs of a calendar year are found without reading those of others."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
        CREATE INDEX needs_organisation_id_year_ix ON needs (organisation_id, (COALESCE(
            "left"(content ->> 'planned_publication_on', 4)::integer,
            EXTRACT(year FROM created_at AT TIME ZONE 'Europe/Paris')::integer
        )))
    """)
