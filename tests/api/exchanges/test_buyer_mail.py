"""Buyers are told by e-mail of answers and of new suppliers, until they ask for no more."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from api.web.content_negotiation import FORM, HTML
from db.core.engine import Connection, transaction
from db.delivery.outbox import wake_servers
from db.exchanges.buyer_mails import queue_answer_mail, queue_digests, unwanted_kinds
from db.invitations import invite, note_seen
from db.journal.entries import write_entry
from db.persons import SEEN_DAYS, end_access
from db.schema.organisation_tables import buyer_mails, exchanges, unwanted_mails
from db.schema.person_tables import desk_accounts
from domain.journal import Actor
from tests.api.exchanges.steps import keyless
from tests.api.mailbox import PUBLIC_URL, Mailbox, PostOffice
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client

ANNE = "Anne Roux"
ONE_CLICK = {"headers": {"Content-Type": FORM}, "content": "List-Unsubscribe=One-Click"}
WEEKS = date(2030, 1, 7), date(2030, 1, 14)


async def ask(buyer: Buyer, need: str) -> dict[str, Any]:
    """The exchange that Anne of the buyer opened about a need."""
    message = {"subject": "Volumes", "body": "Quel volume ?", "channel": "letter", "recipients": "shortlist"}
    contact = {"name": ANNE, "email": address_of("anne", buyer)}
    opened: dict[str, Any] = (await buyer.post(f"/needs/{need}/exchanges", message | {"contact": contact})).json()
    return opened


def address_of(name: str, buyer: Buyer) -> str:
    """An address that no other test writes to."""
    return f"{name}{buyer.spot}@mairie.example"


async def queue_digests_of(connection: Connection, week: date, now: datetime) -> None:
    """Queue the digests of a week, which servers hear of at once and not at their next look."""
    await queue_digests(connection, week, now)
    await wake_servers(connection)


async def mails_to(mailbox: Mailbox, address: str, number: int) -> list[EmailMessage]:
    """The e-mails to an address, once there are so many."""
    async with asyncio.timeout(60):
        while len(found := [each for each in mailbox.received if each["To"] == address]) < number:
            await asyncio.sleep(0.02)
    return found


async def last_outcome(client: Client, **about: Any) -> str | None:
    """Why the last e-mail about this is not sent, once it was tried; None where it was, or nothing was to be told."""
    latest_first = buyer_mails.c.week.desc(), buyer_mails.c.id.desc()
    query = sa.select(buyer_mails).filter_by(**about).order_by(*latest_first).limit(1)
    async with asyncio.timeout(60):
        while True:
            async with transaction(client.services.database) as connection:
                row = (await connection.execute(query)).one()
            if row.ended_at is not None or row.failure:
                return str(row.failure) if row.failure else None
            await asyncio.sleep(0.02)


def path_to_stop(mail: EmailMessage) -> str:
    """The path by which the receiver of an e-mail asks for no more; the same in its text and for mail programs."""
    url = mail["List-Unsubscribe"].strip("<>")
    assert url in mail.get_content()
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return str(url.removeprefix(PUBLIC_URL))


async def answered(buyer: Buyer, path: str, body: str) -> None:
    reply = await keyless(buyer.client, "POST", path, json={"body": body})
    assert reply.status_code == 201, reply.text


async def test_an_answer_is_announced_to_the_contact_until_told_not_to(office: PostOffice) -> None:
    """It says who answered, and nothing of the answer; one click of a mail program stops it, without signing in."""
    client, mailbox, _ = office
    buyer = await new_buyer(client)
    anne = address_of("anne", buyer)
    await buyer.supplier("annuaire", "1", name="Jardins d'Arvor")
    need = (await buyer.keep())["need"]["id"]
    opened = await ask(buyer, need)
    path = opened["reply_links"][0]["url"].removeprefix(PUBLIC_URL)
    await answered(buyer, path, "Deux tonnes par an")
    (mail,) = await mails_to(mailbox, anne, 1)
    assert mail["Subject"] == "Réponse reçue : Volumes"
    assert f"{PUBLIC_URL}/besoins/{need}/echanges/{opened['id']}" in mail.get_content()
    assert "Deux tonnes" not in mail.get_content()
    stop = path_to_stop(mail)
    page = await keyless(client, "GET", stop, headers={"Accept": HTML})
    assert (page.status_code, "Ne plus recevoir" in page.text) == (200, True)
    assert (await keyless(client, "POST", stop, **ONE_CLICK)).status_code == 200
    await answered(buyer, path, "Plutôt trois")
    assert await last_outcome(client, exchange_id=opened["id"]) == "not_wanted"
    again = {"headers": {"Content-Type": FORM}, "content": "faire=reprendre"}
    assert (await keyless(client, "POST", stop, **again)).status_code == 200
    await answered(buyer, path, "Ou quatre")
    await mails_to(mailbox, anne, 2)
    assert (await keyless(client, "POST", f"{stop[:-5]}aaaaa", **ONE_CLICK)).status_code == 404
    async with transaction(client.services.database) as connection:
        stored = (await connection.execute(sa.select(unwanted_mails))).all()
    assert anne not in str(stored)


async def test_new_suppliers_of_a_kept_need_are_told_once(office: PostOffice) -> None:
    """In the week's digest, to the address that the need names; the next one tells of none."""
    client, mailbox, _ = office
    buyer = await new_buyer(client)
    address, later = address_of("achats", buyer), address_of("marches", buyer)
    need = (await buyer.keep(answers_email=address))["need"]["id"]
    name = f"Nouveau {need[:8]}"
    await buyer.supplier("annuaire", need[:8], name=name)
    now = client.services.now()
    for week in WEEKS:
        async with transaction(client.services.database) as connection:
            await queue_digests_of(connection, week, now)
        assert await last_outcome(client, need_id=need) is None
    (mail,) = await mails_to(mailbox, address, 1)
    assert mail["Subject"] == "Nouveaux fournisseurs pour vos besoins"
    assert name in mail.get_content()
    assert f"{PUBLIC_URL}/besoins/{need}\r\n" in mail.get_content()
    assert (await buyer.patch(f"/needs/{need}", {"answers_email": later})).status_code == 200
    assert (await keyless(client, "POST", path_to_stop(mail), **ONE_CLICK)).status_code == 200
    async with transaction(client.services.database) as connection:
        found = [await unwanted_kinds(connection, buyer.organisation_id, each) for each in (address, later)]
    assert found == [{"digest"}, set()]


