"""Needs that are kept, their frozen shortlists, the decisions on them, awards, and the journal of who did what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _create_needs()
    _create_shortlists()
    _create_awards()
    _create_journal()


def _create_needs() -> None:
    op.create_table(
        "needs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSON(), nullable=False),
        sa.Column("shortlists", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="needs_organisation_id_fk"),
        sa.PrimaryKeyConstraint("id", name="needs_pk"),
    )
    op.create_index("needs_organisation_id_id_ix", "needs", ["organisation_id", "id"])


def _create_shortlists() -> None:
    op.create_table(
        "shortlists",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("need_version", sa.Integer(), nullable=False),
        sa.Column("need", postgresql.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("stamp", postgresql.JSON(), nullable=False),
        sa.Column("totals", postgresql.JSON(), nullable=False),
        sa.Column("ledger", postgresql.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name="shortlists_counted_from_one_ck"),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], name="shortlists_need_id_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("need_id", "number", name="shortlists_pk"),
    )
    op.create_table(
        "shortlist_decisions",
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["need_id", "number"],
            ["shortlists.need_id", "shortlists.number"],
            name="shortlist_decisions_need_id_number_fk",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("need_id", "number", "lot_id", "supplier_id", name="shortlist_decisions_pk"),
    )


def _create_awards() -> None:
    op.create_table(
        "awards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Text(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_name", sa.Text(), nullable=False),
        sa.Column("supplier_siret", sa.Text(), nullable=True),
        sa.Column("segments", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("awarded_on", sa.Date(), nullable=False),
        sa.Column("value_eur", sa.Double(), nullable=True),
        sa.Column("reserved", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("duration_months", sa.Integer(), nullable=True),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], name="awards_need_id_fk"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="awards_organisation_id_fk"),
        sa.PrimaryKeyConstraint("id", name="awards_pk"),
    )
    op.create_index("awards_need_id_ix", "awards", ["need_id"])
    op.create_index("awards_organisation_id_awarded_on_ix", "awards", ["organisation_id", "awarded_on"])


def _create_journal() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("means", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("detail", postgresql.JSON(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="audit_entries_organisation_id_fk"),
        sa.PrimaryKeyConstraint("organisation_id", "number", name="audit_entries_pk"),
    )
    op.create_index(
        "audit_entries_organisation_id_object_number_ix", "audit_entries", ["organisation_id", "object", "number"]
    )
    op.execute("""
        CREATE FUNCTION refuse_to_alter() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_alter()
    """)
