"""The tables of needs, their shortlists and awards, and of the journal; the migrations build the same."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.supplier_tables import Document, metadata, moment, organisations
from domain.audit import Detail
from domain.needs.need import PlannedNeed
from domain.shortlists.frozen import LotTotal
from domain.shortlists.shortlist import Stamp

needs = Table(
    "needs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", Document(PlannedNeed), nullable=False),
    Column("shortlists", Integer, nullable=False, server_default=text("0")),
    moment("created_at"),
    moment("updated_at"),
    moment("published_at", nullable=True),
    moment("ended_at", nullable=True),
    Index(None, "organisation_id", "id"),
)

# `body`: the answer as it was sent, to be read back byte for byte. `need`: the need that was matched. `ledger` is no
# longer read; it goes once no release that reads it is left. The rest is for lists of versions.
shortlists = Table(
    "shortlists",
    metadata,
    Column("need_id", Uuid, ForeignKey(needs.c.id, ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("need_version", Integer, nullable=False),
    Column("need", Document(PlannedNeed), nullable=False),
    Column("language", Text, nullable=False),
    Column("stamp", Document(Stamp), nullable=False),
    Column("totals", Document(tuple[LotTotal, ...]), nullable=False),
    Column("ledger", Document(list[object]), nullable=False, default=list),
    Column("body", LargeBinary, nullable=False),
    moment("created_at"),
    CheckConstraint("number > 0", name="counted_from_one"),
)

# The buyer's decision on a supplier of a shortlist, for one lot; earlier ones are in the journal.
shortlist_decisions = Table(
    "shortlist_decisions",
    metadata,
    Column("need_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("lot_id", Text, primary_key=True),
    Column("supplier_id", Uuid, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("reason", Text),
    moment("decided_at"),
    ForeignKeyConstraint(["need_id", "number"], [shortlists.c.need_id, shortlists.c.number], ondelete="CASCADE"),
)

# `segments`: of the lot's object. A supplier may have left the directory: its name is stored, and the SIRET by which it
# is recognised if it comes back.
awards = Table(
    "awards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), nullable=False),
    Column("need_id", Uuid, ForeignKey(needs.c.id), nullable=False),
    Column("lot_id", Text, nullable=False),
    Column("supplier_id", Uuid, nullable=False),
    Column("supplier_name", Text, nullable=False),
    Column("supplier_siret", Text),
    Column("segments", ARRAY(Text), nullable=False),
    Column("awarded_on", Date, nullable=False),
    Column("value_eur", Double),
    Column("reserved", ARRAY(Text), nullable=False),
    Column("duration_months", Integer),
    Column("direct", Boolean, nullable=False),
    moment("created_at"),
    moment("withdrawn_at", nullable=True),
    Index(None, "organisation_id", "awarded_on"),
    Index(None, "need_id"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    moment("at"),
    Column("means", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("version", Integer),
    Column("detail", Document(Detail), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "organisation_id", "object", "number"),
)
