"""An organisation with something on every page of the desk, and one that has just begun; pictures of the pages."""

import os
from base64 import b64decode
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

from selenium.webdriver import Chrome

from db.core.engine import transaction
from db.persons import AccountKey, note_sign_in
from domain.organisation import SCOPES
from tests.api.desk.steps import Browser, Desk, key_of, put_all, sign_in_as
from tests.api.needs.steps import Buyer, create
from tests.api.organisations import Member, member
from tests.api.sync.factories import Client

SPOTS = ((48.1173, -1.6778), (48.0836, -1.6742), (48.17, -1.52), (48.05, -1.9), (48.2, -1.72))
WASTE: dict[str, Any] = {
    "title": "Gestion des déchets du centre hospitalier",
    "description": "Les biodéchets et les papiers du site principal et de ses annexes.",
    "territory": {"near": {"lat": 48.1173, "lon": -1.6778}, "radius_km": 30},
    "lots": [
        {"id": "1", "title": "Collecte et compostage des biodéchets", "segments": ["de-bio"], "value_eur": 58_000},
        {"id": "2", "title": "Papiers et cartons", "segments": ["de-5flux"], "reserved": ["iae"], "value_eur": 31_000},
    ],
}
"""Around Rennes, where the suppliers below are."""
NAMES = ("Compost d'Ille", "Papiers solidaires", "Tri de Rance", "Ateliers du Pays de Brocéliande", "Récup' Ouest")
FILE = """external_id;name;siret;address.commune;segments
1;Les Jardins du Loch;;56178;ev-entretien
2;Atelier;123;56178;x
"""
PAYMENTS = """Mandats 2025 et 2026
Date de mandat;SIRET;Objet;Montant HT;Réservé
01/03/2025;12345678200010;Tonte;1 000,50;oui
01/03/2026;123;Nettoyage de locaux;-4,20;non
Total;;;996,30;
"""


async def file_with_all(served: Client, browser: Browser, source: str) -> dict[str, str]:
    """Sign in who may open every page; what paths of pages name, such as `need` and `exchange`."""
    anne = await member(
        served, *SCOPES, name="Clé d'Anne", organisation=f"CHU de Rennes {source}", sources=(f"{source}-dit",)
    )
    await sign_in_as(browser, anne)
    suppliers = await stocked(served, source)
    buyer = Buyer(served, anne.organisation_id, key_of(anne))
    need = await create(served, anne.headers, **WASTE)
    fresh = await create(
        served, anne.headers, title="Blanchisserie", lots=[{"id": "1", "segments": ["lt-blanchisserie"]}]
    )
    desk = Desk(buyer, browser, need["id"], suppliers)
    facts = {"need": desk.path, "fresh": f"besoins/{fresh['id']}", "supplier": suppliers[NAMES[2]], "source": source}
    return facts | await followed(desk) | await administered(served, anne, source)


async def stocked(served: Client, source: str) -> dict[str, str]:
    """The suppliers around Rennes, by their names."""
    records: list[dict[str, Any]] = []
    for number, (name, (lat, lon)) in enumerate(zip(NAMES, SPOTS, strict=True)):
        trades = (["de-bio"], ["de-5flux"], ["de-bio", "de-5flux"])[number % 3]
        place = {"location": {"lat": lat, "lon": lon}, "address": {"commune": "35238", "city": "Rennes"}}
        contact = {"email": f"contact{number}@exemple.fr", "phone": "02 99 00 00 00"} if number % 2 else {}
        offers = [{"segments": trades, "service_area": {"radius_km": 60}}]
        records.append({"name": name, "offers": offers, "contact": contact, **place})
    return dict(zip(NAMES, await put_all(served, source, *records), strict=True))


