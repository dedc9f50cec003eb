"""Attempts to deliver webhooks: signed, over HTTP, only to public addresses unless private ones are allowed."""

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from ipaddress import ip_address
from typing import Any

import httpx

from api.runtime.services import Services
from db.core.engine import transaction
from db.delivery.outbox import Claimed
from db.delivery.webhooks import Target, target
from domain.delivery import Outcome, is_public, signature

ANSWER_SECONDS = 10.0
LOOKED_UP_AT_ONCE = 16
GONE = 410

_HEADERS = {"User-Agent": "Vivier", "Content-Type": "application/json"}


class Sender:
    """Makes attempts; receivers may be on this machine or a private network where the settings say so."""

    def __init__(self, services: Services) -> None:
        # no proxy from the environment: it would see receivers' secrets, and reach addresses that are refused here
        self._client = httpx.AsyncClient(timeout=ANSWER_SECONDS, follow_redirects=False, trust_env=False)
        self._services = services
        # a look-up cannot be given up, and whoever owns the name says how long it lasts
        self._looking_up = ThreadPoolExecutor(LOOKED_UP_AT_ONCE, "names")

    async def close(self) -> None:
        """Close all connections."""
        self._looking_up.shutdown(wait=False, cancel_futures=True)
        await self._client.aclose()

    async def attempt(self, claimed: Claimed) -> Outcome:
        async with transaction(self._services.database) as connection:
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
            "Vivier-Signature": signature(receiver.secret, self._services.now(), body),
        }
        url = httpx.URL(receiver.url)
        extensions: dict[str, Any] = {}
        if not self._services.settings.webhook_private:
            address = await self._public_address(url)
            if address is None:
                return Outcome(failure="private_address")
            # connect to the address that was checked: the name could resolve to another one a moment later
            headers["Host"] = url.netloc.decode("ascii")
            extensions = {"sni_hostname": url.raw_host.decode("ascii")}
            url = url.copy_with(host=address)
        # the body of the answer is not read: nobody needs it
        async with self._client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer:
            return _outcome(answer)

    async def _public_address(self, url: httpx.URL) -> str | None:
        """An address of the host; None where one of its addresses is not public. Raises socket.gaierror without any.

        Looked up beside the threads that requests need.
        """
        port = url.port or (443 if url.scheme == "https" else 80)
        look_up = partial(socket.getaddrinfo, url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._looking_up, look_up)
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
