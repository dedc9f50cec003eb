"""The pages of the directory and of a territory say what GET /suppliers and GET /supply say to the same."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest

from api.desk.directory.directory_page import flag_detail
from api.desk.directory.territory_page import SHADES, Shade, area_drawing, shades_of
from domain.suppliers.supplier import Flag, FlagCode
from domain.supply import AreaSupply
from domain.text.normalise import fold
from matching.geo.map_sheets import area_sheets
from matching.reference import Reference
from tests.accessibility_tree import Outline
from tests.api.desk.steps import Browser, heading
from tests.api.sync.factories import Client, put_record
from tests.factories import reference

KNOWN: dict[str, Any] = {
    "labels": ["RSEi"],
    "description": "Entretien <b>d'espaces</b> verts",
    "employees": 42,
    "approvals": [
        {"kind": "ACI", "valid_from": "2025-01-01", "valid_until": "2099-12-31", "reference": "CONV-1"},
        {"kind": "EI", "valid_until": "2020-12-31"},
    ],
    "contact": {"email": "contact@blavet.example", "phone": "02 97 00 00 00", "person": "Anne Le Goff"},
    "offers": [
        {"segments": ["ev-entretien"], "service_area": {"radius_km": 40}},
        {
            "segments": ["pr-locaux"],
            "basis": "inferred",
            "evidence": [{"kind": "job", "label": "Agent de propreté", "on": "2026-03-01", "source": "emplois"}],
        },
    ],
}


def names(page: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'<th scope="row"><a [^>]*>(.*?)</a>', page)]


async def test_a_search_finds_what_the_api_finds(served: Client, browser: Browser, source: str) -> None:
    word = f"Jardins {uuid4().hex[:8]}"
    for number, commune in enumerate(("56178", "56260", "35238")):
        await put_record(
            served, source, str(number), name=f"{word} {number}", address={"commune": commune}, location=None
        )
    await browser.sign_in()
    asked = f"q={word}&territory=departement:56&segment=ev-entretien&active=true"
    expected = [each["name"] for each in (await served.get(f"/suppliers?{asked}")).json()["items"]]
    await browser.open(f"/annuaire?mots={word}&lieu=Morbihan&metier=ev-entretien")
    assert (names(browser.page), len(expected)) == (expected, 2)
    assert "2 fournisseurs" in browser.page
    assert "<circle" in browser.page
    assert browser.fields("annuaire")["territoire"] == ["departement:56"]


async def test_pages_follow_each_other_with_the_same_filters(
    served: Client, browser: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.desk.directory.directory_page.ON_A_PAGE", 2)
    word = f"Jardins {uuid4().hex[:8]}"
    for number in range(3):
        await put_record(served, source, str(number), name=f"{word} {number}")
    await browser.sign_in()
    await browser.open(f"/annuaire?mots={word}")
    first = names(browser.page)
    (onwards,) = re.findall(r'href="\./(annuaire\?[^"]*)" rel="next"', browser.page)
    await browser.open("/" + unescape(onwards))
    assert sorted(first + names(browser.page)) == [f"{word} {number}" for number in range(3)]
    assert 'rel="next"' not in browser.page
    assert "Début de la liste" in browser.page


async def test_a_name_of_several_places_is_a_choice_and_nothing_found_says_so(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/annuaire?lieu=Saint-Denis&mots=xyzzyplugh")
    assert "Plusieurs lieux portent ce nom" in unescape(browser.page)
    assert browser.fields("annuaire")["mots"] == ["xyzzyplugh"]
    await browser.open("/annuaire?mots=xyzzyplugh")
    assert "Aucun fournisseur" in browser.page
    await browser.open("/annuaire")
    assert "Effacer les filtres" not in browser.page
    await browser.open("/annuaire?inactifs=1")
    assert "Effacer les filtres" in browser.page
    assert (await browser.get("/annuaire?suite=xyz")).status_code == 400
    assert (await browser.get("/annuaire?type=nobody&metier=nothing&territoire=nowhere")).status_code == 200


@pytest.mark.parametrize("place", ["Saint-Denis", "Xyzzyplugh"])
async def test_nothing_is_shown_for_a_place_that_is_in_doubt(
    served: Client, browser: Browser, source: str, place: str
) -> None:
    """Suppliers from everywhere would be taken for those of the place."""
    await put_record(served, source, name="Un nom")
    await browser.sign_in()
    await browser.open(f"/annuaire?lieu={place}")
    assert (names(browser.page), "quel lieu" in browser.page) == ([], True)


async def test_the_map_shows_those_of_all_pages_and_leads_to_each(
    served: Client, browser: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a territory the ground is the regions where they are; with a reservation the page's alone are known."""
    monkeypatch.setattr("api.desk.directory.directory_page.ON_A_PAGE", 1)
    word = f"Jardins {uuid4().hex[:8]}"
    for number, commune in enumerate(("56178", "35238")):
        await put_record(served, source, str(number), name=f"{word} {number}", address={"commune": commune})
    await browser.sign_in()
    await browser.open(f"/annuaire?mots={word}")
    shown = unescape(browser.page).replace("\N{NO-BREAK SPACE}", " ")
    assert "cette page : 1" in shown
    assert "autres pages : 1" in shown
    assert re.search(r"</svg> Bretagne\s*</li>", shown)
    assert len(re.findall(r'<a href="\./annuaire/[0-9a-f-]{36}" tabindex="-1"', shown)) == 2
    await browser.open(f"/annuaire?mots={word}&reserve=ess")
    assert "autres pages" not in browser.page


