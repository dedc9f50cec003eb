"""An organisation: a buyer, a network or a portal, whose keys see its own needs alone.

API keys, their bearers, and people who sign in without one.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

DEFAULT_ORGANISATION = "default"
"""The organisation of the administrator's key: no name to write to somebody under."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")]
Siret = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{14}$", description="14 digits, the last one a check digit")]


class OrganisationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name and the SIRET of an organisation."""

    name: Name
    """No other organisation has it"""
    siret: Siret | None = None
    """Of its legal unit, 14 digits; null: not known"""


class Organisation(OrganisationSettings, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """An organisation as it is stored."""

    id: UUID
    """UUID, given when it was stored"""
    created_at: datetime
    """The moment it was stored"""


Scope = Literal["match", "needs", "sync", "read", "admin", "platform"]
SCOPES: tuple[Scope, ...] = ("match", "needs", "sync", "read", "admin", "platform")


RightOfPerson = Literal["match", "needs", "read", "admin"]
RIGHTS_OF_PEOPLE: tuple[RightOfPerson, ...] = ("match", "needs", "read", "admin")
"""The rights that an invitation may give: who sends records does so with a key, for its sources."""


class Client(msgspec.Struct, frozen=True):
    """The bearer of a key that is in force, or a person who signed in without one.

    `sources`: those it may write. `expires_at`, `rate_per_minute` null: no end, no quota of requests. `quota_of`: the
    key in whose quota its requests count too, and `shared_rate` that quota. `person`: the name of who signed in, whose
    id is then `id`; null: the bearer of the key of that id.
    """

    id: UUID
    organisation_id: UUID
    organisation: str
    scopes: tuple[Scope, ...]
    sources: tuple[str, ...] = ()
    expires_at: datetime | None = None
    rate_per_minute: int | None = None
    quota_of: UUID | None = None
    shared_rate: int | None = None
    person: str | None = None

    @property
    def quota_shared_by_keys_it_makes(self) -> UUID | None:
        """The key whose quota counts for the keys that this bearer makes, lest new ones multiply it; None: no quota."""
        if "platform" in self.scopes or self.rate_per_minute is None:
            return None
        return self.quota_of or self.id

    def may(self, *scopes: Scope) -> bool:
        """Whether the key has one of the scopes; the operator's scope `platform` counts as `admin` too."""
        own = self.scopes
        return not set(scopes).isdisjoint(own) or ("admin" in scopes and "platform" in own)

    def may_write(self, source: str) -> bool:
        """Whether the key may write the records of the source."""
        return source in self.sources or "platform" in self.scopes


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is listed, never with its secret."""

    id: UUID
    """UUID, by which it is revoked"""
    prefix: str
    """The first characters of its secret, by which its bearer recognises it"""
    name: str
    """For what or whom it was made"""
    organisation: str
    """The name of the organisation whose data it opens"""
    organisation_id: UUID
    """The id of that organisation"""
    scopes: tuple[Scope, ...]
    """The rights that it gives"""
    sources: tuple[str, ...]
    """The sources of suppliers that it may write"""
    created_at: datetime
    """The moment it was made"""
    expires_at: datetime | None = None
    """The moment from which the key is refused; null: it never ends"""
    rate_per_minute: int | None = None
    """Its quota of requests; null: none"""
    quota_of: UUID | None = None
    """The key that made it, where that has a quota, in which the requests of both count; null: none"""
    revoked_at: datetime | None = None
    """The moment it was revoked; null: it is not"""
