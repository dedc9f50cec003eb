"""The page of a declared offer: what a supplier says it does is added to its record, by a key that may write it."""

from db.api_keys import create_key, organisation_name
from db.core.engine import transaction
from tests.api.desk.steps import Browser, Desk, desk_of
from tests.api.sync.factories import Client, path_of, put_record, siret

NAME = "Ateliers du Scorff"


async def writing_desk(served: Client, browser: Browser, source: str) -> Desk:
    """A desk whose key may write this source, and which wrote to a supplier that has a SIRET."""
    desk = await desk_of(served, browser, source)
    stored = await put_record(served, source, "1", name=NAME, siret=siret(source), offers=[])
    desk.suppliers[NAME] = stored["supplier_id"]
    now = served.services.now()
    async with transaction(served.services.database) as connection:
        name = await organisation_name(connection, desk.buyer.organisation_id)
        secret, _ = await create_key(
            connection, name="sync", organisation=name, scopes=["needs", "sync"], sources=[f"{source}-dit"], now=now
        )
    await browser.submit("deconnexion")
    await browser.sign_in(secret, "/rencontres")
    await desk.open(f"echanges/nouveau?fournisseur={stored['supplier_id']}")
    await desk.send("echanges/nouveau", faire="relire", objet="Activité", texte="Que faites-vous ?")
    await desk.send("echanges/nouveau", faire="envoyer")
    return desk


async def test_an_offer_is_added_to_those_noted_before(served: Client, browser: Browser, source: str) -> None:
    desk = await writing_desk(served, browser, source)
    page = f"echanges/{(await desk.exchange())['id']}/offres/{desk.suppliers[NAME]}"
    await desk.open(page)
    assert (await desk.send(page, faire="noter", rayon="30")).status_code == 422
    await desk.send(page, faire="chercher", ajout="blanchisserie")
    assert "lanchisserie" in browser.page
    assert (await desk.send(page, faire="noter", metier="ev-entretien", rayon="20001")).status_code == 422
    assert '<a href="#rayon">' in browser.page
    await desk.send(page, faire="noter", metier="ev-entretien", rayon="30")
    assert "offre est not" in browser.page
    await desk.open(page)
    await desk.send(page, faire="noter", metier="pr-locaux", rayon="")
    number = siret(source)
    record = (await served.get(path_of(f"{source}-dit", number))).json()
    assert [each["segments"] for each in record["offers"]] == [["ev-entretien"], ["pr-locaux"]]
    assert record["offers"][0]["service_area"]["radius_km"] == 30
    assert record["supplier_id"] == desk.suppliers[NAME]


async def test_a_key_that_writes_no_source_sees_no_such_form(served: Client, browser: Browser, source: str) -> None:
    desk = await desk_of(served, browser, source, NAME)
    await desk.write()
    await desk.reply(desk.links()[NAME], body="Nous tondons.")
    exchange = f"echanges/{(await desk.exchange())['id']}"
    await desk.open(exchange)
    assert "/offres/" not in browser.page
    assert (await desk.open(f"{exchange}/offres/{desk.suppliers[NAME]}")).status_code == 403
