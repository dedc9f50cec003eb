"""The directory's pages say what GET /suppliers says, to those who may read it."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest

from api.desk.directory.directory_page import flag_detail
from domain.suppliers.supplier import Flag, FlagCode
from domain.text.normalise import fold
from matching.reference import Reference
from tests.api.desk.steps import Browser, heading
from tests.api.sync.factories import Client, put_record

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
