"""Exchanges that tests of them begin with, and an application that sends e-mails of them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from matching.reference import Reference
from tests.api.exchanges.steps import Opened, create_exchange
from tests.api.mailbox import JumpingClock, PostOffice, emailing
from tests.api.sync.factories import Client
from tests.conftest import copied


@pytest.fixture(scope="module")
async def shared_office(
    server_url: str, administrator: "asyncpg.Connection[asyncpg.Record]", template: str, reference: Reference
) -> AsyncIterator[PostOffice]:
    clock = JumpingClock()
    async with copied(server_url, administrator, template) as url, emailing(url, reference, clock) as (client, mailbox):
        yield PostOffice(client, mailbox, clock)


@pytest.fixture
def office(shared_office: PostOffice) -> PostOffice:
    """An application that sends e-mail, on a database that the file's tests share, with nothing in its mailbox."""
    shared_office.mailbox.raw.clear()
    shared_office.clock.jump = timedelta()
    return shared_office


@pytest.fixture
async def exchange(served: Client, source: str) -> Opened:
    """An exchange with two suppliers of its own, about a need of its own."""
    return await create_exchange(served, source)


@pytest.fixture
async def alone(served: Client, source: str) -> Opened:
    """An exchange with one supplier."""
    return await create_exchange(served, source, 1)


@pytest.fixture(scope="module")
async def unanswered(served: Client) -> Opened:
    """An exchange in which nothing that tests send is taken."""
    return await create_exchange(served, "unanswered", 1)
