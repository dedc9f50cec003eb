"""Keys: an organisation's administrator makes and revokes its own, the operator those of all.

A key is issued within what its creator may do itself. The answer to a request sent twice is stored, so it holds a seed
in the place of the secret, which is made of the seed and the caller's own key: the same caller is shown the same
secret again, and nothing that is stored leads to it.
"""

import hmac
from datetime import datetime
from functools import partial
from secrets import token_hex
from uuid import UUID

import msgspec
from litestar import Response

from api.admin.issue_keys import KeyRequest, issue_key, withdraw_key
from api.admin.organisations import own_organisation
from api.runtime.actor import actor_of
from api.runtime.auth import require_scope, require_source, secret_in
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import Sender, answer_once, created_answer, creation, with_secret_body
from api.web.pagination import Page, Paging, answer_page
from db import api_keys
from db.core.engine import Connection, transaction
from db.idempotency import Answer
from domain.decoding.stored import read_stored
from domain.errors import Conflict, InvalidContent, NotFound, Problem, require_no_problem
from domain.organisation import Client, Key
from domain.text.bilingual import Text, said_by

_SAID = said_by(__name__)

NO_KEY = Text("Aucune clé en vigueur de cet identifiant", "No key in force with this id")


def require_grantable(creator: Client, request: KeyRequest) -> None:
    """Raises Refusal (403) for rights that the creator lacks, InvalidContent for an end or quota beyond its own."""
    for scope in request.scopes:
        require_scope(creator, scope)
    for source in request.sources:
        require_source(creator, source)
    if creator.may("platform"):
        return
    problems = [
        Problem(f"/{name}", "beyond_own_key", _SAID["beyond_own"])
        for name, own, wanted in (
            ("expires_at", creator.expires_at, request.expires_at),
            ("rate_per_minute", creator.rate_per_minute, request.rate_per_minute),
        )
        if own is not None and (wanted is None or wanted > own)  # type: ignore[operator]
    ]
    require_no_problem(problems)


async def revoke_own_key(connection: Connection, client: Client, key_id: UUID, now: datetime) -> None:
    """Revoke a key of the client's organisation, or of any organisation for the scope `platform`. Raises NotFound.

    One of scope `platform` is the operator's, and only the operator revokes it.
    """
    key = await api_keys.find_key(connection, key_id)
    is_own = client.may("platform") or (
        key is not None and key.organisation_id == client.organisation_id and "platform" not in key.scopes
    )
    if key is None or not is_own or not await withdraw_key(connection, key, now, revoker=actor_of(client)):
        raise NotFound(NO_KEY)


keys_endpoint = partial(endpoint, tag="Organisations", scope="admin")


class CreatedKey(Key, frozen=True, kw_only=True):
    """The new key."""

    secret: str
    """The key as its bearer sends it, shown this once"""

    def __repr__(self) -> str:
        return f"CreatedKey({self.id!r})"


@keys_endpoint("GET", "/keys", answers=Page[Key])
async def list_keys(call: Call, query: Paging, connection: Connection) -> Response[bytes]:
    """The keys, the oldest first, revoked ones too.

    Those of the organisation; of all for a key of scope `platform`.
    """
    fetch = partial(api_keys.list_keys, connection, own_organisation(call.bearer))
    return await answer_page(call, query, "keys", UUID, fetch)


@creation("/keys", tag="Organisations", scope="admin", answers=CreatedKey, problems=("source-not-on-key", "conflict"))
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
async def revoke_key(call: Call, id: UUID, connection: Connection) -> None:
    """Revoke a key for good.

    It works for as long as servers remember it, at most `VIVIER_KEY_CACHE_SECONDS`. 404 where it was revoked before.
    """
    await revoke_own_key(connection, call.bearer, id, call.services.now())


async def make_key_once(
    call: Call, request: KeyRequest, caller_secret: bytes, sender: Sender | None = None
) -> Response[bytes]:
    """Make a key, once for each Idempotency-Key; answers with it (`CreatedKey`), and with the same key if sent again.

    `caller_secret`: known to the caller alone, with which the secret of the key is made. `sender`: see `answer_once`.
    """
    creator = call.bearer
    require_grantable(creator, request)
    async with transaction(call.services.database) as connection:

        async def store_key() -> Answer:
            seed = token_hex(api_keys.SECRET_BYTES)
            organisation = await api_keys.find_by_name_or_id(
                connection, request.organisation or str(creator.organisation_id)
            )
            if organisation is None or not (organisation.id == creator.organisation_id or creator.may("platform")):
                raise InvalidContent((Problem("/organisation", "unknown_organisation", _SAID["no_organisation"]),))
            _, key = await issue_key(
                connection,
                request,
                organisation.name,
                call.services.now(),
                maker=actor_of(creator),
                quota_of=creator.quota_shared_by_keys_it_makes,
                secret=_derive_key_secret(caller_secret, seed),
            )
            return created_answer(CreatedKey(**msgspec.structs.asdict(key), secret=seed))

        async def reveal_secret_in(answer: Answer) -> Answer:
            stored = read_stored(answer.body, CreatedKey)
            shown = msgspec.structs.replace(stored, secret=_derive_key_secret(caller_secret, stored.secret))
            if not await api_keys.is_secret_of(connection, shown.id, shown.secret):
                raise Conflict("shown_once", _SAID["shown_once"])
            return with_secret_body(answer, msgspec.json.encode(shown))

        return await answer_once(call, connection, request, store_key, sender=sender, completed=reveal_secret_in)


def _derive_key_secret(caller_secret: bytes, seed: str) -> str:
    made = hmac.digest(caller_secret, f"key:{seed}".encode(), "sha256")
    return api_keys.secret_of(made[: api_keys.SECRET_BYTES])
