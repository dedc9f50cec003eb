"""Use cases of keys: issued within what their creator may do itself, and revoked."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api.runtime.actor import actor_of_client
from api.runtime.auth import require_scope, require_source
from db import organisations
from db.api_keys import create_key, find_key, revoke_key
from db.core.engine import Connection
from db.journal.entries import write_entry
from domain.audit import Actor, Detail
from domain.errors import InvalidContent, NotFound, Problem
from domain.organisation import Client, Key, Name, Organisation, Scope
from domain.text.bilingual import Text

MOST_PER_MINUTE = 1_000_000
Source = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f/]+$")]

NO_KEY = Text("Aucune clé en vigueur de cet identifiant", "No key in force with this id")
NO_SOURCES = Text(
    "Une clé qui envoie des fiches (« sync ») nomme les sources qu'elle peut écrire",
    "A key that sends records (“sync”) names the sources that it may write",
)
SOURCES_FOR_NOTHING = Text(
    "Des sources n'ont de sens que pour qui envoie des fiches (« sync ») ou administre (« admin »)",
    "Sources only mean something for a key that sends records (“sync”) or administers (“admin”)",
)
_PAST = Text("Cette fin est passée", "This end is past")
_NO_ORGANISATION = Text("Aucune organisation de ce nom ou de cet identifiant", "No organisation with this name or id")
_BEYOND_OWN = Text(
    "Une clé n'en fait pas qui durent plus longtemps qu'elle, ni de plus de demandes par minute",
    "A key makes none that last longer than itself, or have more requests a minute",
)


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
    """Its end; null: none"""
    rate_per_minute: Annotated[int, msgspec.Meta(ge=1, le=MOST_PER_MINUTE)] | None = None
    """Its quota of requests; null: none"""


def require_grantable(creator: Client, request: KeyRequest) -> None:
    """Raises Refusal (403) for a scope or source that the creator has not, InvalidContent for a later end or more."""
    for scope in request.scopes:
        require_scope(creator, scope)
    for source in request.sources:
        require_source(creator, source)
    if creator.may("platform"):
        return
    problems = [
        Problem(f"/{name}", "beyond_own_key", _BEYOND_OWN)
        for name, own, wanted in (
            ("expires_at", creator.expires_at, request.expires_at),
            ("rate_per_minute", creator.rate_per_minute, request.rate_per_minute),
        )
        if own is not None and (wanted is None or wanted > own)  # type: ignore[operator]
    ]
    if problems:
        raise InvalidContent(tuple(problems))


async def organisation_for(connection: Connection, creator: Client, wanted: str | None) -> Organisation:
    """The organisation of that name or id, by default the creator's.

    Raises InvalidContent for one that does not exist, or is another than the creator's, whose scope is not `platform`.
    """
    found = None
    if wanted is None:
        found = await organisations.find_organisation(connection, creator.organisation_id)
    else:
        found = await organisations.find_by_name_or_id(connection, wanted)
    if found is None or not (found.id == creator.organisation_id or creator.may("platform")):
        raise InvalidContent((Problem("/organisation", "unknown_organisation", _NO_ORGANISATION),))
    return found


async def issue_key(
    connection: Connection,
    request: KeyRequest,
    organisation: str,
    now: datetime,
    *,
    by: Actor | None = None,
    quota_of: UUID | None = None,
    secret: str | None = None,
) -> tuple[str, Key]:
    """The secret of a new key of the organisation of that name, and the key.

    `by`: whoever makes it; None: the command line. `quota_of`: the key in whose quota it counts too. Raises
    InvalidContent with everything wrong in the request.
    """
    if problems := tuple(_problems(request, now)):
        raise InvalidContent(problems)
    secret, key = await create_key(
        connection,
        name=request.name,
        organisation=organisation,
        scopes=request.scopes,
        sources=request.sources,
        now=now,
        expires_at=request.expires_at,
        rate_per_minute=request.rate_per_minute,
        quota_of=quota_of,
        secret=secret,
    )
    await _write_entry(connection, "key.created", key, now, by)
    return secret, key


async def make_key(
    connection: Connection, creator: Client, request: KeyRequest, now: datetime, secret: str | None = None
) -> tuple[str, Key]:
    """The secret of a new key that an administrator makes, and the key. Raises as what it calls."""
    require_grantable(creator, request)
    organisation = await organisation_for(connection, creator, request.organisation)
    by, quota_of = actor_of_client(creator), creator.quota_shared_by_keys_it_makes
    return await issue_key(connection, request, organisation.name, now, by=by, quota_of=quota_of, secret=secret)


async def revoke_own_key(connection: Connection, client: Client, key_id: UUID, now: datetime) -> None:
    """Revoke a key of the administrator's organisation, or of any for the scope `platform`. Raises NotFound.

    One of scope `platform` is the operator's, and only the operator revokes it.
    """
    key = await find_key(connection, key_id)
    is_own = client.may("platform") or (
        key is not None and key.organisation_id == client.organisation_id and "platform" not in key.scopes
    )
    if key is None or not is_own or not await withdraw_key(connection, key, now, by=actor_of_client(client)):
        raise NotFound(NO_KEY)


async def withdraw_key(connection: Connection, key: Key, now: datetime, *, by: Actor | None = None) -> bool:
    """Revoke the key for good; False where it was revoked before. `by`: as for `issue_key`."""
    revoked = await revoke_key(connection, key.id, now)
    if revoked:
        await _write_entry(connection, "key.revoked", key, now, by)
    return revoked


def _problems(request: KeyRequest, now: datetime) -> Iterator[Problem]:
    if "sync" in request.scopes and not request.sources:
        yield Problem("/sources", "sources_needed", NO_SOURCES)
    if request.sources and {"sync", "admin"}.isdisjoint(request.scopes):
        yield Problem("/sources", "sources_for_nothing", SOURCES_FOR_NOTHING)
    if request.expires_at is not None and request.expires_at <= now:
        yield Problem("/expires_at", "past", _PAST)


async def _write_entry(connection: Connection, action: str, key: Key, now: datetime, by: Actor | None) -> None:
    """Write an entry in the journal of the key's organisation."""
    means, id_ = ("command", None) if by is None else (by.means, by.id)
    actor = Actor(key.organisation_id, means, id_)
    detail: Detail = {"scopes": list(key.scopes), "sources": list(key.sources)}
    if key.expires_at is not None:
        detail["expires_at"] = key.expires_at.isoformat()
    if key.rate_per_minute is not None:
        detail["rate_per_minute"] = key.rate_per_minute
    await write_entry(connection, actor, action, f"key:{key.id}", now, detail=detail)
