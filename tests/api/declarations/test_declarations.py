"""What a supplier says on its own page: stored, matched, ended, withdrawn; never who it is."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.app import create_app
from api.declarations.declare import TYPED_CODES
from api.declarations.expiry import end_due
from api.runtime.rate_limits import Limits
from db.core.engine import transaction
from db.declarations.declarations import take_to_renew
from db.suppliers.feed import listen
from domain.suppliers.supplier import DECLARATIONS
from matching.index.live_index import LiveIndex
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive, take_all
from tests.api.exchanges.steps import create_exchange, keyless
from tests.api.organisations import member
from tests.api.sync.factories import Client, key, lines, path_of, put, put_record, record, rows, send

NEED = {
    "lots": [{"id": "1", "segments": ["re-ressourcerie"], "site": {"commune": "56178"}}],
    "territory": {"codes": ["commune:56178"]},
    "limit": 100,
    "near_misses": 50,
}
SAID: dict[str, Any] = {
    "offers": [{"segments": ["re-ressourcerie"], "words": "tri, réemploi", "service_area": {"radius_km": 40}}],
    "yearly_capacity_eur": {"min": None, "max": 60_000},
    "staff": 42,
    "with_others": True,
    "references": ["Ville de Pontivy, 2024"],
    "contact": {"email": "direction@blavet.example", "phone": "02 97 00 00 00"},
}
IDENTITY = (
    "name",
    "trade_name",
    "siret",
    "kinds",
    "legal_form",
    "ess",
    "approvals",
    "shares",
    "address",
    "commune",
    "location",
)


class Page:
    """A supplier of unknown trade at Pontivy, and a link to its page."""

    def __init__(self, client: Client, supplier_id: str, link: dict[str, Any]) -> None:
        self.client, self.id, self.link = client, supplier_id, link
        self.path = link["url"].removeprefix("http://testserver.local")

    async def read(self) -> dict[str, Any]:
        answer = await keyless(self.client, "GET", self.path)
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def say(self, path: str | None = None, **fields: Any) -> httpx.Response:
        return await keyless(self.client, "PUT", path or self.path, json=SAID | fields)

    async def supplier(self) -> dict[str, Any]:
        return (await self.client.get(f"/suppliers/{self.id}")).json()  # type: ignore[no-any-return]

    async def matched(self, version: int, **fields: Any) -> dict[str, Any]:
        """Where it stands in the answer to a need, once the index has come to a version."""
        await self.client.services.directory.wait_beyond(version - 1, 60)
        answer = await self.client.post("/match", json=NEED | {"unknown_trade": 200} | fields)
        assert answer.status_code == 200, answer.text
        lot = answer.json()["lots"][0]
        found = [each for each in lot["candidates"] if each["supplier"]["id"] == self.id]
        unknown = [each for each in lot["unknown_trade"]["nearest"] if each["supplier"]["id"] == self.id]
        return {"candidate": found[0] if found else None, "unknown": bool(unknown)}


async def page_of(client: Client, source: str, external_id: str = "1", **fields: Any) -> Page:
    stored = await put_record(client, source, external_id, **({"offers": [], "name": f"Atelier {source}"} | fields))
    answer = await client.post(f"/suppliers/{stored['supplier_id']}/links", json={})
    assert answer.status_code == 201, answer.text
    return Page(client, stored["supplier_id"], answer.json())


async def test_a_supplier_of_unknown_trade_is_found_by_what_it_says(served: Client, source: str) -> None:
    page = await page_of(served, source)
    before = await page.supplier()
    assert (await page.read())["declaration"] is None
    said = await page.say()
    assert said.status_code == 200, said.text
    receipt = said.json()
    assert receipt["supplier_id"] == page.id
    found = await page.matched(receipt["data_version"])
    assert found["candidate"]["segments"][0]["basis"] == "declared"
    assert found["candidate"]["presence"] == "local"
    after = await page.supplier()
    assert {name: after[name] for name in IDENTITY} == {name: before[name] for name in IDENTITY}
    (offer,) = after["offers"]
    assert (offer["declared_by"], offer["declared_on"]) == ("supplier", served.services.today().isoformat())
    assert offer["label"] is None
    assert after["contact"]["email"] == "direction@blavet.example"
    assert after["provenance"]["contact.email"] == DECLARATIONS
    assert after["provenance"]["name"] == source
    assert after["size"]["staff"] | {"on": None} == {"min": 42, "max": 42, "on": None, "source": DECLARATIONS}
    assert after["size"]["yearly_capacity_eur"]["max"] == 60_000
    assert [each["source"] for each in after["sources"]] == [source, DECLARATIONS]
    shown = (await page.read())["declaration"]
    assert {name: shown[name] for name in SAID if name not in {"offers", "contact"}} == {
        name: value for name, value in SAID.items() if name not in {"offers", "contact"}
    }
    assert shown["offers"][0]["words"] == "tri, réemploi"
    assert not shown["expired"]


async def test_what_was_taken_back_leaves_the_supplier_as_it_was(served: Client, source: str) -> None:
    page = await page_of(served, source)
    before = await page.supplier()
    version = (await page.say()).json()["data_version"]
    await page.matched(version)
    assert (await keyless(served, "DELETE", page.path)).status_code == 204
    assert await page.supplier() == before
    assert (await page.read())["declaration"] is None
    assert (await keyless(served, "DELETE", page.path)).status_code == 404


async def test_one_who_does_none_of_it_is_asked_no_more(served: Client, source: str) -> None:
    page = await page_of(served, source)
    await served.services.directory.wait_beyond(-1, 1)
    said = await page.say(offers=[], no_offer=True, contact=None)
    assert said.status_code == 200, said.text
    assert await page.matched(said.json()["data_version"]) == {"candidate": None, "unknown": False}
    again = await page.say(offers=[], no_offer=False, contact=None)
    assert await page.matched(again.json()["data_version"]) == {"candidate": None, "unknown": True}


async def test_it_survives_a_snapshot_that_takes_the_other_records_away(served: Client, source: str) -> None:
    page = await page_of(served, source, "1")
    await page.say()
    name, siret = (await page.supplier())["name"], (await page.supplier())["siret"]
    left = lines(rows(source, "2", offers=[]))
    answer = await send(served, source, left, query="mode=snapshot&force=true")
    assert answer.json()["removed"] == 1, answer.text
    alone = await page.supplier()
    assert [each["source"] for each in alone["sources"]] == [DECLARATIONS]
    assert (alone["name"], alone["siret"]) == (name, siret)
    assert (await page.matched(answer.json()["data_version"]))["candidate"] is not None
    # it comes back, under another id at another source, and is the same supplier
    back = await put_record(served, f"{source}-b", "9", siret=siret, name="Un nom de plus", offers=[])
    assert back["supplier_id"] == page.id
    whole = await page.supplier()
    assert whole["name"] == "Un nom de plus"
    assert [each["source"] for each in whole["sources"]] == [f"{source}-b", DECLARATIONS]


async def test_it_follows_merges_and_splits(served: Client, source: str) -> None:
    one, two = [await page_of(served, f"{source}-{n}") for n in (1, 2)]
    assert (await one.say(staff=10)).status_code == 200
    assert (await two.say(staff=20)).status_code == 200
    merged = await served.post("/suppliers/merge", json={"ids": [one.id, two.id]})
    assert merged.json()["size"]["staff"]["min"] == 20, merged.text
    assert (await two.read())["supplier"]["id"] == one.id
    record_of_two = {"record": {"source": f"{source}-2", "external_id": "1"}}
    split = (await served.post(f"/suppliers/{one.id}/split", json=record_of_two)).json()
    assert (split["kept"]["id"], split["split"]["id"]) == (one.id, two.id)
    assert (split["kept"]["size"]["staff"]["min"], split["split"]["size"]["staff"]["min"]) == (10, 20)
    own_word = {"record": {"source": DECLARATIONS, "external_id": one.id}}
    assert (await served.post(f"/suppliers/{one.id}/split", json=own_word)).status_code == 422


WRONG: tuple[tuple[dict[str, Any], str, str | None], ...] = (
    ({"offers": [{"segments": ["tonte"]}]}, "/offers/0/segments/0", "unknown_code"),
    ({"offers": [{"segments": []}]}, "/offers/0/segments", None),
    ({"offers": [{"segments": ["ev-entretien"], "service_area": {}}]}, "/offers/0/service_area", "one_form"),
    ({"no_offer": True}, "/no_offer", "offers_given"),
    ({"name": "Un autre"}, "/name", "unknown_field"),
    ({"staff": "42"}, "/staff", None),
    ({"valid_until": "2020-01-01"}, "/valid_until", "past"),
    ({"contact": {"email": "gpj\u202e@blavet.example"}}, "/contact/email", "invalid_email"),
    ({"contact": {"website": "blavet.example/\u202egpj"}}, "/contact/website", "invalid_website"),
)


async def test_what_is_wrong_is_told_and_stores_nothing(served: Client, source: str) -> None:
    page = await page_of(served, source)
    before = await page.supplier()
    for fields, pointer, code in WRONG:
        answer = await page.say(**fields)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert (error["pointer"], code or error["code"]) == (pointer, error["code"])
    assert (await page.read())["declaration"] is None
    assert await page.supplier() == before


async def test_a_code_opens_the_page_and_a_revoked_link_does_not(served: Client, source: str, limits: Limits) -> None:
    page = await page_of(served, source)
    code = page.link["code"]
    typed = f"/fiche/{code[:5].lower()}-{code[5:]}"
    assert (await keyless(served, "GET", typed)).status_code == 200
    assert (await page.say(typed)).status_code == 200
    links = f"/suppliers/{page.id}/links"
    (listed,) = (await served.get(links)).json()["items"]
    assert listed["id"] == page.link["id"]
    assert page.path.rpartition("/")[2] not in str(listed)
    assert listed["opened_at"] is not None
    assert (await served.delete(f"{links}/{listed['id']}")).status_code == 204
    assert (await served.delete(f"{links}/{listed['id']}")).status_code == 404
    for path in (page.path, typed, f"/fiche/{'x' * 43}", "/fiche/x"):
        assert (await keyless(served, "GET", path)).status_code == 404
        assert (await page.say(path)).status_code == 404
    take_all(limits, TYPED_CODES, but=3)
    assert (await keyless(served, "GET", typed)).status_code == 404
    assert (await keyless(served, "GET", typed)).status_code == 429


async def test_a_link_is_shown_once_and_to_its_maker(served: Client, source: str) -> None:
    stored = await put_record(served, source, offers=[])
    path, headers = f"/suppliers/{stored['supplier_id']}/links", {"Idempotency-Key": f"k-{source}"}
    first, again = [await served.post(path, json={}, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert len((await served.get(path)).json()["items"]) == 1
    other = await member(served, "needs")
    assert (await other.get(path)).json()["items"] == []
    assert (await other.delete(f"{path}/{first.json()['id']}")).status_code == 404
    past = await served.post(path, json={"expires_on": "2020-01-01"})
    assert past.json()["errors"][0]["pointer"] == "/expires_on"
    wrong = await served.post(path, json={"email": "nobody"})
    assert wrong.json()["errors"][0]["pointer"] == "/email"
    both = await served.post(path, json={"email": "nobody", "expires_on": "2099-01-01"})
    assert [each["pointer"] for each in both.json()["errors"]] == ["/email", "/expires_on"]


async def test_a_key_of_a_source_makes_links_to_its_own_suppliers(served: Client, source: str) -> None:
    own = await put_record(served, source, "1", offers=[])
    others = await put_record(served, f"{source}-b", "2", offers=[])
    headers = await key(served, "sync", sources=(source,))
    answers = [
        await served.post(f"/suppliers/{each['supplier_id']}/links", json={}, headers=headers) for each in (own, others)
    ]
    assert [each.status_code for each in answers] == [201, 403]


async def test_nobody_else_writes_what_suppliers_say(served: Client) -> None:
    path = path_of(DECLARATIONS, "1")
    assert (await put(served, path, record(path))).status_code == 403
    assert (await send(served, DECLARATIONS, b"{}")).status_code == 403


async def test_it_expires_after_its_last_day(served: Client, source: str) -> None:
    page = await page_of(served, source)
    today = served.services.today()
    said = await page.say(valid_until=today.isoformat())
    version = said.json()["data_version"]
    assert (await page.matched(version))["candidate"] is not None
    tomorrow = (today + timedelta(days=1)).isoformat()
    assert await page.matched(version, on=tomorrow) == {"candidate": None, "unknown": True}
    answer = await served.post("/match", json=NEED | {"on": tomorrow})
    assert page.id not in [each["supplier"]["id"] for each in answer.json()["lots"][0]["near_misses"]]


async def test_that_it_has_no_offer_ends_after_its_last_day_too(served: Client, source: str) -> None:
    """Whether the index has heard of it since it was built, or is built of it."""
    page = await page_of(served, source)
    today = served.services.today()
    tomorrow = today + timedelta(days=1)
    said = await page.say(offers=[], no_offer=True, contact=None, valid_until=today.isoformat())
    version = said.json()["data_version"]
    assert (await page.matched(version))["unknown"] is False
    assert await page.matched(version, on=tomorrow.isoformat()) == {"candidate": None, "unknown": True}
    live = served.services.directory.index
    built = live.base.build_with(each for each in live.suppliers() if each.id == UUID(page.id))
    anew = LiveIndex(built, version)
    assert [len(each.offerless()) for each in (anew, anew.as_of(today), anew.as_of(tomorrow))] == [0, 0, 1]


async def test_an_answer_to_a_buyer_may_bring_a_declaration_and_both_are_stored_or_neither(
    served: Client, source: str
) -> None:
    exchange = await create_exchange(served, source, 1)
    wrong = {"body": "Oui", "declaration": {"offers": [{"segments": ["tonte"]}]}}
    refused = await keyless(served, "POST", exchange.links[0], json=wrong)
    assert refused.status_code == 422, refused.text
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/declaration/offers/0/segments/0"]
    seen = await exchange.seen(0)
    assert (len(seen["messages"]), seen["declaration"]) == (1, None)
    answer = await keyless(served, "POST", exchange.links[0], json={"body": "Oui", "declaration": SAID})
    assert answer.status_code == 201, answer.text
    page = Page(served, exchange.suppliers[0], {"url": ""})
    assert (await page.matched(answer.json()["declaration"]["data_version"]))["candidate"] is not None
    seen = await exchange.seen(0)
    assert (len(seen["messages"]), seen["declaration"]["staff"]) == (2, 42)
    assert "declaration" not in (await exchange.shown())["messages"][-1]


async def test_what_is_past_its_last_day_leaves_the_directory(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await page_of(served, source)
    before = await page.supplier()
    today, now = served.services.today(), served.services.now()
    assert (await page.say(valid_until=today.isoformat())).status_code == 200
    assert await end_due(served.services)
    assert (await page.read())["declaration"]["expired"] is False
    monkeypatch.setattr(type(served.services), "now", lambda _: now + timedelta(days=1))
    monkeypatch.setattr(type(served.services), "today", lambda _: today + timedelta(days=1))
    assert (await page.read())["declaration"]["expired"] is True
    assert await end_due(served.services)
    assert await page.supplier() == before
    read = (await page.read())["declaration"]
    assert (read["expired"], read["staff"]) == (True, 42)
    assert (await page.say()).status_code == 200
    assert (await page.supplier())["offers"] != []


async def test_every_server_finds_it_once_it_is_notified(
    served: Client, source: str, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the notification alone, as it never asks; laid over the index, which is not built anew."""
    page, *_ = [await page_of(served, source, each) for each in ("1", "2", "3")]
    monkeypatch.setattr("api.runtime.index.live_index.listen", partial(listen, poll_seconds=3_600.0))
    app = create_app(served.services.settings, reference)
    async with alive(app), Client(app, ADMIN_KEY) as other:
        directory = other.services.directory
        await directory.wait_beyond(-1, 60)
        base = directory.index.base
        version = (await page.say()).json()["data_version"]
        assert (await Page(other, page.id, page.link).matched(version))["candidate"] is not None
        assert directory.index.base is base
        assert UUID(page.id) in directory.index.tail.ordinals


