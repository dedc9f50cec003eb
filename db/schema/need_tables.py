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

from db.schema.columns import keys, moments, required
from db.schema.supplier_tables import Document, id_and_organisation, metadata, organisations
from domain.audit import Detail
from domain.needs.need import PlannedNeed
from domain.shortlists.frozen import LotLedger, LotTotal
from domain.shortlists.shortlist import Stamp

needs = Table(
    "needs",
    metadata,
    *id_and_organisation(),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", Document(PlannedNeed), nullable=False),
    Column("shortlists", Integer, nullable=False, server_default=text("0")),
    *moments("created_at", "updated_at"),
    *moments("published_at", "ended_at", nullable=True),
    Index(None, "organisation_id", "id"),
)

# `body`: the answer as it was sent, to be read back byte for byte. `need`: the need that was matched. `ledger`: rank or
# first failed gate of every supplier considered, for comparisons; the rest is for lists of versions.
shortlists = Table(
    "shortlists",
    metadata,
    Column("need_id", Uuid, ForeignKey(needs.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(Integer, "number"),
    Column("need_version", Integer, nullable=False),
    Column("need", Document(PlannedNeed), nullable=False),
    Column("language", Text, nullable=False),
    Column("stamp", Document(Stamp), nullable=False),
    Column("totals", Document(tuple[LotTotal, ...]), nullable=False),
    Column("ledger", Document(tuple[LotLedger, ...]), nullable=False),
    Column("body", LargeBinary, nullable=False),
    *moments("created_at"),
    CheckConstraint("number > 0", name="counted_from_one"),
)

# The buyer's decision on a supplier of a shortlist, for one lot; earlier ones are in the journal.
shortlist_decisions = Table(
    "shortlist_decisions",
    metadata,
    Column("need_id", Uuid, primary_key=True),
    *keys(Integer, "number"),
    Column("lot_id", Text, primary_key=True),
    Column("supplier_id", Uuid, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("reason", Text),
    *moments("decided_at"),
    ForeignKeyConstraint(["need_id", "number"], [shortlists.c.need_id, shortlists.c.number], ondelete="CASCADE"),
)

# `segments`: of the lot's object. A supplier may have left the directory: its name is stored, and the SIRET by which it
# is recognised if it comes back.
awards = Table(
    "awards",
    metadata,
    *id_and_organisation(),
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
    *moments("created_at"),
    *moments("withdrawn_at", nullable=True),
    Index(None, "organisation_id", "awarded_on"),
    Index(None, "need_id"),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("organisation_id", Uuid, ForeignKey(organisations.c.id), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    *moments("at"),
    Column("means", Text, nullable=False),
    Column("actor_id", Uuid),
    *required(Text, "action", "object"),
    Column("version", Integer),
    Column("detail", Document(Detail), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "organisation_id", "object", "number"),
)
