"""The pages of meetings: planned from the usual half-day, changed, held; calendars of one and of all."""

from html import unescape
from typing import Any

import pytest
from httpx import URL

from api.desk.talk.meeting_form import row_numbers
from domain.exchanges.rules import placeholders_in
from tests.api.desk.steps import TWO, Browser, Desk, DeskWith, put_all, said
from tests.api.exchanges.steps import keyless
from tests.api.needs.steps import new_buyer
from tests.api.sync.factories import Client

PAST = "2026-11-16"
WHEN: dict[str, Any] = {"jour": "2027-03-16", "lieu": "Salle du conseil", "commune": "Pontivy"}


async def meetings(desk: Desk) -> list[dict[str, Any]]:
    """The meetings about the need, as the API tells them."""
    found: list[dict[str, Any]] = (await desk.buyer.get(f"/meetings?need={desk.need_id}")).json()["items"]
    return found


async def planned(desk: Desk) -> dict[str, Any]:
    """A half-day to which all suppliers are invited; its form is sent twice."""
    await desk.open("rencontres/nouvelle")
    form = desk.browser.page
    for _ in range(2):
        desk.browser.page = form
        await desk.send("rencontres/nouvelle", faire="enregistrer", fournisseur=list(desk.suppliers.values()), **WHEN)
    (meeting,) = await meetings(desk)
    return meeting


async def test_a_half_day_is_planned_with_its_usual_programme(desk: Desk, browser: Browser) -> None:
    """Its file for calendars is that of the API; a row without its words is a mistake."""
    meeting = await planned(desk)
    assert (meeting["format"], meeting["status"]) == ("half_day", "planned")
    assert meeting["starts_at"].startswith("2027-03-16T08:00")  # 9 h in Paris
    assert meeting["place"]["commune"] == "56178"
    assert [each["minutes"] for each in meeting["agenda"]] == [75, 15, 90]
    assert {each["organisation"] for each in meeting["participants"]} == set(TWO)
    assert all(each["invited_at"] for each in meeting["participants"])
    page = unescape(browser.page).replace("\N{NO-BREAK SPACE}", " ")
    assert "9 h – 10 h 15" in page
    file = await browser.get(f"/{desk.path}/rencontres/{meeting['id']}/agenda.ics")
    assert file.headers["content-type"].startswith("text/calendar")
    assert file.content == (await desk.buyer.get(f"/meetings/{meeting['id']}.ics")).content
    wrong = {"faire": "enregistrer", "qui-1": "Mme Le Goff", "minutes-4": "20"}
    assert (await desk.send(f"rencontres/{meeting['id']}", wrong)).status_code == 422
    assert ('id="suite-1-erreur"' in browser.page, 'id="partie-4-erreur"' in browser.page) == (True, True)


async def test_nothing_typed_is_lost_where_something_is_wrong(desk: Desk, browser: Browser) -> None:
    """Neither is it stored: nobody could read it again, nor the list that it is in."""
    await desk.open("rencontres/nouvelle")
    form, typed = browser.page, {"faire": "enregistrer", **WHEN, "fournisseur": desk.suppliers[TWO[0]]}
    for field, length, shown_at in (("autre-1", 201, "invites"), ("partie-1", 401, ""), ("suite-1", 2_001, "")):
        browser.page = form
        refused = await desk.send("rencontres/nouvelle", typed | {field: "x" * length})
        assert (refused.status_code, f'<a href="#{shown_at or field}">' in browser.page) == (422, True)
    browser.page = form
    wrong = {"titre": "", "debut": "neuf heures", "commune": "Nulle-Part", "lieu": "Mairie"}
    assert (await desk.send("rencontres/nouvelle", typed | wrong)).status_code == 422
    assert browser.page.count('class="mistake"') == 3
    fields = browser.fields(f"{desk.path}/rencontres/nouvelle")
    assert (fields["lieu"], fields["commune"]) == (["Mairie"], ["Nulle-Part"])
    assert fields["fournisseur"] == [desk.suppliers[TWO[0]]]
    assert await meetings(desk) == []


def test_rows_are_counted_by_numbers_of_few_digits() -> None:
    assert row_numbers({f"partie-{'9' * 5_000}": ["x"], "partie-4": ["x"]}, "partie") == range(1, 7)


