"""The author of a request's journal entries."""

from api.runtime.endpoint import Call
from domain.audit import Actor


def actor_of(call: Call) -> Actor:
    """The bearer of the request's key."""
    return Actor(call.bearer.organisation_id, "key", call.bearer.id)
