"""The pages of the directory and of a territory say what GET /suppliers and GET /supply say to the same."""

import io
import re
import zipfile
from collections.abc import Awaitable, Callable
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
from tests.api.desk.steps import Browser, heading, put_all
from tests.api.sync.factories import Client, put, put_record
from tests.factories import reference

KNOWN: dict[str, Any] = {
    "labels": ["RSEi"],
    "description": "Entretien <b>d'espaces</b> verts",
    "size": {
        "staff": {"min": 20, "max": 49, "on": "2023-12-31"},
        "places": {"count": 60},
        "turnover_eur": {"value": 850_000},
        "largest_award_eur": {"value": 96_000, "duration_months": 24, "source": "decp"},
    },
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


async def test_a_search_finds_what_the_api_finds(served: Client, own: Browser, source: str) -> None:
    word = f"Jardins {uuid4().hex[:8]}"
    towns: list[dict[str, Any]] = [
        {"address": {"commune": each}, "location": None} for each in ("56178", "56260", "35238")
    ]
    await put_all(served, source, *({"name": f"{word} {number}"} | each for number, each in enumerate(towns)))
    asked = f"q={word}&territory=departement:56&segment=ev-entretien&active=true"
    expected = [each["name"] for each in (await served.get(f"/suppliers?{asked}")).json()["items"]]
    await own.open(f"/annuaire?mots={word}&lieu=Morbihan&metier=ev-entretien")
    assert (names(own.page), len(expected)) == (expected, 2)
    assert "2 fournisseurs" in own.page
    assert "<circle" in own.page
    assert own.fields("annuaire")["territoire"] == ["departement:56"]


async def test_pages_a_map_and_a_table_have_what_a_search_finds(
    served: Client, own: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a territory the ground is the regions where they are; with a reservation the page's alone are known."""
    monkeypatch.setattr("api.desk.directory.directory_page.ON_A_PAGE", 2)
    monkeypatch.setattr("api.desk.directory.directory_page.AT_ONCE", 1)
    word = f"Jardins {uuid4().hex[:8]}"
    towns = [{"address": {"commune": each}} for each in ("56178", "35238", "56178")]
    await put_all(served, source, *({"name": f"{word} {number}"} | each for number, each in enumerate(towns)))
    await own.open(f"/annuaire?mots={word}")
    first, shown = names(own.page), unescape(own.page).replace("\N{NO-BREAK SPACE}", " ")
    assert "cette page : 2" in shown
    assert "autres pages : 1" in shown
    assert re.search(r"</svg> Bretagne\s*</li>", shown)
    assert len(re.findall(r'<a href="\./annuaire/[0-9a-f-]{36}" tabindex="-1"', shown)) == 3
    (path,) = re.findall(r'href="\./(annuaire/tableau[^"]*)"', own.page)
    table = await own.get(f"/{unescape(path)}")
    assert table.headers["content-disposition"].startswith("attachment")
    assert len(set(re.findall(f"{word} \\d", table.text))) == 3
    (onwards,) = re.findall(r'href="\./(annuaire\?[^"]*)" rel="next"', own.page)
    await own.open("/" + unescape(onwards))
    assert sorted(first + names(own.page)) == [f"{word} {number}" for number in range(3)]
    assert 'rel="next"' not in own.page
    assert "Début de la liste" in own.page
    await own.open(f"/annuaire?mots={word}&reserve=ess")
    assert "autres pages" not in own.page
    assert (await own.get(f"/annuaire/tableau?mots={word}&reserve=ess")).status_code == 409


async def test_a_place_in_doubt_is_a_choice_and_nothing_found_says_so(
    served: Client, own: Browser, source: str
) -> None:
    """Suppliers from everywhere would be taken for those of the place."""
    await put_record(served, source, name="Un nom")
    for place in ("Saint-Denis", "Xyzzyplugh"):
        await own.open(f"/annuaire?lieu={place}")
        assert (names(own.page), "abord le lieu" in unescape(own.page)) == ([], True)
    await own.open("/annuaire?lieu=Saint-Denis&mots=xyzzyplugh")
    assert "Plusieurs lieux portent ce nom" in unescape(own.page)
    assert own.fields("annuaire")["mots"] == ["xyzzyplugh"]
    await own.open("/annuaire?mots=xyzzyplugh")
    assert "Aucun fournisseur" in own.page
    await own.open("/annuaire")
    assert "Effacer les filtres" not in own.page
    await own.open("/annuaire?inactifs=1")
    assert "Effacer les filtres" in own.page
    assert (await own.get("/annuaire?suite=xyz")).status_code == 400
    assert (await own.get("/annuaire?type=nobody&metier=nothing&territoire=nowhere")).status_code == 200


async def test_a_supplier_is_shown_with_evidence_dates_and_provenance_and_without_its_person(
    served: Client, own: Browser, source: str
) -> None:
    stored = await put_record(served, source, **KNOWN)
    await own.open(f"/annuaire/{stored['supplier_id']}")
    text = unescape(re.sub(r"<[^>]+>", " ", own.page)).replace("\N{NO-BREAK SPACE}", " ")
    assert heading(own.page) == "Les Jardins du Blavet"
    for said in (
        "Entretien d’espaces verts",
        "40 km autour de son adresse",
        "Agent de propreté",
        "1er mars 2026",
        "31 décembre 2099",
        "CONV-1",
        "RSEi",
        "20 à 49",
        "31 décembre 2023",
        "Places autorisées",
        "850 000",
        "96 000",
        "24 mois",
        "contact@blavet.example",
        source,
    ):
        assert fold(said) in fold(text), said
    assert re.search(r"Échu\s", text)
    assert "Le Goff" not in own.page
    assert "<b>d" not in own.page


async def test_the_page_of_a_merged_supplier_is_that_of_the_one_that_is_left(
    served: Client, own: Browser, source: str
) -> None:
    """The way back from it is the search that led there."""
    ids = await put_all(served, source, *({"name": f"Un nom {number}", "siret": None} for number in range(2)))
    assert (await served.post("/suppliers/merge", json={"ids": ids})).is_success
    path, here = f"/annuaire/{ids[0]}", str(own.base_url).rstrip("/")
    assert (await own.open(f"/annuaire/{ids[1]}")).url.path == path
    for missing in ("nobody", str(uuid4())):
        assert (await own.get(f"/annuaire/{missing}")).status_code == 404
    page = (await own.get(path, headers={"Referer": f"{here}/annuaire?metier=ev-entretien&type=ACI"})).text
    assert 'href="./../annuaire?metier=ev-entretien&amp;type=ACI"' in page
    for elsewhere in ("https://other.example/annuaire?x=1", "http://[no-address/annuaire?x=1"):
        answer = await own.get(path, headers={"Referer": elsewhere})
        assert (answer.status_code, 'href="./../annuaire">' in answer.text) == (200, True)


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


Territory = Callable[..., Awaitable[str]]


@pytest.fixture
async def territory(served: Client, own: Browser, source: str) -> Territory:
    """The page of Morbihan, with a supplier there."""
    await put_all(served, source, {})

    async def page(query: str = "") -> str:
        await own.open(f"/territoires/{CODE}{query}")
        return own.page

    return page


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


async def test_the_table_has_the_counts_of_the_api(territory: Territory, served: Client, browser: Browser) -> None:
    """They can be had as files, and a trade leads to the form of a need for it."""
    page = await territory()
    supply = (await served.get(f"/supply?territory={CODE}")).json()
    assert "Morbihan" in heading(page)
    # none of a reservation that suppliers of unknown trade might meet is told in a word, not as 0; in a prison, all are
    to_ask = supply["unknown_reserved"]
    expected = {
        each["label"]: [
            each["suppliers"],
            each["local"],
            *(at for kind, at in each["reserved"].items() if (kind != "penitentiary" if at else not to_ask[kind])),
        ]
        for each in supply["items"]
        if each["suppliers"]
    }
    assert dict(rows(page)) == expected
    in_prison = page.partition('id="reserver"')[2].partition("travail pénitentiaire")[2].partition("</tr>")[0]
    assert re.findall(r"<td>(\d+)</td>", in_prison) == ["0", "0", "0", "0", str(len(expected))]
    assert "Entretien d'espaces verts" in expected
    assert " style=" not in page
    links = re.findall(r'href="\./\.\./(supply[^"]*)" download="offre-departement-56[^"]*\.(csv|geojson)"', page)
    assert [kind for _, kind in links] == ["csv", "geojson", "geojson"]
    for link, _ in links:
        assert (await browser.get(f"/{unescape(link)}")).status_code == 200
    (link,) = [unescape(each) for each in re.findall(r'href="([^"]*espaces\+verts[^"]*)"', page)]
    await browser.open("/territoires/" + link)
    fields = browser.fields("besoin")
    assert (fields["territoire"], fields["lot-1-metier"]) == ([CODE], ["ev-entretien"])


async def test_several_territories_are_counted_together(territory: Territory, served: Client, browser: Browser) -> None:
    page = await territory("?avec=commune:35238")
    supply = (await served.get(f"/supply?territory={CODE}&territory=commune:35238")).json()
    assert "Rennes" in heading(page)
    assert [each[1][0] for each in rows(page)] == sorted(
        (each["suppliers"] for each in supply["items"] if each["suppliers"]), reverse=True
    )
    link = re.search(r'href="([^"]*)">Retirer Rennes', page)
    assert link is not None
    assert (await browser.get(f"/territoires/{unescape(link[1])}")).url.query == b""
    added = await browser.open(f"/territoires/{CODE}?lieu=Finist%C3%A8re")
    assert added.url.query == b"avec=departement:29"
    assert ("Morbihan" in heading(browser.page), "Finistère" in heading(browser.page)) == (True, True)


async def test_the_map_has_the_counts_of_the_api(territory: Territory, served: Client) -> None:
    page = await territory("?niveau=commune&metier=ev-entretien")
    areas = (await served.get(f"/supply?territory={CODE}&segments=ev-entretien&level=commune&format=geojson")).json()
    table = page.partition("La carte en tableau")[2].partition("</table>")[0]
    found = re.findall(r'territoires/(commune:\w+)">.*?<td>(' + NUMBER + ")</td>", table, re.DOTALL)
    expected = {each["id"]: each["properties"]["local"].get("ev-entretien", 0) for each in areas["features"]}
    assert {code: whole(number) for code, number in found} == expected
    assert sum(expected.values()) > 0


async def test_the_number_of_local_suppliers_leads_to_them_in_the_directory(
    served: Client, own: Browser, source: str
) -> None:
    perpignan = {"location": {"lat": 42.6986, "lon": 2.8956}, "address": {"commune": "66136"}}
    await put_all(served, source, perpignan, perpignan)
    await own.open("/territoires/departement:66")
    page = own.page
    local = {label: numbers[1] for label, numbers in rows(page)}
    (path,) = set(re.findall(r'href="[./]*(annuaire\?[^"]*metier=ev-entretien)"', unescape(page)))
    await own.open(f"/{path}")
    (number,) = re.findall(r'<h2 id="trouves">(\d+) fournisseur', own.page)
    assert int(number) == local["Entretien d'espaces verts"]


async def test_a_territory_is_found_by_its_name(own: Browser) -> None:
    assert (await own.open("/territoires?lieu=Morbihan")).url.path == f"/territoires/{CODE}"
    await own.open("/territoires?lieu=Saint-Denis")
    assert "territoires/commune:93066" in own.page
    await own.open("/territoires?lieu=Xyzzyplugh")
    assert "Aucun lieu de ce nom" in unescape(own.page)
    for path in ("/territoires/departement:00", f"/territoires/{CODE}?avec=departement:00"):
        answer = await own.open(path)
        assert (answer.status_code, "<h1>" in answer.text) == (404, True)


def test_every_number_has_one_shade_and_few_numbers_have_few() -> None:
    shades = shades_of([0, 1, 2, 2, 3, 5, 8, 30])
    assert [(each.least, each.most) for each in shades] == [(0, 0), (1, 1), (2, 2), (3, 7), (8, 30)]
    assert [each.colour for each in shades] == list(SHADES)
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
    sheets = area_sheets(reference().geography, ["commune:97502"])
    unknown = area_drawing([AreaSupply("commune:97502", "Saint-Pierre", 1, 0, 0, {})], [1], sheets, "fr")
    assert (unknown.parts, unknown.note) == ((), "Le contour de ce territoire n'est pas connu.")


async def test_sources_are_told_with_their_licence_and_the_package_is_one_click_away(
    served: Client, own: Browser, source: str
) -> None:
    await put(served, f"/sources/{source}", {"label": "Carte du Blavet", "licence": "ODbL"})
    await put(served, f"/sources/{source}-closed", {"label": "Carte fermée", "licence": "CC-BY-NC-4.0"})
    page = await own.get("/donnees")
    told = {row.split("</th>")[0].strip(): row for row in page.text.split('<th scope="row">')}
    assert "Open Database License 1.0" in told["Carte du Blavet"]
    assert "CC-BY-NC-4.0" in told["Carte fermée"]
    assert "<td>non</td>" in told["Carte fermée"]
    assert '/donnees"' in (await own.get("/annuaire")).text
    package = await own.get("/donnees/vivier.zip")
    assert zipfile.ZipFile(io.BytesIO(package.content)).testzip() is None
    await put(served, f"/sources/{source}", {})
