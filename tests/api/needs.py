"""Short ways to keep and change needs, as a buyer's tool would."""

from typing import Any

import httpx

from api.negotiation import MERGE_PATCH
from db.clients import create_key
from db.connect import transaction
from tests.api.factories import Client

NEED: dict[str, Any] = {
    "title": "Espaces verts",
    "on": "2026-11-24",
    "territory": {"codes": ["departement:56"]},
    "lots": [{"id": "1", "segments": ["ev-entretien"], "reserved": ["iae"]}],
}


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
