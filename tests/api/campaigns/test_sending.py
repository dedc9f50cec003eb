"""A campaign is sent: e-mails through a real mail server, letters and tables of links, answers on suppliers' pages."""

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any, NamedTuple
from uuid import UUID

import pypdf
import pytest
import sqlalchemy as sa

from api.exchanges.email import IN_DOUBT
from db.core.engine import transaction
from db.schema.campaign_tables import campaign_mails, declaration_mails
from matching.reference import Reference
from tests.api.campaigns.steps import NOWHERE, STREET, Campaigner, campaigner, put_unknown
from tests.api.exchanges.steps import keyless
from tests.api.mailbox import LOST, PUBLIC_URL, Mailbox, emailing
from tests.api.sync.factories import Client, path_of

SAYS = {"offers": [{"segments": ["ev-entretien"]}]}


class Post(NamedTuple):
    """An application that sends e-mail, where it arrives, and the suppliers of an isle by way; `clock`: the time."""

    client: Client
    mailbox: Mailbox
    suppliers: dict[str, str]
    clock: list[datetime]

    async def settled(self, buyer: Campaigner, campaign: dict[str, Any], arrived: int) -> dict[str, Any]:
        """The campaign's counts, once so many e-mails of it in all have arrived and are noted."""
        async with asyncio.timeout(60):
            while True:
                counts: dict[str, Any] = (await buyer.shown(campaign))["counts"]
                if len(self.mailbox.raw) >= arrived and counts["sent"] + counts["undeliverable"] >= arrived:
                    return counts
                await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
async def post(lasting_database_url: str, reference: Reference) -> AsyncIterator[Post]:
    clock = [datetime.now(UTC)]
    async with emailing(lasting_database_url, reference, lambda: clock[0]) as (client, mailbox):
        source = "campaign-post"
        suppliers = {
            "ana": await put_unknown(client, source, "ana", contact={"email": "ana@phare.example"}, address=NOWHERE),
            "bob": await put_unknown(client, source, "bob", contact={"email": "bob@phare.example"}),
            "letter": await put_unknown(client, source, "letter", name="ESAT du Môle"),
            "none": await put_unknown(client, source, "none", address=NOWHERE),
        }
        yield Post(client, mailbox, suppliers, clock)


@pytest.fixture
async def buyer(post: Post) -> Campaigner:
    """Once those have arrived that tell suppliers of what the test before declared and withdrew."""
    telling = sa.select(declaration_mails.c.id).filter_by(status="waiting")
    async with asyncio.timeout(60):
        is_telling = True
        while is_telling:
            async with transaction(post.client.services.database) as connection:
                is_telling = (await connection.execute(telling)).first() is not None
    post.mailbox.raw.clear()
    return await campaigner(post.client)


def fiche_of(mailbox: Mailbox, address: str) -> str:
    """The path of the supplier's own page in the last e-mail to an address."""
    text = next(mail for mail in reversed(mailbox.received) if mail["To"] == address).get_content()
    return re.search(rf"{PUBLIC_URL}(/fiche/\S+)", text)[1]  # type: ignore[index]


async def links_of(
    buyer: Campaigner, campaign: dict[str, Any], query: str = "", **headers: str
) -> list[dict[str, str]]:
    answer = await buyer.post(f"/campaigns/{campaign['id']}/links{query}", Accept="text/csv", **headers)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(StringIO(answer.text)))


