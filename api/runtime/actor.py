"""On whose behalf a request is carried out, as the journal names it."""

from api.runtime.endpoint import Call
from domain.audit import Actor


def actor_of(call: Call) -> Actor:
    """The bearer of the request's key."""
    return Actor(call.bearer.organisation_id, "key", call.bearer.id)
