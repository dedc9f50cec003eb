"""The caller of a use case, with language and services: a request without its HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from api.runtime.auth import secret_in
from api.runtime.endpoint import Call
from api.runtime.services import Services
from domain.audit import Actor
from domain.organisation import Client
from domain.text.bilingual import Language


@dataclass(frozen=True, kw_only=True)
class Acting:
    """The caller of a use case, with the parts of the application that it may need.

    `actor`: as the journal names it. `organisation`: the name of its organisation. `secret`: known to the caller alone,
    and never stored; tokens of reply links are derived from it. `base_url`: where suppliers reach this server. `left`:
    waits until the caller has hung up.
    """

    services: Services
    actor: Actor
    organisation: str
    language: Language
    secret: bytes
    base_url: str
    left: Callable[[], Awaitable[None]]

    @property
    def organisation_id(self) -> UUID:
        return self.actor.organisation_id

    def now(self) -> datetime:
        return self.services.now()


def acting_of(call: Call, session: str | None = None) -> Acting:
    """The bearer of the request's key, as the caller of a use case. `session`: its token, where no key was sent."""
    secret = secret_in(call.headers.get("authorization", "")) if session is None else session
    return Acting(
        services=call.services,
        actor=actor_of(call),
        organisation=call.bearer.organisation,
        language=call.language,
        secret=secret.encode(),
        base_url=call.services.settings.public_url or str(call.base_url).rstrip("/"),
        left=call.left,
    )


def actor_of(call: Call) -> Actor:
    """The bearer of the request's key, or the person who signed in, as the journal names it."""
    return actor_of_client(call.bearer)


def actor_of_client(client: Client) -> Actor:
    """The bearer of a key, or the person who signed in, as the journal names it."""
    return Actor(client.organisation_id, "key" if client.person is None else "person", client.id)
