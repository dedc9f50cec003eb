"""Webhook routes: subscriptions, the outcome of each delivery, and a ping to try a subscription out."""

from functools import partial
from secrets import token_hex
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.actor import actor_of
from api.runtime.auth import require_scope, require_source
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_MATCH, alteration, etag_of, require_match
from api.runtime.idempotency import answer_once, created_answer, creation
from api.web.content_negotiation import JSON
from api.web.pagination import Page, Paging, answer_page
from api.web.request_body import Patch, apply_patch
from db.core.engine import Connection
from db.delivery import webhooks
from db.delivery.outbox import wake_servers
from db.idempotency import Answer
from db.journal.entries import write_entry
from domain.errors import Conflict, InvalidContent, Problem, require_found
from domain.organisation import Scope
from domain.text.bilingual import said_by
from domain.webhooks import SECRET_PREFIX, Secret, Webhook, WebhookDelivery, WebhookSettings

_SAID = said_by(__name__)

SCOPES: tuple[Scope, ...] = ("read", "sync", "admin")
webhooks_endpoint = partial(endpoint, tag="Webhooks", scope=SCOPES)
webhooks_creation = partial(creation, tag="Webhooks", scope=SCOPES)


class WebhookRequest(WebhookSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A webhook to create."""

    secret: Secret | None = None
    """The key that signs deliveries, `whsec_` and base64 at best, 24 to 200 characters; null: one is made"""

    def __repr__(self) -> str:
        return f"WebhookRequest({self.url!r}, {self.events!r})"


class CreatedWebhook(Webhook, frozen=True, kw_only=True):
    """The new webhook."""

    secret: str | None
    """The one made for it, shown this once; null where the request gave one"""

    def __repr__(self) -> str:
        return f"CreatedWebhook({self.id!r})"


@webhooks_creation("/webhooks", answers=CreatedWebhook, problems=("source-not-on-key", "conflict"), example="webhook")
async def create_webhook(call: Call, body: WebhookRequest, connection: Connection) -> Response[bytes]:
    """Have events sent to an address.

    From now on, a POST goes to `url` for each of `events`: `suppliers.changed` (the directory has new changes, and from
    where to read them) and `import.finished` (the report of an import into one of `sources`; needs scope `sync` or
    `admin`). It is signed with `secret` as Standard Webhooks has it, attempted again for three days where it is not
    answered with a 2xx, and arrives at least once. How to receive and verify it: `docs/webhooks.md`.
    The webhook belongs to the organisation of the key; others do not see it. An organisation has at most 100.
    """
    settings = _checked_settings(call, body)
    secret = body.secret or SECRET_PREFIX + token_hex(32)

    async def store_webhook() -> Answer:
        organisation = call.bearer.organisation_id
        webhook = await webhooks.create_webhook(connection, organisation, settings, secret, call.services.now())
        await _write_entry(call, connection, "webhook.created", webhook.id)
        shown = CreatedWebhook(**msgspec.structs.asdict(webhook), secret=None if body.secret else secret)
        return created_answer(shown, f"/webhooks/{webhook.id}", _etag(webhook))

    return await answer_once(call, connection, body, store_webhook)


@webhooks_endpoint("GET", "/webhooks", answers=Page[Webhook])
async def list_webhooks(call: Call, query: Paging, connection: Connection) -> Response[bytes]:
    """The webhooks of the organisation, the oldest first; never their secrets."""
    fetch = partial(webhooks.list_webhooks, connection, call.bearer.organisation_id)
    return await answer_page(call, query, "webhooks", UUID, fetch)


@webhooks_endpoint("GET", "/webhooks/{id}", answers=Webhook)
async def get_webhook(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A webhook, and whether its deliveries arrive."""
    return _answer_of_webhook(await _own_webhook(call, connection, id))


@alteration(
    "/webhooks/{id}",
    tag="Webhooks",
    scope=SCOPES,
    answers=Webhook,
    patch=WebhookSettings,
    problems=("source-not-on-key", "stale-version"),
)
async def update_webhook(call: Call, id: UUID, body: Patch, connection: Connection) -> Response[bytes]:
    """Change the address of a webhook, its events, or whether it is active.

    Deliveries that wait go to the new address at once. While `active` is false nothing is sent or stored for later;
    activated again, the webhook gets one event that says from where to read the changes of suppliers it missed. Its
    secret stays; a webhook with another secret is another webhook.
    """
    before = await _own_webhook(call, connection, id, lock=True)
    require_match(call, _etag(before))
    after = apply_patch(before, body, WebhookSettings)
    if body.keys() - {"active"}:
        after = _checked_settings(call, after)
    updated = await webhooks.update_webhook(connection, before, after, call.services.now())
    await _write_entry(call, connection, "webhook.changed", id)
    return _answer_of_webhook(updated)


@webhooks_endpoint("DELETE", "/webhooks/{id}", answers=None, status=204, headers=IF_MATCH, problems=("stale-version",))
async def delete_webhook(call: Call, id: UUID, connection: Connection) -> None:
    """Delete a webhook, its deliveries that wait, and the log of earlier ones."""
    require_match(call, _etag(await _own_webhook(call, connection, id, lock=True)))
    await webhooks.delete_webhook(connection, id)
    await _write_entry(call, connection, "webhook.deleted", id)


@webhooks_endpoint("GET", "/webhooks/{id}/deliveries", answers=Page[WebhookDelivery])
async def list_webhook_deliveries(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The deliveries to a webhook, the latest first, with every attempt.

    Those that ended are stored for 30 days, at most the latest 1,000; beyond 1,000 that wait the earliest are given up.
    """
    await _own_webhook(call, connection, id)
    fetch = partial(webhooks.list_deliveries, connection, id)
    return await answer_page(call, query, f"deliveries/{id}", UUID, fetch)


@webhooks_endpoint(
    "POST", "/webhooks/{id}/deliveries/{delivery_id}/retry", answers=WebhookDelivery, problems=("conflict",)
)
async def retry_webhook_delivery(call: Call, id: UUID, delivery_id: UUID, connection: Connection) -> WebhookDelivery:
    """Attempt a delivery now, also one that was given up or has arrived.

    It keeps its id and body. Where this fails too, it is attempted again as long as it is less than three days old.
    409 while the webhook is inactive.
    """
    await _own_webhook(call, connection, id, lock=True, active=True)
    await _find_delivery(connection, id, delivery_id)
    await webhooks.retry_delivery(connection, delivery_id, call.services.now())
    return await _find_delivery(connection, id, delivery_id)


@webhooks_creation("/webhooks/{id}/ping", answers=WebhookDelivery, status=202, problems=("conflict",))
async def ping_webhook(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """Send a webhook the event “ping”, to try it out.

    Its outcome is in `GET /webhooks/{id}/deliveries`, as for any other event. 409 while the webhook is inactive.
    """
    await _own_webhook(call, connection, id, lock=True, active=True)

    async def queue_ping() -> Answer:
        delivery_id = await webhooks.queue_event(connection, id, "ping", {}, call.services.now())
        await wake_servers(connection)
        return created_answer(await _find_delivery(connection, id, delivery_id), status=202)

    return await answer_once(call, connection, b"", queue_ping)


async def _write_entry(call: Call, connection: Connection, action: str, webhook_id: UUID) -> None:
    """Write a journal entry about a webhook, without its address, which may hold a secret."""
    await write_entry(connection, actor_of(call.bearer), action, f"webhook:{webhook_id}", call.services.now())


async def _own_webhook(
    call: Call, connection: Connection, webhook_id: UUID, *, lock: bool = False, active: bool = False
) -> Webhook:
    """The organisation's webhook (`lock`: locked). Raises NotFound, and Conflict if it must be `active` and is not."""
    found = await webhooks.get_webhook(connection, call.bearer.organisation_id, webhook_id, lock=lock)
    own = require_found(found, _SAID["no_webhook"])
    if active and not own.active:
        raise Conflict("inactive_webhook", _SAID["inactive"])
    return own


async def _find_delivery(connection: Connection, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    return require_found(await webhooks.get_delivery(connection, webhook_id, delivery_id), _SAID["no_delivery"])


def _checked_settings(call: Call, wanted: WebhookSettings) -> WebhookSettings:
    """The settings to store, by default with the key's sources (`platform`: all). Raises InvalidContent, Refusal."""
    import httpx  # noqa: PLC0415 - would keep every start waiting

    try:
        url = httpx.URL(wanted.url)
        is_address = bool(url.host) and not (url.userinfo or url.fragment) and 0 < (url.port or 80) < 65_536
    except (httpx.InvalidURL, ValueError):
        is_address = False
    if not is_address:
        raise InvalidContent((Problem("/url", "bad_address", _SAID["bad_url"]),))
    client = call.bearer
    sources = wanted.sources
    if "import.finished" in wanted.events:
        require_scope(client, "sync", "admin")
        for source in sources or ():
            require_source(client, source)
    if sources is None and not client.may("platform"):
        sources = client.sources
    return WebhookSettings(url=wanted.url, events=wanted.events, sources=sources, active=wanted.active)


def _answer_of_webhook(webhook: Webhook) -> Response[bytes]:
    headers = {"content-type": JSON, "etag": _etag(webhook), "cache-control": "private, no-cache"}
    return Response(msgspec.json.encode(webhook), headers=headers)


def _etag(webhook: Webhook) -> str:
    """The entity tag of a webhook's settings; outcomes of deliveries do not change the tag."""
    return etag_of(msgspec.json.encode((webhook.id, webhook.updated_at)))
