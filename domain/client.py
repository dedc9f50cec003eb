"""API keys and their bearers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Scope = Literal["match", "needs", "sync", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("match", "needs", "sync", "read", "admin")


class Client(msgspec.Struct, frozen=True):
    """The bearer of a key that is in force. `sources`: those it may write with scope `sync`."""

    id: UUID
    organisation_id: UUID
    organisation: str
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...] = ()


class Key(msgspec.Struct, frozen=True):
    """A key as it is listed: its `prefix`, never its secret. `revoked_at` null: in force."""

    id: UUID
    prefix: str
    name: str
    organisation: str
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
