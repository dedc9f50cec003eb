"""A hospital prepares its waste contract with the suppliers around it: the whole story, over real connections.

As the hospital of Vannes did it, segment by segment, over months: match, talk, meet, learn, publish, award, report.
"""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import httpx
import pypdf
import pytest

from tests.api.commands.conftest import PATIENCE_SECONDS, Server, Within, until
from tests.api.sync.factories import siret

LOTS: list[dict[str, Any]] = [
    {"id": "papiers", "title": "Papiers, cartons, archives", "segments": ["de-5flux"], "value_eur": 60_000},
    {"id": "bio", "title": "Biodéchets", "segments": ["de-bio"], "value_eur": 90_000, "reserved": ["handicap", "iae"]},
    {"id": "mobilier", "title": "Mobilier et encombrants", "segments": ["de-encombrants"], "value_eur": 40_000},
    {"id": "dasri", "title": "DASRI", "segments": ["de-dangereux"], "value_eur": 400_000},
]
NEED: dict[str, Any] = {
    "reference": "CHBA-DECH",
    "title": "Gestion des déchets de l'hôpital",
    "on": "2026-11-24",
    "buyer": {"name": "Centre hospitalier de Vannes", "kind": "local", "contracting_authority": True},
    "territory": {"codes": ["departement:56"]},
    "lots": [
        lot | {"nature": "services", "duration_months": 36, "site": {"commune": "56260"}, "max_distance_km": 60}
        for lot in LOTS
    ],
}


class Party:
    """Somebody who talks to the server: with a key, or as anybody."""

    def __init__(self, netloc: str, key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.http = httpx.Client(base_url=f"http://{netloc}", headers=headers, timeout=PATIENCE_SECONDS)

    def _ask(self, method: str, path: str, body: Any, status: int, **headers: str) -> Any:
        answer = self.http.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None, 200)

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        return self._ask("POST", path, body, status)

    def put(self, path: str, body: Any) -> Any:
        return self._ask("PUT", path, body, 201)

    def patch(self, path: str, patch: Any, status: int = 200) -> Any:
        return self._ask("PATCH", path, patch, status, **{"Content-Type": "application/merge-patch+json"})


class Story:
    """Who takes part, and what came about so far."""

    def __init__(self, server: Server, within: Within) -> None:
        self.within, self.netloc = within, server.netloc
        self.network = Party(self.netloc, self._key("Réseau des structures", "sync", "--source", "reseau"))
        self.portal = Party(self.netloc, self._key("Portail", "match"))
        self.hospital = Party(self.netloc, self._key("Centre hospitalier", "needs"))
        self.public = Party(self.netloc)
        self.ids: dict[str, str] = {}

    def _key(self, organisation: str, scope: str, *more: str) -> str:
        made = self.within("keys", "create", "--name", scope, "--organisation", organisation, "--scope", scope, *more)
        assert made.status == 0, made.err
        return made.out.splitlines()[-1]

    def join(self, name: str, kind: str | None, *segments: str) -> None:
        """A structure at Vannes that says it does this enters the network's directory."""
        record = {
            "name": name,
            "siret": siret(name),
            "legal_form": "association",
            "ess": True,
            "approvals": [{"kind": kind, "valid_from": "2025-01-01", "valid_until": "2030-12-31"}] if kind else [],
            "address": {"commune": "56260"},
            "location": {"lat": 47.66, "lon": -2.76},
            "offers": [{"segments": list(segments), "service_area": {"radius_km": 40}}],
            "contact": {"email": f"contact@{siret(name)}.example.org"},
        }
        kept = self.network.put(f"/sources/reseau/suppliers/{siret(name)}", record)
        self.ids[name] = kept["supplier_id"]
        until(lambda: self.portal.post("/match", NEED, 200)["stamp"]["data_version"] >= kept["data_version"])

    def need(self, path: str = "") -> str:
        """Where the hospital's need is, or something of it."""
        return f"/needs/{self.ids['need']}{path}"


@pytest.fixture
def story(
    start: Callable[..., Server], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Story]:
    server = start().ready()
    monkeypatch.setenv("VIVIER_HOME", str(server.home))
    story = Story(server, Within(capsys, monkeypatch))
    yield story
    for party in (story.network, story.portal, story.hospital, story.public):
        party.http.close()


