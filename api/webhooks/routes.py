"""Webhooks: who is told of what, what became of each delivery, and trying them out."""

from collections.abc import Iterator
from functools import partial
from secrets import token_hex
from uuid import UUID

import httpx
import msgspec
from litestar import Response

from api.runtime.actor import actor_of
from api.runtime.auth import require_scope, require_source
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, etag_of, require_match
from api.runtime.idempotency import HEADERS, once
from api.web.content_negotiation import JSON
from api.web.merge_patch import Patch, patched
from api.web.pagination import Page, Paging, paged
from db.audit import write_entry
from db.core.engine import Connection, transaction
from db.delivery.outbox import wake
from db.delivery.webhook_log import attempt_again, get_delivery, list_deliveries
from db.delivery.webhooks import change_webhook, create_webhook, delete_webhook, get_webhook, list_webhooks, queue
from db.idempotency import Answer
from domain.client import Scope
from domain.delivery.webhook import Secret, Webhook, WebhookDelivery, WebhookSettings
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.text.bilingual import Text

TAG = "Webhooks"
LIST = "webhooks"
SCOPES: tuple[Scope, ...] = ("read", "sync", "admin")
PREFIX = "whsec_"

NO_WEBHOOK = Text("Aucun webhook de cet identifiant", "No webhook of this id")
NO_DELIVERY = Text("Ce webhook n'a pas d'envoi de cet identifiant", "This webhook has no delivery of this id")
INACTIVE = Text(
    "Ce webhook est inactif : le réactiver d'abord (PATCH, active: true)",
    "This webhook is inactive: activate it first (PATCH, active: true)",
)
BAD_URL = Text(
    "Adresse attendue : http ou https, avec un hôte, sans identifiants ni fragment",
    "Expected an address: http or https, with a host, without credentials or fragment",
)


