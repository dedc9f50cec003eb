"""Contact persons, apart from organisations, and what must not come back about those who were erased."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _create_persons()
    _create_suppressions()


def _create_persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("employer", sa.Text(), nullable=True),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("employer_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "erased_at IS NULL OR (email IS NULL AND phone IS NULL AND employer IS NULL AND name_key = ''"
            " AND email_key = '' AND employer_key = '')",
            name="persons_erased_is_empty_ck",
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="persons_organisation_id_fk"),
        sa.PrimaryKeyConstraint("id", name="persons_pk"),
    )
    op.create_index(
        "persons_known_ix",
        "persons",
        ["organisation_id", "name_key", "email_key", "employer_key"],
        unique=True,
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    for key in ("email_key", "name_key"):
        op.create_index(f"persons_{key}_ix", "persons", [key], postgresql_where=sa.text(f"{key} <> ''"))


def _create_suppressions() -> None:
    op.create_table(
        "suppressions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", "source", "external_id", name="suppressions_pk"),
    )
    op.create_table(
        "suppression_key",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("singleton", name="suppression_key_one_row_ck"),
        sa.PrimaryKeyConstraint("singleton", name="suppression_key_pk"),
    )
    # 244 random bits
    op.execute("""
        INSERT INTO suppression_key (key)
        VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    """)
