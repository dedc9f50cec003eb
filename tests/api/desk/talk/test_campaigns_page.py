"""The pages of campaigns: drawn up, read, sent and told on a map."""

import re
from collections.abc import AsyncIterator

import pytest

from api.desk.directory.territory_page import SHADES
from tests.api.campaigns.steps import put_unknown
from tests.api.desk.steps import Browser, heading, said
from tests.api.sync.factories import Client, path_of

FILLED = {"titre": "Métiers", "lieu": "Île-Molène", "objet": "Que faites-vous ?", "texte": "Dites-nous."}

MOLENE = {"street": "Le Bourg", "postal_code": "29259", "city": "Île-Molène", "commune": "29084"}
"""Another isle than that of other tests."""


@pytest.fixture
async def asked(served: Client, own: Browser, source: str) -> AsyncIterator[str]:
    """A campaign of two suppliers, as its path; its page is open."""
    for each in ("1", "2"):
        await put_unknown(served, source, each, location={"lat": 48.3972, "lon": -4.9581}, address=MOLENE)
    await own.open("/campagnes/nouvelle")
    answer = await own.submit("campagnes", FILLED)
    yield answer.url.path
    for each in ("1", "2"):
        await served.delete(path_of(source, each))


async def test_a_campaign_is_counted_before_it_is_sent(own: Browser, asked: str) -> None:
    assert heading(own.page) == "Métiers"
    words = said(own.page)
    assert "0 par courriel, 2 par lettre, 0 sans adresse" in words
    assert "Structures qui ont déclaré leur activité" in words
    await own.open("/campagnes")
    assert asked.removeprefix("/") in own.page


async def test_a_draft_is_changed_and_stays_the_same_campaign(own: Browser, asked: str) -> None:
    await own.open(f"/campagnes/nouvelle?brouillon={asked.rpartition('/')[2]}")
    answer = await own.submit("campagnes", {"objet": "Quel est votre métier ?", "genres": "EA"})
    assert (answer.url.path, heading(own.page)) == (asked, "Métiers")
    words = said(own.page)
    assert "Message : Quel est votre métier ?" in words
    assert "0 par courriel, 0 par lettre, 0 sans adresse" in words


async def test_letters_are_downloaded_and_said_to_have_left(own: Browser, asked: str) -> None:
    fields = own.fields(f"{asked[1:]}/liens") | {"sous": ["lettres"]}
    answer = await own.post(f"{asked}/liens", data=fields)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content == (await own.post(f"{asked}/liens", data=fields)).content
    await own.open(asked)
    await own.submit(asked[1:], faire="partis")
    assert "Possible à partir du" in said(own.page)
    assert (await own.get(f"{asked}/destinataires")).text.count("\r\n") == 3


async def test_a_campaign_asks_in_several_territories_about_several_trades(own: Browser) -> None:
    await own.open("/campagnes/nouvelle")
    await own.submit("campagnes", {"lieu": "Île-Molène", "ajout": "tonte", "faire": "chercher"})
    await own.submit("campagnes", {"lieu": "commune:29155", "ajout": "tonte", "faire": "chercher"})
    assert own.page.count('name="territoire"') == 2
    ticked = {"metier": ["ev-entretien", "pr-locaux"]}
    filled = {name: [text] for name, text in FILLED.items() if name != "lieu"}
    answer = await own.post("/campagnes", data=own.fields("campagnes") | filled | ticked)
    assert answer.status_code == 303, answer.text
    await own.open(answer.headers["location"])
    words = said(own.page)
    assert "Île-Molène et Ouessant" in words
    assert "espaces verts" in words


async def test_the_map_fills_where_suppliers_answer(served: Client, own: Browser, source: str) -> None:
    """The area of who declared is shaded, alone; taken back, it is as before."""
    places = {"29084": (48.3972, -4.9581, "Île-Molène"), "29155": (48.4571, -5.0965, "Ouessant")}
    ids = [
        await put_unknown(served, source, code, location={"lat": lat, "lon": lon}, address=MOLENE | {"commune": code})
        for code, (lat, lon, _) in places.items()
    ]
    await own.open("/campagnes/nouvelle")
    filled = {name: [text] for name, text in FILLED.items() if name != "lieu"}
    there = {"territoire": [f"commune:{code}" for code in places]}
    made = await own.post("/campagnes", data=own.fields("campagnes") | filled | there)
    path = made.headers["location"]

    async def shades() -> dict[str, str]:
        await own.open(path)
        drawn = own.page[own.page.index('<figure class="areas">') : own.page.index('<ul class="legend">')]
        links = re.findall(r'<a href="\.\./territoires/([^"]+)".*?fill="(#\w+)"', drawn, re.DOTALL)
        return dict(links)

    empty = await shades()
    assert (len(empty), set(empty.values())) == (2, {SHADES[0]})
    link = (await served.post(f"/suppliers/{ids[0]}/links", json={})).json()
    assert (await served.put(link["url"], json={"offers": [{"segments": ["ev-entretien"]}]})).status_code == 200
    filled_in = await shades()
    changed = [area for area, shade in filled_in.items() if shade != empty[area]]
    assert [filled_in[area] in SHADES[1:] for area in changed] == [True]
    rows = re.findall(
        r'<th scope="row"><a href="[^"]*territoires/([^"]+)">[^<]*</a></th><td>1</td><td>(\d)</td>', own.page
    )
    assert dict(rows) == {area: str(int(area in changed)) for area in empty}
    assert (await served.delete(link["url"])).status_code == 204
    assert await shades() == empty
    for code in places:
        await served.delete(path_of(source, code))


async def test_a_message_is_taken_into_another_campaign(own: Browser, asked: str) -> None:
    """Of one's own organisation, with what was asked of whom; a new one begins with a text to adapt."""
    await own.open("/campagnes/nouvelle")
    assert "Nous préparons nos achats" in said(own.page)
    await own.open(f"/campagnes/nouvelle?modele={asked.rpartition('/')[2]}")
    fields = own.fields("campagnes")
    assert {name: fields[name] for name in ("titre", "territoire", "objet", "texte")} == {
        "titre": ["Métiers"],
        "territoire": ["commune:29084"],
        "objet": ["Que faites-vous ?"],
        "texte": ["Dites-nous."],
    }
    assert (await own.get("/campagnes/nouvelle?modele=01900000-0000-7000-8000-000000000000")).status_code == 404


async def test_a_draft_is_deleted(own: Browser, asked: str) -> None:
    await own.submit(asked[1:], faire="effacer")
    assert (await own.get(asked)).status_code == 404


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"lieu": "Nullepart-sur-Rien"}, "lieu"),
        ({"lieu": ""}, "lieu"),
        ({"texte": ""}, "texte"),
        ({"courriel": "a@b.fr"}, "contact"),
    ],
)
async def test_mistakes_are_shown_at_their_fields(own: Browser, typed: dict[str, str], field: str) -> None:
    await own.open("/campagnes/nouvelle")
    answer = await own.submit("campagnes", FILLED | typed)
    assert (answer.status_code, f'href="#{field}"' in own.page) == (422, True)
