"""Short ways to talk with suppliers, as a buyer's tool and as suppliers do."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from api.web.content_negotiation import HTML
from tests.api.needs.steps import change, create
from tests.api.sync.factories import Client, put_record

BROWSER = {"Accept": f"{HTML},application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@dataclass(frozen=True)
class Opened:
    """An exchange that was opened: the answer, the need it is about, and each recipient's path to reply, in order."""

    client: Client
    answer: dict[str, Any]
    suppliers: list[str]
    links: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/exchanges/{self.answer['id']}"

    @property
    def need(self) -> str:
        return f"/needs/{self.answer['need_id']}"

    async def shown(self) -> dict[str, Any]:
        """The exchange, as the buyer reads it."""
        answer = await self.client.get(self.path)
        assert answer.status_code == 200, answer.text
        exchange: dict[str, Any] = answer.json()
        return exchange

    async def write(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Add a message of the buyer's, unless said otherwise."""
        body = {"author": "buyer", "body": "Bonjour"} | fields
        return await self.client.post(f"{self.path}/messages", json=body, headers=headers)

    async def publish(self, message_id: str, **fields: Any) -> httpx.Response:
        """Share a question and its answer."""
        return await self.client.post(
            f"{self.path}/messages/{message_id}/publication", json={"answer": "Oui."} | fields
        )

    async def reply(self, number: int, **fields: Any) -> dict[str, Any]:
        """Answer as the recipient of this number."""
        answer = await keyless(self.client, "POST", self.links[number], json={"body": "Bonjour"} | fields)
        assert answer.status_code == 201, answer.text
        message: dict[str, Any] = answer.json()
        return message

    async def seen(self, number: int) -> dict[str, Any]:
        """The exchange, as the recipient of this number reads it."""
        answer = await keyless(self.client, "GET", self.links[number])
        assert answer.status_code == 200, answer.text
        exchange: dict[str, Any] = answer.json()
        return exchange


async def keyless(client: Client, method: str, path: str, **options: Any) -> httpx.Response:
    """A request without a key, as who has only a link sends it."""
    request = client.build_request(method, path, **options)
    del request.headers["authorization"]
    return await client.send(request)


async def some_suppliers(client: Client, source: str, count: int = 2, **fields: Any) -> list[str]:
    """As many suppliers that a need for green spaces at Pontivy finds; their ids."""
    stored = [
        await put_record(client, source, str(n), name=f"Jardin {source} {n}", **fields) for n in range(1, count + 1)
    ]
    await client.services.directory.wait_beyond(stored[-1]["data_version"] - 1, 60)
    return [each["supplier_id"] for each in stored]


async def opening(client: Client, need: str, recipients: Any, **fields: Any) -> httpx.Response:
    """Open an exchange about the need at this path."""
    body = {"subject": "Tonte", "body": "Pourriez-vous tondre ?", "channel": "email", "recipients": recipients}
    headers = fields.pop("headers", None)
    return await client.post(f"{need}/exchanges", json=body | fields, headers=headers)


async def create_exchange(client: Client, source: str, count: int = 2, **fields: Any) -> Opened:
    """An exchange with as many suppliers of their own, about a need of its own."""
    suppliers = await some_suppliers(client, source, count)
    need = await create(client)
    answer = await opening(client, f"/needs/{need['id']}", suppliers, **fields)
    assert answer.status_code == 201, answer.text
    return opened(client, answer)


def opened(client: Client, answer: httpx.Response) -> Opened:
    """The exchange that this answer tells of."""
    document = answer.json()
    links = {each["supplier_id"]: httpx.URL(each["url"]).path for each in document["reply_links"]}
    suppliers = [each["supplier_id"] for each in document["recipients"]]
    return Opened(client, document, suppliers, [links[each] for each in suppliers])


async def move(client: Client, need: str, *statuses: str) -> None:
    """Move a need on through these statuses."""
    for status in statuses:
        answer = await change(client, need, {"status": status})
        assert answer.status_code == 200, answer.text
