"""An application that writes to suppliers through a real mail server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from api.app import create_app
from api.settings import read_settings
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, JOURNAL_KEY, alive
from tests.api.exchanges.steps import Opened
from tests.api.mailbox import Mailbox, listening
from tests.api.sync.factories import Client

PUBLIC_URL = "https://vivier.example.org"


@asynccontextmanager
async def emailing(
    database_url: str, reference: Reference, now: Callable[[], datetime] | None = None
) -> AsyncIterator[tuple[Client, Mailbox]]:
    """The administrator's client of such an application, and the mailbox where everything arrives.

    `now`: its clock, where that is not the machine's.
    """
    async with listening(Mailbox()) as mailbox:
        settings = read_settings(
            {
                "VIVIER_ADMIN_KEY": ADMIN_KEY,
                "DATABASE_URL": database_url,
                "VIVIER_SMTP_URL": f"smtp://127.0.0.1:{mailbox.port}?starttls=never",
                "VIVIER_MAIL_FROM": "sourcing@example.org",
                "VIVIER_PUBLIC_URL": PUBLIC_URL,
                "VIVIER_JOURNAL_KEY": JOURNAL_KEY,
            }
        )
        app = create_app(settings, reference)
        app.state.services.now = now or app.state.services.now
        async with alive(app), Client(app, ADMIN_KEY) as client:
            await client.services.directory.wait_beyond(-1, 20)
            yield client, mailbox


async def all_sent(exchange: Opened) -> dict[str, Any]:
    """The exchange, once none of its messages waits for its e-mail any more."""
    async with asyncio.timeout(30):
        while True:
            shown = await exchange.shown()
            states = {each["state"] for message in shown["messages"] for each in message["deliveries"]}
            if "queued" not in states:
                return shown
