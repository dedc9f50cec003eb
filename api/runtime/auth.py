"""Authentication and authorisation: keys, scopes, the sources a key may write, and its quota of requests.

Links that sign in once, for ten minutes, are kept in the memory of the process that made them.
"""

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import NamedTuple
from uuid import UUID
from weakref import WeakValueDictionary

from litestar.types import Scope as ASGIScope

from api.runtime.rate_limits import UNKNOWN_KEYS, Limits, caller_of
from api.web.problems import Refusal
from api.web.request_body import AnyRequest
from db.core.connect import is_unreachable
from domain.organisation import DEFAULT_ORGANISATION, SCOPES, Client, Scope
from domain.suppliers.supplier import DECLARATIONS
from domain.text.bilingual import Text

FindClient = Callable[[str], Awaitable[Client | None]]
FindOrganisation = Callable[[], Awaitable[UUID]]

KEYS_REMEMBERED = 10_000
PATIENCE_SECONDS = 1.0
"""The longest look-up of a remembered key; the remembered bearer is then used."""
LONGEST_KEY = 512
NOT_STORED = UUID(int=0)
"""The id of the administrator's key, and of its organisation while the database cannot tell it."""


class _CachedClient(NamedTuple):
    client: Client
    fresh_until: float


class Keys:
    """Finds the client of an API key, and caches it: a revocation takes effect within `cache_seconds`.

    While the database is away, remembered keys go on working, and so does the administrator's, which is compared with
    the setting and needs the database only for the id of its organisation. What has not the form of a key is not looked
    up, and no more of an address that tries many.
    """

    def __init__(
        self,
        admin_key: str | None,
        cache_seconds: float,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._admin = _digest(admin_key) if admin_key else None
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._now = now
        self._limits = limits or Limits(monotonic)
        self._is_well_formed: Callable[[str], bool] = bool
        self._known: OrderedDict[bytes, _CachedClient] = OrderedDict()
        self._looking: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        self._find: FindClient | None = None
        self._find_organisation: FindOrganisation | None = None

    def attach(
        self,
        find: FindClient,
        find_organisation: FindOrganisation,
        is_well_formed: Callable[[str], bool] = bool,
    ) -> None:
        """Look keys up by `find` if `is_well_formed`; `find_organisation` reads the id of organisation `default`."""
        self._find, self._find_organisation, self._is_well_formed = find, find_organisation, is_well_formed

    async def client(self, key: str, scope: ASGIScope | None = None) -> Client | None:
        """The client of an API key; None where it is unknown, revoked or expired. `scope`: of its request.

        Raises Refusal: 503 where it cannot be looked up, 429 to an address that sent too many unknown ones.
        """
        digest = _digest(key)
        if known := self._known.get(digest):
            if self._monotonic() < known.fresh_until:
                return self._client_unless_expired(known.client)
            # requests that come during the look-up do not look it up too
            self._cache_client(digest, known.client)
        if self._admin is not None and hmac.compare_digest(digest, self._admin):
            client: Client | None = await self._administrator(known)
        elif known is None:
            client = await self._look_up_new(key, scope)
        else:
            client = await self._look_up(key, known)
        if client is None:
            self._known.pop(digest, None)
            return None
        self._cache_client(digest, client)
        return self._client_unless_expired(client)

    def _client_unless_expired(self, client: Client) -> Client | None:
        return client if client.expires_at is None or self._now() < client.expires_at else None

    async def _look_up_new(self, key: str, scope: ASGIScope | None) -> Client | None:
        """The client of a key that is not cached, looked up once for all requests that bring the key."""
        if not self._is_well_formed(key):
            return None
        digest, caller = _digest(key), caller_of(scope) if scope else ""
        looking = self._looking.get(digest)
        if looking is None:
            looking = self._looking[digest] = asyncio.Lock()
        # as the requests of a portal do when the server has just started
        async with looking:
            found = self._known.get(digest)
            if found:
                return found.client
            async with self._limits.attempt(UNKNOWN_KEYS, caller) as attempt:
                client = await self._look_up(key, None)
                attempt.in_vain = client is None
            return client

    def _cache_client(self, digest: bytes, client: Client) -> None:
        self._known[digest] = _CachedClient(client, self._monotonic() + self._cache_seconds)
        self._known.move_to_end(digest)
        if len(self._known) > KEYS_REMEMBERED:
            self._known.popitem(last=False)

    async def _look_up(self, key: str, known: _CachedClient | None) -> Client | None:
        """The client of a key, from the database; the cached one where the database is slow or unreachable."""
        if self._find is None:
            raise Refusal("database-away")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS if known else None):
                return await self._find(key)
        except Exception as failure:
            if known and (isinstance(failure, TimeoutError) or is_unreachable(failure)):
                return known.client
            raise

    async def _administrator(self, known: _CachedClient | None) -> Client:
        """The client of the administrator's key; the id of its organisation is read once the database answers."""
        organisation = known.client.organisation_id if known else NOT_STORED
        if organisation == NOT_STORED and self._find_organisation is not None:
            try:
                organisation = await self._find_organisation()
            except Exception as failure:
                if not is_unreachable(failure):
                    raise
        return Client(id=NOT_STORED, organisation_id=organisation, organisation=DEFAULT_ORGANISATION, scopes=SCOPES)


