"""The page of an answer says what POST /match answers, and changes it at a click."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from api.desk.answer_pages import (
    candidate_rows,
    evidence_summary,
    near_miss_questions,
    question_to_suppliers,
    reservation_name,
)
from api.desk.frame.layout import NEAR_KM
from domain.law.findings import GENERAL
from domain.needs.need import Lot
from domain.shortlists.listed_suppliers import Gate, OfferEvidence, Reason, SegmentAnswer
from domain.shortlists.shortlist import LotShortlist, Shortlist
from domain.text.bilingual import known_count
from domain.text.labels import TENSIONS
from domain.text.normalise import fold
from tests.accessibility import Outline
from tests.api.desk.steps import FORM, Browser, assert_refers_to_itself, heading, put_all, said
from tests.api.sync.factories import Client
from tests.domain.shortlists.test_version import FOLDER

MOWING = {"lieu": "commune:56178", "lot-1-objet": "tonte de pelouses"}
BY_STATE: list[dict[str, Any]] = [
    {"name": "Atelier du Blavet", "approvals": [{"kind": "ESAT"}]},
    {"name": "Chantier <du> Scorff", "approvals": [{"kind": "ACI", "valid_until": "2020-01-01"}]},
    {"name": "Ferme lointaine", "location": {"lat": 47.2, "lon": -1.55}},
    {"name": "Paysages de Pontivy", "approvals": []},
]


Answered = Callable[..., Awaitable[str]]


@pytest.fixture(scope="module")
async def in_each_state(served: Client) -> None:
    await put_all(served, "in-each-state", *BY_STATE)


@pytest.fixture
async def answered(own: Browser, in_each_state: None) -> Answered:
    """The page of an answer to what is typed."""

    async def answer(**typed: Any) -> str:
        fields: dict[str, Any] = {**MOWING, **{name.replace("_", "-"): text for name, text in typed.items()}}
        answer = await own.submit("besoin", fields, to="besoin/resultat")
        assert (answer.status_code, "Fournisseurs repérés" in heading(own.page)) == (200, True)
        return own.page

    return answer


def request_on(page: str) -> dict[str, Any]:
    found = re.search(r'<pre id="demande">(.*?)</pre>', page, re.DOTALL)
    body: dict[str, Any] = json.loads(unescape(found[1])) if found else {}
    return body


def names(page: str) -> list[str]:
    row = r'<th scope="row" role="rowheader">\s*<span class="supplier">(?:<a href="[^"]+">)?(.*?)(?:</a>)?</span>'
    return [unescape(name) for name in re.findall(row, page)]


async def test_the_page_has_the_suppliers_of_the_api_in_their_order(served: Client, answered: Answered) -> None:
    page = await answered(lot_1_reserve=["handicap", "iae"], lot_1_valeur="240 000")
    asked = request_on(page)
    assert asked["lots"][0]["value_eur"] == 240_000
    (lot,) = (await served.post("/match", json=asked)).json()["lots"]
    expected = [each["supplier"]["name"] for each in lot["candidates"]]
    assert len(expected) > 1
    assert names(page) == expected
    text = unescape(page)
    for row in lot["candidates"]:
        for told in (*row["reasons"], *row["eligibility"]):
            assert fold(told["message"]) in fold(text)
    for row in lot["near_misses"]:  # near, as the page calls them, is who is not far away
        assert (fold(row["message"]) in fold(text)) == ((row["distance_km"] or 0) <= NEAR_KM)
    assert fold(f"Offre repérée : {TENSIONS[lot['tension']['level']].fr}") in fold(text)
    assert re.search(r"Ce qu'on sait de (leur activité|l'activité des \d+ affichés) : \d+ « ", said(page))
    assert ("Qui appeler" in text) == (lot["tension"]["level"] != "good")


async def test_another_reservation_or_radius_is_a_button_away(
    served: Client, answered: Answered, browser: Browser
) -> None:
    page = await answered(lot_1_reserve=["handicap"])
    (lot,) = (await served.post("/match", json=request_on(page))).json()["lots"]
    open_to_all = [lot["alternatives"][counts]["none"] for counts in ("reserved", "unknown_trade")]
    in_prison = 0, lot["alternatives"]["reserved"]["penitentiary"]  # nobody is known to work there
    for choice, counts in (
        ("Ouvert à tous</span> <b>", open_to_all),
        ("Réservé au travail pénitentiaire : ", in_prison),
    ):
        assert f"{choice}{said(known_count(*counts).fr)}" in said(page)
    await browser.submit("besoin/resultat", changer="reserver-1-")
    assert "reserved" not in request_on(browser.page)["lots"][0]
    assert len(names(browser.page)) == min(20, lot["alternatives"]["reserved"]["none"])
    await browser.submit("besoin/resultat", changer="rayon-1-10")
    assert request_on(browser.page)["lots"][0]["max_distance_km"] == 10
    await browser.submit("besoin/resultat", changer="rayon-1-")
    assert "max_distance_km" not in request_on(browser.page)["lots"][0]


async def test_a_supposed_place_is_confirmed_or_taken_away_at_a_click(answered: Answered, browser: Browser) -> None:
    """On the answer and on the form; a distance chosen is measured from it, and so confirms it."""
    typed = {"lieu": "departement:56", "lot_1_objet": "tonte de pelouses à Pontivy"}
    supposed = "Lieu supposé : Pontivy, d'après l'intitulé"
    pontivy = {"commune": "56178"}
    for pressed, typed_km, site in (
        ("lieu-1-56178", "", pontivy),
        ("lieu-1-non", "", None),
        ("rayon-1-25@56178", "", pontivy),
        ("rayon-1", "35", pontivy),
    ):
        await browser.open("/besoin")
        page = await answered(**typed)
        assert supposed in said(page)
        assert "site" not in request_on(page)["lots"][0]
        assert f'value="{pressed}"' in page
        await browser.submit("besoin/resultat", {"rayon-1": typed_km}, changer=pressed)
        assert request_on(browser.page)["lots"][0]["site"] == site
        assert [text in said(browser.page) for text in (supposed, "Lieu : Pontivy")] == [False, site == pontivy]
    await browser.submit("besoin/resultat", changer="sans-1:commune")
    assert supposed in said(browser.page)
    for pressed in ("lieu-1-56178", "lieu-1-non"):
        await browser.open("/besoin")
        await browser.submit("besoin", {"lieu": typed["lieu"], "lot-1-objet": typed["lot_1_objet"]}, faire="comprendre")
        assert supposed in said(browser.page)
        await browser.submit("besoin", faire=pressed)
        assert supposed not in said(browser.page)
        assert ("Ne pas supposer de lieu" in said(browser.page)) == pressed.endswith("non")


async def test_a_trade_that_the_words_may_mean_is_a_button_away(answered: Answered, browser: Browser) -> None:
    page = await answered(lot_1_objet="Collecte de biodéchets des restaurants scolaires")
    wish, *_ = re.findall(r'name="changer" value="(aussi-1:[a-z-]+)"', page)
    await browser.submit("besoin/resultat", changer=wish)
    assert request_on(browser.page)["lots"][0]["segments"] == ["de-bio", wish.removeprefix("aussi-1:")]
    assert wish not in browser.page


async def test_one_sentence_is_enough_and_pasted_lots_are_told_apart_after_one_yes(own: Browser) -> None:
    await own.open("/besoin")
    sentence = "entretien des espaces verts de 12 collèges du Finistère, 4 ans, 300 000 €, réservé aux ESAT"
    await own.submit("besoin", {"lot-1-objet": sentence}, to="besoin/resultat")
    asked = request_on(own.page)
    (lot,) = asked["lots"]
    assert (asked["territory"]["codes"], lot["duration_months"]) == (["departement:29"], 48)
    assert (lot["value_eur"], lot["reserved"]) == (300_000, ["handicap"])
    await own.open("/besoin")
    part = sentence.replace("réservé aux", "une partie réservée aux")
    mail = f"De : Ana <ana@pontivy.fr>\r\nÀ : Achats\r\nObjet : RE: {part}\r\nMerci,\r\nAna"
    await own.submit("besoin", {"lot-1-objet": mail}, to="besoin/resultat")
    assert said(heading(own.page)).endswith("Entretien des espaces verts de 12 collèges du Finistère")
    assert "Lu, non utilisé : une partie réservée aux ESAT" in said(own.page)
    for taken in ("valeur", "duree"):
        await own.submit("besoin/resultat", changer=f"sans-1:{taken}")
    (lot,) = request_on(own.page)["lots"]
    assert not {"value_eur", "duration_months", "reserved"} & lot.keys()
    await own.submit("besoin/resultat", to="besoin", faire="comprendre")
    assert own.fields("besoin")["lot-1-valeur"] == [""]
    await own.open("/besoin")
    listed = "Lot 1 : tonte de pelouses\r\nLot 2 : nettoyage de bureaux, 3 ans, réservé aux ESAT"
    above = "Entretien pour la ville de Pontivy, 4 ans, 90 000 €, une partie réservée aux SIAE"
    await own.submit("besoin", {"lot-1-objet": f"{above} :\r\n{listed}"}, to="besoin/resultat")
    (lot,) = request_on(own.page)["lots"]
    assert not {"value_eur", "duration_months", "reserved"} & lot.keys()
    assert said(heading(own.page)).endswith("2 lots à séparer")
    await own.submit("besoin/resultat", changer="diviser-1")
    asked = request_on(own.page)
    lots = [(each["title"], each.get("reserved"), each["duration_months"]) for each in asked["lots"]]
    assert lots == [("tonte de pelouses", None, 48), (listed.partition("2 : ")[2], ["handicap"], 36)]
    assert (asked["title"], asked["estimated_total_eur"]) == (above, 90_000)
    assert asked["territory"]["codes"] == ["commune:56178"]
    assert "Acheteur supposé : Ville de Pontivy" in said(own.page)
    assert "Lu, non utilisé : une partie réservée aux SIAE" in said(own.page)
    await own.open("/besoin")
    many = "\r\n".join(f"Lot {number} : tonte de pelouses" for number in range(1, 201))
    await own.submit("besoin", {"lieu": "commune:56178", "lot-1-objet": many}, to="besoin/resultat")
    assert ("Ce texte énumère plusieurs lots" in said(own.page), "400 caractères" in said(own.page)) == (True, False)
    await own.submit("besoin", faire="diviser-1")
    assert "Lots 1 à 10 sur 200" in said(own.page)


async def test_a_commune_beside_a_larger_territory_is_not_supposed_to_be_the_place(own: Browser) -> None:
    await own.open("/besoin")
    await own.submit("besoin", {"lot-1-objet": "tonte dans le Finistère et à Redon"}, to="besoin/resultat")
    asked = request_on(own.page)
    assert (asked["territory"]["codes"], asked["lots"][0]["site"]) == (["departement:29", "commune:35236"], None)


async def test_a_buyer_that_the_sentence_names_is_confirmed_corrected_or_taken_away(own: Browser) -> None:
    await own.open("/besoin")
    sentence = "tonte de pelouses à Pontivy, pour la commune de Pontivy, réservé aux ESAT ?"
    await own.submit("besoin", {"lieu": "commune:56178", "lot-1-objet": sentence}, to="besoin/resultat")
    assert "Acheteur supposé : Commune de Pontivy" in said(own.page)
    assert "+ Réservé aux EA et ESAT ?" in said(own.page)
    assert "buyer" not in request_on(own.page)
    (wish,) = re.findall(r'id="acheteur-oui" name="changer" value="([^"]+)"', own.page)
    await own.submit("besoin/resultat", changer=wish)
    named = {"name": "Commune de Pontivy", "kind": "local", "body": "local_authority"}
    assert request_on(own.page)["buyer"] == named
    await own.submit("besoin/resultat", changer="acheteur-")
    assert "buyer" not in request_on(own.page)
    assert "Acheteur supposé" not in said(own.page)
    await own.submit("besoin/resultat", to="besoin", faire="comprendre")
    await own.submit("besoin", {"nom": "Pontivy Communauté"}, to="besoin/resultat")
    assert request_on(own.page)["buyer"] == {"name": "Pontivy Communauté"}


async def test_a_lot_may_be_called_anything(answered: Answered, browser: Browser) -> None:
    """Ids of the page are by the position of the lot; a distance is typed with a comma."""
    page = await answered(lot_1_id="Lot 1.a")
    ids = Outline(page).ids
    assert [each for each in ids if each and re.search(r"[ .]", each)] == []
    assert {"reponse-1", "lot-1", "rayon-1"} <= set(ids)
    for pressed in ("rayon-Lot 1.a", "distances"):
        await browser.submit("besoin/resultat", {"rayon-Lot 1.a": "12,5"}, changer=pressed)
        assert request_on(browser.page)["lots"][0]["max_distance_km"] == 12.5
        await browser.submit("besoin/resultat", changer="rayon-Lot 1.a-")


async def test_a_script_gets_the_lot_it_changes_and_what_follows_from_it(answered: Answered, browser: Browser) -> None:
    page = await answered(lot_2_objet="nettoyage de bureaux")
    fields = {**browser.fields("besoin/resultat"), "changer": "reserver-2-iae"}
    of_script = {"hx-request": "true", "hx-target": "reponse-2", **FORM}
    part = await browser.post("/besoin/resultat", content=urlencode(fields, doseq=True), headers=of_script)
    await browser.submit("besoin/resultat", changer="reserver-2-iae")
    assert re.findall(r'<section [^>]*id="reponse-(\d)"', part.text) == ["2"]
    assert request_on(browser.page) != request_on(page)
    asked = re.search(r'<pre id="demande"[^>]*>(.*?)</pre>', part.text, re.DOTALL)
    assert asked is not None
    assert json.loads(unescape(asked[1])) == request_on(browser.page)
    assert names(part.text) == names(browser.page.partition('id="reponse-2"')[2])
    assert 'name="lot-2-reserve" value="iae"' in part.text


async def test_a_trade_without_a_candidate_does_not_contradict_the_candidates_of_the_others(
    served: Client, answered: Answered, source: str
) -> None:
    # on an island, where no other test has suppliers
    away = {"location": {"lat": 46.7106, "lon": -2.3478}, "address": {"commune": "85113"}}
    await put_all(served, source, {"name": f"Jardins de l'Île {source}", **away})
    page = said(await answered(lieu="commune:85113", lot_1_objet="tonte de pelouses", lot_1_ajout="imprimerie"))
    (lot,) = (await served.post("/match", json=request_on(page))).json()["lots"]
    assert lot["total"] > 0
    assert lot["tension"]["level"] == "none"
    assert "1 fournisseur repéré. Un métier sans fournisseur repéré" in re.sub("<[^>]*>", "", page)
    assert "aucun fournisseur repéré, dont 0" not in page


async def test_an_address_gives_the_answer_again(answered: Answered, browser: Browser) -> None:
    page = await answered(lot_1_reserve=["iae"])
    address = urlencode(browser.fields("besoin/resultat"), doseq=True)
    await browser.open(f"/besoin/resultat?{address}")
    assert request_on(browser.page) == request_on(page)
    assert names(browser.page) == names(page)
    assert (await browser.open("/besoin/resultat")).url.path == "/besoin"


async def test_the_page_can_be_read_aloud_and_signs_on_its_map_lead_to_rows(
    served: Client, answered: Answered, source: str
) -> None:
    await put_all(served, source, {"name": "Nul ne sait", "offers": []})
    page = await answered(lot_1_reserve=["iae"])
    outline = Outline(page)
    assert (len(outline.of("h1")), len(outline.of("main"))) == (1, 1)
    assert_refers_to_itself(outline)
    assert "<title>Nul ne sait</title><text" in page
    assert "<small>D’autres structures de ce genre (" in page or "<small>Aucune structure connue de ce genre (" in page
    targets = re.findall(r'<a href="#(f-1-[^"]+)" tabindex="-1"', page)
    assert len(targets) > 1
    assert set(targets) <= set(outline.ids)
    assert len(outline.of("svg")) > 1
    assert "<circle" in page
    assert "<du>" not in page
    assert " style=" not in page
    assert len(page.encode()) < 200_000 + len("".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)))


async def test_who_lacks_little_is_asked_for_it(
    served: Client, answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the map lies on the tiles of a server, where there is one."""
    tiles = "https://tuiles.example.org/{z}/{x}/{y}.png"
    settings = replace(served.services.settings, tiles_url=tiles, tiles_credit="© Auteur")
    monkeypatch.setattr(served.services, "settings", settings)
    page = await answered(lot_1_reserve=["handicap"])
    (lot,) = (await served.post("/match", json=request_on(page))).json()["lots"]
    lacking = {each["excluded_by"] for each in lot["near_misses"] if (each["distance_km"] or 0) <= NEAR_KM}
    assert lacking
    assert page.count('class="ask"') == len(lacking) + bool(lot["unknown_trade"]["total"])
    assert f'data-tiles="{tiles}" data-credit="© Auteur"' in unescape(page)


