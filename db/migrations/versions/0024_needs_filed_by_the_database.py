"""The database derives the year and the buyer of a need from its content, whoever writes it.

By a trigger and not by generated columns, as servers of the release before go on naming values for them, and those from
before 0010 name none: needs that these wrote since 0015 are filed under the year of writing, and without their buyer.
"""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the trigger that sets a need's `year` and `buyer_siret` from its content, and set them where rows differ."""
    op.execute("""
        CREATE OR REPLACE FUNCTION year_of_need(content json, created_at timestamptz) RETURNS integer
        LANGUAGE sql STABLE PARALLEL SAFE
        RETURN coalesce(
            left(content ->> 'planned_publication_on', 4)::integer,
            extract(year FROM created_at AT TIME ZONE 'Europe/Paris')::integer
        )
    """)
    op.execute("""
        CREATE OR REPLACE FUNCTION file_need() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.year := year_of_need(NEW.content, NEW.created_at);
            NEW.buyer_siret := NEW.content #>> '{buyer,siret}';
            RETURN NEW;
        END
        $$
    """)
    op.execute("""
        CREATE OR REPLACE TRIGGER needs_filed BEFORE INSERT OR UPDATE OF content, created_at, year, buyer_siret
        ON needs FOR EACH ROW EXECUTE FUNCTION file_need()
    """)
    op.execute("""
        UPDATE needs SET year = year WHERE year <> year_of_need(content, created_at)
        OR buyer_siret IS DISTINCT FROM content #>> '{buyer,siret}'
    """)
