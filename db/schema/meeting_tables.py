"""The tables of meetings; the migrations build the same. Persons are named by reference alone."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, Table, Text, Uuid, text

from db.schema.need_tables import needs
from db.schema.person_tables import persons
from db.schema.supplier_tables import Document, metadata, moment, organisations
from domain.meetings.meeting import AgendaItem, MeetingPlace

meetings = Table(
    "meetings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), nullable=False),
    Column("version", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("title", Text, nullable=False),
    moment("starts_at"),
    moment("ends_at"),
    Column("place", Document(MeetingPlace)),
    Column("url", Text),
    Column("agenda", Document(tuple[AgendaItem, ...]), nullable=False),
    Column("minutes", Text),
    moment("created_at"),
    moment("updated_at"),
    Index(None, "organisation_id", "starts_at", "id"),
)

meeting_needs = Table(
    "meeting_needs",
    metadata,
    Column("meeting_id", Uuid, ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    Column("need_id", Uuid, ForeignKey(needs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "need_id"),
)

participants = Table(
    "meeting_participants",
    metadata,
    Column("meeting_id", Uuid, ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    Column("supplier_id", Uuid),
    Column("person_id", Uuid, ForeignKey(persons.c.id)),
    Column("organisation", Text),
    moment("invited_at", nullable=True),
    Column("attended", Boolean),
    Index(None, "person_id"),
)

follow_ups = Table(
    "meeting_follow_ups",
    metadata,
    Column("meeting_id", Uuid, ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("what", Text, nullable=False),
    Column("person_id", Uuid, ForeignKey(persons.c.id)),
    Column("due_on", Date),
    Column("done", Boolean, nullable=False, server_default=text("false")),
    Index(None, "person_id"),
)
