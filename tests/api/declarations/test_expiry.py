"""Who declared what will soon end is asked again, by as many e-mails as its buyer may send in a day."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from api.declarations.expiry import end_due
from db.core.engine import transaction
from db.schema.campaign_tables import declaration_links, declaration_mails
from matching.reference import Reference
from tests.api.exchanges.steps import keyless
from tests.api.mailbox import PUBLIC_URL, emailing
from tests.api.organisations import member
from tests.api.sync.factories import put_record


async def test_they_are_asked_again_within_the_quota_of_the_day_and_the_others_on_another(
    lasting_database_url: str, reference: Reference, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with emailing(lasting_database_url, reference) as (client, _):
        services, owner = client.services, await member(client, "needs")
        until = (services.today() + timedelta(days=10)).isoformat()
        for number in ("1", "2"):
            supplier = (await put_record(client, source, number, offers=[], name=f"Atelier {number}"))["supplier_id"]
            link = (await owner.post(f"/suppliers/{supplier}/links", {})).json()
            said = {"contact": {"email": f"{number}@atelier.example"}, "valid_until": until}
            path = link["url"].removeprefix(PUBLIC_URL)
            assert (await keyless(client, "PUT", path, json=said)).status_code == 200
        monkeypatch.setattr(type(services.settings), "emails_per_day", 1)
        queued = (
            sa.select(sa.func.count())
            .select_from(declaration_mails.join(declaration_links))
            .where(declaration_links.c.organisation_id == owner.organisation_id)
        )
        numbers, now = [], services.now()
        for days in (0, 0, 2, 4):
            monkeypatch.setattr(services, "now", lambda days=days: now + timedelta(days=days))
            assert await end_due(services)
            async with transaction(services.database) as connection:
                numbers.append(await connection.scalar(queued))
        assert numbers == [1, 1, 2, 2]
