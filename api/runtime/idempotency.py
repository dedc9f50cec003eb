"""`Idempotency-Key`: a POST sent twice is carried out once, and answered the second time as the first."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.endpoint import Call, endpoint
from api.web.content_negotiation import JSON
from api.web.problems import Refusal
from db.core.engine import Connection
from db.idempotency import Answer, Submission, claim_key, delete_expired, find_answer, store_answer
from domain.text.bilingual import said_by

LONGEST_KEY = 255
IDEMPOTENCY_KEY = {
    "Idempotency-Key": f"A text of the caller's own, of at most {LONGEST_KEY} characters: the same request sent again "
    "with it within 24 hours is carried out once, and answered as the first time; 404 where the need or shortlist that "
    "it made was deleted since, as nothing of what was deleted is kept"
}
creation = partial(endpoint, "POST", status=201, headers=IDEMPOTENCY_KEY)
"""The decorator of a route that makes something, once for each `Idempotency-Key`."""


class Sender(NamedTuple):
    """The organisation, route and Idempotency-Key of a request. All three are stored, so none may be a secret."""

    organisation_id: UUID
    route: str
    key: str | None


def created_answer(
    document: object, location: str | None = None, etag: str | None = None, *, status: int = 201
) -> Answer:
    """An answer that holds `document` as JSON, with the headers `Location` and `ETag` where they are given."""
    headers = {"content-type": JSON, "location": location, "etag": etag}
    return Answer(status, {name: value for name, value in headers.items() if value}, msgspec.json.encode(document))


def carried_out_once(handler: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Response[bytes]]]:
    """Decorate a handler of `connection` and `body`: a repeated request gets the stored answer (see `answer_once`)."""

    @wraps(handler)
    async def carry_out_once(call: Call, connection: Connection, body: object, **path: Any) -> Response[bytes]:
        return await answer_once(
            call, connection, body, partial(handler, call, connection=connection, body=body, **path)
        )

    return carry_out_once


async def answer_once(
    call: Call,
    connection: Connection,
    body: object,
    carry_out: Callable[[], Awaitable[Answer]],
    *,
    sender: Sender | None = None,
    completed: Callable[[Answer], Awaitable[Answer]] | None = None,
) -> Response[bytes]:
    """Respond with the answer of `carry_out` or the one stored for the Idempotency-Key, either changed by `completed`.

    `body`: the decoded body, or bytes that stand for it. The answer is stored in the transaction of `connection`,
    together with what `carry_out` writes there or not at all. `sender`: on routes without an API key. `completed`
    turns the stored answer into the one that is sent, each time: for what is not stored, such as a secret.
    Raises InvalidContent (`idempotency_key_reused`) where the key came with another body or query, Refusal (400) where
    it cannot be stored.
    """
    if sender is None:
        sender = Sender(call.bearer.organisation_id, f"{call.method} {call.scope['path']}", idempotency_key(call))
    if sender.key is None:
        answer = await carry_out()
    else:
        now = call.services.now()
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        digest = blake2b(call.scope["query_string"] + b"\0" + content, digest_size=32).digest()
        submission = Submission(sender.organisation_id, sender.route, sender.key, digest)
        stored = await claim_key(connection, submission, now)
        answer = stored or await carry_out()
        if stored is None:
            await delete_expired(connection, now)
            await store_answer(connection, submission, answer)
            call.services.storage_use.add(sender.organisation_id, len(answer.body))
    return response_of(answer if completed is None else await completed(answer))


async def is_answered(call: Call, connection: Connection) -> bool:
    """Whether a request with the Idempotency-Key of this one was answered already. Raises as `idempotency_key`."""
    key = idempotency_key(call)
    if key is None:
        return False
    route = f"{call.method} {call.scope['path']}"
    return await find_answer(connection, call.bearer.organisation_id, route, key, call.services.now()) is not None


def idempotency_key(call: Call) -> str | None:
    """The request's Idempotency-Key, if it has one. Raises Refusal (400) for one that cannot be stored."""
    key = call.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        expected = said_by(__name__)["key_length"].filled(longest_key=LONGEST_KEY)
        raise Refusal("bad-request", expected)
    return key


def with_secret_body(answer: Answer, body: bytes) -> Answer:
    """The stored answer, but with a body that holds a secret, and with `Cache-Control: no-store`."""
    return Answer(answer.status, answer.headers | {"cache-control": "no-store"}, body)


def response_of(answer: Answer) -> Response[bytes]:
    """The framework's response for a stored answer."""
    return Response(answer.body, status_code=answer.status, headers=answer.headers)
