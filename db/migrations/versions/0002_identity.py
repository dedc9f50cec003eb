"""One supplier from several records: what tells who a record is about, what people decided, which source goes first.

The names of records that are there already are read when they are next received: they then count as changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("sources", sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("suppliers", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.drop_column("suppliers", "siret")
    op.create_check_constraint("suppliers_merged_is_deleted_ck", "suppliers", "deleted OR merged_into IS NULL")
    _extend_records()
    _create_decisions()


def _extend_records() -> None:
    op.add_column("records", sa.Column("siret", sa.Text(), nullable=True))
    op.add_column("records", sa.Column("in_prison", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    for name in ("name", "name_key", "trade_name", "trade_key"):
        op.add_column("records", sa.Column(name, sa.Text(), nullable=True))
    op.execute("""
        UPDATE records SET
            siret = payload ->> 'siret', in_prison = coalesce((payload ->> 'in_prison')::boolean, false),
            content_hash = ''
    """)
    for name, columns, rows in (
        ("records_siret_ix", ["siret"], "siret IS NOT NULL"),
        ("records_with_siret_ix", ["name_key", "lat"], "siret IS NOT NULL AND name_key IS NOT NULL"),
        ("records_without_siret_ix", ["name_key", "lat"], "siret IS NULL AND name_key IS NOT NULL"),
        ("records_trade_key_lat_ix", ["trade_key", "lat"], "trade_key IS NOT NULL"),
    ):
        op.create_index(name, "records", columns, postgresql_where=sa.text(rows))


def _create_decisions() -> None:
    op.create_table(
        "merged_records",
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", "source", "external_id", name="merged_records_pk"),
    )
    op.create_index("merged_records_source_external_id_ix", "merged_records", ["source", "external_id"])
    op.create_table(
        "split_records",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("other_source", sa.Text(), nullable=False),
        sa.Column("other_external_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "external_id", "other_source", "other_external_id", name="split_records_pk"),
    )