async def authorise(request: AnyRequest, keys: Keys, limits: Limits, scopes: tuple[Scope, ...]) -> None:
    """Set the bearer of the key as the request's `user`, and count the request where the key has a quota.

    Raises Refusal: 401 without a valid key, 429 past its quota, 403 without scope.
    """
    client = await keys.client(secret_in(request.headers.get("authorization", "")), request.scope)
    if client is None:
        raise Refusal("no-valid-key", headers={"www-authenticate": 'Bearer error="invalid_token"'})
    await admit(request, client, limits, scopes)


async def admit(request: AnyRequest, client: Client, limits: Limits, scopes: tuple[Scope, ...]) -> None:
    """Set the client as the request's `user`, and count the request where its key has a quota.

    Raises Refusal: 429 past the quota, 403 without scope.
    """
    request.scope["user"] = client
    if client.rate_per_minute is not None:
        await limits.spend(client.id, client.rate_per_minute, request.scope)
        if client.quota_of is not None and client.shared_rate is not None:
            await limits.spend(client.quota_of, client.shared_rate, request.scope, b"shared")
    require_scope(client, *scopes)


def require_scope(client: Client, *scopes: Scope) -> None:
    """Raises Refusal (403) where the key has none of `scopes`."""
    if not client.may(*scopes):
        wanted = ", ".join(scopes)
        raise Refusal("missing-scope", Text(f"Droit demandé : {wanted}", f"Scope needed: {wanted}"))


def require_source(client: Client, source: str) -> None:
    """Raises Refusal (403) where the key may not write the suppliers of `source`; scope `platform` may write all.

    No key writes what suppliers declare on their own pages.
    """
    if source == DECLARATIONS or not client.may_write(source):
        sources = ", ".join(client.sources) or "—"
        raise Refusal("source-not-on-key", Text(f"Sources de cette clé : {sources}", f"Sources of this key: {sources}"))


def is_bearer_of(secret: str, authorization: str) -> bool:
    """Whether the `Authorization` header carries `secret`, compared in constant time."""
    scheme, _, key = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(_digest(key.strip()), _digest(secret))


def secret_in(authorization: str) -> str:
    """The key in an `Authorization` header. Raises Refusal (401) where there is none."""
    scheme, _, key = authorization.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or len(key) > LONGEST_KEY or " " in key:
        raise Refusal("no-valid-key")
    return key


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


LINK_SECONDS = 600.0


class OneTimeLinks:
    """Sign-in links that work once: the API key with which each link's token opens a session."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._keys: dict[str, tuple[str, float]] = {}

    def issue(self, key: str) -> str:
        """The token of a new link that signs in with `key`."""
        token = token_urlsafe(24)
        self._keys[token] = (key, self._monotonic() + LINK_SECONDS)
        return token

    def redeem(self, token: str) -> str | None:
        """The key of a link, which works no more after this; None for an unknown, used or expired token."""
        key, until = self._keys.pop(token, (None, 0.0))
        return key if self._monotonic() < until else None