async def test_the_law_comes_gravest_first_and_is_that_of_the_planned_day(answered: Answered, browser: Browser) -> None:
    """Suppliers are those of the day of evaluation; the page says both days, and what the law changes between them."""
    of_lot = (await answered(lot_1_reserve=["handicap", "ess"], lot_1_valeur="300000")).partition('class="answer')[2]
    graves = re.findall(r'<details class="law (\w+)">', of_lot.partition('class="whole"')[0])
    order = ["blocking", "warning", "info"]
    assert graves[0] == "blocking"
    assert all(order.index(one) <= order.index(other) for one, other in pairwise(graves))
    assert "Article L2113-14" in of_lot
    assert "(texte en vigueur depuis le 21 octobre 2022)" in said(of_lot)
    assert 'query=L2113-14" rel="noreferrer noopener">' in of_lot.replace("&amp;", "&")
    await browser.open("/besoin")
    days = {"publication": "2027-01-15", "date": "2026-11-29"}
    page = await answered(lot_1_nature="works", lot_1_valeur="120 000", acheteur="local", **days)
    assert (request_on(page)["planned_publication_on"], request_on(page)["on"]) == ("2027-01-15", "2026-11-29")
    assert "Règles applicables au 15 janvier 2027, date prévue de publication." in said(page)
    assert "tel qu'il s'applique au 15 janvier 2027" in said(page)
    assert "Les règles du 15/01/2027, date prévue de publication, diffèrent de celles du 29/11/2026" in said(page)
    without = await browser.submit("besoin/resultat", {"publication": ""})
    assert "Règles applicables" not in said(without.text)


