"""The life of what a supplier says of itself: by whose link, what stands again, how long, and who is told of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
from sqlalchemy import select

from api.declarations.expiry import end_due
from db.core.engine import transaction
from db.schema.campaign_tables import declaration_links, declarations
from domain.suppliers.supplier import DECLARATIONS
from matching.reference import Reference
from tests.api.exchanges.steps import BROWSER, create_exchange, keyless, move
from tests.api.mailbox import PUBLIC_URL, Mailbox, emailing
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client, lines, put_record, rows, send

BIO = {"offers": [{"segments": ["de-bio"]}]}
LAUNDRY = {"offers": [{"segments": ["lt-blanchisserie"]}]}


class Town(NamedTuple):
    """An application that sends e-mail, where it arrives, and its clock."""

    client: Client
    mailbox: Mailbox
    clock: list[datetime]

    @property
    def today(self) -> Any:
        return self.client.services.today()

    async def arrived(self, address: str, number: int = 1) -> list[str]:
        """The texts of the e-mails to an address, once there are so many."""
        async with asyncio.timeout(60):
            while len(found := [each for each in self.mailbox.received if each["To"] == address]) < number:
                await asyncio.sleep(0.02)
        return [f"{each['Subject']}\n{each.get_content()}" for each in found]


@pytest.fixture(scope="module")
async def town(lasting_database_url: str, reference: Reference) -> AsyncIterator[Town]:
    clock = [datetime.now(UTC)]

    def now() -> datetime:
        clock[0] += timedelta(milliseconds=1)
        return clock[0]

    async with emailing(lasting_database_url, reference, now) as (client, mailbox):
        yield Town(client, mailbox, clock)


@pytest.fixture(autouse=True)
async def as_before(town: Town) -> AsyncIterator[None]:
    """The clock goes back after each test."""
    before = town.clock[0]
    yield
    town.clock[0] = before


async def link(by: Member | Client, supplier: str) -> str:
    """The path of a new link to a supplier's page."""
    path = f"/suppliers/{supplier}/links"
    made = await (by.post(path, {}) if isinstance(by, Member) else by.post(path, json={}))
    assert made.status_code == 201, made.text
    return httpx.URL(made.json()["url"]).path


async def supplier_of(client: Client, source: str, external_id: str = "1", **fields: Any) -> str:
    stored = await put_record(client, source, external_id, **({"offers": [], "name": f"Atelier {source}"} | fields))
    return str(stored["supplier_id"])


async def says(client: Client, path: str, **fields: Any) -> None:
    said = await keyless(client, "PUT", path, json=fields)
    assert said.status_code == 200, said.text


