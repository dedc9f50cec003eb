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

    def get(self, path: str, **headers: str) -> Any:
        return self._content(self.http.get(path, headers=headers), 200)

    def post(self, path: str, body: Any, status: int = 201) -> Any:
        return self._content(self.http.post(path, json=body), status)

    def put(self, path: str, body: Any) -> Any:
        return self._content(self.http.put(path, json=body), 201)

    def patch(self, path: str, patch: Any) -> Any:
        merge = {"Content-Type": "application/merge-patch+json"}
        return self._content(self.http.patch(path, json=patch, headers=merge), 200)

    @staticmethod
    def _content(answer: httpx.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json()


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

    def supplier(self, name: str, kind: str | None, *segments: str) -> dict[str, Any]:
        """A structure at Vannes that says it does this."""
        return {
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

    def join(self, name: str, kind: str | None, *segments: str) -> None:
        """A structure enters the network's directory."""
        record = self.supplier(name, kind, *segments)
        kept = self.network.put(f"/sources/reseau/suppliers/{siret(name)}", record)
        self.ids[name] = kept["supplier_id"]
        until(lambda: self.portal.post("/match", NEED, 200)["stamp"]["data_version"] >= kept["data_version"])

    def need(self, path: str = "") -> str:
        """Where the hospital's need is, or something of it."""
        return f"/needs/{self.ids['need']}{path}"

    def named(self, *names: str) -> list[str]:
        return [self.ids[name] for name in names]


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
    what_one_was_told_alone_is_named_and_made_good(story)
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
    levels = {lot["id"]: (lot["total"], lot["tension"]["level"]) for lot in found["lots"]}
    assert levels == {
        "papiers": (2, "critical"),
        "bio": (2, "critical"),
        "mobilier": (1, "critical"),
        "dasri": (0, "none"),
    }
    medical = found["lots"][3]
    assert {"RISK_INFRUCTUEUX", "CAPABILITY_WARNING"} <= {each["code"] for each in medical["advice"]}
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
    assert [each["supplier_id"] for each in changed["came"]] == story.named("Biodéchets de la Rabine")
    assert changed["left"] == []
    aside = {"lot_id": "mobilier", "decision": "set_aside", "reason": "Cesse son activité en janvier"}
    [ressourcerie] = story.named("La Ressourcerie Vannetaise")
    decided = story.hospital.patch(story.need(f"/shortlists/2/suppliers/{ressourcerie}"), aside)
    assert decided["decision"] == "set_aside"


def they_meet_for_half_a_day(story: Story) -> None:
    invited = story.named("Ateliers du Golfe", "Compost Solidaire", "Biodéchets de la Rabine", "Papiers de l'Oust")
    meeting = story.hospital.post(
        "/meetings",
        {
            "need_ids": [story.ids["need"]],
            "format": "half_day",
            "title": "Rencontre déchets",
            "starts_at": "2026-12-08T09:00:00+01:00",
            "ends_at": "2026-12-08T12:00:00+01:00",
            "place": {"name": "Hôpital", "commune": "56260"},
            "participants": [
                {"role": "buyer", "name": "Anne Le Goff"},
                *({"role": "supplier", "supplier_id": each} for each in invited),
            ],
        },
    )
    assert len(meeting["agenda"]) >= 2
    participants = [each | {"attended": True} for each in meeting["participants"]]
    follow_up = {"what": "Envoyer les tonnages par bâtiment", "who": "Anne Le Goff", "due_on": "2026-12-15"}
    held = {"status": "held", "minutes": "Les volumes par site manquent.", "participants": participants}
    path = f"/meetings/{meeting['id']}"
    assert story.hospital.patch(path, held | {"follow_ups": [follow_up]})["status"] == "held"
    calendar = story.hospital.http.get(f"{path}.ics")
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert "Le Goff" not in calendar.text


def all_are_asked_alike(story: Story) -> dict[str, str]:
    """Everybody on the shortlist who is not set aside; the token of each, by name."""
    opened = story.hospital.post(
        story.need("/exchanges"),
        {
            "subject": "Vos possibilités et vos contraintes",
            "body": "Que pourriez-vous collecter, et qu'est-ce qui vous en empêcherait ?",
            "channel": "email",
            "recipients": "shortlist",
        },
    )
    story.ids["exchange"] = opened["id"]
    names = {id_: name for name, id_ in story.ids.items()}
    tokens = {names[link["supplier_id"]]: link["url"].rpartition("/")[2] for link in opened["reply_links"]}
    assert sorted(tokens) == [
        "Ateliers du Golfe",
        "Biodéchets de la Rabine",
        "Compost Solidaire",
        "Papiers de l'Oust",
    ]
    return tokens


def they_answer_by_their_links(story: Story, tokens: dict[str, str]) -> None:
    def answer(name: str, **said: Any) -> None:
        story.public.post(f"/replies/{tokens[name]}", {"barriers": []} | said)

    answer("Ateliers du Golfe", body="Oui, avec deux équipes.", stance="interested", barriers=["volume", "deadline"])
    answer("Compost Solidaire", body="Quel tonnage par semaine ?", stance="question")
    answer(
        "Papiers de l'Oust", body="Notre marge est de 4 %.", stance="declined", barriers=["price"], confidential=True
    )


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


def what_one_was_told_alone_is_named_and_made_good(story: Story) -> None:
    """What the others were not told is a gap until they are told it."""
    alone = {"author": "buyer", "body": "Le quai ouvre à 6 h.", "supplier_id": story.ids["Ateliers du Golfe"]}
    exchange = f"/exchanges/{story.ids['exchange']}"
    before = gaps(story)
    story.hospital.post(f"{exchange}/messages", alone)
    missed = {name: found - before.get(name, set()) for name, found in gaps(story).items()}
    assert all("missed_information" in missed[name] for name in ("Compost Solidaire", "Biodéchets de la Rabine"))
    assert not missed["Ateliers du Golfe"]
    assert not missed["La Ressourcerie Vannetaise"]
    story.hospital.post(f"{exchange}/messages", {"author": "buyer", "body": "Le quai ouvre à 6 h."})


def gaps(story: Story) -> dict[str, set[str]]:
    """What each missed, by name."""
    matrix = story.hospital.get(story.need("/equal-treatment"))
    return {each["name"]: {gap["code"] for gap in each["gaps"]} for each in matrix["suppliers"]}


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
    refused = story.hospital.http.patch(
        story.need(), json={"status": "sourcing"}, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert refused.status_code == 409


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
