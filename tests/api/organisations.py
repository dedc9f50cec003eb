"""Organisations that a test has to itself, each with a key."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from api.web.content_negotiation import MERGE_PATCH
from db.api_keys import create_key, ensure_organisation
from db.core.engine import transaction
from domain.organisation import Key, Scope
from tests.api.sync.factories import Client


class Member:
    """Somebody with a key of an organisation."""

    def __init__(self, client: Client, organisation_id: UUID, secret: str, key: Key) -> None:
        self.client, self.organisation_id, self.key = client, organisation_id, key
        self.headers = {"Authorization": f"Bearer {secret}"}

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=self.headers | headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=self.headers | headers)

    async def patch(self, path: str, change: Any, **headers: str) -> httpx.Response:
        headers = self.headers | {"Content-Type": MERGE_PATCH} | headers
        return await self.client.patch(path, json=change, headers=headers)

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(path, headers=self.headers)


async def member(
    client: Client, *scopes: Scope, name: str = "test", organisation: str | None = None, **of_key: Any
) -> Member:
    """Somebody of an organisation, by default of a new one, with a key of these scopes; `of_key`: see `create_key`."""
    now, organisation = client.services.now(), organisation or f"Organisation {uuid4().hex}"
    async with transaction(client.services.database) as connection:
        organisation_id = await ensure_organisation(connection, organisation, now)
        secret, key = await create_key(
            connection, name=name, organisation=organisation, scopes=scopes, now=now, **of_key
        )
    return Member(client, organisation_id, secret, key)