async def read(client: Client, path: str) -> dict[str, Any]:
    answer = await keyless(client, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def end_all_due(client: Client) -> None:
    """End what is past its last day, after the server itself where it does so just now."""
    while not await end_due(client.services):
        await asyncio.sleep(0.02)


async def trades(client: Client, supplier: str) -> list[str]:
    """The segments of the offers that the directory has of a supplier."""
    found = (await client.get(f"/suppliers/{supplier}")).json()
    return [code for offer in found["offers"] for code in offer["segments"]]


async def test_the_word_that_a_false_one_replaced_stands_again_and_its_author_is_told(town: Town, source: str) -> None:
    client = town.client
    supplier = await supplier_of(client, source)
    rival, owner = await member(client, "needs", "admin"), await member(client, "needs")
    true, false = await link(owner, supplier), await link(rival, supplier)
    email = f"direction@{source}.example"
    await says(client, true, **BIO, contact={"email": email})
    for number in range(2):
        await says(client, false, **LAUNDRY, staff=number)
    assert await trades(client, supplier) == ["lt-blanchisserie"]
    assert (await read(client, true))["replaced_at"] is not None
    assert (await read(client, false))["replaced_at"] is None
    (mail,) = await town.arrived(email)
    assert "Votre fiche a été modifiée" in mail
    assert (await read(client, re.findall(r"/fiche/[\w-]+", mail)[0]))["supplier"]["id"] == supplier
    gone = await rival.post(f"/suppliers/{supplier}/declaration/withdrawal", {"reason": "Pas vous"})
    assert gone.status_code == 200, gone.text
    assert await trades(client, supplier) == ["de-bio"]
    page = await read(client, true)
    assert (page["declaration"]["contact"]["email"], page["withdrawal"], page["replaced_at"]) == (email, None, None)
    page = await read(client, false)
    assert page["withdrawal"] == {"reason": "Pas vous", "withdrawn_at": gone.json()["withdrawn_at"]}
    await says(client, false, **LAUNDRY)
    assert (await keyless(client, "DELETE", true)).status_code == 204
    assert await trades(client, supplier) == ["de-bio"], "who was overwritten takes the false word back itself"
    assert (await keyless(client, "DELETE", true)).status_code == 204
    assert await trades(client, supplier) == []
    assert (await keyless(client, "DELETE", true)).status_code == 404


async def test_neither_an_ended_word_nor_one_of_a_revoked_link_stands_again(town: Town, source: str) -> None:
    client, owner = town.client, await member(town.client, "needs")
    for number, spoils in enumerate(("its end", "its link")):
        supplier = await supplier_of(client, f"{source}-{number}")
        first, second = await link(client, supplier), await link(owner, supplier)
        await says(client, first, **BIO, valid_until=town.today.isoformat())
        if spoils == "its link":
            (made,) = (await client.get(f"/suppliers/{supplier}/links")).json()["items"]
            assert (await client.delete(f"/suppliers/{supplier}/links/{made['id']}")).status_code == 204
        else:
            town.clock[0] += timedelta(days=1)
        await says(client, second, **LAUNDRY)
        assert (await keyless(client, "DELETE", second)).status_code == 204
        assert await trades(client, supplier) == []


async def test_the_true_word_stands_again_once_a_false_one_ends_by_its_own_date(town: Town, source: str) -> None:
    client, rival = town.client, await member(town.client, "needs")
    supplier = await supplier_of(client, source)
    true, false = await link(client, supplier), await link(rival, supplier)
    await says(client, true, **BIO)
    await says(client, false, **LAUNDRY, valid_until=town.today.isoformat())
    town.clock[0] += timedelta(days=1)
    await end_all_due(client)
    assert await trades(client, supplier) == ["de-bio"]
    page = await read(client, true)
    assert (page["declaration"]["expired"], page["replaced_at"]) == (False, None)
    entries = (await rival.get(f"/audit?object=supplier:{supplier}")).json()["items"]
    assert [each["detail"] for each in entries if each["action"] == "declaration.expired"] == [{"stands_again": True}]


async def withdrawn(by: Member, supplier: str, **asked: Any) -> httpx.Response:
    return await by.post(f"/suppliers/{supplier}/declaration/withdrawal", {"reason": "Pas vous"} | asked)


async def test_many_false_links_of_one_organisation_do_not_push_the_true_word_out(
    town: Town, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.declarations.declarations.MOST_OTHERS", most := 3)
    client, owner = town.client, await member(town.client, "needs", "admin")
    supplier = await supplier_of(client, source)
    await says(client, await link(owner, supplier), **BIO)
    town.clock[0] += timedelta(hours=1)
    for number in range(most + 2):
        await says(client, await link(owner, supplier), **LAUNDRY, staff=number)
    while await trades(client, supplier) == ["lt-blanchisserie"]:
        assert (await withdrawn(owner, supplier)).status_code == 200
    assert await trades(client, supplier) == ["de-bio"]


@pytest.mark.parametrize("withdraws", [False, True], ids=["false word", "withdrawal"])
async def test_what_a_forwarded_link_replaced_is_restored_and_the_contact_is_told(
    town: Town, source: str, *, withdraws: bool
) -> None:
    client, owner = town.client, await member(town.client, "needs", "admin")
    email = f"accueil@{source}.example"
    supplier = await supplier_of(client, source, contact={"email": email})
    forwarded = await link(owner, supplier)
    await says(client, forwarded, **BIO)
    assert len(await town.arrived(email)) == 1, "whoever made the link may have said it"
    town.clock[0] += timedelta(hours=2)
    await (keyless(client, "DELETE", forwarded) if withdraws else says(client, forwarded, **LAUNDRY))
    assert "quelqu'un d'autre a un lien" in (await town.arrived(email, 2))[1].replace("’", "'")
    shown = (await owner.get("/sources/declarations?limit=200")).json()["items"]
    (listed,) = (each for each in shown if each["supplier_id"] == supplier)
    (true,) = (each for each in listed["earlier"] if each["declaration"]["offers"][0]["segments"] == ["de-bio"])
    assert (await withdrawn(owner, supplier, restore="2020-01-01T00:00:00Z")).status_code == 404
    stranger = await member(client, "needs", "admin")
    assert (await withdrawn(stranger, supplier, restore=true["declared_at"])).status_code == 404
    again = await withdrawn(owner, supplier, restore=true["declared_at"], revoke_links=True)
    assert again.status_code == 200, again.text
    assert await trades(client, supplier) == ["de-bio"]
    assert (await keyless(client, "GET", forwarded)).status_code == 404


async def test_what_its_own_link_corrected_does_not_stand_again_by_itself(town: Town, source: str) -> None:
    client, owner = town.client, await member(town.client, "needs", "admin")
    supplier = await supplier_of(client, source)
    own, other = await link(owner, supplier), await link(owner, supplier)
    for path, said in ((own, BIO), (own, LAUNDRY), (other, BIO)):
        await says(client, path, **said)
    assert (await withdrawn(owner, supplier)).status_code == 200
    assert "vaut de nouveau" in (await keyless(client, "GET", other, headers=BROWSER)).text
    assert await trades(client, supplier) == ["lt-blanchisserie"]
    assert (await keyless(client, "DELETE", own)).status_code == 204
    assert await trades(client, supplier) == []
    for days, kept in ((89, 3), (2, 0)):
        town.clock[0] += timedelta(days=days)
        await end_all_due(client)
        (listed,) = (await owner.get("/sources/declarations")).json()["items"]
        assert len(listed["earlier"]) == kept


async def test_what_is_withdrawn_with_a_false_word_does_not_stand_again(town: Town, source: str) -> None:
    client, rival = town.client, await member(town.client, "needs", "admin")
    supplier = await supplier_of(client, source)
    paths = [await link(by, supplier) for by in (client, rival)]
    await says(client, paths[0], **BIO)
    await says(client, paths[1], **LAUNDRY)
    assert (await withdrawn(rival, supplier, same_sender=True)).status_code == 200
    assert await trades(client, supplier) == []


async def test_a_link_that_declared_lasts_as_long_as_what_it_said(town: Town, source: str) -> None:
    client = town.client
    supplier = await supplier_of(client, source)
    used, unused = await link(client, supplier), await link(client, supplier)
    await says(client, used, **BIO)
    town.clock[0] += timedelta(days=364)
    assert (await read(client, used))["link_expires_at"] > town.clock[0].isoformat()
    assert (await keyless(client, "GET", unused)).status_code == 404
    await says(client, used, **LAUNDRY)
    assert (await keyless(client, "DELETE", used)).status_code == 204


async def test_the_reply_link_that_declared_withdraws_as_long(town: Town, source: str) -> None:
    exchange = await create_exchange(town.client, source, 1)
    reply = await keyless(town.client, "POST", exchange.links[0], json={"body": "Oui", "declaration": BIO})
    assert reply.status_code == 201, reply.text
    await move(town.client, exchange.need, "sourcing", "published")
    town.clock[0] += timedelta(days=300)
    assert (await read(town.client, exchange.links[0]))["declaration"] is not None
    gone = await keyless(town.client, "POST", exchange.links[0], data={"faire": "retirer"})
    assert gone.status_code == 303, gone.text
    assert (await read(town.client, exchange.links[0]))["declaration"] is None


@pytest.mark.parametrize("declares", [True, False], ids=["declared", "of-the-directory"])
async def test_who_declared_is_asked_again_once_before_the_end(town: Town, source: str, *, declares: bool) -> None:
    client, email = town.client, f"contact@{source}.example"
    contact = {"email": email}
    supplier = await supplier_of(client, source, contact=None if declares else contact)
    path = await link(client, supplier)
    ends = (town.today + timedelta(days=10)).isoformat()
    await says(client, path, **BIO, contact=contact if declares else None, valid_until=ends)
    for _ in range(2):
        await end_all_due(client)
    first = 0 if declares else 1  # told at the address on file that something was declared
    mail = (await town.arrived(email, first + 1))[-1]
    assert "expire bientôt" in mail
    town.clock[0] += timedelta(hours=2)
    renewing = re.findall(rf"{PUBLIC_URL}(/fiche/[\w-]+)", mail)[0]
    assert (await read(client, renewing))["declaration"]["valid_until"] == ends
    await says(client, renewing, **BIO)
    assert "a été modifiée" in (await town.arrived(email, first + 2))[-1]
    town.clock[0] += timedelta(days=30)
    await end_all_due(client)
    assert await trades(client, supplier) == ["de-bio"]


async def test_the_wish_to_be_asked_no_more_writes_nothing_else(
    town: Town, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = town.client
    supplier = await supplier_of(client, source, "1")
    path = await link(client, supplier)
    email = f"contact@{source}.example"
    ends = (town.today + timedelta(days=10)).isoformat()
    await says(client, path, **BIO, contact={"email": email}, valid_until=ends)
    gone = await client.post(f"/suppliers/{supplier}/declaration/withdrawal", json={"reason": "Fermé"})
    assert gone.status_code == 200, gone.text
    before = await client.get(f"/suppliers/{supplier}")
    assert (await keyless(client, "POST", path, data={"faire": "silence"})).status_code == 303
    page = await read(client, path)
    assert (page["declaration"], page["withdrawal"]["reason"], page["ask_again"]) == (None, "Fermé", False)
    assert (await client.get(f"/suppliers/{supplier}")).json() == before.json()
    entries = (await client.get("/audit", params={"object": f"supplier:{supplier}"})).json()["items"]
    assert "supplier.not_to_be_asked" in [each["action"] for each in entries]
    await says(client, path, **BIO, contact={"email": email}, valid_until=ends)
    page = await read(client, path)
    assert (page["ask_again"], page["declaration"]["ask_again"]) == (False, False), "kept unless it says otherwise"
    await end_all_due(client)
    assert [each for each in town.mailbox.received if each["To"] == email] == []
    await says(client, path, **BIO, ask_again=True)
    assert (await read(client, path))["ask_again"] is True
    monkeypatch.setattr("api.declarations.declare.SENDS_A_DAY", 6)
    told = [(await keyless(client, "POST", path, data={"faire": "silence"})).status_code for _ in range(6)]
    assert (told[0], told[-1]) == (303, 429)


async def test_a_supplier_whose_last_record_is_its_own_word_goes_with_it(town: Town, source: str) -> None:
    client = town.client
    supplier = await supplier_of(client, source, "1")
    path = await link(client, supplier)
    await says(client, path, **BIO)
    left = lines(rows(source, "2", offers=[]))
    assert (await send(client, source, left, query="mode=snapshot&force=true")).json()["removed"] == 1
    assert await trades(client, supplier) == ["de-bio"]
    assert (await keyless(client, "DELETE", path)).status_code == 204
    assert (await client.get(f"/suppliers/{supplier}")).status_code == 404
    assert (await keyless(client, "GET", path)).status_code == 404
    listed = (await client.get("/sources/declarations?limit=200")).json()["items"]
    (row,) = [each for each in listed if each["supplier_id"] == supplier]
    assert (row["name"], row["declaration"]) == (None, None)


async def test_two_words_of_one_supplier_are_withdrawn_one_after_the_other(town: Town, source: str) -> None:
    client = town.client
    one, two = [await supplier_of(client, f"{source}-{number}") for number in (1, 2)]
    paths = [await link(client, each) for each in (one, two)]
    await says(client, paths[0], **BIO)
    await says(client, paths[1], **LAUNDRY)
    merged = await client.post("/suppliers/merge", json={"ids": [one, two]})
    assert merged.status_code == 200, merged.text
    assert await trades(client, one) == ["lt-blanchisserie"]
    assert (await keyless(client, "DELETE", paths[0])).status_code == 204
    assert await trades(client, one) == ["de-bio"]
    whole = (await client.get(f"/suppliers/{one}")).json()
    assert [each["source"] for each in whole["sources"]].count(DECLARATIONS) == 1
    assert (await keyless(client, "DELETE", paths[1])).status_code == 204
    assert await trades(client, one) == []


async def test_all_is_erased_when_the_page_on_personal_data_says(town: Town, source: str) -> None:
    """A year after its end or withdrawal; what another link had replaced, after its own last day."""
    client, owner = town.client, await member(town.client, "needs")
    supplier = await supplier_of(client, source)
    first, second, _ = [await link(each, supplier) for each in (client, owner, owner)]
    await says(client, first, **BIO, valid_until=(town.today + timedelta(days=10)).isoformat())
    await says(client, second, **LAUNDRY)
    (revoked, _) = (await owner.get(f"/suppliers/{supplier}/links")).json()["items"]
    assert (await owner.delete(f"/suppliers/{supplier}/links/{revoked['id']}")).status_code == 204

    async def stored() -> tuple[int, list[int]]:
        """The links to the supplier's page; of its declaration, if it is there, what others had said before."""
        async with transaction(client.services.database) as connection:
            links = (await connection.execute(select(declaration_links).filter_by(supplier_id=supplier))).all()
            row = (await connection.execute(select(declarations.c.others).filter_by(supplier_id=supplier))).all()
        return len(links), [len(each.others or ()) for each in row]

    found = []
    for days in (0, 11, 367, 800):
        town.clock[0] += timedelta(days=days)
        await end_all_due(client)
        found.append(await stored())
    assert found == [(3, [1]), (3, [0]), (2, [0]), (0, [])]
