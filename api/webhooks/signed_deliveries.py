"""Deliveries of webhooks: signed, over HTTP, only to public addresses unless private ones are allowed."""

import asyncio
import binascii
import hashlib
import hmac
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from api.directory.routes import FEED
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from api.web.pagination import write_cursor
from db.core.engine import Connection, transaction
from db.delivery.outbox import ClaimedRow
from db.delivery.webhooks import (
    OF_ONE_ORGANISATION,
    DeliveryTarget,
    find_target,
    lock_due_webhooks,
    lock_webhook,
    note_attempt,
    queue_event,
)
from db.schema.supplier_tables import webhook_deliveries
from db.suppliers.feed import end_of_version
from domain.webhooks import SCHEDULE, SECRET_PREFIX, Outcome, Result, SuppliersChanged, is_public

if TYPE_CHECKING:
    import httpx  # loaded for the first attempt: it would keep every start waiting

PATIENCE, AT_ONCE = timedelta(seconds=20), 16
ANSWER_SECONDS = 10.0
LOOKED_UP_AT_ONCE = 16
GONE = 410

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@asynccontextmanager
async def webhook_kind(services: Services) -> AsyncIterator[DeliveryKind]:
    """The kind of delivery that sends webhooks."""

    async def queue_changes_for_webhooks(connection: Connection) -> None:
        """Queue `suppliers.changed` for the webhooks that lack changes and wait for no such event."""
        now = services.now()
        for webhook_id, since, version in await lock_due_webhooks(connection):
            cursor = write_cursor(FEED, await end_of_version(connection, since))
            data = SuppliersChanged(data_version=version, since_version=since, cursor=cursor)
            await queue_event(connection, webhook_id, "suppliers.changed", data, now, version)

    async def note_and_log_attempt(connection: Connection, claimed: ClaimedRow, result: Result) -> None:
        await note_attempt(connection, claimed, result)
        if result.status == "given_up":
            said = {"webhook": str(claimed.row["lane"]), "delivery": str(claimed.id), "failure": result.outcome.failure}
            log.warning("a delivery to a webhook was given up", **said)

    sender = WebhookSender(services)
    try:
        yield DeliveryKind(
            outbox=webhook_deliveries,
            schedule=SCHEDULE,
            attempt=sender.attempt,
            queue=queue_changes_for_webhooks,
            lock=lock_webhook,
            also_note=note_and_log_attempt,
            patience=PATIENCE,
            at_once=AT_ONCE,
            share=OF_ONE_ORGANISATION,
        )
    finally:
        await sender.close()


class WebhookSender:
    """Sends webhooks; the settings say whether receivers may be on this machine or a private network."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._client: httpx.AsyncClient | None = None
        # a look-up cannot be given up, and whoever owns the name says how long it lasts
        self._looking_up = ThreadPoolExecutor(LOOKED_UP_AT_ONCE, "names")

    async def close(self) -> None:
        """Close all connections."""
        self._looking_up.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            await self._client.aclose()

    async def attempt(self, claimed: ClaimedRow) -> Outcome:
        """Attempt to send a webhook's event; returns whether it arrived, why not, and whether to try again."""
        async with transaction(self._services.database) as connection:
            receiver = await find_target(connection, claimed.row["lane"])
        if receiver is None:
            return Outcome(failure="error", final=True)
        httpx = await asyncio.to_thread(import_module, "httpx")
        if self._client is None:
            # no proxy from the environment: it would see receivers' secrets, and reach addresses that are refused here
            self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False)
        try:
            return await self._send_signed(self._client, httpx.URL(receiver.url), receiver, claimed)
        except httpx.TimeoutException:
            return Outcome(failure="timeout")
        except (httpx.HTTPError, socket.gaierror) as failure:
            cause: BaseException | None = failure
            while cause is not None and not isinstance(cause, socket.gaierror | ssl.SSLError):
                cause = cause.__cause__ or cause.__context__
            if cause is None:
                return Outcome(failure="connection")
            return Outcome(failure="name" if isinstance(cause, socket.gaierror) else "tls")

    async def _send_signed(
        self, client: "httpx.AsyncClient", url: "httpx.URL", receiver: DeliveryTarget, claimed: ClaimedRow
    ) -> Outcome:
        body: bytes = claimed.row["body"]
        headers = {
            "User-Agent": "Vivier",
            "Content-Type": "application/json",
            "Vivier-Event": claimed.row["event"],
            "Vivier-Delivery": str(claimed.id),
            **signature_headers(receiver.secret, claimed.id, self._services.now(), body),
        }
        extensions: dict[str, Any] = {}
        if not self._services.settings.webhook_private:
            port = url.port or (443 if url.scheme == "https" else 80)
            look_up = partial(socket.getaddrinfo, url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
            # beside the threads that requests need
            found = await asyncio.get_running_loop().run_in_executor(self._looking_up, look_up)
            addresses = [str(address[0]).partition("%")[0] for *_, address in found]
            if not all(is_public(ip_address(address)) for address in addresses):
                return Outcome(failure="private_address")
            # connect to the address that was checked: the name could resolve to another one a moment later
            headers["Host"] = url.netloc.decode("ascii")
            extensions = {"sni_hostname": url.raw_host.decode("ascii")}
            url = url.copy_with(host=addresses[0])
        # the body of the answer is not read: nobody needs it
        async with client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer:
            if answer.is_success:
                return Outcome(code=answer.status_code)
            wished = answer.headers.get("retry-after", "")
            seconds = int(wished) if wished.isascii() and wished.isdecimal() and len(wished) < 10 else 0
            return Outcome(
                failure="redirect" if answer.is_redirect else "http_status",
                code=answer.status_code,
                final=answer.status_code == GONE,
                pause=timedelta(seconds=seconds),
            )


def signature_headers(secret: str, delivery_id: UUID, moment: datetime, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows who sent this body, at that moment and under that id.

    `webhook-*` are those of Standard Webhooks: HMAC-SHA256 over `<id>.<seconds since 1970>.<body>`. `Vivier-Signature`,
    of earlier releases, is over `<seconds>.<body>`, in hexadecimal, with the secret's characters as key.
    """
    t = int(moment.timestamp())
    earlier = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    signed = f"{delivery_id}.{t}.".encode() + body
    digests = (hmac.digest(key, signed, "sha256") for key in signing_keys(secret))
    return {
        "webhook-id": str(delivery_id),
        "webhook-timestamp": str(t),
        "webhook-signature": " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests),
        "Vivier-Signature": f"t={t},v1={earlier}",
    }


def signing_keys(secret: str) -> Iterator[bytes]:
    """The keys that a receiver may take a secret for: of `whsec_…` the base64 alone, else its characters as well."""
    encoded = secret.removeprefix(SECRET_PREFIX)
    with suppress(binascii.Error):  # a secret that is no base64 is its characters
        yield b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
        if encoded != secret:
            return
    yield secret.encode()
