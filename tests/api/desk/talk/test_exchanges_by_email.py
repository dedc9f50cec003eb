"""Writing to suppliers on the desk where a mail server is set: who is written to, and whose letter is the buyer's."""

from matching.reference import Reference
from tests.api.desk.steps import WORDS, Browser, Desk
from tests.api.emailing import PUBLIC_URL, all_sent, emailing
from tests.api.exchanges.steps import Opened
from tests.api.needs.steps import new_buyer
from tests.api.sync.factories import Client


async def test_vivier_writes_to_those_whose_address_is_known(database_url: str, reference: Reference) -> None:
    async with emailing(database_url, reference) as (client, mailbox), Browser(client.app, PUBLIC_URL) as browser:
        buyer = await new_buyer(client)
        known = await buyer.supplier("annuaire", "1", name="Avec adresse", contact={"email": "anne@anne.example"})
        await buyer.supplier("annuaire", "2", name="Sans adresse")
        desk = Desk(buyer, browser, (await buyer.keep())["need"]["id"], {"Avec adresse": known})
        await browser.sign_in(buyer.headers["Authorization"].removeprefix("Bearer "))
        await desk.open("echanges/nouveau")
        await desk.send("echanges/nouveau", faire="relire", **WORDS)
        assert "par courriel, à anne@anne.example" in browser.page
        assert "Vivier écrit à 1 d’entre eux par courriel" in browser.page
        await desk.send("echanges/nouveau", faire="envoyer")
        assert list(desk.links()) == ["Sans adresse"]
        await desk.open("echanges/nouveau")
        await desk.send("echanges/nouveau", faire="relire", a="choisis", fournisseur=known, **WORDS)
        answer = await desk.send("echanges/nouveau", faire="envoyer")
        assert answer.url.params.get("parti") == "1"
        (exchange, _) = (await buyer.get(f"/{desk.api}/exchanges")).json()["items"]
        first = Opened(Client(client.app, buyer.headers["Authorization"].removeprefix("Bearer ")), exchange, [known])
        shown = await all_sent(first)
        states = {each["supplier_id"]: each["state"] for each in shown["messages"][0]["deliveries"]}
        assert (states[known], set(states.values())) == ("sent", {"sent", "to_be_delivered_by_you"})
        assert {mail["To"] for mail in mailbox.received} == {"anne@anne.example"}
        await desk.open(f"echanges/{exchange['id']}")
        assert "Courriel envoyé le" in browser.page
