"""Short ways to write to suppliers on the desk, as a buyer and as the suppliers do."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from api.web.content_negotiation import HTML
from tests.api.desk.steps import FORM, Browser, Typed
from tests.api.exchanges.steps import keyless
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client

WORDS: dict[str, Any] = {"objet": "Volumes et fréquences", "texte": "Pourriez-vous passer deux fois par mois ?"}


@dataclass
class Desk:
    """A buyer with a need, its suppliers by name, and a browser that is signed in with the buyer's key."""

    buyer: Buyer
    browser: Browser
    need_id: str
    suppliers: dict[str, str]

    @property
    def path(self) -> str:
        return f"besoins/{self.need_id}"

    async def open(self, part: str) -> httpx.Response:
        """A page of the need."""
        return await self.browser.open(f"/{self.path}/{part}")

    async def send(self, part: str, typed: Typed | None = None, **named: Any) -> httpx.Response:
        """Send a form of the page, which leads to this page of the need."""
        return await self.browser.submit(f"{self.path}/{part}", typed, **named)

    async def write(self, **typed: Any) -> httpx.Response:
        """Write to suppliers, to all where nothing else is typed: fill in, read again, send."""
        await self.open("echanges/nouveau")
        await self.send("echanges/nouveau", faire="relire", **(WORDS | typed))
        return await self.send("echanges/nouveau", faire="envoyer")

    async def exchange(self) -> dict[str, Any]:
        """The latest exchange, as the API tells it."""
        (*_, last) = (await self.buyer.get(f"/{self.api}/exchanges")).json()["items"]
        answer: dict[str, Any] = (await self.buyer.get(f"/exchanges/{last['id']}")).json()
        return answer

    @property
    def api(self) -> str:
        return f"needs/{self.need_id}"

    async def confirm_all(self) -> None:
        """Say by the API that all that waits for the buyer was brought today."""
        for each in (await self.buyer.get(f"/{self.api}/exchanges")).json()["items"]:
            exchange = (await self.buyer.get(f"/exchanges/{each['id']}")).json()
            for message in exchange["messages"]:
                if message["author"] == "buyer":
                    path = f"/exchanges/{each['id']}/messages/{message['id']}/deliveries"
                    answer = await self.buyer.post(path, {"recipients": "waiting"})
                    assert answer.status_code == 200, answer.text

    def links(self) -> dict[str, str]:
        """The paths of the reply links in the letters of the page, by the name of the supplier."""
        parts = re.findall(r'<h2 id="l-[^"]+">(.*?)</h2>.*?(/replies/[\w-]{43})', self.browser.page, re.DOTALL)
        return {unescape(name): path for name, path in parts}

    async def reply(self, link: str, **fields: Any) -> None:
        """Answer as a supplier, on the page behind its link."""
        headers = {"Accept": HTML, **FORM}
        answer = await keyless(self.buyer.client, "POST", link, headers=headers, data=fields)
        assert answer.status_code == 303, answer.text


async def desk_of(served: Client, browser: Browser, source: str, *names: str, **need: Any) -> Desk:
    """A buyer whose need finds suppliers of these names, signed in."""
    buyer = await new_buyer(served)
    suppliers = {name: await buyer.supplier(source, f"{source}-{n}", name=name) for n, name in enumerate(names)}
    kept = await buyer.keep(**need)
    await browser.sign_in(buyer.headers["Authorization"].removeprefix("Bearer "))
    return Desk(buyer, browser, kept["need"]["id"], suppliers)