async def test_a_person_is_erased_from_what_a_supplier_said(served: Client, source: str) -> None:
    page = await page_of(served, source)
    email = f"zoe.kervoal@{source}.example"
    said = await page.say(contact={"email": email}, references=["Zoé Kervoal, à la mairie de Vannes"])
    assert said.status_code == 200, said.text
    asked = {"email": email, "name": "Zoé Kervoal"}
    erased = await served.post("/privacy/erase", json=asked)
    assert erased.status_code == 200, erased.text
    assert "declaration" in {each["where"].partition(":")[0] for each in erased.json()["changed"]}
    for shown in (await page.read(), await page.supplier()):
        assert "kervoal" not in str(shown).lower()
    assert (await page.read())["declaration"]["staff"] == 42
    assert (await page.say(contact={"email": email})).status_code == 200
    assert (await page.supplier())["contact"]["email"] is None


async def test_all_may_write_at_once(served: Client, source: str) -> None:
    """What a supplier says, takes back, what an operator withdraws, what its source sends, and an answer to a buyer."""
    exchange = await create_exchange(served, source, 1)
    supplier = exchange.suppliers[0]
    link = (await served.post(f"/suppliers/{supplier}/links", json={})).json()
    page = Page(served, supplier, link)
    path = path_of(source)
    answers = await asyncio.gather(
        *(page.say(staff=number) for number in range(4)),
        *(keyless(served, "DELETE", page.path) for _ in range(2)),
        *(served.post(f"/suppliers/{supplier}/declaration/withdrawal", json={"reason": "Non"}) for _ in range(2)),
        *(put(served, path, record(path, name=f"Jardin {number}")) for number in range(3)),
        *(keyless(served, "POST", exchange.links[0], json={"body": "Oui", "declaration": SAID}) for _ in range(2)),
    )
    assert {each.status_code for each in answers} <= {200, 201, 204, 404}
    assert (await page.say(staff=5)).status_code == 200
    assert (await page.supplier())["size"]["staff"]["min"] == 5


