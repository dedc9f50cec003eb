"""API keys and their bearers."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Scope = Literal["match", "needs", "sync", "read", "admin", "platform"]
SCOPES: tuple[Scope, ...] = ("match", "needs", "sync", "read", "admin", "platform")


class Client(msgspec.Struct, frozen=True):
    """The bearer of a key that is in force.

    `sources`: those it may write. `expires_at`, `rate_per_minute` null: no end, no quota of requests.
    """

    id: UUID
    organisation_id: UUID
    organisation: str
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...] = ()
    expires_at: datetime | None = None
    rate_per_minute: int | None = None

    def may(self, scope: Scope) -> bool:
        """Whether the key has the scope; `platform`, the operator's of all organisations, includes `admin`."""
        return scope in self.scopes or (scope == "admin" and "platform" in self.scopes)

    def may_write(self, source: str) -> bool:
        """Whether the key may write the records of the source."""
        return source in self.sources or "platform" in self.scopes


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is listed: its `prefix`, never its secret. `revoked_at` null: not revoked."""

    id: UUID
    prefix: str
    name: str
    organisation: str
    organisation_id: UUID
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    rate_per_minute: int | None = None
    revoked_at: datetime | None = None
