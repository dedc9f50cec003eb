"""The clock of the machine jumps while an exchange goes on, as it does when it is set right or a machine is resumed."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from api.cli import main
from matching.reference import Reference
from tests.api.conftest import JOURNAL_KEY
from tests.api.emailing import all_sent, emailing
from tests.api.exchanges.steps import opened, opening, some_suppliers
from tests.api.needs.steps import create
from tests.api.sync.factories import path_of, record

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class JumpingClock:
    """The time, wrong by `jump`."""

    jump: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.jump


async def test_an_exchange_keeps_its_order_and_its_journal(
    database_url: str, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E-mails go out, messages stay in the order of writing, changes are followed, and the journal verifies."""
    clock = JumpingClock()
    async with emailing(database_url, reference, clock) as (client, mailbox):
        suppliers = await some_suppliers(client, "annuaire", contact={"email": "jardin@jardin.example"})
        need = await create(client)
        exchange = opened(client, await opening(client, f"/needs/{need['id']}", suppliers))
        await all_sent(exchange)
        for number, clock.jump in enumerate((HOUR, -DAY, 2 * HOUR, -HOUR, timedelta())):
            assert (await exchange.write(body=f"Message {number}")).status_code == 201
            await exchange.reply(0, body=f"Réponse {number}")
            await all_sent(exchange)
            stored = await client.put(path_of("annuaire", "a"), json=record("a", description=f"Au saut {number}"))
            await client.services.directory.wait_beyond(stored.json()["data_version"] - 1, 20)
            assert client.services.directory.index.data_version >= stored.json()["data_version"]
        messages = (await exchange.shown())["messages"]
        assert [each["body"] for each in messages][1:] == [
            text.format(number) for number in range(5) for text in ("Message {}", "Réponse {}")
        ]
        times = [datetime.fromisoformat(each["created_at"]) for each in messages]
        assert times == sorted(times)
        assert len(mailbox.received) == 2 * 6
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("VIVIER_JOURNAL_KEY", JOURNAL_KEY)
    assert await asyncio.to_thread(main, ["audit", "verify"]) == 0
