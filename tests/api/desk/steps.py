"""A browser without a screen: it keeps cookies, fills in the forms of pages and follows where they lead.

With short ways to write to suppliers on the desk, as a buyer and as the suppliers do.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx
from litestar import Litestar

from api.desk.frame.visit import COOKIE, OF_THIS_HOST
from api.desk.sign_in import begin_session
from api.web.content_negotiation import HTML
from db.api_keys import create_key, find_organisation
from db.core.engine import transaction
from domain.organisation import Scope
from tests.accessibility import Outline
from tests.api.conftest import ADMIN_KEY
from tests.api.exchanges.steps import keyless
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.organisations import Member
from tests.api.sync.factories import Client, put_record

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Typed = Mapping[str, str | Sequence[str]]


class Fields(HTMLParser):
    """The fields of the forms of a page, as a browser would send them, by the path that each form leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, list[str]]] = {}
        self._form: dict[str, list[str]] = {}
        self._area = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = {name: text or "" for name, text in attrs}
        name, text = its.get("name", ""), its.get("value", "")
        if tag == "form":
            self._form = self.forms.setdefault(its.get("action", "").lstrip("./"), {})
        elif tag == "textarea":
            self._area = name
            self._form.setdefault(name, []).append("")
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in its:
            self._form[self._select] = [text]
        elif tag == "input" and (its.get("type") not in {"checkbox", "radio"} or "checked" in its):
            self._form.setdefault(name, []).append(text)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._form[self._area][-1] = self._form[self._area][-1].removeprefix("\n")
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._form[self._area][-1] += data


class Browser(httpx.AsyncClient):
    """Sends what a browser sends; `page` is the last that it showed."""

    def __init__(self, app: Litestar, address: str = "http://127.0.0.1:8000") -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type]
        headers = {"Accept": "text/html", "Accept-Language": "fr"}
        super().__init__(transport=transport, base_url=address, headers=headers)
        self.page, self._services = "", app.state.services

    async def open(self, path: str) -> httpx.Response:
        """A page, and those that it leads to."""
        answer = await self.get(path, follow_redirects=True)
        self.page = answer.text
        return answer

    def fields(self, form: str) -> dict[str, list[str]]:
        """The fields of a form of the page, as it stands."""
        return Fields(self.page).forms[form]

    async def submit(
        self, form: str, typed: Typed | None = None, to: str | None = None, **named: Any
    ) -> httpx.Response:
        """Send a form of the page, with what is typed into it; `to`: where a button sends it instead."""
        fields: dict[str, Any] = {**self.fields(form), **(typed or {}), **named}
        answer = await self.post(f"/{to or form}", content=urlencode(fields, doseq=True), headers=FORM)
        if answer.is_redirect:
            return await self.open(str(answer.url.join(answer.headers["location"])))
        self.page = answer.text
        return answer

    async def sign_in(self, key: str = ADMIN_KEY, path: str = "/connexion") -> httpx.Response:
        """Sign in with a key on the way to a page."""
        await self.open(path)
        return await self.submit("connexion", cle=key)

    async def be_signed_in(self, key: str) -> None:
        """Have a session with a key, without the pages on which one is begun."""
        unasked: Any = None
        token = await begin_session(self._services, key, unasked)
        assert token is not None
        for name in (COOKIE, OF_THIS_HOST + COOKIE):
            self.cookies.set(name, token, domain=self.base_url.host)


def heading(page: str) -> str:
    """The heading of a page."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
    return found[1].strip() if found else ""


def assert_refers_to_itself(page: Outline) -> None:
    """Each id of a page is there once, and what refers to one finds it."""
    assert len(page.ids) == len(set(page.ids))
    for name in ("aria-labelledby", "aria-describedby", "for"):
        referred = [(each.get(name) or "").split() for _, each in page.elements]
        assert {one for each in referred for one in each} <= set(page.ids)


def counted_in_words(number: int) -> str:
    """A number as a page writes it, with plain spaces: “1 080”."""
    return f"{number:,}".replace(",", " ")


def said(page: str) -> str:
    """The words of a page, with plain apostrophes and spaces."""
    words = unescape(page).replace("’", "'")
    return re.sub("[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]", " ", words)


MOWING = {"titre": "Entretien du parc", "lieu": "commune:56178", "lot-1-objet": "tonte de pelouses"}


async def keep(browser: Browser, **typed: Any) -> str:
    """Say a need, look at its answer and keep it: the path of its page. The browser is signed in."""
    await browser.open("/besoin")
    await browser.submit("besoin", {**MOWING, **typed}, to="besoin/resultat")
    answer = await browser.submit("besoin/resultat", to="besoins")
    assert answer.status_code == 200, browser.page
    return answer.url.path.lstrip("/")


async def send_file(browser: Browser, form: str, name: str, content: bytes, **named: Any) -> httpx.Response:
    """Send a form of the page with a file chosen in one of its fields, as multipart."""
    fields = {**browser.fields(form), **named}
    answer = await browser.post(f"/{form}", data=fields, files={name: (f"{name}.txt", content)})
    browser.page = answer.text
    return answer


def key_of(somebody: Member | Buyer) -> str:
    """The secret of somebody's key."""
    return somebody.headers["Authorization"].removeprefix("Bearer ")


async def sign_in_as(browser: Browser, somebody: Member | Buyer) -> None:
    await browser.be_signed_in(key_of(somebody))


async def put_all(served: Client, source: str, *of_records: dict[str, Any]) -> list[str]:
    """Store the records of a source, which are numbered; the ids of the suppliers, once they can be found."""
    stored = [await put_record(served, source, str(number), **each) for number, each in enumerate(of_records)]
    await served.services.directory.catch_up()
    return [str(each["supplier_id"]) for each in stored]


TWO = ("Jardins d'Arvor", "Ateliers du Scorff")
WORDS: dict[str, Any] = {"objet": "Volumes et fréquences", "texte": "Pourriez-vous passer deux fois par mois ?"}


@dataclass
class Desk:
    """A buyer with a need, its suppliers by name, and a browser that is signed in with the buyer's key."""

    buyer: Buyer
    browser: Browser
    need_id: str
    suppliers: dict[str, str]

    @property
    def key(self) -> str:
        return key_of(self.buyer)

    async def another_key(self, *scopes: Scope, **of_key: Any) -> str:
        """The secret of another key of the same organisation."""
        services = self.buyer.client.services
        async with transaction(services.database) as connection:
            organisation = await find_organisation(connection, self.buyer.organisation_id)
            name = organisation.name if organisation else ""
            secret, _ = await create_key(
                connection, name="another", organisation=name, scopes=scopes, now=services.now(), **of_key
            )
        return secret

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

    async def open_written(self, **typed: Any) -> str:
        """Write to suppliers, and open the page of that exchange, whose part of the path is answered."""
        await self.write(**typed)
        page = f"echanges/{(await self.exchange())['id']}"
        await self.open(page)
        return page

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
    await sign_in_as(browser, buyer)
    return Desk(buyer, browser, kept["need"]["id"], suppliers)


DeskWith = Callable[..., Awaitable[Desk]]