def test_the_hospital_of_vannes(story: Story) -> None:
    the_network_brings_its_directory(story)
    a_portal_shows_what_there_is(story)
    the_hospital_keeps_its_need(story)
    a_structure_comes_and_another_is_set_aside(story)
    they_meet_for_half_a_day(story)
    tokens = all_are_asked_alike(story)
    they_answer_by_their_links(story, tokens)
    a_question_is_answered_to_all(story, tokens)
    nothing_is_said_after_publication(story, tokens)
    the_contract_is_awarded_and_the_need_closed(story)
    the_report_tells_it(story)
    the_journal_and_the_lessons_stay(story)


def the_network_brings_its_directory(story: Story) -> None:
    story.join("Ateliers du Golfe", "ESAT", "de-5flux", "de-bio")
    story.join("Compost Solidaire", "ACI", "de-bio")
    story.join("La Ressourcerie Vannetaise", None, "de-encombrants", "re-mobilier")
    story.join("Papiers de l'Oust", "EI", "de-5flux")


def a_portal_shows_what_there_is(story: Story) -> None:
    """Segment by segment: two for biowaste, nobody for infectious waste."""
    found = story.portal.post("/match", NEED, 200)
    levels = [(lot["total"], lot["tension"]["level"]) for lot in found["lots"]]
    assert levels == [(2, "critical"), (2, "critical"), (1, "critical"), (0, "none")]
    assert {"RISK_INFRUCTUEUX", "CAPABILITY_WARNING"} <= {each["code"] for each in found["lots"][3]["advice"]}
    advice = {(each["code"], each["article"]): each for each in found["advice"]}
    assert ("PROC_FORMALISEE", "L2124-1") in advice
    assert advice["SMALL_LOT_SETS", "R2123-1"]["lots"] == [["papiers", "mobilier"]]


def the_hospital_keeps_its_need(story: Story) -> None:
    body = NEED | {"description": "Trois à quatre mois de préparation", "procedure": "open"}
    kept = story.hospital.post("/needs", body | {"planned_publication_on": "2027-03-01"})
    story.ids["need"] = kept["need"]["id"]
    assert (kept["need"]["status"], kept["need"]["version"]) == ("draft", 1)
    assert story.hospital.get(story.need("/shortlists/1")) == kept["shortlist"]
    assert story.hospital.patch(story.need(), {"status": "sourcing"})["status"] == "sourcing"


def a_structure_comes_and_another_is_set_aside(story: Story) -> None:
    story.join("Biodéchets de la Rabine", "EI", "de-bio")
    second = story.hospital.post(story.need("/shortlists"), None)
    bio = next(lot for lot in second["lots"] if lot["id"] == "bio")
    assert bio["total"] == 3
    diff = story.hospital.get(story.need("/shortlists/1/diff/2"))
    changed = next(lot for lot in diff["lots"] if lot["id"] == "bio")
    assert [each["supplier_id"] for each in changed["came"]] == [story.ids["Biodéchets de la Rabine"]]
    assert changed["left"] == []
    aside = {"lot_id": "mobilier", "decision": "set_aside", "reason": "Cesse son activité en janvier"}
    ressourcerie = story.ids["La Ressourcerie Vannetaise"]
    decided = story.hospital.patch(story.need(f"/shortlists/2/suppliers/{ressourcerie}"), aside)
    assert decided["decision"] == "set_aside"


def they_meet_for_half_a_day(story: Story) -> None:
    invited = ("Ateliers du Golfe", "Compost Solidaire", "Biodéchets de la Rabine", "Papiers de l'Oust")
    suppliers = [{"role": "supplier", "supplier_id": story.ids[name]} for name in invited]
    planned: dict[str, Any] = {"need_ids": [story.ids["need"]], "format": "half_day", "title": "Rencontre déchets"}
    planned |= {"starts_at": "2026-12-08T09:00:00+01:00", "ends_at": "2026-12-08T12:00:00+01:00"}
    people = {"participants": [{"role": "buyer", "name": "Anne Le Goff"}, *suppliers]}
    meeting = story.hospital.post("/meetings", planned | people)
    assert len(meeting["agenda"]) >= 2
    participants = [each | {"attended": True} for each in meeting["participants"]]
    held = {"status": "held", "minutes": "Les volumes par site manquent.", "participants": participants}
    path = f"/meetings/{meeting['id']}"
    assert story.hospital.patch(path, held)["status"] == "held"
    calendar = story.hospital.http.get(f"{path}.ics")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert "Le Goff" not in calendar.text


