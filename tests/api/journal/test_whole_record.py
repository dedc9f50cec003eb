"""Whatever is done over HTTP to what the record binds, the journal of whose it is tells of it, and nothing is found."""

from typing import Any
from uuid import UUID

import pytest

from tests.api.campaigns.steps import ISLE, QUESTION, put_unknown
from tests.api.needs.steps import NEED
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client, path_of
from tests.db.journal.samples import found

MEETING: dict[str, Any] = {
    "format": "site_visit",
    "title": "Visite",
    "starts_at": "2027-01-12T09:00:00Z",
    "ends_at": "2027-01-12T10:00:00Z",
    "participants": [{"role": "buyer", "name": "Anne Le Goff"}],
    "follow_ups": [{"what": "Envoyer les volumes", "who": "Anne Le Goff"}],
}
MESSAGE = {"subject": "Volumes", "body": "Bonjour", "channel": "letter"}
CONTACT = {"name": "Zoé Kervoal", "email": "zoe.kervoal@mairie.example"}
HOOK = {"url": "https://hooks.example/vivier", "events": ["suppliers.changed"]}
NOTE = {"offers": [{"segments": ["ev-entretien"]}], "how": "Dit par Anne Le Goff"}


async def done(answer: Any) -> Any:
    """The content of an answer that is no refusal."""
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


@pytest.fixture
async def operator(served: Client) -> Member:
    return await member(served, "platform", "needs", "admin", "read")


async def test_what_is_done_is_told(served: Client, operator: Member, source: str) -> None:
    """Made, changed, revoked, erased and deleted: keys, persons, links, feeds, webhooks, meetings, notes, campaigns."""
    organisation = await done(await operator.post("/organisations", {"name": f"Ville {source}"}))
    asked = {"name": "Achats", "organisation": organisation["id"], "scopes": ["needs", "admin", "read"]}
    made = await done(await operator.post("/keys", asked))
    buyer = Member(served, UUID(organisation["id"]), made["secret"], operator.key)
    await done(await operator.patch(f"/organisations/{organisation['id']}", {"name": f"Mairie {source}"}))
    spare = await done(await buyer.post("/keys", {"name": "Anne Le Goff", "scopes": ["read"]}))
    await done(await buyer.delete(f"/keys/{spare['id']}"))
    supplier = await put_unknown(served, source, "1")

    kept, draft = [(await done(await buyer.post("/needs", NEED)))["need"]["id"] for _ in range(2)]
    meeting = await done(await buyer.post("/meetings", MEETING | {"need_ids": [kept, draft]}))
    await done(
        await buyer.patch(
            f"/meetings/{meeting['id']}",
            {"territory": ISLE, "need_ids": [draft, kept]},
            **{"If-Match": f'"{meeting["version"]}"'},
        )
    )
    await done(await buyer.delete(f"/needs/{draft}"))

    exchange = await done(
        await buyer.post(f"/needs/{kept}/exchanges", MESSAGE | {"recipients": [supplier], "contact": CONTACT})
    )
    reply_link = f"/exchanges/{exchange['id']}/recipients/{supplier}/reply-link"
    await done(await buyer.post(reply_link))
    await done(await buyer.delete(reply_link))
    link = await done(await buyer.post(f"/suppliers/{supplier}/links", {}))
    await done(await operator.delete(f"/suppliers/{supplier}/links/{link['id']}"))

    hook = await done(await buyer.post("/webhooks", HOOK))
    await done(await buyer.patch(f"/webhooks/{hook['id']}", {"active": False}, **{"If-Match": "*"}))
    await done(await buyer.post("/meetings/feed"))
    await done(await buyer.client.put(f"/suppliers/{supplier}/notes", json=NOTE, headers=buyer.headers))
    campaign = await done(await buyer.post("/campaigns", QUESTION | {"territory": ISLE}))
    await done(await buyer.patch(f"/campaigns/{campaign['id']}", {"title": "Métiers"}, **{"If-Match": "*"}))
    assert await found(served.services.database, buyer.organisation_id) == []

    for who in ({"name": "Anne Le Goff"}, CONTACT):
        await done(await operator.post("/privacy/erase", {key: who[key] for key in ("name", "email") if key in who}))
    await done(await buyer.delete("/meetings/feed"))
    await done(await buyer.delete(f"/suppliers/{supplier}/notes"))
    await done(await buyer.delete(f"/campaigns/{campaign['id']}"))
    await done(await buyer.delete(f"/webhooks/{hook['id']}"))
    await done(await served.delete(path_of(source, "1")))
    assert await found(served.services.database, buyer.organisation_id) == []
    assert await found(served.services.database, operator.organisation_id) == [f"key:{operator.key.id}"]
