"""POSTs that may be sent twice and are carried out once: the header `Idempotency-Key`, for every route that creates."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.endpoint import Call
from api.web.content_negotiation import JSON
from api.web.problems import Refusal
from db.core.engine import Connection
from db.idempotency import Answer, Submission, claim, forget_expired, keep
from domain.text.bilingual import Text

LONGEST_KEY = 255
HEADERS = {
    "Idempotency-Key": f"A text of the caller's own, of at most {LONGEST_KEY} characters: the same request sent again "
    "with it within 24 hours is carried out once, and answered as the first time"
}


class Sender(NamedTuple):
    """Who sends a request, to what, and under which key of its own. All of it is kept: none may be a secret."""

    organisation_id: UUID
    route: str
    key: str | None


async def once(
    call: Call,
    connection: Connection,
    body: bytes,
    carry_out: Callable[[], Awaitable[Answer]],
    *,
    sender: Sender | None = None,
    completed: Callable[[Answer], Awaitable[Answer]] | None = None,
) -> Response[bytes]:
    """What `carry_out` answers; where the request was already carried out under its key, what it answered then.

    `body`: the body, or a digest of it. The key is held, and its answer kept, by the transaction of `connection`: what
    `carry_out` writes there is stored with the answer or not at all. `sender`: on routes without a key of the API.
    `completed` makes what is sent, each time, of what is kept: for answers that hold a secret.
    Raises InvalidContent (`idempotency_key_reused`) where the key came with another body or query, Refusal (400) where
    it cannot be kept.
    """
    if sender is None:
        sender = Sender(call.bearer.organisation_id, f"{call.method} {call.scope['path']}", key_of(call))
    answer = await _once(call, connection, body, carry_out, sender)
    return reply(answer if completed is None else await completed(answer))


async def _once(
    call: Call, connection: Connection, body: bytes, carry_out: Callable[[], Awaitable[Answer]], sender: Sender
) -> Answer:
    if sender.key is None:
        return await carry_out()
    now = call.services.now()
    submission = Submission(sender.organisation_id, sender.route, sender.key, _digest(call, body))
    answer = await claim(connection, submission, now)
    if answer is None:
        answer = await carry_out()
        await forget_expired(connection, now)
        await keep(connection, submission, answer)
    return answer


def key_of(call: Call) -> str | None:
    """The request's Idempotency-Key, if it has one. Raises Refusal (400) for one that cannot be kept."""
    key = call.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        expected = Text(
            f"Idempotency-Key compte de 1 à {LONGEST_KEY} caractères imprimables",
            f"Idempotency-Key has 1 to {LONGEST_KEY} printable characters",
        )
        raise Refusal("bad-request", expected)
    return key


def _digest(call: Call, body: bytes) -> bytes:
    """Tells one request to a path from another; the query of one may ask for more than that of the other."""
    digest = blake2b(call.scope["query_string"], digest_size=32)
    digest.update(b"\0" + body)
    return digest.digest()


def created(document: object, location: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer (201) to a request that created `document`."""
    named = {"content-type": JSON, "location": location, **(headers or {})}
    return Answer(201, named, msgspec.json.encode(document))


def reply(answer: Answer) -> Response[bytes]:
    """The answer as it is sent."""
    return Response(answer.body, status_code=answer.status, headers=answer.headers)
