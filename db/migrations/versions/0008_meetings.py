"""Meetings about needs: who came, what was agreed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _create_meetings()
    _create_participants()
    _create_follow_ups()


def _create_meetings() -> None:
    op.create_table(
        "meetings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("place", postgresql.JSON(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("agenda", postgresql.JSON(), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="meetings_organisation_id_fk"),
        sa.PrimaryKeyConstraint("id", name="meetings_pk"),
    )
    op.create_index("meetings_organisation_id_starts_at_id_ix", "meetings", ["organisation_id", "starts_at", "id"])
    op.create_table(
        "meeting_needs",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("need_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name="meeting_needs_meeting_id_fk", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["need_id"], ["needs.id"], name="meeting_needs_need_id_fk", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("meeting_id", "need_id", name="meeting_needs_pk"),
    )
    op.create_index("meeting_needs_need_id_ix", "meeting_needs", ["need_id"])


def _create_participants() -> None:
    op.create_table(
        "meeting_participants",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attended", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name="meeting_participants_meeting_id_fk", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="meeting_participants_person_id_fk"),
        sa.PrimaryKeyConstraint("meeting_id", "position", name="meeting_participants_pk"),
    )
    op.create_index("meeting_participants_person_id_ix", "meeting_participants", ["person_id"])


def _create_follow_ups() -> None:
    op.create_table(
        "meeting_follow_ups",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meetings.id"], name="meeting_follow_ups_meeting_id_fk", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name="meeting_follow_ups_person_id_fk"),
        sa.PrimaryKeyConstraint("meeting_id", "position", name="meeting_follow_ups_pk"),
    )
    op.create_index("meeting_follow_ups_person_id_ix", "meeting_follow_ups", ["person_id"])