async def test_the_whole_way(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    path = f"/campaigns/{made['id']}"
    assert made["by_way"] == {"email": 2, "letter": 1, "none": 1}
    assert (await buyer.post(f"{path}/send")).status_code == 200
    await post.settled(buyer, made, 2)
    (await buyer.post(f"{path}/send")).json()
    said = " ".join(post.mailbox.received[0].get_content().split())
    for each in ("adresse : fichier « campaign-post ».", "02 97 00 00 00, anne.legoff@mairie.example", "CNIL"):
        assert each in said
    assert sorted(mail["To"] for mail in post.mailbox.received) == ["ana@phare.example", "bob@phare.example"]
    by_name = {each["name"]: each for each in await links_of(buyer, made)}
    assert set(by_name) == {"ESAT du Môle", "Structure none"}
    assert by_name["ESAT du Môle"]["address"] == "3 quai des Paimpolais\n29990 ÎLE-DE-SEIN"
    assert re.fullmatch(r"[0-9A-Z]{8,}", by_name["ESAT du Môle"]["code"])
    posted = (await buyer.post(f"{path}/posted")).json()
    assert (posted["status"], posted["counts"]["sent"], posted["counts"]["undeliverable"]) == ("sent", 3, 1)

    # one opens and declares, one asks to be asked no more, one types its code and offers nothing of it
    ana, bob = (fiche_of(post.mailbox, f"{name}@phare.example") for name in ("ana", "bob"))
    assert (await keyless(post.client, "GET", ana, headers={"accept": "text/html"})).status_code == 200
    assert (await buyer.shown(made))["counts"]["opened"] == 0, "programs that check e-mails read it too"
    seen = await keyless(post.client, "POST", ana, data={"faire": "vue"})
    assert (seen.status_code, seen.content) == (200, b"")
    assert (await buyer.shown(made))["counts"]["opened"] == 1
    assert (await keyless(post.client, "GET", bob)).status_code == 200
    assert (await buyer.shown(made))["counts"]["opened"] == 2
    assert (await keyless(post.client, "PUT", ana, json=SAYS)).status_code == 200
    assert (await keyless(post.client, "PUT", bob, json={"ask_again": False})).status_code == 200
    typed = f"/fiche/{by_name['ESAT du Môle']['code']}"
    assert (await keyless(post.client, "PUT", typed, json={"no_offer": True})).status_code == 200
    counts = (await buyer.shown(made))["counts"]
    assert {name: counts[name] for name in ("declared", "declined", "undeliverable", "silent")} == {
        "declared": 1, "declined": 2, "undeliverable": 1, "silent": 0
    }  # fmt: skip

    await post.client.services.directory.catch_up()
    # the next campaign asks neither who declared, nor who declined; another organisation asks who refused this one
    after = await buyer.plan()
    assert (after["recipients"], after["left_out"]) == (1, {"ask_again": 1, "no_offer": 1, "joined": 0, "inactive": 0})
    assert (await (await campaigner(post.client)).plan())["recipients"] == 2
    assert (await keyless(post.client, "DELETE", ana)).status_code in {200, 204}
    assert (await keyless(post.client, "DELETE", typed)).status_code in {200, 204}
    # what is taken back was an answer: nobody is silent again, and nobody reminded
    counts = (await buyer.shown(made))["counts"]
    assert {name: counts[name] for name in ("declared", "withdrawn", "declined", "silent")} == {
        "declared": 0, "withdrawn": 1, "declined": 3, "silent": 0
    }  # fmt: skip
    shown = (await buyer.get(f"{path}/recipients")).json()["items"]
    assert sorted(each["state"] for each in shown) == ["declined", "declined", "undeliverable", "withdrawn"]
    await post.client.services.directory.catch_up()


async def test_who_was_spoken_for_by_another_has_not_answered(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    assert (await buyer.post(f"/campaigns/{made['id']}/send")).status_code == 200
    await post.settled(buyer, made, 2)
    ana, bob = (fiche_of(post.mailbox, f"{name}@phare.example") for name in ("ana", "bob"))
    for path, also in ((ana, {}), (bob, {"ask_again": False})):
        said = await keyless(post.client, "PUT", path, json=SAYS | also)
        withdrawal = f"/suppliers/{said.json()['supplier_id']}/declaration/withdrawal"
        assert (await post.client.post(withdrawal, json={"reason": "Ce n'est pas vous"})).status_code == 200
    counts = (await buyer.shown(made))["counts"]
    # the one that asked not to be written to has declined whatever else was said
    assert (counts["declared"], counts["declined"], counts["silent"]) == (0, 1, 1)
    await post.client.services.directory.catch_up()


async def test_letters_are_a_page_each(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan(reply_by=(post.clock[0] + timedelta(days=40)).date().isoformat())
    path, key = f"/campaigns/{made['id']}/links", {"Idempotency-Key": "letters"}
    answer = await buyer.post(path, Accept="application/pdf", **key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    (page,) = pypdf.PdfReader(BytesIO(answer.content)).pages
    text = page.extract_text()
    assert "ESAT du Môle" in text
    assert "29990 ÎLE-DE-SEIN" in text
    flat = " ".join(text.split()).replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\xa0", " ")
    for each in ("1 place de la Mairie 56000 VANNES", "adresse : fichier « campaign", "CNIL (cnil.fr)"):
        assert each in flat
    # the same request again is answered with the same links
    (first, second) = (await links_of(buyer, made, **key), await links_of(buyer, made, **key))
    assert first == second
    assert first[0]["code"] in text.replace(" ", "")
    assert await links_of(buyer, made) != first


async def test_links_are_within_the_storage_of_the_organisation(
    post: Post, buyer: Campaigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await buyer.plan()
    monkeypatch.setattr(type(post.client.services.settings), "storage_quota", 1)
    refused = await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/storage-quota")


async def test_links_of_all_are_for_a_buyer_that_writes_itself(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    assert len(await links_of(buyer, made, "?all=true")) == made["recipients"]


async def test_the_silent_are_reminded_once_after_seven_days(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    path, emails = f"/campaigns/{made['id']}", made["by_way"]["email"]
    await buyer.post(f"{path}/send")
    await post.settled(buyer, made, emails)
    assert (await buyer.post(f"{path}/reminder")).status_code == 409
    ana = fiche_of(post.mailbox, "ana@phare.example")
    assert (await keyless(post.client, "PUT", ana, json=SAYS)).status_code == 200
    # seven whole days, not so many midnights
    post.clock[0] = datetime.fromisoformat((await buyer.shown(made))["sent_at"]) + timedelta(days=7, seconds=-1)
    assert (await buyer.post(f"{path}/reminder")).status_code == 409
    post.clock[0] += timedelta(seconds=1)
    assert (await buyer.post(f"{path}/reminder")).status_code == 200
    assert (await buyer.post(f"{path}/reminder")).status_code == 409
    # once a week has passed, who declared for a month is asked to renew that, whoever it is
    while len(asked := [each for each in post.mailbox.received if "fiche" not in each["Subject"]]) < 2 * emails - 1:
        await asyncio.sleep(0.02)
    assert sorted(each["To"] for each in asked)[1:] == ["bob@phare.example"] * 2
    assert "Rappel" in asked[-1].get_content()
    await keyless(post.client, "DELETE", ana)
    await post.client.services.directory.catch_up()


async def test_it_goes_on_where_the_quota_of_the_day_stopped_it(
    post: Post, buyer: Campaigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await buyer.plan()
    path = f"/campaigns/{made['id']}/send"
    with monkeypatch.context() as patched:
        patched.setattr(type(post.client.services.settings), "emails_per_day", 1)
        assert (await buyer.post(path)).json()["counts"]["waiting"] == made["recipients"] - 1
        await post.settled(buyer, made, 1)
        refused = await buyer.post(path)
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
        post.clock[0] += timedelta(days=1, seconds=1)
        assert (await buyer.post(path)).status_code == 200
        await post.settled(buyer, made, 2)
    assert len({mail["To"] for mail in post.mailbox.received}) == len(post.mailbox.raw) == 2


async def test_who_cannot_be_e_mailed_gets_a_letter(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    post.mailbox.stage, post.mailbox.refusals = "RCPT", ["550 5.1.1 No such user"] * 2
    await buyer.post(f"/campaigns/{made['id']}/send")
    while (await buyer.shown(made))["counts"]["undeliverable"] < 3:
        await asyncio.sleep(0.02)
    names = {each["name"] for each in await links_of(buyer, made)}
    assert "Structure bob" in names
    counts = (await buyer.post(f"/campaigns/{made['id']}/posted")).json()["counts"]
    assert (counts["sent"], counts["undeliverable"]) == (2, 2)
    assert STREET["postal_code"] in str(await links_of(buyer, made))


async def test_a_refusal_holds_for_drafts_whatever_became_of_what_was_declared_with_it(
    post: Post, buyer: Campaigner
) -> None:
    drafts = [await buyer.plan() for _ in range(2)]
    link = (await buyer.post(f"/suppliers/{post.suppliers['ana']}/links", {})).json()
    path = link["url"].removeprefix(PUBLIC_URL)
    said = await keyless(post.client, "PUT", path, json=SAYS | {"ask_again": False})
    assert said.status_code == 200, said.text
    assert (await keyless(post.client, "DELETE", path)).status_code == 204
    assert (await buyer.shown(drafts[0]))["counts"]["declined"] == 1
    # bob becomes part of who refused
    admin = await post.client.post("/suppliers/merge", json={"ids": [post.suppliers["ana"], post.suppliers["bob"]]})
    assert admin.status_code == 200, admin.text
    sent = (await buyer.post(f"/campaigns/{drafts[1]['id']}/send")).json()
    assert (sent["counts"]["declined"], sent["counts"]["sent"]) == (2, 0)
    links = await links_of(buyer, drafts[1], "?all=true")
    assert {each["name"] for each in links} == {"ESAT du Môle", "Structure none"}
    assert {mail["Subject"] for mail in post.mailbox.received} <= {"Votre fiche a été modifiée"}
    record = {"record": {"source": "campaign-post", "external_id": "bob"}}
    assert (await post.client.post(f"/suppliers/{post.suppliers['ana']}/split", json=record)).status_code == 200


async def test_who_left_the_directory_gets_neither_e_mail_nor_letter(post: Post, buyer: Campaigner) -> None:
    there: dict[str, Any] = {"approvals": [{"kind": "TIH"}]}
    await put_unknown(post.client, "campaign-left", "left", contact={"email": "left@phare.example"}, **there)
    await put_unknown(post.client, "campaign-left", "letter", **there)
    made = await buyer.plan(kinds=["TIH"])
    for each in ("left", "letter"):
        assert (await post.client.delete(path_of("campaign-left", each))).status_code == 204
    sent = (await buyer.post(f"/campaigns/{made['id']}/send")).json()
    assert (sent["status"], sent["counts"]["undeliverable"], sent["counts"]["sent"]) == ("sent", 2, 0)
    assert (await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")).status_code == 409
    assert post.mailbox.raw == []


async def test_who_became_one_since_gets_one_message_and_who_stopped_none(post: Post, buyer: Campaigner) -> None:
    there: dict[str, Any] = {"approvals": [{"kind": "EA"}], "address": NOWHERE}
    source, asked = "campaign-since", ("one", "two", "over")
    ids = [
        await put_unknown(post.client, source, each, contact={"email": f"{each}@phare.example"}, **there)
        for each in asked
    ]
    made = await buyer.plan(kinds=["EA"])
    assert made["recipients"] == 3
    assert (await post.client.post("/suppliers/merge", json={"ids": ids[:2]})).status_code == 200
    await put_unknown(post.client, source, "over", contact={"email": "over@phare.example"}, active=False, **there)
    await buyer.post(f"/campaigns/{made['id']}/send")
    counts = await post.settled(buyer, made, 1)
    assert (counts["recipients"], counts["sent"], counts["waiting"]) == (1, 1, 0)
    assert len(post.mailbox.raw) == 1
    left_out = (await buyer.shown(made))["left_out"]
    assert (left_out["joined"], left_out["inactive"]) == (1, 1)
    assert (await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")).status_code == 409
    for each in asked:
        await post.client.delete(path_of(source, each))


async def test_who_becomes_one_while_the_mail_server_fails_gets_one_message(post: Post, buyer: Campaigner) -> None:
    there: dict[str, Any] = {"approvals": [{"kind": "EA"}], "address": NOWHERE}
    ids = [
        await put_unknown(post.client, "campaign-fails", each, contact={"email": f"{each}@phare.example"}, **there)
        for each in ("one", "two")
    ]
    made = await buyer.plan(kinds=["EA"])
    post.mailbox.stage, post.mailbox.refusals = "RCPT", ["451 4.3.0 Later"] * 2
    await buyer.post(f"/campaigns/{made['id']}/send")
    while post.mailbox.refusals:
        await asyncio.sleep(0.02)
    assert (await post.client.post("/suppliers/merge", json={"ids": ids})).status_code == 200
    post.clock[0] += timedelta(hours=1)
    counts = await post.settled(buyer, made, 1)
    while counts["waiting"]:
        counts = await post.settled(buyer, made, 1)
    assert (len(post.mailbox.raw), counts["sent"], counts["undeliverable"]) == (1, 1, 1)
    assert (await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")).status_code == 409
    for each in ("one", "two"):
        await post.client.delete(path_of("campaign-fails", each))


async def all_mailed(post: Post, buyer: Campaigner, campaign: dict[str, Any]) -> dict[str, Any]:
    """The counts of a campaign with one letter, once no e-mail waits; the clock goes on where none is under way."""
    rests = campaign_mails.c.lease.is_(None) & (campaign_mails.c.due_at > sa.bindparam("now"))
    waiting = sa.select(sa.func.bool_and(rests)).filter_by(campaign_id=UUID(campaign["id"]), status="waiting")
    async with asyncio.timeout(60):
        while (counts := (await buyer.shown(campaign))["counts"])["waiting"] > 1:
            async with transaction(post.client.services.database) as connection:
                if await connection.scalar(waiting, {"now": post.clock[0]}):
                    post.clock[0] += timedelta(minutes=10)
            await asyncio.sleep(0.02)
    told: dict[str, Any] = counts
    return told


async def test_a_mail_server_that_ends_connections_is_written_to_on_another(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    post.mailbox.stage, post.mailbox.refusals = "RCPT", ["421 4.7.0 Too many messages", LOST]
    await buyer.post(f"/campaigns/{made['id']}/send")
    counts = await all_mailed(post, buyer, made)
    assert (counts["sent"], counts["undeliverable"], len(post.mailbox.raw)) == (2, 1, 2)


async def test_who_may_have_been_written_to_is_not_written_to_again(post: Post, buyer: Campaigner) -> None:
    """It gets a letter: the mail server had its text, and the connection was lost before it said that it takes it."""
    made = await buyer.plan()
    post.mailbox.stage, post.mailbox.refusals = "DATA", [LOST]
    await buyer.post(f"/campaigns/{made['id']}/send")
    counts = await all_mailed(post, buyer, made)
    assert (counts["sent"], counts["undeliverable"], len(post.mailbox.raw)) == (1, 2, 2)
    shown = (await buyer.get(f"/campaigns/{made['id']}/recipients")).json()["items"]
    assert [each["failure"] for each in shown if each["failure"]] == [IN_DOUBT]
    assert len(await links_of(buyer, made)) == 3


async def test_what_a_server_was_sending_when_it_was_killed_is_not_sent_again(post: Post, buyer: Campaigner) -> None:
    made = await buyer.plan()
    post.mailbox.stage, post.mailbox.refusals = "RCPT", ["451 4.3.0 Later"] * 2
    await buyer.post(f"/campaigns/{made['id']}/send")
    left = sa.update(campaign_mails).filter_by(
        campaign_id=UUID(made["id"]), address="bob@phare.example", failure="deferred"
    )
    async with asyncio.timeout(60):
        was_left = False
        while not was_left:
            async with transaction(post.client.services.database) as connection:
                was_left = bool((await connection.execute(left.values(failure=IN_DOUBT))).rowcount)
    counts = await all_mailed(post, buyer, made)
    assert (counts["sent"], counts["undeliverable"]) == (1, 2)
    assert [mail["To"] for mail in post.mailbox.received] == ["ana@phare.example"]
