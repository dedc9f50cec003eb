"""The tables of needs, their shortlists and awards, and of the journal; the migrations build the same."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.supplier_tables import (
    Document,
    id_and_organisation,
    keys,
    moments,
    organisations,
    outbox_columns,
    required,
    table,
)
from domain.journal import Detail
from domain.needs.need import Need, PlannedNeed
from domain.shortlists.frozen import LotTotal
from domain.shortlists.shortlist import Stamp

# `year`, `buyer_siret`: to find needs by, taken from the content by a trigger whatever is given. `brief`: the content
# without places, territories and dates, made by the database; null where even that is more than 128 KiB.
needs = table(
    "needs",
    *id_and_organisation(),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content", Document(PlannedNeed), nullable=False),
    sa.Column(
        "year",
        sa.Integer,
        nullable=False,
        server_default=sa.text("extract(year FROM now() AT TIME ZONE 'Europe/Paris')::integer"),
    ),
    sa.Column("buyer_siret", sa.Text),
    sa.Column("brief", Document(Need), sa.Computed("need_in_brief(content)", persisted=True)),
    sa.Column("shortlists", sa.Integer, nullable=False, server_default=sa.text("0")),
    *moments("created_at", "updated_at"),
    *moments("published_at", "ended_at", nullable=True),
    sa.Index(None, "organisation_id", "id"),
    sa.Index(None, "organisation_id", "year"),
)

# `body`: the answer as it was sent, to be read back byte for byte. `need`: the need that was matched. `ledger` is no
# longer read; it goes once no release that reads it is left. The rest is for lists of versions.
shortlists = table(
    "shortlists",
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(sa.Integer, "number"),
    sa.Column("need_version", sa.Integer, nullable=False),
    sa.Column("need", Document(PlannedNeed), nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("stamp", Document(Stamp), nullable=False),
    sa.Column("totals", Document(tuple[LotTotal, ...]), nullable=False),
    sa.Column("ledger", Document(list[object]), nullable=False, default=list),
    sa.Column("body", sa.LargeBinary, nullable=False),
    *moments("created_at"),
    sa.CheckConstraint("number > 0", name="counted_from_one"),
)

# The buyer's decision on a supplier of a shortlist, for one lot; earlier ones are in the journal.
shortlist_decisions = table(
    "shortlist_decisions",
    sa.Column("need_id", sa.Uuid, primary_key=True),
    *keys(sa.Integer, "number"),
    sa.Column("lot_id", sa.Text, primary_key=True),
    sa.Column("supplier_id", sa.Uuid, primary_key=True),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    *moments("decided_at"),
    sa.ForeignKeyConstraint(["need_id", "number"], [shortlists.c.need_id, shortlists.c.number], ondelete="CASCADE"),
)

# `segments`: of the lot's object. A supplier may have left the directory: its name is stored, and the SIRET by which it
# is recognised if it comes back.
awards = table(
    "awards",
    *id_and_organisation(),
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id), nullable=False),
    sa.Column("lot_id", sa.Text, nullable=False),
    sa.Column("supplier_id", sa.Uuid, nullable=False),
    sa.Column("supplier_name", sa.Text, nullable=False),
    sa.Column("supplier_siret", sa.Text),
    sa.Column("segments", ARRAY(sa.Text), nullable=False),
    sa.Column("awarded_on", sa.Date, nullable=False),
    sa.Column("value_eur", sa.Double),
    sa.Column("reserved", ARRAY(sa.Text), nullable=False),
    sa.Column("duration_months", sa.Integer),
    sa.Column("direct", sa.Boolean, nullable=False),
    *moments("created_at"),
    *moments("withdrawn_at", nullable=True),
    sa.Index(None, "organisation_id", "awarded_on"),
    sa.Index(None, "need_id"),
)

audit_entries = table(
    "audit_entries",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    *moments("at"),
    sa.Column("means", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Uuid),
    *required(sa.Text, "action", "object"),
    sa.Column("version", sa.Integer),
    sa.Column("detail", Document(Detail), nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("content", ARRAY(sa.Text, as_tuple=True), nullable=False, server_default=sa.text("'{}'")),
    sa.Column("signature", sa.LargeBinary),
    sa.Index(None, "organisation_id", "object", "number"),
)

# The last entries of all journals as they were at some time, signed, on their way to where the operator keeps them.
audit_heads = table(
    "audit_heads",
    *outbox_columns(),
    sa.Column("line", sa.Text, nullable=False),
    sa.Index(None, "queued_at"),
)
