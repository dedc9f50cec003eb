"""Exchanges that tests of them begin with, and an application that sends e-mails of them."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from matching.reference import Reference
from tests.api.exchanges.steps import Opened, create_exchange
from tests.api.mailbox import JumpingClock, PostOffice, emailing
from tests.api.sync.factories import Client
from tests.conftest import new_database_url

url_of_file = pytest.fixture(new_database_url, scope="module")


@pytest.fixture(scope="module")
async def shared_office(url_of_file: str, reference: Reference) -> AsyncIterator[PostOffice]:
    clock = JumpingClock()
    async with emailing(url_of_file, reference, clock) as (client, mailbox):
        yield client, mailbox, clock


@pytest.fixture
def office(shared_office: PostOffice) -> PostOffice:
    """A client of the application of the file's tests that sends e-mail, its mailbox, which is empty, and its clock."""
    _, mailbox, clock = shared_office
    mailbox.raw.clear()
    clock.jump = timedelta()
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