async def test_the_wish_to_be_asked_no_more_is_told_to_the_organisation_that_asks(served: Client, source: str) -> None:
    page, other = await page_of(served, source), await member(served, "needs")
    link = (await other.post(f"/suppliers/{page.id}/links", {})).json()
    theirs = link["url"].removeprefix("http://testserver.local")
    assert (await page.say(ask_again=False)).status_code == 200
    assert (await page.read())["declaration"]["ask_again"] is False
    assert (await keyless(served, "GET", theirs)).json()["declaration"]["ask_again"] is True
    sent = await keyless(served, "POST", theirs, data={"metier": "de-bio", "faire": "envoyer"})
    assert sent.status_code == 303, sent.text
    assert (await page.read())["declaration"]["ask_again"] is False
    assert (await keyless(served, "DELETE", page.path)).status_code == 204
    await keyless(served, "POST", page.path, data={"metier": "de-bio", "faire": "envoyer"})
    assert (await page.read())["declaration"]["ask_again"] is False


async def test_who_declared_by_a_link_that_was_revoked_gets_no_other(served: Client, source: str) -> None:
    today, pages = served.services.today(), [await page_of(served, source, each) for each in ("kept", "revoked")]
    for page in pages:
        assert (await page.say(valid_until=(today + timedelta(days=10)).isoformat())).status_code == 200
    revoked = await served.delete(f"/suppliers/{pages[1].id}/links/{pages[1].link['id']}")
    assert revoked.status_code == 204, revoked.text
    async with transaction(served.services.database) as connection:
        now = served.services.now()
        taken = await take_to_renew(connection, today, today + timedelta(days=30), now, 1_000)
    reached = {str(each.supplier_id) for each in taken if each.email}
    assert [page.id in reached for page in pages] == [True, False]


async def test_a_form_comes_as_a_form(served: Client, source: str) -> None:
    page = await page_of(served, source)
    for path in (page.path, "/fiche"):
        assert (await keyless(served, "POST", path, json={"metier": "de-bio"})).status_code == 415