async def followed(desk: Desk) -> dict[str, str]:
    """Decide, write, get a question, publish it, meet, award."""
    letters = await desk.write(a="choisis", fournisseur=[desk.suppliers[each] for each in NAMES[:3]])
    links = desk.links()
    await desk.reply(links[NAMES[2]], body="Les bacs sont-ils fournis ?", stance="question")
    await desk.reply(links[NAMES[0]], body="Oui, deux fois par semaine.", stance="interested", barriers=["volume"])
    exchange = await desk.exchange()
    await desk.open(f"echanges/{exchange['id']}")
    link = await desk.send(f"echanges/{exchange['id']}", faire=f"lien-{desk.suppliers[NAMES[1]]}")
    told = {"author": "buyer", "body": "Le site produit 40 tonnes par an.", "supplier_id": desk.suppliers[NAMES[0]]}
    message = (await desk.buyer.post(f"/exchanges/{exchange['id']}/messages", told)).json()
    await desk.open("rencontres/nouvelle")
    invited = [desk.suppliers[each] for each in NAMES[:2]]
    await desk.send("rencontres/nouvelle", faire="enregistrer", jour="2027-03-16", lieu="Salle A", fournisseur=invited)
    (meeting,) = (await desk.buyer.get(f"/meetings?need={desk.need_id}")).json()["items"]
    await desk.browser.open("/rencontres/nouvelle?territoire=departement:35")
    typed = {"faire": "enregistrer", "jour": "2027-03-17", "fournisseur": invited, "structure-1": "Ville de Rennes"}
    planned = await desk.browser.submit("rencontres/nouvelle", typed)
    await desk.open("decisions")
    await desk.send("decisions", fournisseur=desk.suppliers[NAMES[0]], decision="kept", motif="Collecte près du site")
    await desk.buyer.frozen(desk.need_id)
    award = await desk.buyer.post(
        f"/{desk.api}/awards",
        {"lot_id": "1", "supplier_id": desk.suppliers[NAMES[0]], "awarded_on": "2026-11-25", "value_eur": 58_400},
    )
    question = {"title": "Métiers d'ici", "subject": "Que faites-vous ?", "body": "Dites-nous ce que vous faites."}
    wide = {"territory": {"codes": ["epci:243500139"]}, "only_unknown_trade": False}
    campaign = await desk.buyer.post("/campaigns", question | wide)
    return {
        "campaign": campaign.json()["id"],
        "exchange": exchange["id"],
        "message": message["id"],
        "meeting": meeting["id"],
        "event": planned.url.path.rpartition("/")[2],
        "invited": invited[0],
        "award": award.json()["id"],
        "reply": links[NAMES[2]].lstrip("/"),
        "letters": letters.url.params["envoi"],
        "link": link.url.params["envoi"],
    }


async def administered(served: Client, anne: Member, source: str) -> dict[str, str]:
    """A person who signed in, and an import with a row that is wrong."""
    now = served.services.now()
    async with transaction(served.services.database) as connection:
        key = AccountKey(anne.organisation_id, "https://connexion.example", uuid4().hex)
        person = await note_sign_in(connection, key, "Paul Le Goff", "paul@chu.example", now)
    place = {"id": "lieu", "name": f"Un lieu de {source}", "categoriesFull": [{"id": 10, "name": "Espaces verts"}]}
    await served.post(f"/sources/{source}/imports?format=gogocarto", json={"data": [place]})
    sent = await served.post(f"/sources/{source}/imports", content=FILE.encode(), headers={"content-type": "text/csv"})
    return {
        "person": str(person),
        "key": str(anne.key.id),
        "organisation": str(anne.organisation_id),
        "import": sent.json()["id"],
    }


HEAD = """<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Pictures</title>
<style>img { max-width: 49%; border: 1px solid }</style>"""


def take_picture(window: Chrome, name: str) -> None:
    """Leave a picture of the whole page in the folder that `PICTURES` names, where it is set.

    Nothing compares them; an index shows those of a page side by side.
    """
    if "PICTURES" not in os.environ:
        return
    folder = Path(os.environ["PICTURES"])
    folder.mkdir(parents=True, exist_ok=True)
    taken = window.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "optimizeForSpeed": True})
    (folder / f"{name}.png").write_bytes(b64decode(taken["data"]))
    (folder / "index.html").write_text(HEAD + "".join(_rows(sorted(folder.glob("*.png")))), encoding="utf-8")


def _rows(files: Iterable[Path]) -> Iterable[str]:
    last = ""
    for file in files:
        page = file.stem.partition("-at-")[0]
        if page != last:
            yield f"\n<h2>{escape(page)}</h2>"
        last = page
        yield f'\n<a href="{file.name}"><img src="{file.name}" alt="{escape(file.stem)}" loading=lazy></a>'
