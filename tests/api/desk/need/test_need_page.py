"""A need said in words, by a notice or on the map is shown as it was understood, its terms beside their fields."""

import json
import re
from typing import Any

import pytest

from api.app import create_app
from api.desk.need.territory_field import MOST_SUGGESTIONS
from api.settings import read_settings
from domain.needs.estimate import proposed_hours
from matching.reference import Reference
from tests.api.desk.steps import FORM, Browser, counted_in_words, heading, put_all, said, send_file
from tests.api.desk.test_answer_pages import request_on
from tests.api.sync.factories import Client
from tests.sources.notices.conftest import FNSIMPLE, boamp, eforms, eforms_lot, project, reserved

NETT = "nettoyage de bureaux"


async def read(browser: Browser, **typed: str) -> str:
    """The page of a form that was filled in, once it was understood."""
    if not browser.page:
        await browser.sign_in()
    await browser.open("/besoin")
    await browser.submit("besoin", {name.replace("_", "-"): text for name, text in typed.items()}, faire="comprendre")
    return browser.page


async def test_what_was_understood_is_shown_and_what_is_unticked_stays_so_until_other_words_are_typed(
    browser: Browser,
) -> None:
    page = await read(browser, lieu="Morbihan", lot_1_objet=f"{NETT} <b>", titre='"><script>alert(1)</script>{0}')
    assert ("<script>" in page, "<b>" in page) == (False, False), "what is typed is never markup"
    assert browser.fields("besoin")["titre"] == ['"><script>alert(1)</script>{0}']
    assert browser.fields("besoin")["territoire"] == ["departement:56"]
    assert browser.fields("besoin")["lot-1-metier"] == ["pr-locaux"]
    assert re.search(r"Nettoyage de locaux et bureaux\s*<small>(sûr|probable), \d+", page)
    assert "À corriger" not in page
    await browser.submit("besoin", {"lot-1-ajout": "blanchisserie"}, faire="comprendre")
    both = browser.fields("besoin")["lot-1-metier"]
    assert (len(both), both[0]) == (2, "pr-locaux")
    await browser.submit("besoin", {"lot-1-metier": both[1:]}, faire="comprendre")
    assert browser.fields("besoin")["lot-1-metier"] == both[1:]
    await browser.submit("besoin", {"lot-1-objet": "tonte de pelouses"}, faire="comprendre")
    assert browser.fields("besoin")["lot-1-metier"] == ["ev-entretien"]


async def test_a_sentence_in_the_first_field_is_that_of_the_only_lot(browser: Browser) -> None:
    page = await read(browser, titre="entretien des espaces verts de 12 collèges du Finistère, 4 ans")
    assert "À corriger" not in page
    fields = browser.fields("besoin")
    assert fields["lot-1-objet"] == ["entretien des espaces verts de 12 collèges du Finistère, 4 ans"]
    assert (fields["titre"], fields["territoire"], fields["lot-1-metier"]) == (
        [""],
        ["departement:29"],
        ["ev-entretien"],
    )


async def test_what_the_words_may_mean_is_offered_unticked_and_what_is_not_used_is_told(browser: Browser) -> None:
    objet = "Collecte de biodéchets des restaurants scolaires, 800 kg/jour"
    page = await read(browser, lieu="Morbihan", lot_1_objet=objet)
    assert browser.fields("besoin")["lot-1-metier"] == ["de-bio"]
    assert "Aussi ?" in said(page)
    assert "Lu, non utilisé : « 800 kg/jour »." in said(page)


async def test_of_many_unknown_codes_the_first_have_a_suggestion(own: Browser) -> None:
    """To look for what may be meant takes longer than all the rest of the form."""
    form, codes = own.page, [f"commune:{number:05}x" for number in range(1_000, 1_100)]
    for to, montrer in (("besoin", ""), ("besoin/compris", "lieu")):
        own.page = form
        fields = {"territoire": codes, "montrer": montrer}
        page = (await own.submit("besoin", fields, to=to, faire="comprendre")).text
        assert "commune:01000x" in page
        assert 1 <= len(set(re.findall(r"peut-être (commune:\w+)", page))) <= MOST_SUGGESTIONS


