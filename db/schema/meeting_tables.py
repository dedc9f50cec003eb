"""The tables of meetings; the migrations build the same. Persons are named by reference alone."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, Table, Text, Uuid, text

from db.schema.columns import keys, moments, required
from db.schema.need_tables import needs
from db.schema.person_tables import persons
from db.schema.supplier_tables import Document, id_and_organisation, metadata
from domain.meetings.meeting import AgendaItem, MeetingPlace

meetings = Table(
    "meetings",
    metadata,
    *id_and_organisation(),
    *required(Integer, "version", "sequence"),
    *required(Text, "status", "format", "title"),
    *moments("starts_at", "ends_at"),
    Column("place", Document(MeetingPlace)),
    Column("url", Text),
    Column("agenda", Document(tuple[AgendaItem, ...]), nullable=False),
    Column("minutes", Text),
    *moments("created_at", "updated_at"),
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
    *keys(Integer, "position"),
    Column("role", Text, nullable=False),
    Column("supplier_id", Uuid),
    Column("person_id", Uuid, ForeignKey(persons.c.id)),
    Column("organisation", Text),
    *moments("invited_at", nullable=True),
    Column("attended", Boolean),
    Index(None, "person_id"),
)

follow_ups = Table(
    "meeting_follow_ups",
    metadata,
    Column("meeting_id", Uuid, ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(Integer, "position"),
    Column("what", Text, nullable=False),
    Column("person_id", Uuid, ForeignKey(persons.c.id)),
    Column("due_on", Date),
    Column("done", Boolean, nullable=False, server_default=text("false")),
    Index(None, "person_id"),
)
