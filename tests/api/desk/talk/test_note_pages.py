"""What a supplier said is noted from its answer, a meeting or the directory, with the trades read in its words."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.desk.steps import TWO, Browser, Desk, DeskWith, said, sign_in_as
from tests.api.desk.test_sign_in_at_a_provider import Door
from tests.api.needs.steps import meeting_about
from tests.api.organisations import member
from tests.api.sync.factories import Client, path_of, put_record, siret

BIOWASTE = "de-bio"
CLICK = "Noter ce que ce fournisseur fait"


async def answered(desk: Desk, words: str) -> str:
    """The page of an exchange in which the first supplier answered so, by telephone."""
    page = await desk.open_written()
    exchange = (await desk.exchange())["id"]
    answer = {"author": "supplier", "supplier_id": desk.suppliers[TWO[0]], "body": words, "channel": "phone"}
    message = await desk.buyer.post(f"/exchanges/{exchange}/messages", answer)
    assert message.status_code == 201, message.text
    return f"{page}/offres/{desk.suppliers[TWO[0]]}?message={message.json()['id']}"


async def found(desk: Desk, segment: str) -> list[dict[str, Any]]:
    """The candidates for a segment, as the buyer's match answers them."""
    await desk.buyer.matched()
    answer = await desk.buyer.post("/match", desk.buyer.need(lots=[{"id": "1", "segments": [segment]}]))
    candidates: list[dict[str, Any]] = answer.json()["lots"][0]["candidates"]
    return candidates


async def test_an_answer_is_noted_by_its_words_and_the_next_match_finds_it(
    desk: Desk, browser: Browser, served: Client
) -> None:
    form = await answered(desk, "Oui, nous collectons les biodéchets, et cela nous intéresse.")
    await desk.open(form.partition("/offres")[0])
    assert CLICK in said(browser.page)
    await desk.open(form)
    page = form.partition("?")[0]
    fields = browser.fields(f"{desk.path}/{page}")
    assert BIOWASTE in fields["metier"], "what its words surely say is ticked"
    assert fields["dit"] == [served.services.today().isoformat()]
    assert "nous collectons les biodéchets" in said(browser.page)
    await desk.send(page, faire="noter", metier=BIOWASTE, rayon="25")
    assert "La note est enregistrée" in said(browser.page)
    (one,) = await found(desk, BIOWASTE)
    assert (one["supplier"]["name"], one["segments"][0]["declared_by"]) == (TWO[0], "buyer")
    note = (await desk.buyer.get(f"/suppliers/{desk.suppliers[TWO[0]]}/notes")).json()
    assert (note["offers"][0]["service_area"]["radius_km"], note["noted_by"]) == (25, "test")
    # shown again with what it says, changed, deleted
    await desk.open(page)
    assert browser.fields(f"{desk.path}/{page}")["rayon"] == ["25"]
    mistakes: list[dict[str, Any]] = [{"metier": []}, {"rayon": "loin"}, {"rayon": "20001"}, {"dit": "2126-01-01"}]
    for wrong in mistakes:
        assert (await desk.send(page, wrong, faire="noter")).status_code == 422
        await desk.open(page)
    await desk.send(page, faire="effacer")
    assert "La note est effacée" in said(browser.page)
    assert await found(desk, BIOWASTE) == []