@pytest.mark.parametrize("typed", [{"lieu": "Saint-Denis"}, {"titre": "Marché de la ville de Saint-Denis"}])
async def test_a_name_of_several_places_is_a_choice(browser: Browser, typed: dict[str, str]) -> None:
    await read(browser, lot_1_objet=NETT, **typed)
    assert "Plusieurs lieux portent ce nom" in browser.page
    choices = re.findall(r'name="territoire" value="(commune:\w+)"', browser.page)
    assert {"commune:93066", "commune:97411"} <= set(choices)
    await browser.submit("besoin", {"territoire": ["commune:93066"]}, faire="comprendre")
    assert browser.fields("besoin")["territoire"] == ["commune:93066"]
    assert browser.fields("besoin")["lieu"] == [""]
    assert "À corriger" not in browser.page


async def test_mistakes_are_said_at_their_fields_and_stay_as_typed(browser: Browser) -> None:
    unreadable = {
        "lieu": "Xyzzyplugh",
        "lot_1_valeur": "beaucoup",
        "lot_1_duree": "1,5",
        "lot_1_options": "quelques-unes",
        "lot_1_site": "Xyzzyplugh",
        "date": "bientôt",
        "publication": "bientôt",
    }
    impossible = ({"lot_1_options": "-1"}, {"lot_1_distance": "-3"}, {"lot_1_distance": "0"})
    for wrong in (unreadable, {"lieu": ""}, {"lot_1_objet": ""}, *impossible):
        page = await read(browser, **{"lieu": "Morbihan", "lot_1_objet": NETT} | wrong)
        for name, text in wrong.items():
            field = name.replace("_", "-")
            assert (f'<a href="#{field}">' in page, f'id="{field}-erreur"' in page) == (True, True), field
            assert browser.fields("besoin")[field] == [text]


async def test_lots_come_and_go_and_the_others_keep_what_was_typed(browser: Browser) -> None:
    await read(browser, lieu="Morbihan", lot_1_objet=NETT, lot_1_valeur="240 000")
    await browser.submit("besoin", faire="ajouter")
    assert "À corriger" not in browser.page
    await browser.submit("besoin", {"lot-2-objet": "tonte de pelouses"}, faire="ajouter")
    await browser.submit("besoin", {"lot-3-objet": "imprimerie"}, faire="retirer-2")
    fields = browser.fields("besoin")
    assert [fields[f"lot-{n}-objet"] for n in (1, 2)] == [[NETT], ["imprimerie"]]
    assert (fields["lot-1-valeur"], "lot-3-objet" in fields) == (["240 000"], False)