def all_are_asked_alike(story: Story) -> dict[str, str]:
    """Everybody on the shortlist who is not set aside; the token of each, by name."""
    asked = {"subject": "Vos possibilités", "body": "Que pourriez-vous collecter ?", "channel": "email"}
    opened = story.hospital.post(story.need("/exchanges"), asked | {"recipients": "shortlist"})
    story.ids["exchange"] = opened["id"]
    names = {id_: name for name, id_ in story.ids.items()}
    tokens = {names[link["supplier_id"]]: link["url"].rpartition("/")[2] for link in opened["reply_links"]}
    expected = ["Ateliers du Golfe", "Biodéchets de la Rabine", "Compost Solidaire", "Papiers de l'Oust"]
    assert sorted(tokens) == expected
    return tokens


def they_answer_by_their_links(story: Story, tokens: dict[str, str]) -> None:
    answers: dict[str, dict[str, Any]] = {
        "Ateliers du Golfe": {"body": "Oui.", "stance": "interested", "barriers": ["volume", "deadline"]},
        "Compost Solidaire": {"body": "Quel tonnage par semaine ?", "stance": "question", "barriers": []},
        "Papiers de l'Oust": {"body": "Notre marge est de 4 %.", "barriers": ["price"], "confidential": True},
    }
    for name, said in answers.items():
        story.public.post(f"/replies/{tokens[name]}", {"stance": "declined"} | said)


def a_question_is_answered_to_all(story: Story, tokens: dict[str, str]) -> None:
    """Without saying who asked."""
    exchange = f"/exchanges/{story.ids['exchange']}"
    said = story.hospital.get(exchange)["messages"]
    question = next(each for each in said if each["stance"] == "question")
    story.hospital.post(f"{exchange}/messages/{question['id']}/publication", {"answer": "Quatre tonnes."})
    page = story.public.http.get(f"/replies/{tokens['Ateliers du Golfe']}", headers={"Accept": "text/html"})
    assert "Quel tonnage par semaine ?" in page.text
    assert "Quatre tonnes." in page.text
    for secret in ("Compost Solidaire", story.ids["Compost Solidaire"], question["id"], "Notre marge"):
        assert secret not in page.text


def nothing_is_said_after_publication(story: Story, tokens: dict[str, str]) -> None:
    assert story.hospital.patch(story.need(), {"status": "published"})["status"] == "published"
    exchange = f"/exchanges/{story.ids['exchange']}"
    late = [
        story.hospital.http.post(f"{exchange}/messages", json={"author": "buyer", "body": "Encore un mot"}),
        story.public.http.post(f"/replies/{tokens['Compost Solidaire']}", json={"body": "Encore un mot"}),
    ]
    for answer in late:
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/after-publication")
    assert story.public.get(f"/replies/{tokens['Compost Solidaire']}")["messages"]


def the_contract_is_awarded_and_the_need_closed(story: Story) -> None:
    award = {"lot_id": "bio", "supplier_id": story.ids["Compost Solidaire"], "awarded_on": "2027-06-15"}
    story.hospital.post(story.need("/awards"), award | {"value_eur": 88_000, "reserved": ["handicap", "iae"]})
    assert story.hospital.patch(story.need(), {"status": "closed"})["status"] == "closed"
    story.hospital.patch(story.need(), {"status": "sourcing"}, 409)


def the_report_tells_it(story: Story) -> None:
    """In three forms; the redacted one without what was said in confidence, and without persons."""
    assert story.hospital.get(story.need("/report"))
    whole = story.hospital.http.get(story.need("/report"), headers={"Accept": "text/html"})
    redacted = story.hospital.http.get(story.need("/report?redacted=true"), headers={"Accept": "text/html"})
    pdf = story.hospital.http.get(story.need("/report?redacted=true"), headers={"Accept": "application/pdf"})
    for told in ("Gestion des déchets de l'hôpital", "Quatre tonnes.", "Cesse son activité en janvier", "DASRI"):
        assert told in whole.text.replace("&#39;", "'")
    assert "Notre marge" in whole.text
    printed = " ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf.content)).pages)
    assert "Biodéchets" in printed
    for private in ("Notre marge", "Le Goff", "example.org"):
        assert private not in redacted.text
        assert private not in printed


def the_journal_and_the_lessons_stay(story: Story) -> None:
    actions = [each["action"] for each in story.hospital.get(f"/audit?object=need:{story.ids['need']}")["items"]]
    moves = [each for each in actions if each in {"need.created", "need.sourcing", "need.published", "need.closed"}]
    assert moves == ["need.created", "need.sourcing", "need.published", "need.closed"]
    assert {"shortlist.frozen", "decision.made"} <= set(actions)
    assert story.within("audit", "verify").status == 0
    lessons = story.hospital.get("/insights")
    assert {each["barrier"] for each in lessons["barriers"]} >= {"volume", "deadline", "price"}
