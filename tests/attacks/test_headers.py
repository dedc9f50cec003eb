"""No text of a request becomes a header of the answer, and no name leads a webhook to this machine."""

import re
import socket
from typing import Any

import msgspec
import pytest

from api.app import ROUTES
from api.desk.pages import PAGES
from matching.reference import Reference
from tests.api.sync.factories import Client
from tests.api.webhooks.conftest import worlds

BREAK = "a%0d%0aX-Injected:%201"


def addresses() -> list[str]:
    """The address of each route and page that is read, with a line break in its path or in one of its parameters."""
    found = [page.opt["page"].path for page in PAGES if page.opt["page"].method == "GET"]
    for route in (each.opt["route"] for each in ROUTES if each.opt["route"].method == "GET"):
        names = [field.encode_name for field in msgspec.structs.fields(route.query)] if route.query else []
        found += [route.path, *(f"{route.path}?{name}={BREAK}" for name in names)]
    found += [f"{path}?suite={BREAK}" for path in ("/connexion", "/connexion/fournisseur", "/deconnexion")]
    return [re.sub(r"\{\w+\}", BREAK, path) for path in found]


async def test_no_text_of_a_request_becomes_a_header(served: Client) -> None:
    """In browsers' requests and in programs'."""
    injected = []
    for address in addresses():
        for accept in ("text/html", "*/*"):
            answer = await served.get(address, headers={"Accept": accept})
            values = [value for _, value in answer.headers.raw]
            if "x-injected" in answer.headers or any(b"\r" in value or b"\n" in value for value in values):
                injected.append(address)
    assert injected == []


@pytest.mark.parametrize(
    "found",
    [("203.0.113.9", "127.0.0.1"), ("93.184.216.34", "127.0.0.1"), ("93.184.216.34", "::1"), ("64:ff9b::7f00:1",)],
)
async def test_a_name_with_one_private_address_is_not_called(
    database_url: str, reference: Reference, monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]
) -> None:
    """Whatever its other addresses are, and in whatever order."""

    def look_up(host: str, port: int, *_: Any, **__: Any) -> Any:
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in found]

    async with worlds(database_url, reference, VIVIER_WEBHOOK_PRIVATE="false") as world:
        hook = await world.hook("suppliers.changed", url=world.receiver.url.replace("127.0.0.1", "rebound.example"))
        await world.client.post(f"/webhooks/{hook['id']}/ping")
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", look_up)
            await world.deliver()
        (delivery,) = await world.deliveries(hook)
        assert [one["failure"] for one in delivery["attempts"]] == ["private_address"]
        assert world.receiver.received == []