async def test_the_estimated_value_is_shown_as_a_sum(browser: Browser) -> None:
    """Unless the amount covers all, or renewals have no duration; in the counts as well while the form is filled in."""
    words = f"{NETT}, 50 000 €, 1 an reconductible 3 fois"
    page = await read(browser, lieu="Morbihan", lot_1_objet=words, lot_1_options="1 000")
    shown = " ".join(page.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ").split())
    said = "50 000 € + 3 reconductions de 50 000 € + 1 000 € d’options = 201 000 €"
    assert f"Valeur estimée : {said} HT" in shown
    fields = browser.fields("besoin")
    assert (fields["lot-1-valeur"], fields["lot-1-reconductions"]) == (["50 000"], ["36"])
    await browser.submit("besoin", {"montrer": "compte"}, to="besoin/compris")
    assert "= 201 000 €" in " ".join(browser.page.split())
    page = await read(browser, lieu="Morbihan", lot_1_objet=words, lot_1_couvre="tout")
    assert "Valeur estimée :" not in page.replace("\N{NO-BREAK SPACE}", " ")
    assert browser.fields("besoin")["lot-1-couvre"] == ["tout"]
    typed = {"lot_1_valeur": "50 000", "lot_1_reconductions": "36"}
    for more, is_asked in ({}, True), ({"lot_1_couvre": "tout"}, False), ({"lot_1_duree": "12"}, False):
        page = await read(browser, lieu="Morbihan", lot_1_objet=NETT, **typed, **more)
        assert ("il comprend les reconductions. Indiquez la durée ferme" in page) == is_asked


async def test_the_example_is_one_click_away_and_in_order(own: Browser) -> None:
    assert "besoin?exemple=1" in own.page
    await own.open("/besoin?exemple=1")
    fields = own.fields("besoin")
    assert (fields["territoire"], len(fields["lot-4-metier"]) > 0) == (["departement:56"], True)
    assert "À corriger" not in own.page
    assert fields["lot-1-commune"] == ["56260"]
    english = (await own.get("/besoin", headers={"Accept-Language": "en"})).text
    assert (heading(english), '<html lang="en">' in english) == ("Your need", True)


async def test_a_long_form_is_read_beside_other_requests(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, done = served.services.match_work, list[Any]()
    beside = work.run

    async def noted(*arguments: Any, **named: Any) -> Any:
        done.append(await beside(*arguments, **named))
        return done[-1]

    monkeypatch.setattr(work, "run", noted)
    await read(browser, lieu="Morbihan", lot_1_objet=NETT)
    assert done == []
    page = await read(browser, lieu="Morbihan", lot_1_mots=", ".join(f"{NETT} {number}" for number in range(100)))
    assert [each.form.place for each in done] == [""]
    assert "Nettoyage de locaux et bureaux" in page


WORDS = "nettoyage des collèges, 3 ans, réservé aux ESAT ?"
TYPED = {"lieu": "commune:56178", "lot_1_objet": WORDS}


async def test_what_the_words_say_fills_in_the_form_and_what_they_ask_is_left_to_decide(browser: Browser) -> None:
    """A field prevails over the words; what was emptied stays empty."""
    await read(browser, **TYPED, lot_1_duree="12")
    assert browser.fields("besoin")["lot-1-duree"] == ["12"]
    await read(browser, **TYPED)
    fields = browser.fields("besoin")
    assert fields["lot-1-duree"] == ["36"]
    assert "lot-1-reserve" not in fields
    assert "Réservé aux EA et ESAT" in said(browser.page)
    understood = browser.page
    await browser.submit("besoin", {"lot-1-dit": "reserved:handicap"}, to="besoin/resultat")
    (lot,) = request_on(browser.page)["lots"]
    assert (lot["duration_months"], lot["reserved"]) == (36, ["handicap"])
    browser.page = understood
    await browser.submit("besoin", {"lot-1-duree": ""}, faire="comprendre")
    assert browser.fields("besoin")["lot-1-duree"] == [""]
    await browser.submit("besoin", to="besoin/resultat")
    assert "duration_months" not in request_on(browser.page)["lots"][0]


NOTICE = eforms(eforms_lot("LOT-0001", reserved("res-ws") + project()))


async def test_the_form_says_what_the_notice_says(served: Client, own: Browser) -> None:
    """The answer to the form that it fills in is asked for with the need that POST /notices reads.

    A record of BOAMP is read too, and all lots of a long notice.
    """
    answer = await send_file(own, "besoin", "avis", NOTICE, faire="avis")
    assert answer.status_code == 200
    assert "Avis lu" in own.page
    read = await served.post("/notices", content=NOTICE, headers={"Content-Type": "application/xml"})
    need, unread = read.json()["need"], read.json()["unread"]
    assert unread
    await own.submit("besoin", to="besoin/resultat")
    asked = request_on(own.page)
    for name in ("title", "reference", "territory", "contract"):
        assert asked.get(name) == need.get(name)
    assert asked["buyer"]["siret"] == need["buyer"]["siret"]
    (lot,), (of_notice,) = asked["lots"], need["lots"]
    for name in ("title", "cpv", "reserved", "value_eur", "duration_months", "renewal_months", "nature"):
        assert lot[name] == of_notice[name]

    record = b"\xef\xbb\xbf" + json.dumps(boamp(FNSIMPLE)).encode()
    await own.open("/besoin")
    answer = await send_file(own, "besoin", "avis", record, faire="avis")
    assert (answer.status_code, own.fields("besoin")["lot-1-objet"] != [""]) == (200, True)
    lots = "".join(eforms_lot(f"LOT-{number:04}", project()) for number in range(1, 41))
    await send_file(own, "besoin", "avis", eforms(lots), faire="avis")
    assert "Lots 1 à 10 sur 40" in said(own.page)
    await own.submit("besoin", to="besoin/resultat")
    assert len(request_on(own.page)["lots"]) == 40


async def test_nothing_typed_is_lost_by_a_file_be_it_a_notice_or_none(own: Browser) -> None:
    typed = {"lot-1-objet": "imprimerie", "lieu": "Pontivy", "lot-1-valeur": "12 000"}
    form = own.page
    not_xml = (b"<a/>", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', b"\xff\xfe")
    for content in (b"", b"  ", b"bonjour", b"{", b"[]", *not_xml):
        own.page = form
        answer = await send_file(own, "besoin", "avis", content, faire="avis", **typed)
        assert (answer.status_code, '<a href="#avis">' in own.page) == (422, True)
        assert own.fields("besoin")["lot-1-objet"] == ["imprimerie"]
    await send_file(own, "besoin", "avis", NOTICE, faire="avis", **typed)
    before = own.page.partition("Revenir à ma saisie")[0].rpartition("<form")[2]
    for name, text in typed.items():
        assert f'name="{name}" value="{text}"' in before
    await own.open("/besoin")
    await send_file(own, "besoin", "avis", NOTICE, faire="avis")
    assert "Revenir à ce que" not in own.page, "nothing was typed"


async def test_files_are_read_of_forms_of_this_browser_alone_and_where_one_is_asked_for(browser: Browser) -> None:
    await browser.sign_in()
    answer = await browser.post("/besoin", data={"faire": "avis", "jeton": "x"}, files={"avis": ("avis.xml", NOTICE)})
    assert answer.status_code == 403
    own = {"jeton": browser.fields("besoin")["jeton"]}
    answer = await browser.post("/besoin/resultat", data=own, files={"avis": ("avis.xml", NOTICE)})
    assert answer.status_code in {400, 403}


RING = [[-3.0, 48.0], [-2.8, 48.0], [-2.8, 48.2], [-3.0, 48.2], [-3.0, 48.0]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
MOWING = {"lot-1-objet": "tonte de pelouses"}


async def test_what_is_drawn_is_said_in_words_carried_along_and_the_territory(own: Browser) -> None:
    form, outline = own.page, json.dumps(POLYGON)
    around: list[tuple[dict[str, str], str, dict[str, Any]]] = [
        ({"territoire": "commune:56055", "rayon": "20"}, "autour d’Étel", {"commune": "56055"}),
        ({"lieu": "Pontivy", "rayon": "20"}, "autour de Pontivy", {"commune": "56178"}),
        ({"centre": "48.06,-2.96", "rayon": "20"}, "autour d’un point à Pontivy", {"lat": 48.06, "lon": -2.96}),
    ]
    drawn = [(typed, f"Rayon de 20 km {words}", {"near": near, "radius_km": 20}) for typed, words, near in around]
    for typed, words, territory in (
        *drawn,
        ({"trace": outline}, "Zone dessinée autour de Noyal-Pontivy (4 sommets)", {"geometry": POLYGON}),
    ):
        own.page = form
        await own.submit("besoin", {**MOWING, **typed}, faire="comprendre")
        assert words in own.page.replace("\N{NO-BREAK SPACE}", " ")
        fields = own.fields("besoin")
        for name, text in typed.items():
            assert fields[name] == [text] or (name, fields["territoire"]) == ("lieu", ["commune:56178"])
        await own.submit("besoin", to="besoin/resultat")
        assert request_on(own.page)["territory"] == territory


async def test_a_territory_that_says_two_things_or_none_is_a_mistake(own: Browser) -> None:
    form = own.page
    mistakes: list[tuple[dict[str, Any], str]] = [
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
    ]
    for typed, field in mistakes:
        own.page = form
        answer = await own.submit("besoin", {**MOWING, **typed}, to="besoin/resultat")
        assert (answer.status_code, f'<a href="#{field}">' in own.page) == (422, True), typed


async def test_outlines_are_drawn_thin_and_stay_in_the_browser(own: Browser) -> None:
    path = own.page.partition('data-outlines="./')[2].partition('"')[0]
    answer = await own.get(f"/{path}/departement:56/commune")
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
        (one, *_) = (await own.get(f"/{path}/{code}/{kind}")).json()["features"]
        assert one["id"].startswith(first)
    assert (await own.get("/contours/old/region:53/contour")).headers["cache-control"] == "no-store"
    for other in ("country:FR/commune", "departement:999/epci", "commune:56178/epci", "x/contour", "region:53/villes"):
        assert (await own.get(f"/contours/x/{other}")).status_code == 404


async def test_maps_show_images_of_the_tile_server_alone(reference: Reference) -> None:
    settings = read_settings({"VIVIER_TILES_URL": "https://tuiles.example.org/{z}/{x}/{y}.png"})
    async with Browser(create_app(settings, reference, parts=())) as browser:
        policy = (await browser.get("/connexion")).headers["content-security-policy"]
    assert "img-src 'self' data: https://tuiles.example.org;" in policy
    assert policy.count("tuiles.example.org") == 1


async def test_places_are_completed_while_a_name_is_typed(own: Browser) -> None:
    fields = {**own.fields("besoin"), "lieu": "Ponti", "territoire": ["commune:56260"], "montrer": "lieu"}
    part = (await own.post("/besoin/compris", data=fields, headers=FORM)).text
    assert "<html" not in part
    assert 'value="commune:56260" checked' in part
    assert 'class="possible" id="territoire-commune:56178"' in part
    part = (await own.post("/besoin/compris", data={**fields, "rayon": "20"}, headers=FORM)).text
    assert "epci:" not in part, "a radius is counted around communes alone"
    fields |= {"lot-1-site": "Vann", "montrer": "lot-1-site"}
    assert 'name="lot-1-commune" value="56260"' in (await own.post("/besoin/compris", data=fields)).text
    fields |= {"lot-1-lieu": "Vann", "montrer": "lot-1-lieu"}
    part = (await own.post("/besoin/compris", data=fields)).text
    assert 'name="lot-1-territoire" value="commune:56260">' in part
    assert 'value="commune:56260" checked' not in part


async def test_trades_are_read_while_words_are_typed(own: Browser) -> None:
    fields = {**own.fields("besoin"), "lot-1-objet": "tonte de pelouses", "montrer": "lot-1-metiers"}
    part = (await own.post("/besoin/compris", data=fields)).text
    assert 'name="lot-1-metier" value="ev-entretien" checked' in part
    assert "Métiers compris\N{NO-BREAK SPACE}: Entretien d’espaces verts" in part
    words = {**fields, "lot-1-objet": "nettoyage des collèges, 3 ans, réservé aux ESAT ?"}
    part = (await own.post("/besoin/compris", data=words, headers=FORM)).text
    assert 'name="lot-1-dit" value="months:36" checked' in part
    assert 'name="lot-1-dit" value="reserved:handicap">' in part, "what is asked is not ticked"
    assert (await own.post("/besoin/compris", data={**fields, "montrer": "tout"})).status_code == 404


async def test_candidates_are_counted_while_a_need_is_filled_in(served: Client, own: Browser, source: str) -> None:
    """As many as the answer then shows; nothing as long as it is not known where, or what."""
    await put_all(served, source, *({"name": f"Paysages {source} {number}", "siret": None} for number in range(2)))
    fields = {**own.fields("besoin"), **MOWING, "montrer": "compte"}
    assert (await own.post("/besoin/compris", data=fields)).text.strip() == ""
    fields["lieu"] = "Morbihan"
    counted = (await own.post("/besoin/compris", data=fields)).text
    need = {"territory": {"codes": ["departement:56"]}, "lots": [{"id": "1", "title": MOWING["lot-1-objet"]}]}
    (lot,) = (await served.post("/match", json=need)).json()["lots"]
    assert lot["total"] > 1
    assert f"{counted_in_words(lot['total'])} fournisseurs repérés" in said(counted)
    fields |= {"trace": json.dumps(POLYGON | {"coordinates": [RING[:4]]}), "lieu": ""}
    assert (await own.post("/besoin/compris", data=fields)).text.strip() == ""


@pytest.mark.parametrize(
    ("segment", "rate", "hours"),
    [("pr-locaux", None, 200), ("bt", 0.1, 330), ("bt-peinture", None, 230), ("nu-saisie", None, 170), ("", 0.0, 0)],
)
def test_hours_are_amount_by_labour_by_rate_over_the_cost_of_an_hour(
    segment: str, rate: float | None, hours: int
) -> None:
    assert proposed_hours(200_000, segment, rate).hours == hours
    assert proposed_hours(1_000_000, "bt").hours == 830, "the example that facilitators publish has 833"


async def test_the_page_shows_the_formula_and_says_that_it_is_no_threshold(own: Browser) -> None:
    page = (await own.get("/heures?montant=200 000&metier=pr-locaux")).text
    assert "Environ 200 heures" in page
    assert '<option value="pr-locaux" selected>' in page, "another rate is asked for the same trade"
    assert "60 % de main-d" in page.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "facilitateur" in page
    for unknown in ("montant=beaucoup&taux=x", "montant=9", "metier=mo-bureau", "montant=9&metier=mo&nature=supplies"):
        assert "Environ" not in (await own.get(f"/heures?{unknown}")).text, unknown