async def test_a_digest_is_in_its_readers_language_and_waits_for_the_quota(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, mailbox, _ = office
    buyer = await new_buyer(client)
    need = (await buyer.keep())["need"]["id"]
    await buyer.supplier("annuaire", need[:8], name=f"Nouveau {need[:8]}")
    now, services, address = client.services.now(), client.services, address_of("anne", buyer)
    async with transaction(client.services.database) as connection:
        anne = await invite(connection, buyer.organisation_id, address, ANNE, ["needs"], now)
        await note_seen(connection, anne, "en", now)
        await write_entry(connection, Actor(buyer.organisation_id, "person", anne), "need.created", f"need:{need}", now)
        await queue_digests_of(connection, WEEKS[0], now)
    (mail,) = await mails_to(mailbox, address, 1)
    assert mail["Subject"] == "New suppliers for your needs"
    assert await last_outcome(client, person_id=anne) is None
    english = {"Accept": HTML, "Accept-Language": "en"}
    page = await keyless(client, "GET", path_to_stop(mail), headers=english)
    assert "Stop these e-mails" in page.text
    monkeypatch.setattr(services, "settings", replace(services.settings, emails_per_day=1))
    async with transaction(client.services.database) as connection:
        await queue_digests_of(connection, WEEKS[1], now)
    assert await last_outcome(client, person_id=anne) == "email_quota"
    assert len(await mails_to(mailbox, address, 1)) == 1


@pytest.mark.parametrize("ended", ["removed", "other rights", "not seen for long"])
async def test_nothing_is_told_to_somebody_who_may_not_see_needs_any_more(office: PostOffice, ended: str) -> None:
    """Their needs' digests go to the address that these name, and answers in their exchanges to nobody."""
    client, mailbox, _ = office
    buyer = await new_buyer(client)
    address, of_anne = address_of("achats", buyer), address_of("anne", buyer)
    await buyer.supplier("annuaire", "1", name="Jardins d'Arvor")
    need = (await buyer.keep(answers_email=address))["need"]["id"]
    await buyer.supplier("annuaire", need[:8], name=f"Nouveau {need[:8]}")
    opened = await ask(buyer, need)
    now = client.services.now()
    async with transaction(client.services.database) as connection:
        anne = await invite(connection, buyer.organisation_id, of_anne, ANNE, ["needs"], now)
        actor = Actor(buyer.organisation_id, "person", anne)
        await write_entry(connection, actor, "need.created", f"need:{need}", now)
        await write_entry(connection, actor, "exchange.opened", f"exchange:{opened['id']}", now)
        await connection.execute(sa.update(exchanges).filter_by(id=opened["id"]).values(contact=None))
        await queue_digests_of(connection, WEEKS[0], now)
        if ended == "not seen for long":
            long_ago = now - timedelta(days=SEEN_DAYS)
            unseen = {"issuer": "https://x", "scopes": None, "seen_at": long_ago}
            await connection.execute(sa.update(desk_accounts).filter_by(person_id=anne).values(unseen))
        elif ended == "other rights":
            await invite(connection, buyer.organisation_id, of_anne, ANNE, ["match"], now)
        else:
            await end_access(connection, [anne])
    assert await last_outcome(client, person_id=anne) == "not_wanted"
    async with transaction(client.services.database) as connection:
        await queue_digests_of(connection, WEEKS[1], now)
        await queue_answer_mail(connection, buyer.organisation_id, UUID(opened["id"]), now)
    assert await last_outcome(client, need_id=need) is None
    await mails_to(mailbox, address, 1)
    assert [mail["To"] for mail in mailbox.received if mail["To"] in {address, of_anne}] == [address]
    queued = sa.select(sa.func.count()).select_from(buyer_mails).filter_by(organisation_id=buyer.organisation_id)
    async with transaction(client.services.database) as connection:
        assert await connection.scalar(queued) == 2
