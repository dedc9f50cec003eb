"""Routes of the journal: who did what to which object, when, and with which key."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response
from msgspec import Meta, field

from api.runtime.auth import NOT_STORED
from api.runtime.endpoint import Call, endpoint
from api.web.pagination import Page, Paging, answer_page
from api.web.query_string import in_utc
from db.core.engine import Connection
from db.journal.entries import entries, has_entries, head, key_names, person_names
from domain.errors import NotFound
from domain.journal import Entry
from domain.text.bilingual import Text

# Kinds of objects that belong to one organisation: one without an entry in its journal does not exist for it.
_OWN = ("need:", "exchange:", "meeting:", "campaign:", "webhook:", "person:", "key:", "organisation:")
_NO_OBJECT = Text("Le journal ne connaît pas cet objet", "The journal does not know this object")
_NO_JOURNAL = Text("Aucun journal de cette organisation", "No journal of this organisation")

_KINDS = (
    *("need", "exchange", "meeting", "campaign", "webhook", "person", "supplier", "key", "organisation", "source"),
    "retention",
)
_FORMS = ", ".join(f"`{kind}:…`" for kind in _KINDS)
Object = Annotated[
    str,
    Meta(
        pattern=r"^((need|exchange|meeting|campaign|webhook|person|supplier|key|organisation):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        r"|(source|retention):[^\x00-\x1f]{1,200})$",
        description=f"A kind and an id: {_FORMS}",
        extra={"fr": f"un genre et un identifiant : {_FORMS}"},
    ),
]
Action = Annotated[
    str,
    Meta(
        pattern=r"^[a-z_]+\.[a-z_]+$", description="Such as `need.published`", extra={"fr": "tel que `need.published`"}
    ),
]
Moment = Annotated[datetime, Meta(tz=True)]


class AuditQuery(Paging, frozen=True, kw_only=True):
    """Filters of the journal; without any, all entries of the organisation."""

    organisation: UUID | None = None
    """Read its journal, by default that of the key's own; needs scope `platform`"""
    object: Object | None = None
    action: Action | None = None
    since: Moment | None = field(name="from", default=None)
    """Written at this instant or later"""
    until: Moment | None = field(name="to", default=None)
    """Written before this instant"""


class AuditEntry(Entry, frozen=True, kw_only=True):
    """An entry, with the name and the first characters of the key that was used, or the name of the person."""

    key_name: str | None = None
    """Of the key used; null where it was none"""
    key_prefix: str | None = None
    """The first characters of the key used; null where it was none"""
    person_name: str | None = None
    """Of the person who signed in, a pseudonym once they are erased; null where it was none"""


class AuditHead(msgspec.Struct, frozen=True):
    """The last entry of the journal. Kept elsewhere, it proves later that nothing before it was removed or altered."""

    number: int
    """That of the last entry; 0: there is none yet"""
    hash: str
    """That of the last entry, SHA-256 in hexadecimal"""
    anchor: str
    """The same, as `vivier audit verify --anchor` takes it"""


journal_endpoint = partial(endpoint, "GET", tag="Journal", scope=("needs", "admin"))


@journal_endpoint("/audit", answers=Page[AuditEntry], problems=("not-found",), example="audit")
async def list_audit_entries(call: Call, query: AuditQuery, connection: Connection) -> Response[bytes]:
    """Read the organisation's journal, oldest entries first.

    Of a need with its shortlists, decisions and awards (`need:…`), of an exchange (`exchange:…`), of a meeting
    (`meeting:…`), of a campaign (`campaign:…`), or of everything. Entries outlive their object: those of a deleted need
    stay. An entry holds ids, codes and names of fields, never what people said nor who they are; nobody can alter it,
    the application included, and each carries the SHA-256 of the one before and of what it is about (`content`).
    """
    organisation_id = query.organisation or call.bearer.organisation_id
    if organisation_id != call.bearer.organisation_id and not call.bearer.may("platform"):
        raise NotFound(_NO_JOURNAL)
    filters: dict[str, Any] = {"action": query.action, "since": in_utc(query.since), "until": in_utc(query.until)}
    about = query.object or ""
    if about.startswith(_OWN) and not await has_entries(connection, organisation_id, about):
        raise NotFound(_NO_OBJECT)

    async def fetch_entries(after: int | None, count: int) -> Sequence[AuditEntry]:
        found = await entries(connection, organisation_id, query.object, after or 0, count, **filters)
        return await with_names(connection, found)

    return await answer_page(call, query, f"audit/{organisation_id}", int, fetch_entries, key=attrgetter("number"))


@journal_endpoint("/audit/head", answers=AuditHead)
async def get_audit_head(call: Call, connection: Connection) -> AuditHead:
    """The last entry of the journal, as an anchor.

    Keep it outside of Vivier from time to time: `vivier audit verify --anchor` then tells whether the journal still
    holds that entry. Number 0: there is no entry yet.
    """
    organisation_id = call.bearer.organisation_id
    last = await head(connection, organisation_id)
    return AuditHead(last.number, last.hash.hex(), f"{organisation_id}:{last.number}:{last.hash.hex()}")


async def with_names(connection: Connection, found: Sequence[Entry]) -> Sequence[AuditEntry]:
    """The entries, each with the name of its key or person beside the id."""
    ids = {means: {entry.actor_id for entry in found if entry.means == means} for means in ("key", "person")}
    keys = await key_names(connection, ids["key"]) | {NOT_STORED: ("VIVIER_ADMIN_KEY", None)}
    people = await person_names(connection, ids["person"])
    named = []
    for entry in found:
        name, prefix = keys.get(entry.actor_id, (None, None)) if entry.means == "key" else (None, None)
        person = people.get(entry.actor_id) if entry.means == "person" else None
        fields = msgspec.structs.asdict(entry)
        named.append(AuditEntry(**fields, key_name=name, key_prefix=prefix, person_name=person))
    return named