async def test_a_meeting_is_noted_by_its_minutes(desk: Desk, browser: Browser, served: Client) -> None:
    came = [{"role": "supplier", "supplier_id": desk.suppliers[TWO[0]], "name": "Mme Le Goff", "organisation": TWO[0]}]
    begins = served.services.now() - timedelta(days=3)
    times = {"starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=2)).isoformat()}
    minutes = "Ils font aussi la restauration collective ; la tonte non."
    meeting = meeting_about(desk.need_id, participants=came, minutes=minutes, **times)
    planned = await desk.buyer.post("/meetings", meeting)
    assert planned.status_code == 201, planned.text
    page = f"rencontres/{planned.json()['id']}"
    await desk.open(page)
    assert CLICK in said(browser.page)
    form = f"{page}/offres/{desk.suppliers[TWO[0]]}"
    await desk.open(form)
    fields = browser.fields(f"{desk.path}/{form}")
    assert fields["metier"] == ["rs-collective"], "what it denies is proposed, and not ticked"
    assert 'value="ev-entretien"' in browser.page
    assert fields["comment"] == ["Visio"]
    await desk.send(form, faire="noter", metier="rs-collective")
    assert "La note est enregistrée" in said(browser.page)
    assert [each["supplier"]["name"] for each in await found(desk, "rs-collective")] == [TWO[0]]
    assert (await desk.open(f"{page}/offres/{desk.suppliers[TWO[1]]}")).status_code == 404


async def test_an_answer_by_the_link_is_not_said_to_be_of_a_portal(desk: Desk, browser: Browser) -> None:
    await desk.write()
    await desk.reply(desk.links()[TWO[0]], body="Nous collectons les biodéchets.", stance="interested")
    page = f"echanges/{(await desk.exchange())['id']}/offres/{desk.suppliers[TWO[0]]}"
    await desk.open(page)
    assert browser.fields(f"{desk.path}/{page}")["comment"] == ["par sa réponse en ligne"]


async def test_the_directory_shows_a_note_to_its_organisation_alone(
    desk: Desk, browser: Browser, served: Client
) -> None:
    supplier = desk.suppliers[TWO[0]]
    reader = await desk.another_key("needs", "match", "read")
    await browser.be_signed_in(reader)
    await browser.open(f"/annuaire/{supplier}")
    assert CLICK in said(browser.page)
    page = f"annuaire/{supplier}/note"
    await browser.open(f"/{page}")
    await browser.submit(page, faire="chercher", ajout="blanchisserie")
    await browser.submit(page, faire="noter", metier="lt-blanchisserie", dit="2026-11-18", comment="au téléphone")
    shown = said(browser.page)
    assert "Noté par another le" in shown
    assert "dit le 18 novembre 2026 (au téléphone)" in shown or "dit le 18/11/2026 (au téléphone)" in shown
    await desk.buyer.matched()
    need = {"titre": "Linge", "lieu": "", "lot-1-metier": "lt-blanchisserie"}
    (one,) = await found(desk, "lt-blanchisserie")
    assert "Noté par votre organisation le 18 novembre 2026" in [each["message"] for each in one["reasons"]], need
    stranger = await member(served, "read", "needs")
    await sign_in_as(browser, stranger)
    await browser.open(f"/annuaire/{supplier}")
    assert "au téléphone" not in said(browser.page)
    assert "Aucune note." in said(browser.page)


async def test_who_signs_in_at_a_provider_notes_by_name(
    served: Client, browser: Browser, monkeypatch: pytest.MonkeyPatch, issuer: str, source: str
) -> None:
    door = Door(served, browser, monkeypatch, issuer, await member(served, "needs", "admin"))
    supplier = (await put_record(served, source, "1", offers=[]))["supplier_id"]
    door.opens_to("@morbihan.example")
    assert await door.enter() == 200
    page = f"annuaire/{supplier}/note"
    await browser.open(f"/{page}")
    await browser.submit(page, faire="chercher", ajout="traiteur")
    await browser.submit(page, faire="noter", metier="rs-traiteur")
    assert "Noté par Anne Le Goff le" in said(browser.page)
    assert (await door.buyers.get(f"/suppliers/{supplier}/notes")).json()["noted_by"] == "Anne Le Goff"


NAME = "Ateliers du Scorff"


async def writing_desk(desk_with: DeskWith, served: Client, browser: Browser, source: str) -> Desk:
    """A desk whose key may write this source, and which wrote to a supplier that has a SIRET."""
    desk = await desk_with()
    stored = await put_record(served, source, "1", name=NAME, siret=siret(source), offers=[])
    desk.suppliers[NAME] = stored["supplier_id"]
    await browser.be_signed_in(await desk.another_key("needs", "sync", sources=[f"{source}-dit"]))
    await desk.open(f"echanges/nouveau?fournisseur={stored['supplier_id']}")
    await desk.send("echanges/nouveau", faire="relire", objet="Activité", texte="Que faites-vous ?")
    await desk.send("echanges/nouveau", faire="envoyer")
    return desk


async def test_who_may_write_a_source_declares_an_offer_there_for_everybody(
    desk_with: DeskWith, served: Client, browser: Browser, source: str
) -> None:
    desk = await writing_desk(desk_with, served, browser, source)
    page = f"echanges/{(await desk.exchange())['id']}/offres/{desk.suppliers[NAME]}"
    await desk.open(page)
    assert (await desk.send(page, faire="noter", rayon="30")).status_code == 422
    await desk.send(page, faire="chercher", ajout="blanchisserie")
    assert "lanchisserie" in browser.page
    for radius in ("20001", "1 000", "30 €"):
        assert (await desk.send(page, faire="noter", metier="ev-entretien", rayon=radius)).status_code == 422
        assert '<a href="#rayon">' in browser.page
    to_all = {"faire": "noter", "source": f"{source}-dit"}
    await desk.send(page, to_all, metier="ev-entretien", rayon="30")
    assert "La note est enregistrée" in said(browser.page)
    await desk.open(page)
    await desk.send(page, to_all, metier="pr-locaux", rayon="")
    number = siret(source)
    record = (await served.get(path_of(f"{source}-dit", number))).json()
    assert [each["segments"] for each in record["offers"]] == [["ev-entretien"], ["pr-locaux"]]
    assert record["offers"][0]["service_area"]["radius_km"] == 30
    assert record["supplier_id"] == desk.suppliers[NAME]
    await browser.be_signed_in(desk.key)
    await desk.open(page)
    assert 'name="source"' not in browser.page
    assert (await desk.send(page, to_all, metier="pr-locaux")).status_code == 403
