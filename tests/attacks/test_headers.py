"""No text of a request becomes a header of the answer; no name leads to this machine, and no redirect elsewhere."""

import ast
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
from tests.test_house import ROOMS, name, parsed, sources

BREAKS = ("\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")
"""What some reader of lines takes for the end of one."""
ELSEWHERE = "rebound.example"
PRIVATE = ("203.0.113.9", "127.0.0.1"), ("93.184.216.34", "127.0.0.1"), ("93.184.216.34", "::1"), ("64:ff9b::7f00:1",)
BREAK = "a%0d%0aX-Injected:%201"


def addresses() -> list[str]:
    """The address of each route and page that is read, with a line break in its path or in one of its parameters."""
    found = [page.opt["page"].path for page in PAGES if page.opt["page"].method == "GET"]
    for route in (each.opt["route"] for each in ROUTES if each.opt["route"].method == "GET"):
        names = [field.encode_name for field in msgspec.structs.fields(route.query)] if route.query else []
        found += [route.path, *(f"{route.path}?{name}={BREAK}" for name in names)]
    found += [f"{path}?suite={BREAK}" for path in ("/connexion", "/connexion/fournisseur", "/deconnexion")]
    return [re.sub(r"\{\w+\}", BREAK, path) for path in found]


async def test_no_text_of_a_request_becomes_a_header_and_no_answer_leads_to_the_host_that_it_names(
    served: Client,
) -> None:
    """In browsers' and programs' requests: no link, redirect or cookie is made of what leads here or is passed on."""
    injected, led = list[str](), list[str]()
    named = {"Host": ELSEWHERE, "X-Forwarded-Host": ELSEWHERE, "Forwarded": f"host={ELSEWHERE}"}
    for address in addresses():
        for accept in ("text/html", "*/*"):
            answer = await served.get(address, headers=named | {"Accept": accept})
            values = [value for _, value in answer.headers.raw]
            if "x-injected" in answer.headers or any(b"\r" in value or b"\n" in value for value in values):
                injected.append(address)
            led += [address] if ELSEWHERE.encode() in b"".join(values) + answer.content else []
    assert (injected, led) == ([], [])


FOLLOWED = {("httpx.Client", "sources/pool/download.py")}
"""The files of the State, at addresses that are written in the product; an operator asks for them."""


def test_no_redirect_is_followed() -> None:
    """No client of webhooks, heads, time-stamps or providers goes where an answer leads, or asks a proxy unbidden."""
    made = [
        (ast.unparse(node.func), name(path), {each.arg: ast.unparse(each.value) for each in node.keywords})
        for path in sources(*ROOMS)
        if "Client" in path.read_text()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and re.fullmatch(r"(httpx\.)?(Async)?Client", ast.unparse(node.func))
    ]
    clients = [each for each in made if "httpx" in each[0] or each[0] == "AsyncClient"]
    assert len(clients) >= 4
    assert {each[:2] for each in clients if each[2].get("follow_redirects", "False") != "False"} == FOLLOWED
    assert {each[:2] for each in clients if each[2].get("trust_env") != "False"} <= FOLLOWED


async def test_a_name_with_one_private_address_is_not_called(
    database_url: str, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its other addresses are, and in whatever order."""
    found: tuple[str, ...] = ()

    def look_up(host: str, port: int, *_: Any, **__: Any) -> Any:
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in found]

    async with worlds(database_url, reference, VIVIER_WEBHOOK_PRIVATE="false") as world:
        for found in PRIVATE:
            hook = await world.hook("suppliers.changed", url=world.receiver.url.replace("127.0.0.1", ELSEWHERE))
            await world.client.post(f"/webhooks/{hook['id']}/ping")
            with monkeypatch.context() as patched:
                patched.setattr(socket, "getaddrinfo", look_up)
                await world.deliver()
            (delivery,) = await world.deliveries(hook)
            assert [one["failure"] for one in delivery["attempts"]] == ["private_address"], found
        assert world.receiver.received == []
