"""The columns that may hold something about a person, apart from persons themselves and sources' records."""

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, LargeBinary, Table, Text, Uuid, cast, func, null, true

from db.schema.exchange_tables import exchange_recipients, exchanges, message_mails, messages
from db.schema.meeting_tables import follow_ups, meetings, participants
from db.schema.need_tables import awards, needs, shortlist_decisions, shortlists
from db.schema.supplier_tables import api_keys, idempotency_keys, import_errors, imports, sources
from db.schema.webhook_tables import webhooks
from domain.privacy.holdings import Fate

_CONTACT_IN_ANSWER = r'"contact":\{[^}]*\}'
# By table: the one with the organisation, or one that all organisations share; the ids of the object that a row is part
# of; since when it is there.
_ROWS: dict[Table, tuple[Table, tuple[Column[Any], ...], Column[Any]]] = {
    meetings: (meetings, (meetings.c.id,), meetings.c.created_at),
    follow_ups: (meetings, (meetings.c.id,), meetings.c.created_at),
    participants: (meetings, (meetings.c.id,), meetings.c.created_at),
    needs: (needs, (needs.c.id,), needs.c.created_at),
    shortlists: (needs, (needs.c.id, shortlists.c.number), shortlists.c.created_at),
    shortlist_decisions: (needs, (needs.c.id, shortlist_decisions.c.number), shortlist_decisions.c.decided_at),
    awards: (awards, (awards.c.id,), awards.c.created_at),
    exchanges: (exchanges, (exchanges.c.id,), exchanges.c.opened_at),
    exchange_recipients: (exchanges, (exchanges.c.id,), exchanges.c.opened_at),
    messages: (exchanges, (messages.c.id,), messages.c.created_at),
    message_mails: (exchanges, (exchanges.c.id,), message_mails.c.queued_at),
    api_keys: (api_keys, (api_keys.c.id,), api_keys.c.created_at),
    idempotency_keys: (idempotency_keys, (idempotency_keys.c.route,), idempotency_keys.c.created_at),
    webhooks: (webhooks, (webhooks.c.id,), webhooks.c.created_at),
    sources: (sources, (sources.c.name,), sources.c.created_at),
    imports: (imports, (imports.c.id,), imports.c.started_at),
    import_errors: (imports, (imports.c.id, import_errors.c.position), imports.c.started_at),
}


class Place(NamedTuple):
    """A column as part of an object of `kind`; `longest`: how many characters it may have, where a form limits them."""

    kind: str
    field: str
    column: Column[Any]
    fate: Fate
    longest: int | None = None

    @property
    def table(self) -> Table:
        return self.column.table

    @property
    def is_shared(self) -> bool:
        """Whether it belongs to what all organisations share."""
        return "organisation_id" not in _ROWS[self.table][0].c

    @property
    def owner(self) -> ColumnElement[Any]:
        """The organisation of a row, once `joined`; null of what all share."""
        return cast(null(), Uuid) if self.is_shared else _ROWS[self.table][0].c.organisation_id

    def is_within(self, organisation_ids: Collection[UUID]) -> ColumnElement[bool]:
        """Whether a row, once `joined`, is of one of these organisations, or of what all share."""
        return true() if self.is_shared else self.owner.in_(organisation_ids)

    @property
    def joined(self) -> ColumnElement[bool]:
        """The condition that joins the table to the one with the organisation."""
        parent = _ROWS[self.table][0]
        return true() if parent is self.table else self.table.c[f"{parent.name.removesuffix('s')}_id"] == parent.c.id

    @property
    def where(self) -> ColumnElement[str]:
        """The object as holdings name it, such as `shortlist:<need>/<version>`."""
        return func.concat(f"{self.kind}:", func.concat_ws("/", *_ROWS[self.table][1]))

    @property
    def since(self) -> Column[Any]:
        """The instant at which the row came."""
        return _ROWS[self.table][2]

    @property
    def text(self) -> ColumnElement[str]:
        """The column as text; of a frozen answer, all but the contacts, whose addresses and numbers are compared."""
        if not isinstance(self.column.type, LargeBinary):
            return cast(self.column, Text)
        text = func.convert_from(self.column, "UTF8")
        return func.regexp_replace(text, _CONTACT_IN_ANSWER, "", "g") if self.table is shortlists else text


ADDRESSES = (
    Place("exchange", "recipients.email", exchange_recipients.c.email, "erased"),
    Place("exchange", "mails.address", message_mails.c.address, "erased"),
)
PLACES = (
    Place("meeting", "title", meetings.c.title, "pseudonym", 400),
    Place("meeting", "minutes", meetings.c.minutes, "pseudonym", 100_000),
    Place("meeting", "agenda", meetings.c.agenda, "pseudonym"),
    Place("meeting", "place", meetings.c.place, "pseudonym"),
    # an address has no spaces
    Place("meeting", "url", meetings.c.url, "pseudonym", 0),
    Place("meeting", "follow_ups", follow_ups.c.what, "pseudonym", 2_000),
    Place("meeting", "participants", participants.c.organisation, "pseudonym", 400),
    Place("need", "content", needs.c.content, "pseudonym"),
    Place("shortlist", "need", shortlists.c.need, "pseudonym"),
    Place("shortlist", "answer", shortlists.c.body, "kept"),
    Place("decision", "reason", shortlist_decisions.c.reason, "pseudonym"),
    Place("award", "supplier", awards.c.supplier_name, "kept"),
    Place("exchange", "subject", exchanges.c.subject, "kept"),
    Place("message", "body", messages.c.body, "kept"),
    Place("message", "question", messages.c.question, "kept"),
    Place("message", "barriers_note", messages.c.barriers_note, "kept"),
    Place("exchange", "recipients.name", exchange_recipients.c.name, "kept"),
    *ADDRESSES,
    Place("key", "name", api_keys.c.name, "pseudonym"),
    Place("answer", "key", idempotency_keys.c.key, "erased"),
    Place("answer", "body", idempotency_keys.c.body, "erased"),
    Place("webhook", "url", webhooks.c.url, "pseudonym", 0),
    Place("source", "label", sources.c.label, "pseudonym"),
    Place("source", "url", sources.c.url, "pseudonym", 0),
    Place("import", "external_id", import_errors.c.external_id, "pseudonym"),
    Place("import", "pointer", import_errors.c.pointer, "pseudonym"),
    Place("import", "detail", import_errors.c.detail, "pseudonym"),
    Place("import", "failure", imports.c.failure, "pseudonym"),
)
