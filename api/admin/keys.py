"""Routes of keys: an organisation's administrator makes and revokes its own, the operator those of all.

The answer to a request sent twice is stored, so it holds a seed in the place of the secret, which is made of the seed
and the caller's own key: the same caller is shown the same secret again, and nothing that is stored leads to it.
"""

import hmac
from functools import partial
from secrets import token_hex
from uuid import UUID

import msgspec
from litestar import Response

from api.admin.edit_organisation import own_organisation
from api.admin.issue_key import KeyRequest, make_key, require_grantable, revoke_own_key
from api.runtime.auth import secret_in
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import IDEMPOTENCY_KEY, Sender, created, once
from api.web.pagination import Page, Paging, paged
from db import api_keys
from db.core.engine import transaction
from db.idempotency import Answer
from domain.decoding.stored import read_stored
from domain.errors import Conflict
from domain.organisation import Key
from domain.text.bilingual import Text

keys_endpoint = partial(endpoint, tag="Organisations", scope="admin")

_SHOWN_ONCE = Text(
    "Cette clé a été donnée à l'appelant qui l'a demandée, et ne se montre qu'une fois : en faire une autre",
    "This key was given to the caller who asked for it, and is shown once only: make another one",
)


class CreatedKey(Key, frozen=True, kw_only=True):
    """The new key."""

    secret: str
    """The key as its bearer sends it, shown this once"""

    def __repr__(self) -> str:
        return f"CreatedKey({self.id!r})"


@keys_endpoint("GET", "/keys", answers=Page[Key])
async def list_keys(call: Call, query: Paging) -> Response[bytes]:
    """The keys, the oldest first, revoked ones too.

    Those of the organisation; of all for a key of scope `platform`.
    """
    only = own_organisation(call.bearer)
    async with transaction(call.services.database) as connection:
        return await paged(call, query, "keys", UUID, partial(api_keys.list_keys, connection, only))


@keys_endpoint(
    "POST",
    "/keys",
    answers=CreatedKey,
    status=201,
    headers=IDEMPOTENCY_KEY,
    problems=("source-not-on-key", "conflict"),
)
async def create_key(call: Call, body: KeyRequest) -> Response[bytes]:
    """Make a key.

    For the key's own organisation; with scope `platform`, for any. It gives no scope and no source that the key which
    makes it has not, and, without scope `platform`, no later end and no greater quota; its requests then count in the
    quota of the key which makes it too (`quota_of`), so that no number of keys makes that greater. `secret` is shown
    this once: sent again with the same `Idempotency-Key` and the same key of the API, the request is answered with the
    same one; with another key, 409. Past `rate_per_minute`, counted over all processes and servers, its requests are
    429; its answers carry `RateLimit` and `RateLimit-Policy`.
    """
    own = secret_in(call.headers.get("authorization", "")).encode()
    return await make_key_once(call, body, own)


@keys_endpoint("DELETE", "/keys/{id}", answers=None, status=204)
async def revoke_key(call: Call, id: UUID) -> None:  # noqa: A002 - as the contract names it
    """Revoke a key for good.

    It works for as long as servers remember it, at most `VIVIER_KEY_CACHE_SECONDS`. 404 where it was revoked before.
    """
    async with transaction(call.services.database) as connection:
        await revoke_own_key(connection, call.bearer, id, call.services.now())


ROUTES = (list_keys, create_key, revoke_key)


async def make_key_once(
    call: Call, request: KeyRequest, caller_secret: bytes, sender: Sender | None = None
) -> Response[bytes]:
    """The answer (`CreatedKey`) to a request for a key; the same one where it was sent before.

    `caller_secret`: known to the caller alone, with which the secret of the key is made. `sender`: see `once`.
    """
    require_grantable(call.bearer, request)
    async with transaction(call.services.database) as connection:

        async def carry_out() -> Answer:
            seed = token_hex(api_keys.SECRET_BYTES)
            secret = _secret(caller_secret, seed)
            _, key = await make_key(connection, call.bearer, request, call.services.now(), secret)
            return created(CreatedKey(**msgspec.structs.asdict(key), secret=seed))

        async def completed(answer: Answer) -> Answer:
            stored = read_stored(answer.body, CreatedKey)
            shown = msgspec.structs.replace(stored, secret=_secret(caller_secret, stored.secret))
            if not await api_keys.is_secret_of(connection, shown.id, shown.secret):
                raise Conflict("shown_once", _SHOWN_ONCE)
            return Answer(answer.status, {**answer.headers, "cache-control": "no-store"}, msgspec.json.encode(shown))

        return await once(call, connection, request, carry_out, sender=sender, completed=completed)


def _secret(caller_secret: bytes, seed: str) -> str:
    made = hmac.digest(caller_secret, f"key:{seed}".encode(), "sha256")
    return api_keys.secret_of(made[: api_keys.SECRET_BYTES])
