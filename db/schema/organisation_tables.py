"""The tables of what belongs to one organisation: needs, shortlists, awards, the journal, exchanges, meetings, e-mails.

Exchanges are append-only except for links and e-mail; meetings name persons by reference alone. The migrations build
the same.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.schema.person_tables import persons
from db.schema.supplier_tables import (
    Document,
    id_and_organisation,
    keys,
    moments,
    optional,
    organisations,
    outbox_columns,
    required,
    salt,
    table,
)
from domain.exchanges.exchange import NamedContact
from domain.journal import Detail
from domain.meetings.meeting import AgendaItem, MeetingPlace
from domain.needs.need import Need, PlannedNeed, TerritoryRequest
from domain.shortlists.shortlist import Stamp
from domain.shortlists.version import LotTotal
from domain.suppliers.supplier import Offer

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

# `content`: a file of law by which shortlists were judged, compressed; `version`: that of their stamp
law_files = table(
    "law_files",
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
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

# What an organisation noted of a supplier. It may have left the directory, or be part of another since.
supplier_notes = table(
    "supplier_notes",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    sa.Column("supplier_id", sa.Uuid, primary_key=True),
    sa.Column("offers", Document(tuple[Offer, ...]), nullable=False),
    sa.Column("told_on", sa.Date),
    sa.Column("how", sa.Text),
    sa.Column("means", sa.Text, nullable=False),
    sa.Column("actor_id", sa.Uuid),
    *moments("noted_at"),
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

# Neither written nor read any more; it goes once no release that reads it is left.
audit_adoptions = table(
    "audit_adoptions",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
)

# The last entries of all journals as they were at some time, signed, on their way to where the operator keeps them.
audit_heads = table(
    "audit_heads",
    *outbox_columns(),
    sa.Column("line", sa.Text, nullable=False),
    sa.Index(None, "queued_at"),
)

# Without a cascade from the need: only the function `purge_need` of the database deletes exchanges, in their time.
exchanges = table(
    "exchanges",
    *id_and_organisation(),
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("lot_ids", ARRAY(sa.Text, as_tuple=True), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    *moments("opened_at"),
    sa.Column("reply_by", sa.Date),
    sa.Column("contact", Document(NamedContact)),
    sa.Index(None, "organisation_id", "need_id", "id"),
    sa.Index(None, "need_id"),
)

# Suppliers as they were known when the exchange was opened. Their address alone can be removed: it may be a person's.
exchange_recipients = table(
    "exchange_recipients",
    sa.Column("exchange_id", sa.Uuid, sa.ForeignKey(exchanges.c.id), primary_key=True),
    sa.Column("supplier_id", sa.Uuid, primary_key=True),
    sa.Column("supplier_name", sa.Text, key="name", nullable=False),
    *optional(sa.Text, "siret", "email"),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("joined", ARRAY(sa.Uuid, as_tuple=True), nullable=False, server_default=sa.text("'{}'")),
    salt(),
    sa.Index(None, "supplier_id"),
)


def _recipient_foreign_key(ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    recipient = exchange_recipients.c
    return sa.ForeignKeyConstraint(
        ["exchange_id", "supplier_id"], [recipient.exchange_id, recipient.supplier_id], ondelete=ondelete
    )


# `supplier_id`: the author, or the one recipient; NULL: a buyer's message to all. `publishes`: the question that is
# answered to all, in the words of `question`; `answers`: those that it says it answers otherwise, NULL: says nothing.
messages = table(
    "messages",
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("exchange_id", sa.Uuid, sa.ForeignKey(exchanges.c.id), nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("supplier_id", sa.Uuid),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("stance", sa.Text),
    sa.Column("barriers", ARRAY(sa.Text), nullable=False),
    sa.Column("barriers_note", sa.Text),
    sa.Column("confidential", sa.Boolean, nullable=False),
    *optional(sa.Uuid, "corrects", "publishes"),
    sa.Column("question", sa.Text),
    sa.Column("channel", sa.Text, nullable=False),
    *moments("created_at"),
    sa.Column("answers", ARRAY(sa.Uuid)),
    sa.UniqueConstraint("exchange_id", "id"),
    sa.UniqueConstraint("publishes"),
    _recipient_foreign_key(),
    sa.ForeignKeyConstraint(["exchange_id", "corrects"], ["messages.exchange_id", "messages.id"]),
    sa.ForeignKeyConstraint(["exchange_id", "publishes"], ["messages.exchange_id", "messages.id"]),
    # few messages are corrections; each deletion looks for those that refer to it
    sa.Index(None, "exchange_id", "corrects", postgresql_where=sa.text("corrects IS NOT NULL")),
    sa.CheckConstraint("author IN ('buyer', 'supplier')", name="known_author"),
    sa.CheckConstraint("author = 'buyer' OR supplier_id IS NOT NULL", name="supplier_is_named"),
    sa.CheckConstraint("author = 'supplier' OR (stance IS NULL AND barriers = '{}')", name="buyer_takes_no_stance"),
    sa.CheckConstraint("(publishes IS NULL) = (question IS NULL)", name="published_question_has_words"),
    sa.CheckConstraint(
        "publishes IS NULL OR (author = 'buyer' AND supplier_id IS NULL AND NOT confidential)",
        name="publication_is_for_all",
    ),
    sa.CheckConstraint(
        "answers IS NULL OR (author = 'buyer' AND corrects IS NULL AND publishes IS NULL)",
        name="answer_is_the_buyers",
    ),
)

# The right to read and answer one exchange as one recipient; of its token, only the SHA-256.
reply_links = table(
    "reply_links",
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    *required(sa.Uuid, "exchange_id", "supplier_id"),
    *moments("created_at", "expires_at"),
    *moments("revoked_at", nullable=True),
    _recipient_foreign_key(ondelete="CASCADE"),
    sa.Index(None, "exchange_id", "supplier_id"),
)

# Buyers' messages on their way to recipients by e-mail. `failure`, `failure_code`: of the last attempt.
message_mails = table(
    "message_mails",
    *outbox_columns(),
    *required(sa.Uuid, "exchange_id", "message_id", "supplier_id"),
    *required(sa.Text, "address", "language"),
    sa.Column("failure", sa.Text),
    sa.Column("failure_code", sa.SmallInteger),
    *moments("ended_at", nullable=True),
    sa.ForeignKeyConstraint(["exchange_id", "message_id"], [messages.c.exchange_id, messages.c.id], ondelete="CASCADE"),
    _recipient_foreign_key(ondelete="CASCADE"),
    sa.UniqueConstraint("message_id", "supplier_id"),
    sa.Index(None, "exchange_id", "supplier_id"),
    sa.Index(None, "queued_at"),
)

# Buyers' messages that the buyer brings to a recipient, by the way that was meant, and the day on which it did, once it
# confirmed that. A message and recipient with neither a row here nor an e-mail is of before deliveries were confirmed.
message_handovers = table(
    "message_handovers",
    *required(sa.Uuid, "exchange_id"),
    *keys(sa.Uuid, "message_id", "supplier_id"),
    *required(sa.Text, "way"),
    sa.Column("handed_on", sa.Date),
    *moments("confirmed_at", nullable=True),
    sa.ForeignKeyConstraint(["exchange_id", "message_id"], [messages.c.exchange_id, messages.c.id], ondelete="CASCADE"),
    _recipient_foreign_key(ondelete="CASCADE"),
    sa.Index(None, "exchange_id", "supplier_id"),
    sa.CheckConstraint("(handed_on IS NULL) = (confirmed_at IS NULL)", name="day_is_confirmed"),
)


meetings = table(
    "meetings",
    *id_and_organisation(),
    *required(sa.Integer, "version", "sequence"),
    *required(sa.Text, "status", "format", "title"),
    *moments("starts_at", "ends_at"),
    sa.Column("place", Document(MeetingPlace)),
    sa.Column("url", sa.Text),
    sa.Column("agenda", Document(tuple[AgendaItem, ...]), nullable=False),
    sa.Column("minutes", sa.Text),
    sa.Column("territory", Document(TerritoryRequest)),
    sa.Column("segments", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
    *moments("created_at", "updated_at"),
    sa.Index(None, "organisation_id", "starts_at", "id"),
)

meeting_needs = table(
    "meeting_needs",
    sa.Column("meeting_id", sa.Uuid, sa.ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Index(None, "need_id"),
)

participants = table(
    "meeting_participants",
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

follow_ups = table(
    "meeting_follow_ups",
    sa.Column("meeting_id", sa.Uuid, sa.ForeignKey(meetings.c.id, ondelete="CASCADE"), primary_key=True),
    *keys(sa.Integer, "position"),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id)),
    sa.Column("due_on", sa.Date),
    sa.Column("done", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Index(None, "person_id"),
)

# `key_id` names no row where it is the administrator's key, which is a setting: so it is no foreign key.
calendar_feeds = table(
    "calendar_feeds",
    *keys(sa.Uuid, "key_id"),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    *moments("created_at"),
)


# Without text or address: both are read at each attempt. Of an answer, the exchange, and the person who opened it where
# no contact is named; of a digest, the week, and the person whose needs it is about, or else one need.
# `stop_digest`: of the token of the link that stops such e-mails, then the keyed digest of the address that got it.
buyer_mails = table(
    "buyer_mails",
    *outbox_columns(),
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), nullable=False),
    sa.Column("exchange_id", sa.Uuid, sa.ForeignKey(exchanges.c.id, ondelete="CASCADE"), index=True),
    sa.Column("person_id", sa.Uuid, sa.ForeignKey(persons.c.id, ondelete="CASCADE")),
    sa.Column("need_id", sa.Uuid, sa.ForeignKey(needs.c.id, ondelete="CASCADE")),
    sa.Column("week", sa.Date),
    sa.Column("stop_digest", sa.LargeBinary, index=True),
    sa.Column("failure", sa.Text),
    *moments("ended_at", nullable=True),
    sa.UniqueConstraint("person_id", "week"),
    sa.UniqueConstraint("need_id", "week"),
    sa.CheckConstraint("(exchange_id IS NULL) = (week IS NOT NULL)", name="about_one_thing"),
)

# By the keyed digest of an address; an empty one stands for all of the organisation.
unwanted_mails = table(
    "unwanted_mails",
    sa.Column("organisation_id", sa.Uuid, sa.ForeignKey(organisations.c.id), primary_key=True),
    *keys(sa.Text, "kind"),
    sa.Column("address_digest", sa.LargeBinary, primary_key=True),
    *moments("created_at"),
)
