"""Circles and outlines that are drawn on the map: carried by the form, said in words, read as the API reads them."""

import json
from typing import Any

import pytest

from api.app import create_app
from api.settings import read_settings
from matching.reference import Reference
from tests.api.desk.answer.test_result_page import request_on
from tests.api.desk.steps import FORM, Browser, counted_in_words, said
from tests.api.sync.factories import Client, put_record

RING = [[-3.0, 48.0], [-2.8, 48.0], [-2.8, 48.2], [-3.0, 48.2], [-3.0, 48.0]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
MOWING = {"lot-1-objet": "tonte de pelouses"}


async def asked(browser: Browser, **typed: str) -> dict[str, Any]:
    """The territory that the page of the answer asked for."""
    await browser.sign_in()
    answer = await browser.submit("besoin", {**MOWING, **typed}, to="besoin/resultat")
    assert answer.status_code == 200, browser.page
    territory: dict[str, Any] = request_on(browser.page)["territory"]
    return territory


async def test_a_radius_is_counted_around_a_commune(browser: Browser) -> None:
    assert await asked(browser, lieu="Pontivy", rayon="20") == {"near": {"commune": "56178"}, "radius_km": 20}


async def test_a_radius_is_counted_around_a_point(browser: Browser) -> None:
    found = await asked(browser, centre="48.06,-2.96", rayon="12,5")
    assert found == {"near": {"lat": 48.06, "lon": -2.96}, "radius_km": 12.5}


async def test_an_outline_is_the_territory(browser: Browser) -> None:
    assert await asked(browser, trace=json.dumps(POLYGON)) == {"geometry": POLYGON}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"lieu": "Pontivy", "rayon": "20"}, "Rayon de 20 km autour de Pontivy"),
        ({"territoire": "commune:56055", "rayon": "20"}, "Rayon de 20 km autour d’Étel"),
        ({"centre": "48.06,-2.96", "rayon": "20"}, "Rayon de 20 km autour d’un point à Pontivy"),
        ({"trace": json.dumps(POLYGON)}, "Zone dessinée autour de Noyal-Pontivy (4 sommets)"),
    ],
)
async def test_what_is_drawn_is_said_in_words_and_carried_along(
    browser: Browser, typed: dict[str, str], said: str
) -> None:
    await browser.sign_in()
    await browser.submit("besoin", {**MOWING, **typed}, faire="comprendre")
    assert said in browser.page.replace("\N{NO-BREAK SPACE}", " ")
    fields = browser.fields("besoin")
    for name, text in typed.items():
        assert fields[name] == [text] or (name, fields["territoire"]) == ("lieu", ["commune:56178"])


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"lieu": "Morbihan", "rayon": "20"}, "lieu"),
        ({"territoire": "departement:56", "rayon": "20"}, "rayon"),
        ({"territoire": ["commune:56178", "commune:56260"], "rayon": "20"}, "rayon"),
        ({"territoire": "commune:56178", "rayon": "0"}, "rayon"),
        ({"territoire": "commune:56178", "rayon": "loin"}, "rayon"),
        ({"centre": "48.06,-2.96"}, "rayon"),
        ({"centre": "48.06,-2.96", "rayon": "20", "territoire": "commune:56178"}, "rayon"),
        ({"trace": json.dumps(POLYGON), "territoire": "commune:56178"}, "lieu"),
        ({"trace": "[[1,2]]"}, "lieu"),
        ({"trace": '{"type": ' + "[" * 100_000}, "lieu"),
        ({"trace": json.dumps({"type": "Polygon", "coordinates": [[[2, 49], [2, 49], [2, 49], [2, 49]]]})}, "lieu"),
        ({"trace": json.dumps(POLYGON | {"coordinates": [RING[:4]]})}, "lieu"),
        ({"trace": json.dumps(POLYGON | {"coordinates": [[[lat, lon] for lon, lat in RING]]})}, "lieu"),
    ],
)
async def test_a_territory_that_says_two_things_or_none_is_a_mistake(
    browser: Browser, typed: dict[str, Any], field: str
) -> None:
    await browser.sign_in()
    answer = await browser.submit("besoin", {**MOWING, **typed}, to="besoin/resultat")
    assert answer.status_code == 422
    assert f'<a href="#{field}">' in browser.page


