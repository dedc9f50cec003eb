"""Sends the deliveries of webhooks: signed, over HTTP, and only to public addresses unless private ones are allowed."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import httpx
import structlog

from api.directory.routes import FEED
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from api.web.pagination import write_cursor
from db.core.engine import Connection, transaction
from db.delivery.outbox import Claimed
from db.delivery.webhook_log import note_attempt
from db.delivery.webhooks import Target, queue, target, webhooks_behind
from db.schema.webhook_tables import webhook_deliveries
from db.suppliers.read import START, Position
from domain.delivery.backoff import Outcome, Result
from domain.delivery.webhook import SCHEDULE, SuppliersChanged, is_public, signature

ANSWER_SECONDS = 10.0
PATIENCE = timedelta(seconds=20)
GONE = 410

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_HEADERS = {"User-Agent": "Vivier", "Content-Type": "application/json"}


@asynccontextmanager
async def webhook_kind(services: Services) -> AsyncIterator[DeliveryKind]:
    """The deliveries of webhooks as a kind of delivery."""

    async def queue_changes(connection: Connection) -> None:
        now = services.now()
        for webhook_id, since, version in await webhooks_behind(connection):
            cursor = write_cursor(FEED, Position(since + 1, START.supplier_id))
            data = SuppliersChanged(data_version=version, since_version=since, cursor=cursor)
            await queue(connection, webhook_id, "suppliers.changed", data, now, version)

    # no proxy from the environment: it would see receivers' secrets, and reach addresses that are refused here
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False) as client:
        yield DeliveryKind(
            outbox=webhook_deliveries,
            schedule=SCHEDULE,
            attempt=Sender(client, services).attempt,
            queue=queue_changes,
            also_note=_log_attempt,
            patience=PATIENCE,
        )


class Sender:
    """Makes attempts; receivers may be on this machine or a private network where the settings say so."""

    def __init__(self, client: httpx.AsyncClient, services: Services) -> None:
        self.client, self.services = client, services

    async def attempt(self, claimed: Claimed) -> Outcome:
        async with transaction(self.services.database) as connection:
            receiver = await target(connection, claimed.row["lane"])
        if receiver is None:
            return Outcome(failure="error", final=True)
        try:
            return await self._send(receiver, claimed)
        except httpx.TimeoutException:
            return Outcome(failure="timeout")
        except (httpx.HTTPError, socket.gaierror) as failure:
            return Outcome(failure=_failure_word(failure))

    async def _send(self, receiver: Target, claimed: Claimed) -> Outcome:
        body: bytes = claimed.row["body"]
        headers = {
            **_HEADERS,
            "Vivier-Event": claimed.row["event"],
            "Vivier-Delivery": str(claimed.id),
            "Vivier-Signature": signature(receiver.secret, self.services.now(), body),
        }
        url = httpx.URL(receiver.url)
        extensions: dict[str, Any] = {}
        if not self.services.settings.webhook_private:
            address = await _public_address(url)
            if address is None:
                return Outcome(failure="private_address")
            # connect to the address that was checked: the name could resolve to another one a moment later
            headers["Host"] = url.netloc.decode("ascii")
            extensions = {"sni_hostname": url.raw_host.decode("ascii")}
            url = url.copy_with(host=address)
        # the body of the answer is not read: nobody needs it
        async with self.client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer:
            return _outcome(answer)


async def _log_attempt(connection: Connection, claimed: Claimed, result: Result) -> None:
    await note_attempt(connection, claimed, result)
    if result.status == "given_up":
        log.warning(
            "a delivery to a webhook was given up",
            webhook=str(claimed.row["lane"]),
            delivery=str(claimed.id),
            failure=result.outcome.failure,
        )


async def _public_address(url: httpx.URL) -> str | None:
    """An address of the host; None where one of its addresses is not public. Raises socket.gaierror without any."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
    addresses = [str(address[0]).partition("%")[0] for *_, address in found]
    return addresses[0] if all(is_public(ip_address(address)) for address in addresses) else None


def _outcome(answer: httpx.Response) -> Outcome:
    if answer.is_success:
        return Outcome(code=answer.status_code)
    requested = answer.headers.get("retry-after", "")
    seconds = int(requested) if requested.isascii() and requested.isdecimal() and len(requested) < 10 else 0
    return Outcome(
        failure="redirect" if answer.is_redirect else "http_status",
        code=answer.status_code,
        final=answer.status_code == GONE,
        pause=timedelta(seconds=seconds),
    )


def _failure_word(failure: BaseException | None) -> str:
    """The failure word for an exception, from its chain of causes."""
    while failure is not None:
        if isinstance(failure, socket.gaierror):
            return "name"
        if isinstance(failure, ssl.SSLError):
            return "tls"
        failure = failure.__cause__ or failure.__context__
    return "connection"
