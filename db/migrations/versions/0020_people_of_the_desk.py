"""People who sign in to the buyer's desk without a key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.alter_column("desk_sessions", "key_id", nullable=True)
    op.add_column("desk_sessions", sa.Column("person_id", sa.Uuid()), if_not_exists=True)
    op.add_column(
        "desk_sessions",
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
        if_not_exists=True,
    )
    op.add_column("desk_sessions", sa.Column("id_token", sa.Text()), if_not_exists=True)
    for constraint in ("desk_sessions_person_id_fk", "desk_sessions_of_a_key_or_a_person_ck"):
        op.execute(f"ALTER TABLE desk_sessions DROP CONSTRAINT IF EXISTS {constraint}")
    op.create_foreign_key(
        "desk_sessions_person_id_fk", "desk_sessions", "persons", ["person_id"], ["id"], ondelete="CASCADE"
    )
    op.create_check_constraint(
        op.f("desk_sessions_of_a_key_or_a_person_ck"), "desk_sessions", "(key_id IS NULL) <> (person_id IS NULL)"
    )
    op.create_index(
        "desk_sessions_person_id_ix",
        "desk_sessions",
        ["person_id"],
        postgresql_where=sa.text("person_id IS NOT NULL"),
        if_not_exists=True,
    )
    op.create_table(
        "desk_accounts",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", "organisation_id", name="desk_accounts_pk"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="desk_accounts_organisation_id_fk"),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="desk_accounts_person_id_fk", ondelete="CASCADE"),
        if_not_exists=True,
    )
    op.create_index("desk_accounts_person_id_ix", "desk_accounts", ["person_id"], if_not_exists=True)
