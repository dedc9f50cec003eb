"""The person whom a campaign names as its contact, and addresses of recipients, are erased with the rest of them."""

from tests.api.campaigns.steps import NOWHERE, STREET, campaigner, put_unknown
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


async def test_who_is_erased_before_being_written_to_is_not_waited_for(served: Client, source: str) -> None:
    buyer, asked = await campaigner(served, "admin"), ("EATT",)
    for each, address in (("home", STREET), ("nowhere", NOWHERE)):
        contact = {"email": f"{each}.erased@phare.example"}
        await put_unknown(served, source, each, contact=contact, address=address, approvals=[{"kind": "EATT"}])
    made = await buyer.plan(kinds=asked)
    for each in ("home", "nowhere"):
        assert (await buyer.post("/privacy/erase", {"email": f"{each}.erased@phare.example"})).status_code == 200
    links = await buyer.post(f"/campaigns/{made['id']}/links", Accept="text/csv")
    assert ["Structure home" in links.text, "Structure nowhere" in links.text] == [True, True]
    posted = (await buyer.post(f"/campaigns/{made['id']}/posted")).json()
    assert posted["status"] == "sent"
    assert (posted["counts"]["silent"], posted["counts"]["undeliverable"]) == (1, 1)
    for each in ("home", "nowhere"):
        await served.delete(path_of(source, each))