async def test_who_came_and_what_was_said_is_noted(desk: Desk, browser: Browser) -> None:
    meeting = await planned(desk)
    page = f"rencontres/{meeting['id']}"
    await desk.open(page)
    noted = {"venu-0": "oui", "venu-1": "non", "nom-0": "Mme Le Goff", "compte-rendu": "Volumes trop grands."}
    follow_up = {"suite-1": "Revoir les lots", "qui-1": "Mme Le Goff", "pour-1": "2027-04-01"}
    refused = await desk.send(page, {"faire": "tenue", **noted, **follow_up})
    assert (refused.status_code, "pas encore commencé" in said(browser.page)) == (422, True)
    await desk.send(page, {"faire": "tenue", "jour": PAST})
    (held,) = await meetings(desk)
    assert (held["status"], held["minutes"]) == ("held", "Volumes trop grands.")
    assert [(each["name"], each["attended"]) for each in held["participants"]] == [("Mme Le Goff", True), (None, False)]
    assert held["follow_ups"] == [
        {"what": "Revoir les lots", "who": "Mme Le Goff", "due_on": "2027-04-01", "done": False}
    ]
    assert "elle a eu lieu" not in browser.page
    await desk.send(page, {"faire": "enregistrer", "invite-1": "", "fait-1": "oui"})
    (changed,) = await meetings(desk)
    assert (len(changed["participants"]), changed["follow_ups"][0]["done"]) == (1, True)


async def test_what_the_form_does_not_show_of_a_meeting_stays(desk_with: DeskWith) -> None:
    """The position of its place, as long as the place is the same, and each of many follow-ups."""
    desk = await desk_with()
    meeting = await planned(desk)
    place = {"name": "Salle du conseil", "commune": "56178", "lat": 48.07, "lon": -2.97}
    follow_ups = [{"what": f"Suite {number}"} for number in range(60)]
    await desk.buyer.patch(f"/meetings/{meeting['id']}", {"place": place, "follow_ups": follow_ups})
    page = f"rencontres/{meeting['id']}"
    await desk.open(page)
    await desk.send(page, faire="enregistrer", titre="Autre titre")
    (kept,) = await meetings(desk)
    assert (kept["title"], kept["place"], len(kept["follow_ups"])) == ("Autre titre", place, 60)
    await desk.send(page, faire="enregistrer", lieu="Mairie")
    (moved,) = await meetings(desk)
    assert moved["place"] == {"name": "Mairie", "commune": "56178", "lat": None, "lon": None}


async def test_a_change_of_somebody_else_is_not_lost(desk: Desk, browser: Browser) -> None:
    meeting = await planned(desk)
    page = f"rencontres/{meeting['id']}"
    await desk.open(page)
    await desk.buyer.patch(f"/meetings/{meeting['id']}", {"title": "Autre titre"})
    refused = await desk.send(page, {"faire": "enregistrer", "titre": "Mon titre"})
    assert refused.status_code == 422
    assert "entre-temps" in browser.page
    assert (await meetings(desk))[0]["title"] == "Autre titre"
    await desk.send(page, {"faire": "enregistrer"})
    assert (await meetings(desk))[0]["title"] == "Mon titre"


async def test_the_invitation_is_written_from_the_meeting_until_the_need_has_ended(
    desk: Desk, browser: Browser
) -> None:
    meeting = await planned(desk)
    invitation = 'value="invitation"'
    await desk.open(f"rencontres/{meeting['id']}")
    assert invitation in browser.page
    invited = "&".join(f"fournisseur={each}" for each in desk.suppliers.values())
    await desk.open(f"echanges/nouveau?modele=invitation&rencontre={meeting['id']}&{invited}")
    fields = browser.fields(f"{desk.path}/echanges/nouveau")
    assert "16 mars 2027" in said(fields["objet"][0])
    assert "le 16 mars 2027, de 9 h à 12 h, à Salle du conseil, Pontivy." in said(fields["texte"][0])
    assert placeholders_in(fields["objet"][0] + fields["texte"][0]) == []
    assert set(fields["fournisseur"]) == set(desk.suppliers.values())
    assert fields["a"] == ["choisis"]
    await desk.buyer.patch(f"/{desk.api}", {"status": "abandoned"})
    await desk.open(f"rencontres/{meeting['id']}")
    assert invitation not in browser.page


