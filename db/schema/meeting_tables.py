"""The tables of meetings; the migrations build the same. Persons are named by reference alone."""

import sqlalchemy as sa

from db.schema.need_tables import needs
from db.schema.person_tables import persons
from db.schema.supplier_tables import Document, id_and_organisation, keys, metadata, moments, organisations, required
from domain.meetings.meeting import AgendaItem, MeetingPlace

meetings = sa.Table(
    "meetings",
    metadata,
    *id_and_organisation(),
    *required(sa.Integer, "version", "sequence"),
    *required(sa.Text, "status", "format", "title"),
    *moments("starts_at", "ends_at"),
    sa.Column("place", Document(MeetingPlace)),
    sa.Column("url", sa.Text),
    sa.Column("agenda", Document(tuple[AgendaItem, ...]), nullable=False),
    sa.Column("minutes", sa.Text),
    *moments("created_at", "updated_at"),
    sa.Index(None, "organisation_id", "starts_at", "id"),
)

meeting_needs = sa.Table(
    "meeting_needs",
    metadata,
    sa.Column("meeting_id", sa.Uuid, sa.ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Index(None, "need_id"),
)

participants = sa.Table(
    "meeting_participants",
    metadata,
    sa.Column("meeting_id", sa.Uuid, sa.ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(sa.Integer, "position"),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("supplier_id", sa.Uuid),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id)),
    sa.Column("organisation", sa.Text),
    *moments("invited_at", nullable=True),
    sa.Column("attended", sa.Boolean),
    sa.Index(None, "person_id"),
)

follow_ups = sa.Table(
    "meeting_follow_ups",
    metadata,
    sa.Column("meeting_id", sa.Uuid, sa.ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(sa.Integer, "position"),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id)),
    sa.Column("due_on", sa.Date),
    sa.Column("done", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Index(None, "person_id"),
)

# `key_id` names no row where it is the administrator's key, which is a setting: so it is no foreign key.
calendar_feeds = sa.Table(
    "calendar_feeds",
    metadata,
    *keys(sa.Uuid, "key_id"),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    *moments("created_at"),
)