async def test_what_decides_stands_first_and_what_every_contract_is_told_folds_into_one_line(
    served: Client, answered: Answered
) -> None:
    page = await answered(lot_1_valeur="240 000", lot_1_nature="services", acheteur="local")
    told = (await served.post("/match", json=request_on(page))).json()["advice"]
    general = [each["code"] for each in told if each.get("general")]
    assert set(general) == {each["code"] for each in told[-len(general) :]} <= GENERAL
    shown, _, folded = page.partition('class="whole"')[2].partition('<details class="folded general">')
    assert len(general) > 3
    assert folded.partition("</summary>")[0].count("<") == 1
    assert f"{len(general)} rappels communs à tout marché" in said(folded.partition("</summary>")[0])
    assert folded.count('<details class="law') == len(general)
    assert said(shown).index("procédure formalisée") < said(shown).index("condition d'exécution sociale")
    for words in ("paie dans les 30 jours", "données essentielles", "objectifs de développement durable"):
        assert (words in said(shown), words in said(folded)) == (False, True)


async def test_a_trade_ticked_beside_words_does_not_say_that_paint_is_works(own: Browser, in_each_state: None) -> None:
    for title, ticked in (("Achat de peintures", []), ("Peintures, tonte de pelouses", ["bt-peinture"])):
        await own.open("/besoin")
        typed = {"lieu": "commune:56178", "lot-1-objet": title, "lot-1-valeur": "80 000"}
        await own.submit("besoin", typed, to="besoin")
        await own.submit("besoin", {"lot-1-metier": ticked} if ticked else {}, to="besoin/resultat")
        assert request_on(own.page)["lots"][0].get("segments", []) == ticked
        assert "nature non précisée : seuils des fournitures et services ; préciser s'il s'agit de travaux" in said(
            own.page
        )


