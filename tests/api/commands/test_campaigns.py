"""`vivier campaigns` shows what became of an organisation's campaigns."""

import asyncio
from argparse import Namespace

import pytest

from api.commands.campaigns import run
from api.settings import read_settings
from tests.api.campaigns.steps import campaigner
from tests.api.sync.factories import Client


async def test_campaigns_are_listed_and_their_recipients_written(
    served: Client, lasting_database_url: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    buyer = await campaigner(served)
    made = await buyer.plan(title="Métiers du large")
    settings = read_settings({"DATABASE_URL": lasting_database_url})
    organisation = str(buyer.organisation_id)
    await asyncio.to_thread(run, Namespace(action="list", organisation=organisation), settings)
    recipients = Namespace(action="recipients", organisation=organisation, campaign=made["id"])
    await asyncio.to_thread(run, recipients, settings)
    written = capfdbinary.readouterr().out.decode()
    assert "Métiers du large" in written
    assert "supplier_id,name,siret" in written
