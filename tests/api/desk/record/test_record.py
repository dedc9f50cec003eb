"""The record of a need on the desk: kept, changed, frozen, decided on, awarded, reported; by its organisation alone."""

import asyncio
import re
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from domain.law.rules import parse
from tests.api.desk.steps import MOWING, Browser, Desk, DeskWith, heading, keep, put_all, said, sign_in_as
from tests.api.needs.steps import Buyer
from tests.api.sync.factories import Client, put_record


@pytest.fixture(scope="module")
async def gardeners(served: Client) -> None:
    """Suppliers to be found at Pontivy."""
    await put_all(served, "gardeners", *({"name": f"Jardin {number}"} for number in range(3)))


@pytest.fixture
async def own(browser: Browser, buyer: Buyer, gardeners: None) -> Browser:
    """The browser of somebody of that organisation."""
    await sign_in_as(browser, buyer)
    return browser


@pytest.fixture
async def desk(own: Browser, buyer: Buyer) -> Desk:
    """That browser, which shows a need that was kept."""
    return Desk(buyer, own, (await keep(own)).rpartition("/")[2], {})


async def need_of(desk: Desk) -> dict[str, Any]:
    need: dict[str, Any] = (await desk.buyer.get(f"/{desk.api}")).json()
    return need


def suppliers_on(page: str) -> list[str]:
    return re.findall(r'name="fournisseur" value="([^"]+)"', page)