async def test_a_calendar_has_its_own_address_until_it_is_taken_away(desk_with: DeskWith, browser: Browser) -> None:
    desk = await desk_with()
    await planned(desk)
    await browser.open("/rencontres")
    await browser.submit("rencontres", faire="donner")
    (_, _, rest) = browser.page.partition("/meetings/feed/")
    path = f"/meetings/feed/{rest.partition('.ics')[0]}.ics"
    assert b"Demi-journ" in (await browser.get(path, headers={"Accept": "*/*"})).content
    await browser.open("/rencontres")
    assert "/meetings/feed/" not in browser.page
    await browser.submit("rencontres", faire="retirer")
    assert (await browser.get(path, headers={"Accept": "*/*"})).status_code == 404


async def test_a_meeting_is_about_several_needs(desk: Desk, served: Client, browser: Browser) -> None:
    """It is in the file of each, and leaves that of one whose box is unticked."""
    other = (await desk.buyer.keep(title="Entretien des cours"))["need"]["id"]
    stranger = (await (await new_buyer(served)).keep(title="D'un autre"))["need"]["id"]
    await desk.open("rencontres/nouvelle")
    assert "Entretien des cours" in browser.page
    assert stranger not in browser.page
    refused = await desk.send("rencontres/nouvelle", faire="enregistrer", besoin=[stranger], **WHEN)
    assert refused.status_code == 422
    await desk.open("rencontres/nouvelle")
    await desk.send("rencontres/nouvelle", faire="enregistrer", besoin=[other], **WHEN)
    (meeting,) = await meetings(desk)
    assert meeting["need_ids"] == [desk.need_id, other]
    await browser.open(f"/besoins/{other}/rencontres/{meeting['id']}")
    assert f"besoins/{desk.need_id}/rencontres/{meeting['id']}" in browser.page
    form = f"besoins/{other}/rencontres/{meeting['id']}"
    assert browser.fields(form)["besoin"] == [desk.need_id]
    await browser.submit(form, faire="enregistrer", titre="Rencontre des deux")
    assert (await meetings(desk))[0]["need_ids"] == [desk.need_id, other]
    await browser.submit(form, faire="enregistrer", besoin=[])
    assert await meetings(desk) == []


async def test_a_meeting_as_large_as_can_be_is_saved_on_its_page(desk: Desk, browser: Browser) -> None:
    """500 people and 200 follow-ups are more fields than those of other pages."""
    meeting = await planned(desk)
    crowd = [{"role": "network", "name": f"Personne {n}"} for n in range(500)]
    tasks = [{"what": f"Suite {n}", "who": "Anne", "due_on": "2027-04-01", "done": False} for n in range(200)]
    large = await desk.buyer.patch(f"/meetings/{meeting['id']}", {"participants": crowd, "follow_ups": tasks})
    assert large.status_code == 200, large.text
    page = f"rencontres/{meeting['id']}"
    await desk.open(page)
    noted = {"compte-rendu": "Beaucoup de monde.", "venu-499": "oui", "fait-200": "oui"}
    await desk.send(page, {"faire": "tenue", "jour": PAST, **noted})
    (held,) = await meetings(desk)
    assert (held["status"], held["minutes"]) == ("held", "Beaucoup de monde.")
    assert (held["participants"][499]["attended"], held["follow_ups"][199]["done"]) == (True, True)
    many = await browser.post(f"/{desk.path}/{page}", content="&".join(["a=b"] * 10_001))
    assert many.status_code == 400
    assert "en plusieurs fois" in unescape(many.text)


async def test_all_candidates_of_a_lot_are_invited_at_once(desk_with: DeskWith) -> None:
    """Those who are invited already once, and not those who were set aside."""
    desk = await desk_with(*TWO, "Bocage en fleurs")
    aside = {"lot_id": "1", "decision": "set_aside", "reason": "Trop petit"}
    decided = await desk.buyer.patch(f"/{desk.api}/shortlists/1/suppliers/{desk.suppliers['Bocage en fleurs']}", aside)
    assert decided.status_code == 200, decided.text
    await desk.open("rencontres/nouvelle")
    one = desk.suppliers[TWO[0]]
    await desk.send("rencontres/nouvelle", {"faire": "enregistrer", "lot-entier": "1", "fournisseur": one, **WHEN})
    (meeting,) = await meetings(desk)
    assert sorted(each["organisation"] for each in meeting["participants"]) == sorted(TWO)
    await desk.send(f"rencontres/{meeting['id']}", {"faire": "enregistrer", "lot-entier": "1"})
    assert len((await meetings(desk))[0]["participants"]) == len(TWO)


