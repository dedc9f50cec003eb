"""Keys issued and withdrawn, with their entries in the journal. Nothing of a server is loaded for it: 0.4 s, not 1."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from db import api_keys
from db.core.engine import Connection
from db.journal.entries import write_entry
from domain.errors import InvalidContent, Problem, require_no_problem
from domain.journal import Actor, Detail
from domain.organisation import Key, Name, Scope
from domain.text.bilingual import said_by

_SAID = said_by(__name__)

MOST_PER_MINUTE = 1_000_000
ALL = "*"
"""What some write for every source, and no key means so."""
Source = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f/]+$")]


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made."""

    name: Name
    """For what or whom it is"""
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=10)]
    """The rights that it gives"""
    organisation: Name | None = None
    """Its name or id; null: the caller's own"""
    sources: Annotated[tuple[Source, ...], msgspec.Meta(max_length=100)] = ()
    """The sources of suppliers that it may write"""
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """The moment from which the key is refused; null: it never ends"""
    rate_per_minute: Annotated[int, msgspec.Meta(ge=1, le=MOST_PER_MINUTE)] | None = None
    """Its quota of requests; null: none"""


async def issue_key(
    connection: Connection,
    request: KeyRequest,
    organisation: str,
    now: datetime,
    *,
    maker: Actor | None = None,
    quota_of: UUID | None = None,
    secret: str | None = None,
) -> tuple[str, Key]:
    """Store a new key of the organisation of this name, with `secret` or one drawn; returns the secret and the key.

    `maker`: None for the command line. `quota_of`: the key in whose quota it counts too. Raises
    InvalidContent with everything wrong in the request.
    """
    problems = []
    if "sync" in request.scopes and not request.sources:
        problems.append(Problem("/sources", "sources_needed", _SAID["no_sources"]))
    if ALL in request.sources:
        problems.append(Problem(f"/sources/{request.sources.index(ALL)}", "not_a_source", _SAID["each_source"]))
    if request.sources and {"sync", "admin"}.isdisjoint(request.scopes):
        problems.append(Problem("/sources", "sources_for_nothing", _SAID["sources_for_nothing"]))
    if request.expires_at is not None and request.expires_at <= now:
        problems.append(Problem("/expires_at", "past", _SAID["past"]))
    require_no_problem(problems)
    asked = msgspec.structs.asdict(request) | {"organisation": organisation}
    secret, key = await api_keys.create_key(connection, **asked, now=now, quota_of=quota_of, secret=secret)
    await _write_key_entry(connection, "key.created", key, now, maker)
    return secret, key


async def withdraw_key(connection: Connection, key: Key, now: datetime, *, revoker: Actor | None = None) -> bool:
    """Revoke the key for good; False where it was revoked before. `revoker`: None for the command line."""
    revoked = await api_keys.revoke_key(connection, key.id, now)
    if revoked:
        await _write_key_entry(connection, "key.revoked", key, now, revoker)
    return revoked


async def _write_key_entry(connection: Connection, action: str, key: Key, now: datetime, actor: Actor | None) -> None:
    """Write an entry in the journal of the key's organisation. `actor`: None for the command line."""
    means, id_ = ("command", None) if actor is None else (actor.means, actor.id)
    author = Actor(key.organisation_id, means, id_)
    detail: Detail = {"scopes": list(key.scopes), "sources": list(key.sources)}
    if key.expires_at is not None:
        detail["expires_at"] = key.expires_at.isoformat()
    if key.rate_per_minute is not None:
        detail["rate_per_minute"] = key.rate_per_minute
    await write_entry(connection, author, action, f"key:{key.id}", now, detail=detail)


def require_name_unlike_id(name: str) -> None:
    """Raises InvalidContent for a name that is written as an id."""
    try:
        UUID(name)
    except ValueError:
        return
    raise InvalidContent((Problem("/name", "name_is_an_id", _SAID["name_is_an_id"]),))
