"""The page of a territory says what GET /supply counts."""

import re
from html import unescape

from api.desk.directory.territory_page import SHADES, Shade, area_drawing, shades_of
from domain.supply import AreaSupply
from matching.geo.map_sheets import area_sheets
from tests.api.desk.steps import Browser, heading
from tests.api.exchanges.test_reply_page import Outline
from tests.api.sync.factories import Client, put_record
from tests.factories import reference

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