async def test_outlines_are_drawn_thin_and_stay_in_the_browser(browser: Browser) -> None:
    await browser.sign_in()
    path = browser.page.partition('data-outlines="./')[2].partition('"')[0]
    answer = await browser.get(f"/{path}/departement:56/commune")
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    found = answer.json()["features"]
    assert len(found) > 240
    assert {each["id"].partition(":")[0] for each in found} == {"commune"}
    assert len(answer.content) < 150_000
    for code, kind, first in (
        ("country:FR", "departement", "departement:01"),
        ("departement:56", "epci", "epci:"),
        ("region:53", "contour", "region:53"),
        ("country:FR", "villes", "commune:75056"),
    ):
        (one, *_) = (await browser.get(f"/{path}/{code}/{kind}")).json()["features"]
        assert one["id"].startswith(first)
    assert (await browser.get("/contours/old/region:53/contour")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["country:FR/commune", "departement:999/epci", "commune:56178/epci", "x/contour", "region:53/villes"]
)
async def test_there_are_no_other_outlines(browser: Browser, path: str) -> None:
    await browser.sign_in()
    assert (await browser.get(f"/contours/x/{path}")).status_code == 404


async def test_outlines_ask_for_a_session(browser: Browser) -> None:
    assert (await browser.get("/contours/x/region:53/contour")).status_code == 303


async def test_maps_show_images_of_the_tile_server_alone(reference: Reference) -> None:
    settings = read_settings({"VIVIER_TILES_URL": "https://tuiles.example.org/{z}/{x}/{y}.png"})
    async with Browser(create_app(settings, reference, parts=())) as browser:
        policy = (await browser.get("/connexion")).headers["content-security-policy"]
    assert "img-src 'self' data: https://tuiles.example.org;" in policy
    assert policy.count("tuiles.example.org") == 1


async def test_places_are_completed_while_a_name_is_typed(browser: Browser) -> None:
    await browser.sign_in()
    fields = {**browser.fields("besoin"), "lieu": "Ponti", "territoire": ["commune:56260"], "montrer": "lieu"}
    part = (await browser.post("/besoin/compris", data=fields, headers=FORM)).text
    assert "<html" not in part
    assert 'value="commune:56260" checked' in part
    assert 'class="possible" id="territoire-commune:56178"' in part
    part = (await browser.post("/besoin/compris", data={**fields, "rayon": "20"}, headers=FORM)).text
    assert "epci:" not in part, "a radius is counted around communes alone"
    fields |= {"lot-1-site": "Vann", "montrer": "lot-1-site"}
    assert 'name="lot-1-commune" value="56260"' in (await browser.post("/besoin/compris", data=fields)).text
    fields |= {"lot-1-lieu": "Vann", "montrer": "lot-1-lieu"}
    part = (await browser.post("/besoin/compris", data=fields)).text
    assert 'name="lot-1-territoire" value="commune:56260">' in part
    assert 'value="commune:56260" checked' not in part


async def test_trades_are_read_while_words_are_typed(browser: Browser) -> None:
    await browser.sign_in()
    fields = {**browser.fields("besoin"), "lot-1-objet": "tonte de pelouses", "montrer": "lot-1-metiers"}
    part = (await browser.post("/besoin/compris", data=fields)).text
    assert 'name="lot-1-metier" value="ev-entretien" checked' in part
    assert "Métiers compris\N{NO-BREAK SPACE}: Entretien d’espaces verts" in part
    assert (await browser.post("/besoin/compris", data={**fields, "montrer": "tout"})).status_code == 404


async def test_candidates_are_counted_while_a_need_is_filled_in(served: Client, browser: Browser, source: str) -> None:
    """As many as the answer then shows; nothing as long as it is not known where, or what."""
    for number in range(2):
        stored = await put_record(served, source, str(number), name=f"Paysages {source} {number}", siret=None)
        await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    await browser.sign_in()
    fields = {**browser.fields("besoin"), **MOWING, "montrer": "compte"}
    assert (await browser.post("/besoin/compris", data=fields)).text.strip() == ""
    fields["lieu"] = "Morbihan"
    counted = (await browser.post("/besoin/compris", data=fields)).text
    need = {"territory": {"codes": ["departement:56"]}, "lots": [{"id": "1", "title": MOWING["lot-1-objet"]}]}
    (lot,) = (await served.post("/match", json=need)).json()["lots"]
    assert lot["total"] > 1
    assert f"{counted_in_words(lot['total'])} candidats" in said(counted)
    fields |= {"trace": json.dumps(POLYGON | {"coordinates": [RING[:4]]}), "lieu": ""}
    assert (await browser.post("/besoin/compris", data=fields)).text.strip() == ""