async def test_what_a_search_finds_is_a_table_too(
    served: Client, browser: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.desk.directory.directory_page.AT_ONCE", 1)
    word = f"Jardins {uuid4().hex[:8]}"
    for number in range(3):
        await put_record(served, source, str(number), name=f"{word} {number}")
    await browser.sign_in()
    await browser.open(f"/annuaire?mots={word}")
    (path,) = re.findall(r'href="\./(annuaire/tableau[^"]*)"', browser.page)
    table = await browser.get(f"/{unescape(path)}")
    assert table.headers["content-disposition"].startswith("attachment")
    assert len(set(re.findall(f"{word} \\d", table.text))) == 3
    assert (await browser.get(f"/annuaire/tableau?mots={word}&reserve=ess")).status_code == 409


async def test_the_way_back_from_a_supplier_is_the_search(served: Client, browser: Browser, source: str) -> None:
    stored = await put_record(served, source, name="Un nom")
    await browser.sign_in()
    path = f"/annuaire/{stored['supplier_id']}"
    here = str(browser.base_url).rstrip("/")
    page = (await browser.get(path, headers={"Referer": f"{here}/annuaire?metier=ev-entretien&type=ACI"})).text
    assert 'href="./../annuaire?metier=ev-entretien&amp;type=ACI"' in page
    for elsewhere in ("https://other.example/annuaire?x=1", "http://[no-address/annuaire?x=1"):
        answer = await browser.get(path, headers={"Referer": elsewhere})
        assert (answer.status_code, 'href="./../annuaire">' in answer.text) == (200, True)


async def test_a_supplier_is_shown_with_evidence_dates_and_provenance_and_without_its_person(
    served: Client, browser: Browser, source: str
) -> None:
    stored = await put_record(served, source, **KNOWN)
    await browser.sign_in()
    await browser.open(f"/annuaire/{stored['supplier_id']}")
    text = unescape(re.sub(r"<[^>]+>", " ", browser.page)).replace("\N{NO-BREAK SPACE}", " ")
    assert heading(browser.page) == "Les Jardins du Blavet"
    for said in (
        "Entretien d’espaces verts",
        "40 km autour de son adresse",
        "Agent de propreté",
        "1er mars 2026",
        "31 décembre 2099",
        "CONV-1",
        "RSEi",
        "contact@blavet.example",
        source,
    ):
        assert fold(said) in fold(text), said
    assert re.search(r"Échu\s", text)
    assert "Le Goff" not in browser.page
    assert "<b>d" not in browser.page


async def test_the_page_of_a_merged_supplier_is_that_of_the_one_that_is_left(
    served: Client, browser: Browser, source: str
) -> None:
    ids = [(await put_record(served, source, str(n), name=f"Un nom {n}", siret=None))["supplier_id"] for n in range(2)]
    assert (await served.post("/suppliers/merge", json={"ids": ids})).is_success
    await browser.sign_in()
    assert (await browser.open(f"/annuaire/{ids[1]}")).url.path == f"/annuaire/{ids[0]}"
    for path in ("nobody", str(uuid4())):
        assert (await browser.get(f"/annuaire/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("code", "detail", "french", "english"),
    [
        ("siret_check_failed", "12345678901234", "12345678901234", "12345678901234"),
        ("placed_at_commune", "56260", "Vannes", "Vannes"),
        ("point_far_from_commune", "12.5 km from 72181 Le Mans", "à 12,5 km du Mans", None),
        ("point_far_from_commune", "3.1 km from postal code 56000", "à 3,1 km des communes du code postal 56000", None),
        (
            "point_far_from_commune",
            "in 56260 Vannes, not 56055 Étel",
            "dans la commune de Vannes, non dans celle d'Étel",
            None,
        ),
        ("no_place", "neither a point nor a commune", "", ""),
        ("no_offer", "no segment and no CPV code", "", ""),
        ("unmapped_category", "Jardin, chez vous", "Jardin, chez vous", "Jardin, chez vous"),
        ("area_simplified", "900 vertices, 120 kept", "120 sommets gardés sur 900", None),
        ("approval_expired", "EI 2020-12-31", "EI, le 31 décembre 2020", "EI, on 31 December 2020"),
    ],
)
def test_a_flag_says_its_value_in_both_languages(
    code: FlagCode, detail: str, french: str, english: str | None, reference: Reference
) -> None:
    assert flag_detail(Flag(code, detail), reference.territories) == (french, detail if english is None else english)


CODE = "departement:56"
NUMBER = r"\d[\d\s]*"


async def open_territory(served: Client, browser: Browser, source: str, query: str = "") -> str:
    stored = await put_record(served, source)
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    await browser.sign_in()
    await browser.open(f"/territoires/{CODE}{query}")
    return browser.page


def rows(page: str) -> list[tuple[str, list[int]]]:
    """The rows of the table of trades: labels, and their numbers."""
    table = page.partition('class="trades"')[2].partition("</table>")[0]
    found = re.findall(r'<th scope="row"><a[^>]*>(.*?)</a></th>(.*?)</tr>', table, re.DOTALL)
    return [
        (unescape(label), [*map(whole, re.findall(rf"<td>(?:<a[^>]*>)?({NUMBER})", cells))]) for label, cells in found
    ]


def whole(shown: str) -> int:
    """A number as a page shows it, thousands set apart."""
    return int(re.sub(r"\D", "", unescape(shown)))


async def test_the_table_has_the_counts_of_the_api(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source)
    supply = (await served.get(f"/supply?territory={CODE}")).json()
    assert "Morbihan" in heading(page)
    expected = {
        each["label"]: [each["suppliers"], each["local"], *each["reserved"].values()]
        for each in supply["items"]
        if each["suppliers"]
    }
    assert dict(rows(page)) == expected
    assert "Entretien d'espaces verts" in expected
    assert " style=" not in page


async def test_several_territories_are_counted_together(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source, "?avec=commune:35238")
    supply = (await served.get(f"/supply?territory={CODE}&territory=commune:35238")).json()
    assert "Rennes" in heading(page)
    assert [each[1][0] for each in rows(page)] == sorted(
        (each["suppliers"] for each in supply["items"] if each["suppliers"]), reverse=True
    )
    link = re.search(r'href="([^"]*)">Retirer Rennes', page)
    assert link is not None
    assert (await browser.get(f"/territoires/{unescape(link[1])}")).url.query == b""


async def test_a_territory_is_added_by_its_name(served: Client, browser: Browser, source: str) -> None:
    await open_territory(served, browser, source)
    added = await browser.open(f"/territoires/{CODE}?lieu=Finist%C3%A8re")
    assert added.url.query == b"avec=departement:29"
    assert ("Morbihan" in heading(browser.page), "Finistère" in heading(browser.page)) == (True, True)


async def test_the_map_has_the_counts_of_the_api(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source, "?niveau=commune&metier=ev-entretien")
    areas = (await served.get(f"/supply?territory={CODE}&segments=ev-entretien&level=commune&format=geojson")).json()
    table = page.partition("La carte en tableau")[2].partition("</table>")[0]
    found = re.findall(r'territoires/(commune:\w+)">.*?<td>(' + NUMBER + ")</td>", table, re.DOTALL)
    expected = {each["id"]: each["properties"]["local"].get("ev-entretien", 0) for each in areas["features"]}
    assert {code: whole(number) for code, number in found} == expected
    assert sum(expected.values()) > 0


async def test_the_counts_can_be_had_as_files(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source)
    links = re.findall(r'href="\./\.\./(supply[^"]*)" download="offre-departement-56[^"]*\.(csv|geojson)"', page)
    assert [kind for _, kind in links] == ["csv", "geojson", "geojson"]
    for link, _ in links:
        assert (await browser.get(f"/{unescape(link)}")).status_code == 200


async def test_a_trade_leads_to_the_form_of_a_need_for_it(served: Client, browser: Browser, source: str) -> None:
    page = await open_territory(served, browser, source)
    (link,) = [unescape(each) for each in re.findall(r'href="([^"]*espaces\+verts[^"]*)"', page)]
    await browser.open("/territoires/" + link)
    fields = browser.fields("besoin")
    assert (fields["territoire"], fields["lot-1-metier"]) == ([CODE], ["ev-entretien"])


async def test_the_number_of_local_suppliers_leads_to_them_in_the_directory(
    served: Client, browser: Browser, source: str
) -> None:
    perpignan = {"location": {"lat": 42.6986, "lon": 2.8956}, "address": {"commune": "66136"}}
    await put_record(served, source, "1", **perpignan)
    stored = await put_record(served, source, "2", **perpignan)
    await served.services.directory.wait_beyond(stored["data_version"] - 1, 10)
    await browser.sign_in()
    await browser.open("/territoires/departement:66")
    page = browser.page
    local = {label: numbers[1] for label, numbers in rows(page)}
    (path,) = set(re.findall(r'href="[./]*(annuaire\?[^"]*metier=ev-entretien)"', unescape(page)))
    await browser.open(f"/{path}")
    (number,) = re.findall(r'<h2 id="trouves">(\d+) fournisseur', browser.page)
    assert int(number) == local["Entretien d'espaces verts"]


async def test_the_page_can_be_read_aloud(served: Client, browser: Browser, source: str) -> None:
    outline = Outline(await open_territory(served, browser, source, "?avec=departement:35&lieu=Saint-Denis"))
    assert list(outline.unlabelled()) == []
    assert len(outline.ids) == len(set(outline.ids))
    for name in ("aria-labelledby", "aria-describedby", "for"):
        referred = [(each.get(name) or "").split() for _, each in outline.elements]
        assert {one for each in referred for one in each} <= set(outline.ids)


async def test_a_territory_is_found_by_its_name(browser: Browser) -> None:
    await browser.sign_in()
    assert (await browser.open("/territoires?lieu=Morbihan")).url.path == f"/territoires/{CODE}"
    await browser.open("/territoires?lieu=Saint-Denis")
    assert "territoires/commune:93066" in browser.page
    await browser.open("/territoires?lieu=Xyzzyplugh")
    assert "Aucun lieu de ce nom" in unescape(browser.page)


async def test_a_territory_that_is_none_is_not_found(browser: Browser) -> None:
    await browser.sign_in()
    for path in ("/territoires/departement:00", f"/territoires/{CODE}?avec=departement:00"):
        answer = await browser.open(path)
        assert (answer.status_code, "<h1>" in answer.text) == (404, True)


def test_every_number_has_one_shade() -> None:
    shades = shades_of([0, 1, 2, 2, 3, 5, 8, 30])
    assert [(each.least, each.most) for each in shades] == [(0, 0), (1, 1), (2, 2), (3, 7), (8, 30)]
    assert [each.colour for each in shades] == list(SHADES)


def test_few_numbers_have_few_shades() -> None:
    assert shades_of([0, 0]) == (Shade(0, 0, SHADES[0]),)
    assert shades_of([4, 4]) == (Shade(4, 4, SHADES[-1]),)
    assert shades_of([]) == ()


def test_an_area_says_its_name_and_number() -> None:
    areas = [AreaSupply(f"commune:{code}", code, 0, 0, 0, {}) for code in ("56260", "56178", "97411")]
    sheets = area_sheets(reference().geography, [each.id for each in areas])
    drawn = area_drawing(areas, [7, 0, 3], sheets, "fr")
    (main,), (island,) = drawn.parts, drawn.insets
    assert "<title>56260 : 7</title>" in main
    assert "<title>La Réunion</title>" in island
    assert ("<title>97411 : 3</title>" in island, "97411" in main) == (True, False)
    assert [key.text for key in drawn.keys] == ["0", "3 à 6", "7"]


def test_a_territory_of_no_outline_says_so() -> None:
    areas = [AreaSupply("commune:97502", "Saint-Pierre", 1, 0, 0, {})]
    drawn = area_drawing(areas, [1], area_sheets(reference().geography, ["commune:97502"]), "fr")
    assert (drawn.parts, drawn.note) == ((), "Le contour de ce territoire n'est pas connu.")
