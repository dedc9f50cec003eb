"""Short ways to keep and change needs, as a buyer's tool would."""

from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import httpx

from api.web.content_negotiation import MERGE_PATCH
from db.api_keys import create_key, ensure_organisation
from db.core.engine import transaction
from db.journal.entries import entries
from domain.journal import Entry
from tests.api.sync.factories import Client, put_record

NEED: dict[str, Any] = {
    "title": "Espaces verts",
    "on": "2026-11-24",
    "territory": {"codes": ["departement:56"]},
    "lots": [{"id": "1", "segments": ["ev-entretien"], "reserved": ["iae"]}],
}

_spots = count()


def meeting_about(need: str, **fields: Any) -> dict[str, Any]:
    """A meeting about the need of this id, to be planned."""
    times = {"starts_at": "2026-12-01T09:00:00+01:00", "ends_at": "2026-12-01T12:00:00+01:00"}
    return {"need_ids": [need], "format": "online", "title": "Visio", **times} | fields


async def create(client: Client, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Keep a need; as it is told."""
    answer = await client.post("/needs", json=NEED | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    need: dict[str, Any] = answer.json()["need"]
    return need


async def change(client: Client, path: str, patch: Any, **headers: str) -> httpx.Response:
    """PATCH a merge patch."""
    return await client.patch(path, json=patch, headers={"Content-Type": MERGE_PATCH} | headers)


async def stranger(client: Client) -> dict[str, str]:
    """The headers of a key of another organisation, with scope `needs`."""
    now = client.services.now()
    async with transaction(client.services.database) as connection:
        secret, _ = await create_key(connection, name="autre", organisation="Autre acheteur", scopes=["needs"], now=now)
    return {"Authorization": f"Bearer {secret}"}


class Buyer:
    """An organisation of its own that buys gardening, at a spot where no other test has suppliers."""

    def __init__(self, client: Client, organisation_id: UUID, secret: str) -> None:
        self.client, self.organisation_id = client, organisation_id
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.spot = next(_spots)

    @property
    def here(self) -> dict[str, float]:
        """A point in the middle of France, 25 km or more from those of the 284 next buyers."""
        return {"lat": 44.2 + 0.25 * (self.spot % 15), "lon": -0.85 + 0.35 * (self.spot // 15 % 19)}

    def need(self, **fields: Any) -> dict[str, Any]:
        """A need at this spot, in which others appear only where a test puts them."""
        near = {"near": self.here, "radius_km": 10}
        return NEED | {"territory": near, "near_misses": 0} | fields

    async def supplier(self, source: str, external_id: str, **fields: Any) -> str:
        """Put a gardener here, and wait until it can be matched; its id."""
        area = {"offers": [{"segments": ["ev-entretien"], "service_area": {"radius_km": 5}}]}
        usual = {"name": f"Jardin {external_id}", "location": self.here, "address": None} | area
        stored = await put_record(self.client, source, external_id, **(usual | fields))
        await self.matched()
        return str(stored["supplier_id"])

    async def matched(self) -> None:
        """Wait until the server matches what the directory holds now."""
        await self.client.services.directory.catch_up()

    async def keep(self, **fields: Any) -> dict[str, Any]:
        """Keep a need; the whole answer."""
        answer = await self.post("/needs", self.need(**fields))
        assert answer.status_code == 201, answer.text
        kept: dict[str, Any] = answer.json()
        return kept

    async def frozen(self, need_id: str) -> dict[str, Any]:
        """The next version of a need's shortlist."""
        answer = await self.post(f"/needs/{need_id}/shortlists")
        assert answer.status_code == 201, answer.text
        shortlist: dict[str, Any] = answer.json()
        return shortlist

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers | headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers | headers)

    async def patch(self, path: str, patch: Any, **headers: str) -> httpx.Response:
        return await change(self.client, path, patch, **self.headers | headers)

    async def delete(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.delete(path, headers=self.headers | headers)

    async def journal(self, need_id: str) -> list[Entry]:
        """What was noted of a need, oldest first."""
        async with transaction(self.client.services.database) as connection:
            return list(await entries(connection, self.organisation_id, f"need:{need_id}", 0, 200))

    async def noted(self, need_id: str) -> list[str]:
        return [entry.action for entry in await self.journal(need_id)]


async def new_buyer(client: Client) -> Buyer:
    """A buyer whom no other test knows, with scopes `needs` and `match`."""
    name, now = f"Acheteur {uuid4().hex}", client.services.now()
    async with transaction(client.services.database) as connection:
        organisation_id = await ensure_organisation(connection, name, now)
        secret, _ = await create_key(connection, name="test", organisation=name, scopes=["needs", "match"], now=now)
    return Buyer(client, organisation_id, secret)


def shown(lot: Mapping[str, Any]) -> list[str]:
    """The candidates of a lot, by id."""
    return [candidate["supplier"]["id"] for candidate in lot["candidates"]]
