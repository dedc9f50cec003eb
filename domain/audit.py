"""The journal of who did what: each entry carries the hash of the one before it, so that none can be altered unseen."""

import hashlib
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

Means = Literal["key", "reply_link", "command", "server"]
Detail = dict[str, str | int | bool | list[str] | None]

BEFORE_THE_FIRST = bytes(32)
"""The hash that the first entry of an organisation carries on."""


class Actor(msgspec.Struct, frozen=True):
    """On whose behalf, and by which means, something is done.

    `id`: the key, or the supplier who holds a reply link; null for the server itself and the command line.
    """

    organisation_id: UUID
    means: Means
    id: UUID | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing done. `number` counts the entries of an organisation, from 1 and without gaps.

    `object`: what it was done to, such as "need:<id>". `version`: the object's version afterwards, where it has one.
    `detail`: what changed, in ids, codes and names of fields: never what people said, nor who they are.
    """

    number: int
    at: datetime
    means: Means
    actor_id: UUID | None
    action: str
    object: str
    version: int | None
    detail: Detail
    hash: str


def chained(previous: bytes, organisation_id: UUID, entry: Entry) -> bytes:
    """The SHA-256 that binds the entry to the one before it; `entry.hash` itself does not count."""
    content: list[Any] = [
        organisation_id.hex,
        entry.number,
        int(entry.at.timestamp() * 1_000_000),
        entry.means,
        entry.actor_id.hex if entry.actor_id else None,
        entry.action,
        entry.object,
        entry.version,
        dict(sorted(entry.detail.items())),
    ]
    return hashlib.sha256(previous + msgspec.json.encode(content)).digest()