async def test_a_need_is_kept_once_from_its_answer(own: Browser, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often its button is pressed, at once or later, it is stored and matched once."""
    await own.open("/besoins")
    assert "Vous n'avez encore enregistré aucun besoin" in said(own.page)
    await own.open("/besoin")
    await own.submit("besoin", MOWING | {"lot-1-objet": "tonte de pelouses, 20 000 €"}, to="besoin/resultat")
    fields = own.fields("besoin/resultat")
    answers = await asyncio.gather(*(own.post("/besoins", data=fields) for _ in range(3)))
    monkeypatch.delattr("api.needs.freeze_shortlist.match_need")
    answers.append(await own.post("/besoins", data=fields))
    (location,) = {answer.headers["location"] for answer in answers}
    (stored,) = (await buyer.get("/needs")).json()["items"]
    assert stored["lots"][0]["title"] == "tonte de pelouses, 20 000 €"
    await own.open(str(answers[0].url.join(location)))
    assert heading(own.page) == "Entretien du parc"
    assert "Écrire aux fournisseurs" in said(own.page)
    for part in ("", "/versions/1", "/decisions", "/attributions"):  # lots by what is bought, not by what it may cost
        await own.open(str(answers[0].url.join(location).copy_with(query=None)) + part)
        assert ("Lot 1 – Tonte de pelouses" in said(own.page), "pelouses, 20" in said(own.page)) == (True, False), part
    await own.open("/besoins")
    assert "Entretien du parc" in said(own.page)
    await own.open("/besoins?etat=closed")
    assert "Aucun besoin dans cet état" in said(own.page)


async def test_a_radius_that_no_need_may_have_is_not_stored(own: Browser) -> None:
    """Of the need or of a lot: nobody could read it again, nor the list that it is in."""
    for prefix in ("", "lot-1-"):
        await own.open("/besoin")
        typed = {f"{prefix}lieu": "commune:56178", f"{prefix}rayon": "20001", "lot-1-objet": "tonte"}
        assert (await own.submit("besoin", typed, to="besoins")).status_code == 422
        assert f'<a href="#{prefix}lieu">' in own.page
        assert (await own.open("/besoins")).status_code == 200


async def test_a_need_is_changed_by_its_form_and_keeps_what_the_form_cannot_say(own: Browser, buyer: Buyer) -> None:
    """The trades of a lot follow its words."""
    content = {
        "limit": 37,
        "description": "Les parcs",
        "planned_publication_on": "2027-03-01",
        "near_misses": 7,
        "buyer": {"siret": "21350238800019", "kind": "local"},
        "territory": {"codes": ["departement:56"]},
        "lots": [{"id": "parcs", "title": "entretien", "segments": ["ev-entretien"], "cpv": ["77310000"]}],
    }
    need = (await buyer.keep(title="Parcs", **content))["need"]
    form = f"besoins/{need['id']}/changer"
    await own.open(f"/{form}")
    await own.submit("besoin", {"lot-1-valeur": "90 000"}, to="besoin/resultat")
    answer = await own.submit("besoin/resultat", to=form)
    assert (answer.status_code, answer.url.path) == (200, f"/besoins/{need['id']}")
    assert "heures?montant=90000.00&amp;metier=ev-entretien" in own.page
    after = (await buyer.get(f"/needs/{need['id']}")).json()
    assert (after["version"], [after[name] for name in content if name != "lots"]) == (
        2,
        [need[name] for name in content if name != "lots"],
    )
    assert (after["limit"], after["buyer"]["siret"]) == (37, "21350238800019")
    (lot,) = after["lots"]
    assert (lot["id"], lot["segments"], lot["cpv"]) == ("parcs", ["ev-entretien"], ["77310000"])
    await own.open(f"/{form}")
    await own.submit("besoin", {"lot-1-objet": "nettoyage de bureaux"}, to=form)
    (lot,) = (await buyer.get(f"/needs/{need['id']}")).json()["lots"]
    assert (lot["id"], lot["segments"], lot["value_eur"]) == ("parcs", [], 90_000)


async def test_two_people_who_change_one_need_see_both(own: Browser, desk: Desk) -> None:
    before = own.page
    await own.submit(desk.path, description="Les deux parcs du centre")
    own.page = before
    answer = await own.submit(desk.path, reference="2027-12")
    assert (answer.status_code, heading(own.page)) == (409, "Ce besoin a changé entre-temps")
    assert "Les deux parcs du centre" in said(own.page)
    assert "2027-12" in said(own.page)
    await own.submit(desk.path)
    need = await need_of(desk)
    assert (need["reference"], need["description"]) == ("2027-12", None)
    await desk.open("journal")
    for deed in ("Besoin enregistré", "Version 1 de la liste enregistrée", "Besoin modifié : la référence"):
        assert deed in said(own.page)


async def test_a_file_is_changed_once_and_what_is_wrong_in_it_is_said(own: Browser, desk: Desk) -> None:
    before = own.page
    for _ in range(2):
        own.page = before
        answer = await own.submit(desk.path, reference="2027-12")
        assert (answer.status_code, heading(own.page)) == (200, "Entretien du parc")
    assert (await need_of(desk))["version"] == 2
    assert (await own.submit(desk.path, publication="demain", description="Les parcs")).status_code == 422
    assert 'href="#publication"' in said(own.page)
    assert own.fields(desk.path)["description"] == ["Les parcs"]


async def test_decisions_on_several_suppliers_need_a_reason(own: Browser, desk: Desk) -> None:
    await desk.open("decisions")
    chosen = suppliers_on(own.page)[:2]
    answer = await desk.send("decisions", fournisseur=chosen, decision="kept")
    assert answer.status_code == 422
    assert 'href="#lot-1-motif"' in said(own.page)
    assert own.fields(f"{desk.path}/decisions")["fournisseur"] == chosen
    assert "; implanté dans le territoire" in said(own.page), "reasons follow each other in one sentence"
    page = own.page
    await desk.send("decisions", motif="Tond déjà nos écoles")
    assert "2 décisions enregistrées" in said(own.page)
    own.page = page
    assert (await desk.send("decisions", motif="Tond déjà nos écoles")).status_code == 200
    found = (await desk.buyer.get(f"/{desk.api}/shortlists/1/decisions")).json()["items"]
    assert [(each["decision"], each["reason"]) for each in found] == [("kept", "Tond déjà nos écoles")] * 2
    assert (await desk.buyer.noted(desk.need_id)).count("decision.made") == 2


async def test_nobody_decides_on_what_they_have_not_seen(own: Browser, desk: Desk) -> None:
    """Neither over another decision, nor on a version that is not the latest."""
    await desk.open("decisions")
    page, one = own.page, suppliers_on(own.page)[0]
    await desk.send("decisions", fournisseur=one, decision="kept", motif="Proche du besoin")
    own.page = page
    answer = await desk.send("decisions", fournisseur=one, decision="set_aside", motif="Agrément échu")
    assert answer.status_code == 409
    assert "Proche du besoin" in said(own.page)
    answer = await desk.send("decisions")
    assert (answer.status_code, "Agrément échu" in said(own.page)) == (200, True)
    await desk.open("versions")
    await desk.send("versions")
    assert heading(own.page) == "Version 2 de la liste"
    own.page = page
    assert (await desk.send("decisions", fournisseur=one, decision="kept", motif="x")).status_code == 409
    assert (await desk.send("decisions")).status_code == 200


async def test_earlier_decisions_are_repeated_on_a_new_version(own: Browser, desk: Desk) -> None:
    await desk.open("decisions")
    one, other, *_ = suppliers_on(own.page)
    await desk.send("decisions", fournisseur=one, decision="set_aside", motif="Agrément échu")
    await desk.send("decisions", fournisseur=other, decision="kept", motif="Tond nos parcs")
    await desk.open("versions")
    await desk.send("versions")
    await desk.open("decisions")
    await desk.send("decisions", fournisseur=one, decision="kept", motif="Agrément renouvelé")
    page = own.page
    for _ in range(2):
        own.page = page
        await desk.send("decisions/reprendre")
    found = (await desk.buyer.get(f"/{desk.api}/shortlists/2/decisions")).json()["items"]
    assert {(each["supplier_id"], each["reason"]) for each in found} == {
        (one, "Agrément renouvelé"),
        (other, "Tond nos parcs"),
    }
    assert "Reprendre mes décisions" not in said(own.page)
    assert (await desk.buyer.noted(desk.need_id)).count("decision.made") == 4


async def test_many_lots_come_ten_at_a_time(own: Browser, buyer: Buyer) -> None:
    lots = [{"id": f"L{n}", "title": "tonte de pelouses"} for n in range(1, 25)]
    need_id = (await buyer.keep(lots=lots, territory={"codes": ["commune:56178"]}))["need"]["id"]
    form = f"besoins/{need_id}/decisions"
    await own.open(f"/{form}?lots=13")
    assert [re.findall(r'name="lot" value="(L\d+)"', own.page)[at] for at in (0, -1)] == ["L11", "L20"]
    buttons = re.findall(r'Enregistrer<span class="hidden">(.*?)</span>', own.page)
    assert len(set(buttons)) == 10, "each says of which lot"
    own.page = own.page[own.page.index('id="lot-13"') :]
    await own.submit(form, fournisseur=suppliers_on(own.page)[0], decision="kept", motif="x", rang="13", lot="L13")
    assert 'value="L11"' in own.page
    assert [
        each["lot_id"] for each in (await buyer.get(f"/needs/{need_id}/shortlists/1/decisions")).json()["items"]
    ] == ["L13"]
    for part in ("attributions?lots=24", "versions/1?lots=24"):
        await own.open(f"/besoins/{need_id}/{part}")
        assert ("Lot L24" in said(own.page), "Lot L20" in said(own.page)) == (True, False)


async def test_a_longer_list_is_frozen_where_one_leaves_candidates_out(own: Browser, desk: Desk) -> None:
    """The page says that it shows only some, and leads to where more are asked for."""
    answer = await desk.buyer.patch(f"/{desk.api}", {"limit": 1})
    assert answer.status_code == 200
    await desk.open("versions")
    await desk.send("versions")
    await desk.open("decisions")
    assert re.search(r"la liste contient 1 des \d+ fournisseurs repérés", said(own.page))
    assert "versions#montrer" in own.page
    await desk.open("versions")
    assert own.fields(f"{desk.path}/versions")["montrer"] == ["1"]
    await desk.send("versions", montrer="100")
    assert (await need_of(desk))["limit"] == 100
    await desk.open("decisions")
    assert "la liste montre 1 des" not in said(own.page)


async def test_another_planned_day_is_a_reason_to_freeze_again_once(
    own: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of the next version are those of that day, and the version says so; one button freezes one."""
    await desk.open("versions/1")
    assert "règles au" not in said(own.page)
    assert (await desk.buyer.patch(f"/{desk.api}", {"planned_publication_on": "2027-01-15"})).is_success
    await own.open(f"/{desk.path}")
    assert "Le besoin a changé depuis la dernière version" in said(own.page)
    await desk.open("versions")
    page = own.page
    await desk.send("versions")
    assert "règles au 15 janvier 2027, date prévue de publication" in said(own.page)
    own.page = page
    monkeypatch.delattr("api.needs.freeze_shortlist.match_need")
    await desk.send("versions")
    versions = await desk.buyer.get(f"/{desk.api}/shortlists")
    assert [each["number"] for each in versions.json()["items"]] == [2, 1]


async def test_an_award_is_entered_once_and_withdrawn(own: Browser, desk: Desk) -> None:
    await desk.open("attributions")
    winner = re.findall(r'<option value="([0-9a-f-]{36})"', own.page)[0]
    answer = await desk.send("attributions", date="2027-06-15", montant="beaucoup")
    assert answer.status_code == 422
    assert {'href="#lot-1-titulaire"', 'href="#lot-1-montant"'} <= set(re.findall(r'href="#[^"]+"', own.page))
    page = own.page
    for _ in range(2):
        own.page = page
        await desk.send("attributions", titulaire=winner, montant="58 400", duree="24")
    (award,) = (await desk.buyer.get(f"/{desk.api}/awards")).json()["items"]
    assert (award["supplier_id"], award["value_eur"], award["reserved"]) == (winner, 58_400, [])
    await desk.open(f"attributions/{award['id']}")
    await desk.send(f"attributions/{award['id']}")
    assert "L'attribution est retirée" in said(own.page)
    assert (await desk.buyer.get(f"/{desk.api}/awards")).json()["items"] == []


async def test_a_winner_who_is_not_on_the_list_is_found_by_its_siret(own: Browser, buyer: Buyer, source: str) -> None:
    path = await keep(own, **{"lot-1-distance": "1"})
    stored = await put_record(buyer.client, source, "far", location={"lat": 43.3, "lon": 5.4}, address=None)
    siret = (await buyer.client.get(f"/suppliers/{stored['supplier_id']}")).json()["siret"]
    form = f"{path}/attributions"
    await own.open(f"/{form}")
    answer = await own.submit(form, titulaire="autre", siret="1234", date="2027-06-15")
    assert (answer.status_code, 'href="#lot-1-siret"' in said(own.page)) == (422, True)
    await own.submit(form, siret=f"{siret[:3]} {siret[3:]}")
    (award,) = (await buyer.get(f"/needs/{path.rpartition('/')[2]}/awards")).json()["items"]
    assert award["supplier_id"] == stored["supplier_id"]


async def test_a_need_moves_on_and_its_record_ends(own: Browser, desk: Desk) -> None:
    for state in ("sourcing", "published", "closed"):
        await desk.open(f"etat?vers={state}")
        page = own.page
        await desk.send("etat")
        own.page = page
        assert (await desk.send("etat")).status_code == 200
        assert (await need_of(desk))["status"] == state
    await desk.open("decisions")
    assert 'name="fournisseur"' not in said(own.page)
    await own.open(f"/{desk.path}")
    assert "<form" not in own.page.partition("<main")[2]


async def test_a_draft_is_deleted_after_a_question_but_not_with_an_award(own: Browser, desk: Desk) -> None:
    assert f"{desk.path}/supprimer" in own.page
    await desk.open("attributions")
    winner = re.findall(r'<option value="([0-9a-f-]{36})"', own.page)[0]
    await desk.send("attributions", titulaire=winner)
    await own.open(f"/{desk.path}")
    assert f"{desk.path}/supprimer" not in own.page
    await desk.open("supprimer")
    assert (await desk.send("supprimer")).status_code == 409
    another = await keep(own)
    await own.open(f"/{another}/supprimer")
    assert (await own.submit(f"{another}/supprimer")).url.path == "/besoins"
    assert (await desk.buyer.get(f"/needs/{another.rpartition('/')[2]}")).status_code == 404


async def test_a_state_that_somebody_else_changed_is_asked_again(own: Browser, desk: Desk) -> None:
    await desk.open("etat?vers=abandoned")
    page = own.page
    await own.open(f"/{desk.path}")
    await own.submit(desk.path, reference="2027-12")
    own.page = page
    answer = await desk.send("etat")
    assert (answer.status_code, said(heading(own.page))) == (409, "Abandonner ce besoin ?")
    await desk.send("etat")
    assert "Abandonné" in said(own.page)


async def test_the_report_is_read_in_the_page_and_downloaded(own: Browser, desk: Desk) -> None:
    answer = await desk.open("rapport?lire=integral")
    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    (framed,) = re.findall(r'<iframe[^>]* src="([^"]+)"', own.page)
    answer = await own.get(str(answer.url.join(framed)))
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "Rapport de sourcing" in answer.text
    answer = await own.get(f"/{desk.path}/rapport/1/expurge.html")
    assert "Version expurgée" in answer.text
    answer = await own.get(f"/{desk.path}/rapport/1/expurge.pdf?telecharger=1")
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert (await own.get(f"/{desk.path}/rapport/2/expurge.html")).status_code == 404
    assert (await own.get(f"/{desk.path}/rapport/1/autre.html")).status_code == 404


async def test_ids_that_are_none_are_not_found(own: Browser) -> None:
    assert (await own.open("/besoins/rien/rapport/1/integral.html")).status_code == 404
    for part in ("", "changer", "versions", "versions/1", "decisions", "attributions", "rapport"):
        assert (await own.open(f"/besoins/rien/{part}".rstrip("/"))).status_code == 404
        assert "Ce besoin n'existe pas, ou vous n'y avez pas accès" in said(own.page)


async def test_two_versions_are_compared_in_words(own: Browser, desk: Desk) -> None:
    await desk.open("changer")
    await own.submit("besoin", {"lot-1-distance": "10"}, to=f"{desk.path}/changer")
    assert "Le besoin a changé depuis la dernière version" in said(own.page)
    await desk.open("versions")
    assert "les lots" in said(own.page)
    await desk.send("versions")
    await desk.open("versions?de=1&a=2")
    assert "De la version 1 à la version 2" in said(own.page)
    assert "Distance maximale" in said(own.page)


async def test_suppliers_that_came_since_the_latest_version_are_named(own: Browser, desk: Desk, source: str) -> None:
    assert "nouvelle structure" not in (await own.open(f"/{desk.path}")).text
    await desk.buyer.supplier(source, f"{source}-new", name="Rives du Blavet", location={"lat": 48.07, "lon": -2.97})
    page = said((await own.open(f"/{desk.path}")).text)
    assert "1 nouvelle structure depuis</strong> : " in page
    assert "Rives du Blavet" in page
    await desk.open("versions")
    await desk.send("versions", montrer="20")
    assert "nouvelle structure" not in (await own.open(f"/{desk.path}")).text


async def test_the_notice_says_what_is_missing_and_then_is_read_and_downloaded(own: Browser, desk: Desk) -> None:
    await desk.open("avis")
    for words in ("La description", "L'acheteur", "donner son nom"):
        assert words in said(own.page)
    await own.open(f"/{desk.path}")
    answer = await own.submit(desk.path, courriel="achats", acheteur="Ville de Vannes")
    assert (answer.status_code, 'href="#courriel"' in own.page) == (422, True)
    typed = {"description": "Les parcs", "courriel": "achats@vannes.fr", "page-reponses": "https://profil.example/1"}
    assert (await own.submit(desk.path, typed, reponses="2099-02-01")).status_code == 200
    need = await need_of(desk)
    assert (need["buyer"]["name"], need["answers_by"]) == ("Ville de Vannes", "2099-02-01")
    await desk.open("avis")
    for words in ("Ville de Vannes", "1er février 2099", "https://profil.example/1", "achats@vannes.fr"):
        assert words in said(own.page)
    answer = await own.open(f"/{desk.path}/avis/consultation.xml")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "PriorInformationNotice" in answer.text
    await desk.open("journal")
    assert "Avis de consultation établi" in said(own.page)
    await desk.open("egalite")
    assert "Aucune publication n'est notée" in said(own.page)
    await desk.open("avis")
    assert (await desk.send("avis", jour="2099-01-15")).status_code == 422
    await desk.send("avis", jour="2020-01-15", support="buyer_profile")
    assert "La publication est notée" in said(own.page)
    await desk.open("egalite")
    assert "publié le 15 janvier 2020 (profil d'acheteur)" in said(own.page)
    made, published = (await desk.buyer.get(f"/{desk.api}/equal-treatment")).json()["notices"]
    assert (len(made["sha256"]), published["published_on"], published["where"]) == (64, "2020-01-15", "buyer_profile")


async def test_a_supplier_is_retained_after_it_was_asked_and_who_was_not_is_named(desk_with: DeskWith) -> None:
    """The page of the need names all, with what happened to each; the same decision before is about whom to ask."""
    desk = await desk_with("Jardins d'Arvor", "Ateliers du Scorff")
    own, one, other = desk.browser, desk.suppliers["Jardins d'Arvor"], desk.suppliers["Ateliers du Scorff"]
    await desk.open("decisions")
    assert heading(own.page) == "Fournisseurs à interroger"
    await desk.send("decisions", fournisseur=one, decision="kept", motif="Tond nos parcs")
    assert "À interroger" in rows_of(own.page)[one]
    await desk.write(a="choisis", fournisseur=one, moyen="phone")
    assert (await desk.buyer.get(f"/{desk.api}")).json()["status"] == "sourcing"
    await own.open(f"/{desk.path}")
    shown = said(own.page)
    assert "Interrogé : 1 ; non interrogé : 1" in shown
    assert all(name in shown for name in desk.suppliers)
    assert "Interrogé, comme décidé" in shown
    await desk.write(a="choisis", fournisseur=other, moyen="letter")
    await own.open(f"/{desk.path}")
    assert "Interrogé : 1 ; envoi à confirmer : 1" in said(own.page), "a letter that may not have left asks nobody yet"
    await desk.open("decisions")
    assert heading(own.page) == "Fournisseurs retenus"
    await desk.send("decisions", fournisseur=one, decision="kept", motif="Peut commencer en mars")
    assert said(heading(own.page)) == "Retenir ce fournisseur ?"
    assert "Un fournisseur retenu n'a aucun avantage" in said(own.page)
    assert "Non interrogés sur ce lot : 1" in said(own.page)
    assert "(envoi à confirmer)" in said(own.page)
    assert f"echanges/nouveau?fournisseur={other}" in own.page
    await desk.send("decisions")
    assert "Retenu" in rows_of(own.page)[one]


def rows_of(page: str) -> dict[str, str]:
    """The words of the rows of a shortlist, by the id of the supplier."""
    return {suppliers_on(each)[0]: said(each) for each in page.split("<li>") if suppliers_on(each)}


async def test_the_reach_of_a_supplier_is_told_where_it_is_decided_on(desk_with: DeskWith, source: str) -> None:
    """On the list to decide on and on the version, beside the reasons."""
    lot = {"id": "1", "segments": ["ev-entretien"], "value_eur": 300_000, "duration_months": 12}
    desk = await desk_with("Jardins d'Arvor", lots=[lot])
    await desk.buyer.supplier(source, f"{source}-grand", name="Grand Jardin", employees=4)
    await desk.open("versions")
    await desk.send("versions")
    (found,) = (await desk.buyer.get(f"/{desk.api}/shortlists/2")).json()["lots"]
    (reach,) = [each["reach"]["message"] for each in found["candidates"] if each["reach"]["level"] != "unknown"]
    for part in ("versions/2", "decisions"):
        assert (await desk.open(part)).status_code == 200
        assert said(reach[1:]) in said(desk.browser.page)


async def test_a_frozen_version_quotes_the_law_that_was_kept_with_it(
    own: Browser, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that law was not kept, the page says that the words are those of today's."""
    services = desk.buyer.client.services
    words, others = "passés en lots séparés", "passés en lots distincts"
    changed = parse(services.reference.rules.files["law.toml"].replace(words.encode(), others.encode()))
    monkeypatch.setattr(services, "reference", replace(services.reference, rules=changed))
    for quoted, told in ((words, "d'après les règles gardées avec cette version"), (others, "n'ont pas été gardées")):
        await desk.open("versions/1")
        assert [each in said(own.page) for each in (words, others)] == [quoted == words, quoted == others]
        assert told in said(own.page)
        monkeypatch.setattr("api.reference.select_law_file", AsyncMock(return_value=None))