async def test_a_half_day_of_a_territory_is_planned_invited_to_and_attended(
    desk: Desk, browser: Browser, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before there is a need, from the page of the territory; invited is who stands there, of unknown trade too."""
    here = {"address": {"commune": "29155"}, "location": None}
    offers = [{"segments": ["lt-blanchisserie"], "service_area": {"radius_km": 5}}]
    known, unknown, silent = await put_all(
        desk.buyer.client,
        f"{source}-ouessant",
        {"name": "Blanchisserie d'Ouessant", "offers": offers, **here},
        {"name": "ESAT d'Ouessant", "offers": [], "approvals": [{"kind": "ESAT"}], **here},
        {"name": "ESAT du Stiff", "offers": [], "approvals": [{"kind": "ESAT"}], **here},
    )
    link = (await desk.buyer.post(f"/suppliers/{silent}/links", {})).json()["url"]
    await keyless(desk.buyer.client, "POST", URL(link).path, data={"faire": "silence"})
    new = "rencontres/nouvelle"
    assert (await browser.open(f"/{new}")).url.path == "/territoires"
    await browser.open(f"/{new}?territoire=commune:29155")
    form = browser.page
    typed = {"autre-1": "Anne Le Goff", "structure-1": "Mairie", "structure-2": "Hôpital", "role-2": "network", **WHEN}
    with monkeypatch.context() as few:
        few.setattr("api.desk.talk.meetings_page.MOST_INVITED", 1)
        refused = await browser.submit(new, typed, faire="enregistrer", tous=["connus", "inconnus"])
        assert (refused.status_code, "500 invités au plus" in refused.text) == (422, True)
    for _ in range(2):
        browser.page = form
        await browser.submit(new, typed, faire="enregistrer", tous=["connus", "inconnus"])
    every = (await desk.buyer.get("/meetings")).json()["items"]
    (meeting,) = (each for each in every if not each["need_ids"])
    assert meeting["territory"] == {"codes": ["commune:29155"]}
    people = {(each["role"], each["supplier_id"] or each["organisation"]) for each in meeting["participants"]}
    assert people >= {("supplier", known), ("supplier", unknown), ("buyer", "Mairie"), ("network", "Hôpital")}
    assert ("supplier", silent) not in people, "it asked not to be asked again"
    page = f"rencontres/{meeting['id']}"
    assert "Anne Le Goff" in (await browser.open("/rencontres")).text or page in browser.page
    shown = (await browser.open(f"/{page}")).text
    assert "Ouessant" in shown
    sheets = await browser.get(f"/{page}/badges")
    assert sheets.content.startswith(b"%PDF")
    table = (await browser.get(f"/{page}/badges?forme=csv")).text
    assert "Anne Le Goff,Mairie,buyer" in table
    sent = await browser.submit(f"{page}/inviter")
    assert sent.status_code == 200
    campaign = (await desk.buyer.get(f"/campaigns/{sent.url.path.rpartition('/')[2]}")).json()
    assert (campaign["recipients"] + campaign["left_out"]["joined"], campaign["only_unknown_trade"]) == (
        sum(each["role"] == "supplier" for each in meeting["participants"]),
        False,
    )
    assert "Nous vous invitons" in campaign["body"]
    await browser.open(f"/{page}")
    at = next(n for n, each in enumerate(meeting["participants"]) if each["supplier_id"] == unknown)
    noted = {"faire": "tenue", "jour": PAST, f"venu-{at}": "oui", "compte-rendu": "Lavent les draps de l'île"}
    await browser.submit(page, noted)
    held = (await desk.buyer.get(f"/meetings/{meeting['id']}")).json()
    assert (held["status"], held["participants"][at]["attended"]) == ("held", True)
    refused = await desk.buyer.post(f"/meetings/{meeting['id']}/invitations", {})
    assert (refused.status_code, refused.json()["detail"]) == (409, "Cette rencontre a eu lieu ou est annulée")