class NewWebhook(WebhookSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook to be. `secret`: what deliveries are signed with; where it is absent, one is made.

    `sources` absent: those of the key, or all for a key of scope `admin`.
    """

    secret: Secret | None = None

    def __repr__(self) -> str:
        return f"NewWebhook({self.url!r}, {self.events!r})"


class CreatedWebhook(Webhook, frozen=True, kw_only=True):
    """The new webhook. `secret`: the one that was made for it, shown this once; null where one was given."""

    secret: str | None

    def __repr__(self) -> str:
        return f"CreatedWebhook({self.id!r})"


@endpoint(
    "POST",
    "/webhooks",
    tag=TAG,
    scope=SCOPES,
    answers=CreatedWebhook,
    status=201,
    headers=HEADERS,
    problems=("source-not-on-key", "conflict"),
    example="webhook",
)
async def add_webhook(call: Call, body: NewWebhook) -> Response[bytes]:
    """Have an address told of what happens.

    From now on, a POST goes to `url` for each of `events`: `suppliers.changed` (the directory has new changes, and from
    where to read them) and `import.finished` (the report of an import into one of `sources`; needs scope `sync` or
    `admin`). It is signed with `secret`, attempted again for three days where it is not answered with a 2xx, and
    arrives at least once. How to receive and verify it: `docs/webhooks.md`.
    The webhook belongs to the organisation of the key; others do not see it. An organisation has at most 100.
    """
    settings = _checked(call, body)
    services = call.services
    secret = body.secret or PREFIX + token_hex(32)

    async with transaction(services.database) as connection:

        async def carry_out() -> Answer:
            organisation = call.bearer.organisation_id
            created = await create_webhook(connection, organisation, settings, secret, services.now())
            await _note(call, connection, "webhook.created", created.id)
            fields = {name: getattr(created, name) for name in created.__struct_fields__}
            shown = CreatedWebhook(**fields, secret=None if body.secret else secret)
            headers = {"content-type": JSON, "location": f"/webhooks/{created.id}", "etag": _etag(created)}
            return Answer(201, headers, msgspec.json.encode(shown))

        return await once(call, connection, msgspec.json.encode(body), carry_out)


@endpoint("GET", "/webhooks", tag=TAG, scope=SCOPES, answers=Page[Webhook])
async def list_own_webhooks(call: Call, query: Paging) -> Response[bytes]:
    """The webhooks of the organisation, the oldest first; never their secrets."""
    async with transaction(call.services.database) as connection:
        fetch = partial(list_webhooks, connection, call.bearer.organisation_id)
        return await paged(call, query, "webhooks", UUID, fetch)


@endpoint("GET", "/webhooks/{id}", tag=TAG, scope=SCOPES, answers=Webhook)
async def show_webhook(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002 - as the contract names it
    """A webhook, and whether its receiver takes what it is sent."""
    async with transaction(call.services.database) as connection:
        return _answer(await _own(call, connection, id))


@endpoint(
    "PATCH",
    "/webhooks/{id}",
    tag=TAG,
    scope=SCOPES,
    answers=Webhook,
    patch=WebhookSettings,
    headers=IF_MATCH,
    problems=("source-not-on-key", "stale-version"),
)
async def change_own_webhook(call: Call, id: UUID, body: Patch) -> Response[bytes]:  # noqa: A002
    """Change where a webhook leads, of what it is told, or whether it is told at all.

    What waits goes to the new address at once. While `active` is false nothing is sent or kept for later, but changes
    of suppliers are made up for: activated again, the webhook is told from where on to read them. Its secret stays; a
    webhook with another secret is another webhook.
    """
    async with transaction(call.services.database) as connection:
        before = await _own(call, connection, id, hold=True)
        require_match(call, _etag(before))
        after = patched(before, body, WebhookSettings)
        if body.keys() - {"active"}:
            after = _checked(call, after)
        changed = await change_webhook(connection, before, after, call.services.now())
        await _note(call, connection, "webhook.changed", id)
        return _answer(changed)


@endpoint(
    "DELETE",
    "/webhooks/{id}",
    tag=TAG,
    scope=SCOPES,
    answers=None,
    status=204,
    headers=IF_MATCH,
    problems=("stale-version",),
)
async def delete_own_webhook(call: Call, id: UUID) -> None:  # noqa: A002
    """Remove a webhook, with the deliveries that wait and the account of those that were made."""
    async with transaction(call.services.database) as connection:
        require_match(call, _etag(await _own(call, connection, id, hold=True)))
        await delete_webhook(connection, id)
        await _note(call, connection, "webhook.deleted", id)


@endpoint("GET", "/webhooks/{id}/deliveries", tag=TAG, scope=SCOPES, answers=Page[WebhookDelivery])
async def list_webhook_deliveries(call: Call, id: UUID, query: Paging) -> Response[bytes]:  # noqa: A002
    """What was and is to be delivered, the latest first, with every attempt; kept for 30 days."""
    async with transaction(call.services.database) as connection:
        await _own(call, connection, id)
        return await paged(call, query, f"deliveries/{id}", UUID, partial(list_deliveries, connection, id))


@endpoint(
    "POST",
    "/webhooks/{id}/deliveries/{delivery_id}/retry",
    tag=TAG,
    scope=SCOPES,
    answers=WebhookDelivery,
    problems=("conflict",),
)
async def retry_webhook_delivery(call: Call, id: UUID, delivery_id: UUID) -> WebhookDelivery:  # noqa: A002
    """Attempt a delivery now, also one that was given up or has arrived.

    It keeps its id and body. Where this fails too, it is attempted again as long as it is less than three days old.
    409 while the webhook is inactive.
    """
    async with transaction(call.services.database) as connection:
        await _active(call, connection, id)
        if await get_delivery(connection, id, delivery_id) is None:
            raise NotFound(NO_DELIVERY)
        await attempt_again(connection, delivery_id, call.services.now())
        return await _delivery(connection, id, delivery_id)


@endpoint(
    "POST",
    "/webhooks/{id}/ping",
    tag=TAG,
    scope=SCOPES,
    answers=WebhookDelivery,
    status=202,
    headers=HEADERS,
    problems=("conflict",),
)
async def ping_webhook(call: Call, id: UUID) -> Response[bytes]:  # noqa: A002
    """Send a webhook the event “ping”, to try it out.

    What became of it is in `GET /webhooks/{id}/deliveries`, as for any other event. 409 while the webhook is inactive.
    """
    now = call.services.now()
    async with transaction(call.services.database) as connection:
        await _active(call, connection, id)

        async def carry_out() -> Answer:
            delivery_id = await queue(connection, id, "ping", {}, now)
            await wake(connection)
            content = msgspec.json.encode(await _delivery(connection, id, delivery_id))
            return Answer(202, {"content-type": JSON}, content)

        return await once(call, connection, b"", carry_out)


ROUTES = (
    add_webhook,
    list_own_webhooks,
    show_webhook,
    change_own_webhook,
    delete_own_webhook,
    list_webhook_deliveries,
    retry_webhook_delivery,
    ping_webhook,
)


async def _note(call: Call, connection: Connection, action: str, webhook_id: UUID) -> None:
    """Leave an entry in the journal; not the address, which may hold a secret."""
    await write_entry(connection, actor_of(call), action, f"webhook:{webhook_id}", call.services.now())


async def _own(call: Call, connection: Connection, webhook_id: UUID, *, hold: bool = False) -> Webhook:
    """The webhook, of the caller's organisation. Raises NotFound for any other."""
    found = await get_webhook(connection, call.bearer.organisation_id, webhook_id, hold=hold)
    if found is None:
        raise NotFound(NO_WEBHOOK)
    return found


async def _active(call: Call, connection: Connection, webhook_id: UUID) -> None:
    """Raises NotFound, Conflict where the webhook is not to be sent anything."""
    if not (await _own(call, connection, webhook_id, hold=True)).active:
        raise Conflict("inactive_webhook", INACTIVE)


async def _delivery(connection: Connection, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    found = await get_delivery(connection, webhook_id, delivery_id)
    if found is None:
        raise NotFound(NO_DELIVERY)
    return found


def _checked(call: Call, wanted: WebhookSettings) -> WebhookSettings:
    """The settings as they are kept. Raises InvalidContent, Refusal (403) for imports that the key does not concern."""
    if problems := tuple(_problems(wanted.url)):
        raise InvalidContent(problems)
    client = call.bearer
    sources = wanted.sources
    if "import.finished" in wanted.events:
        require_scope(client, "sync", "admin")
        for source in sources or ():
            require_source(client, source)
    if sources is None and "admin" not in client.scopes:
        sources = client.sources
    return WebhookSettings(url=wanted.url, events=wanted.events, sources=sources, active=wanted.active)


def _problems(address: str) -> Iterator[Problem]:
    """Where the address leads nowhere, or would show a password."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if not url.host or url.userinfo or url.fragment or not 0 < (url.port or 80) < 65_536:
        yield Problem("/url", "bad_address", BAD_URL)


def _answer(webhook: Webhook) -> Response[bytes]:
    headers = {"content-type": JSON, "etag": _etag(webhook), "cache-control": "private, no-cache"}
    return Response(msgspec.json.encode(webhook), headers=headers)


def _etag(webhook: Webhook) -> str:
    """Changes with what people set, not with what becomes of deliveries: these must not make a change fail."""
    return etag_of(msgspec.json.encode((webhook.id, webhook.updated_at)))