async def test_the_point_of_law_on_a_social_condition_leads_to_the_hours_of_the_lot(answered: Answered) -> None:
    page = await answered(lot_1_valeur="240 000", lot_1_nature="services", acheteur="local")
    assert page.count("heures?montant=240000.00&amp;metier=ev-entretien") == 2


def lacking(*gates: Gate) -> LotShortlist:
    """A lot whose near misses were excluded by these gates."""
    (lot,) = msgspec.json.decode((FOLDER / "answer_of_2026.json").read_bytes(), type=Shortlist).lots
    (miss,) = lot.near_misses
    return msgspec.structs.replace(
        lot, near_misses=tuple(msgspec.structs.replace(miss, excluded_by=gate) for gate in gates)
    )


@pytest.mark.parametrize(
    ("years", "summary"),
    [
        ((2024,), None),
        ((2023, 2024), "Titulaire de 2 marchés publics de ce métier, le dernier en 2024"),
        ((2021, 2022, 2024), "Titulaire d'au moins 3 marchés publics de ce métier, le dernier en 2024"),
    ],
)
def test_several_contracts_are_counted_with_the_year_of_the_last(years: tuple[int, ...], summary: str | None) -> None:
    """An answer carries three at most: there may be more."""
    found = tuple(OfferEvidence("award", "Tonte", date(year, 5, 1), None) for year in years)
    told = evidence_summary(SegmentAnswer("ev-entretien", "ev-entretien", "exact", "awarded", "object", found))
    assert (told and told.fr) == summary


