"""Short ways to send records and files to the application, as a client would."""

import json
from collections.abc import AsyncIterator, Iterable
from hashlib import blake2b
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar
from stdnum import luhn

from api.runtime.services import Services
from db.api_keys import create_key
from db.core.engine import transaction
from domain.organisation import Scope

NDJSON = "application/x-ndjson"
RECORD: dict[str, Any] = {
    "name": "Les Jardins du Blavet",
    "approvals": [{"kind": "ACI"}],
    "address": {"city": "Pontivy", "commune": "56178"},
    "location": {"lat": 48.0683, "lon": -2.9628},
    "offers": [{"segments": ["ev-entretien"], "service_area": {"radius_km": 40}}],
}


class Client(httpx.AsyncClient):
    """Sends requests to an application on the loop of the test, several at once where the test does."""

    def __init__(self, app: Litestar, key: str) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),  # type: ignore[arg-type]
            base_url="http://testserver.local",
            headers={"Authorization": f"Bearer {key}"},
        )
        self.app = app
        self.services: Services = app.state.services


def path_of(source: str, external_id: str = "1") -> str:
    """Where a source's record is put."""
    return f"/sources/{source}/suppliers/{external_id}"


def siret(path: str) -> str:
    """A SIRET of its own for each path, so that no two records are taken for one supplier; that of no public body."""
    digits = f"{3 * 10**7 + int.from_bytes(blake2b(path.encode(), digest_size=4).digest()) % (7 * 10**7)}"
    site = f"{digits}{luhn.calc_check_digit(digits)}0001"
    return site + luhn.calc_check_digit(site)


def misprinted(number: str) -> str:
    """The SIRET with a check digit that is not its own."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def record(path: str, **fields: Any) -> dict[str, Any]:
    """What is put at a path: a garden at Pontivy, unless said otherwise."""
    return RECORD | {"siret": siret(path)} | fields


async def put(client: Client, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """PUT a JSON body, by default the record of that path."""
    content = json.dumps(record(path) if body is None else body)
    return await client.put(path, content=content, headers={"Content-Type": "application/json"} | headers)


async def put_record(client: Client, source: str, external_id: str = "1", **fields: Any) -> dict[str, Any]:
    """Store a record that is in order; the answer."""
    path = path_of(source, external_id)
    answer = await put(client, path, record(path, **fields))
    assert answer.status_code in {200, 201}, answer.text
    stored: dict[str, Any] = answer.json()
    return stored


def lines(rows: Iterable[Any]) -> bytes:
    """Rows as NDJSON; texts and bytes as they are."""
    return b"".join(_line(row) + b"\n" for row in rows)


def _line(row: Any) -> bytes:
    if isinstance(row, bytes):
        return row
    return row.encode() if isinstance(row, str) else json.dumps(row).encode()


def rows(source: str, *external_ids: str, **fields: Any) -> list[dict[str, Any]]:
    """The source's records of these ids."""
    return [
        {"external_id": one, **record(path_of(source, one), **({"name": f"Atelier {one}"} | fields))}
        for one in external_ids
    ]


async def send(
    client: Client,
    source: str,
    content: bytes | AsyncIterator[bytes],
    media_type: str = NDJSON,
    query: str = "",
    **headers: str,
) -> httpx.Response:
    """POST a file to be imported."""
    path = f"/sources/{source}/imports{query and '?' + query}"
    return await client.post(path, content=content, headers={"Content-Type": media_type} | headers)


def counts(report: dict[str, Any]) -> dict[str, int]:
    """The counts that are not zero."""
    names = ("received", "added", "changed", "unchanged", "removed", "kept_absent", "rejected")
    return {name: report[name] for name in names if report[name]}


async def key(client: Client, *scopes: Scope, sources: tuple[str, ...] = ()) -> dict[str, str]:
    """The headers of a new key of these scopes."""
    now = client.services.now()
    async with transaction(client.services.database) as connection:
        secret, _ = await create_key(
            connection, name="test", organisation="test", scopes=scopes, sources=sources, now=now
        )
    return {"Authorization": f"Bearer {secret}"}


async def listed(client: Client, query: str, **headers: str) -> list[str]:
    """The names of the suppliers on all pages of a list, in order."""
    names: list[str] = []
    following = ""
    while True:
        answer = await client.get(f"/suppliers?{query}{following}", headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        names += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            return names
        following = f"&cursor={page['next_cursor']}"


NOBODY = UUID(int=7)
