"""A link to a supplier's own page arrives by e-mail and works; one that was revoked is not sent."""

import asyncio
import re
from uuid import UUID

from api.exchanges.email import SCHEDULE, EmailSender
from api.exchanges.supplier_link_mail import LinkSender
from api.people_settings import mail_server
from api.runtime.outbox_worker import Deliverer, DeliveryKind
from db.core.engine import transaction
from db.declarations.links import NewLink, follow, insert_links, insert_mail, revoke_link, write_mail_outcome
from db.schema.declaration_tables import declaration_mails
from tests.api.exchanges.steps import some_suppliers
from tests.api.mailbox import Mailbox, listening
from tests.api.organisations import member
from tests.api.sync.factories import Client


async def test_a_link_arrives_by_email_and_opens_the_page(served: Client, source: str) -> None:
    owner, services = await member(served, "needs"), served.services
    one, two = map(UUID, await some_suppliers(served, source))
    now, engine = services.now(), services.database
    async with transaction(engine) as connection:
        some = [NewLink(each, f"{source}-{each}", f"{source}-{each}-code") for each in (one, two)]
        ends = now.replace(year=now.year + 1)
        links = await insert_links(connection, owner.organisation_id, some, now, ends)
        for link, address in zip(links, ("un@esat.example", "deux@esat.example"), strict=True):
            await insert_mail(connection, link, "link", address, "fr", now)
        assert await revoke_link(connection, owner.organisation_id, [two], links[1], now)
    async with listening(Mailbox()) as mailbox:
        server = mail_server(f"smtp://127.0.0.1:{mailbox.port}")
        base, author = "https://vivier.example.org", "sourcing@example.org"
        sender = EmailSender(server=server, sender=author, base=base, link_days=60, engine=engine, now=services.now)
        deliver = LinkSender(sender).deliver
        kind = DeliveryKind(outbox=declaration_mails, schedule=SCHEDULE, attempt=deliver, also_note=write_mail_outcome)
        deliverer = Deliverer(kind, engine, services.now, jitter=lambda: 0.0)
        while await deliverer.begin():
            await asyncio.gather(*deliverer.under_way)
    (mail,) = [each for each in mailbox.received if each["To"] in {"un@esat.example", "deux@esat.example"}]
    assert mail["To"] == "un@esat.example"
    assert "peut écrire en votre nom" in mail.get_content()
    (token,) = re.findall(r"/fiche/([\w-]{43})", mail.get_content())
    async with transaction(engine) as connection:
        followed = await follow(connection, token, now)
        rows = (await connection.execute(declaration_mails.select().filter_by(link_id=links[0]))).all()
    assert followed is not None
    assert followed.supplier_id == one
    assert [(row.status, row.address) for row in rows] == [("delivered", "")]
