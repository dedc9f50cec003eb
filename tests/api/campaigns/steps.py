"""Short ways to run a campaign, as a buyer's tool does."""

from typing import Any

import httpx

from domain.organisation import Scope
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client, put_record

QUESTION = {
    "title": "Métiers des ESAT",
    "subject": "Que faites-vous ?",
    "body": "Nous préparons nos achats.\n\nDites-nous ce que vous faites.",
    "sender_address": ["1 place de la Mairie", "56000 VANNES"],
    "contact": {"name": "Anne Le Goff", "email": "anne.legoff@mairie.example", "phone": "02 97 00 00 00"},
}
ISLE = {"codes": ["commune:29083"]}
"""The Île-de-Sein, where tests take away the suppliers that they put."""
THERE: dict[str, Any] = {"offers": [], "location": {"lat": 48.0366, "lon": -4.8508}}
STREET = {"street": "3 quai des Paimpolais", "postal_code": "29990", "city": "Île-de-Sein", "commune": "29083"}
NOWHERE = {"commune": "29083"}


class Campaigner(Member):
    """Somebody of an organisation of its own, who asks suppliers."""

    async def ask(self, **fields: Any) -> httpx.Response:
        return await self.post("/campaigns", QUESTION | {"territory": ISLE} | fields)

    async def plan(self, **fields: Any) -> dict[str, Any]:
        answer = await self.ask(**fields)
        assert answer.status_code == 201, answer.text
        campaign: dict[str, Any] = answer.json()
        return campaign

    async def shown(self, campaign: dict[str, Any]) -> dict[str, Any]:
        answer = await self.get(f"/campaigns/{campaign['id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def campaigner(client: Client, *scopes: Scope) -> Campaigner:
    """Somebody of an organisation that no other test knows, with scope `needs` and these."""
    made = await member(client, "needs", *scopes)
    return Campaigner(client, made.organisation_id, made.headers["Authorization"].removeprefix("Bearer "), made.key)


async def put_unknown(client: Client, source: str, external_id: str, **fields: Any) -> str:
    """A supplier of unknown trade on the isle, by letter unless said otherwise; its id, once it can be found."""
    usual = {"name": f"Structure {external_id}", "address": STREET, "approvals": [{"kind": "ESAT"}]}
    stored = await put_record(client, source, external_id, **THERE | usual | fields)
    await client.services.directory.wait_beyond(stored["data_version"] - 1, 60)
    supplier_id: str = stored["supplier_id"]
    return supplier_id
