"""The person whom a campaign names as its contact, and addresses of recipients, are erased with the rest of them."""

from tests.api.campaigns.steps import STREET, campaigner, put_unknown
from tests.api.sync.factories import Client, path_of


async def test_the_contact_and_the_addresses_of_a_person_are_erased(served: Client, source: str) -> None:
    buyer = await campaigner(served, "admin")
    await put_unknown(served, source, "zoe", contact={"email": "zoe.kervoal@phare.example"}, address=STREET)
    contact = {"name": "Zoé Kervoal", "email": "zoe.kervoal@phare.example", "phone": None}
    made = await buyer.plan(contact=contact)
    await served.delete(path_of(source, "zoe"))
    who = {"name": "Zoé Kervoal", "email": "zoe.kervoal@phare.example"}
    erased = await buyer.post("/privacy/erase", who)
    assert erased.status_code == 200, erased.text
    shown = await buyer.shown(made)
    recipients = (await buyer.get(f"/campaigns/{made['id']}/recipients")).json()["items"]
    assert "Kervoal" not in str(shown)
    assert "kervoal" not in str(shown) + str(recipients)
    assert shown["counts"]["recipients"] == made["recipients"]