def test_a_reservation_is_named_as_the_answer_counts_it() -> None:
    named = [reservation_name(each) for each in ((), ("iae", "handicap"), ("handicap", "ess"))]
    assert named == ["none", "handicap_iae", ""]


def test_questions_are_whole_sentences_that_tell_neither_the_estimate_nor_the_doubts() -> None:
    """Those that lack the same are asked the same once."""
    words = "Tonte de 12 collèges, 4 ans, 300 000 €, réservé aux ESAT ?"
    asked = Lot(id="1", title=words, reserved=("handicap", "iae"), max_distance_km=40)
    lot = lacking("distance", "reservation", "distance", "segment", "service_area")
    asks = list(near_miss_questions(lot, asked))
    assert [(gate, len(rows)) for gate, _, rows in asks] == [
        ("distance", 2),
        ("reservation", 1),
        ("segment", 1),
        ("service_area", 1),
    ]
    (_, far, _), (_, reserved, _), *_ = asks
    assert far.fr == "Bonjour, iriez-vous à plus de 40 km pour : Tonte de 12 collèges (Ille-et-Vilaine) ?"
    assert ("ESAT" in reserved.fr, "convention d'insertion" in reserved.fr) == (True, True)
    for ask in (*(ask for _, ask, _ in asks), question_to_suppliers("trade", lot, asked)):
        assert (ask.fr.startswith("Bonjour, "), ask.en.startswith("Hello, ")) == (True, True)
        assert ("Tonte de 12 collèges" in ask.fr, "Ille-et-Vilaine" in ask.en) == (True, True)
        assert not any(each in ask.fr + ask.en for each in ("300", "4 ans", "réservé", "reserved"))


def test_equals_are_told_and_what_all_share_is_said_once() -> None:
    (lot,) = msgspec.json.decode((FOLDER / "answer_of_2026.json").read_bytes(), type=Shortlist).lots
    first, *_ = lot.candidates
    here = Reason("presence_declared", "Déclare intervenir dans le territoire")
    near, far = Reason("distance", "À 4 km"), Reason("basis_inferred", "Activité déduite")
    rows = [
        msgspec.structs.replace(first, distance_km=km, reasons=reasons)
        for km, reasons in ((4.0, (here, near)), (4.0, (here, near)), (4.0, (here, near, far)), (5.0, (here,)))
    ]
    found, shared = candidate_rows(msgspec.structs.replace(lot, candidates=tuple(rows)))
    assert [each.is_tied for each in found] == [True, True, False, False]
    assert [each.own for each in found] == [(), (), ("Activité déduite",), ()]
    assert shared == ["Déclare intervenir dans le territoire"]
