"""The calendar year and the buyer of a need stand beside it: needs are found by them without reading their content."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("ALTER TABLE needs ADD COLUMN year integer, ADD COLUMN buyer_siret text")
    op.execute("""
        UPDATE needs SET
            year = coalesce(
                left(content ->> 'planned_publication_on', 4)::integer,
                extract(year FROM created_at AT TIME ZONE 'Europe/Paris')
            ),
            buyer_siret = content #>> '{buyer,siret}'
    """)
    op.execute("ALTER TABLE needs ALTER COLUMN year SET NOT NULL")
    op.execute("CREATE INDEX needs_organisation_id_year_ix ON needs (organisation_id, year)")
