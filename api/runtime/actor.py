"""The caller of a use case, in their language and with the services of the application; links that act by a token.

Each organisation has a quota of storage for its needs, with all that belongs to them. Links open without a key, by a
token; what leads nowhere is an attempt in vain.
"""

import asyncio
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from api.runtime.auth import secret_in
from api.runtime.endpoint import Call
from api.runtime.rate_limits import LOOK_UPS, UNKNOWN_LINKS, caller_of
from api.runtime.services import Services
from api.web.problems import Refusal
from db.core.engine import Connection, transaction
from db.needs.needs import stored_bytes
from domain.errors import Conflict
from domain.journal import Actor
from domain.organisation import Client
from domain.text.bilingual import Language, Text, said_by

_SAID = said_by(__name__)


@dataclass(frozen=True, kw_only=True)
class Acting:
    """The caller of a use case: who acts, in which language, and the services of the application.

    `actor`: as the journal names it. `organisation`: the name of its organisation. `secret`: known to the caller alone,
    and never stored; tokens of reply links are derived from it. `base_url`: where suppliers reach this server.
    `wait_for_disconnect`: waits until the caller has hung up.
    """

    services: Services
    actor: Actor
    organisation: str
    language: Language
    secret: bytes
    base_url: str
    wait_for_disconnect: Callable[[], Awaitable[None]]

    @property
    def organisation_id(self) -> UUID:
        return self.actor.organisation_id

    def now(self) -> datetime:
        return self.services.now()

    def token_of(self, seed: str) -> str:
        """The token that is derived from a seed and the caller's secret."""
        return urlsafe_b64encode(hmac.digest(self.secret, seed.encode(), "sha256")).decode().rstrip("=")


def acting_of(call: Call, session: str | None = None) -> Acting:
    """The caller of a use case, from a request with a key. `session`: the token of a session, if there is no key."""
    secret = secret_in(call.headers.get("authorization", "")) if session is None else session
    return Acting(
        services=call.services,
        actor=actor_of(call.bearer),
        organisation=call.bearer.organisation,
        language=call.language,
        secret=secret.encode(),
        base_url=call.services.settings.public_url or str(call.base_url).rstrip("/"),
        wait_for_disconnect=call.wait_for_disconnect,
    )


async def wait_for_ever() -> None:
    """Never return: of a caller who does not hang up, or of whom the response itself hears that they did."""
    await asyncio.Event().wait()


def actor_of(client: Client) -> Actor:
    """The `Actor` that the journal notes for a client: an API key, or a person who signed in."""
    return Actor(client.organisation_id, "key" if client.person is None else "person", client.id)


async def require_storage(connection: Connection, acting: Acting) -> None:
    """Raises Conflict (`storage_quota`) where the organisation's stored needs, exchanges and answers fill its quota."""
    services, organisation_id = acting.services, acting.organisation_id
    quota = services.settings.storage_quota
    if (
        await services.storage_use.bytes_of(organisation_id, partial(stored_bytes, connection, organisation_id))
        >= quota
    ):
        mib = quota >> 20
        detail = _SAID["storage_is_full"].filled(mib=mib)
        raise Conflict("storage_quota", detail)


TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes in base64, as all tokens are written: the database is not asked for anything else."""

T = TypeVar("T")


@asynccontextmanager
async def follow_link(
    call: Call, token: str, select: Callable[[Connection], Awaitable[T | None]], missing: Text
) -> AsyncIterator[tuple[Connection, T]]:
    """Yields a transaction and the object of a link's token, read by `select`. Raises Refusal where there is none.

    The Refusal is a 404 that says `missing`; 429 to a caller who tries many such tokens, and where there are very many
    before they are looked up, without a connection.
    """
    limits, caller = call.services.limits, caller_of(call.scope)
    if may_exist := TOKEN.fullmatch(token) is not None:
        async with (
            limits.attempt(LOOK_UPS, caller, for_all=False) as look_up,
            transaction(call.services.database) as connection,
        ):
            found = await select(connection)
            look_up.in_vain = found is None
            if found is not None:
                yield connection, found
                return
    async with limits.attempt(UNKNOWN_LINKS, caller, for_all=may_exist) as attempt:
        attempt.in_vain = True
    raise Refusal("not-found", missing, headers={"cache-control": "no-store"})
