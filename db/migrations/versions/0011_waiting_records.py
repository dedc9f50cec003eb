"""Records that make no supplier join by SIRET or SIREN; those of lists of approvals, which made some, do so too."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

IS_LISTED = """
    EXISTS (SELECT FROM imports i WHERE i.source = records.source AND i.format = 'conventions')
    AND siret IS NOT NULL AND payload ->> 'name' = 'SIRET ' || siret
"""
JOIN = f"""
    UPDATE records SET
        joins = siret, supplier_id = NULL, siret = NULL, name = NULL, name_key = NULL, trade_name = NULL,
        trade_key = NULL, doubts = '{{}}'
    WHERE {IS_LISTED}
"""  # noqa: S608 - constants
# Suppliers that nothing else makes go, as one change of the directory.
REMOVE = """
    WITH bereft AS (
        SELECT id FROM suppliers s
        WHERE NOT s.deleted AND NOT EXISTS (SELECT FROM records r WHERE r.supplier_id = s.id)
    ), next AS (
        SELECT nextval('change_set_ids') AS id WHERE EXISTS (SELECT FROM bereft)
    ), version AS (
        UPDATE directory_version SET version = version + 1 WHERE EXISTS (SELECT FROM next) RETURNING version
    ), published AS (
        INSERT INTO change_sets (id, version) SELECT next.id, version.version FROM next, version
    )
    UPDATE suppliers s SET
        document = NULL, deleted = true, active = false, activities = '{}', kinds = '{}', commune = NULL, lat = NULL,
        lon = NULL, name_folded = '', updated_at = now(), change_set = next.id
    FROM bereft, next WHERE s.id = bereft.id
"""


def upgrade() -> None:
    op.add_column("records", sa.Column("joins", sa.Text()))
    op.alter_column("records", "supplier_id", nullable=True)
    op.add_column("imports", sa.Column("waiting", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.execute(JOIN)
    op.execute(REMOVE)
    op.create_check_constraint(
        op.f("records_joins_or_makes_ck"), "records", "(joins IS NULL) = (supplier_id IS NOT NULL)"
    )
    op.create_index("records_joins_ix", "records", ["joins"], postgresql_where=sa.text("joins IS NOT NULL"))
