"""The sourcing report over HTTP: three forms, two variants, and what none of them may tell."""

import asyncio
import re
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from httpx import Response
from pypdf import PdfReader

from api.reports.routes import PDF
from tests.api.needs.steps import Buyer, meeting_about, new_buyer
from tests.api.sync.factories import Client

JSON, HTML = "application/json", "text/html"
SECRET = "Notre prix de revient est de 212 euros"
QUESTION = "Les bacs gris sont-ils fournis ?"
MINUTES = "Les lots paraissent trop grands"
PERSONAL = ("Goff", "le.goff@exemple.fr", "02 97 01 02 03", MINUTES)
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


async def said(buyer: Buyer, exchange: str, supplier: str, body: str, **fields: Any) -> str:
    message = {"author": "supplier", "supplier_id": supplier, "body": body} | fields
    answer = await buyer.post(f"/exchanges/{exchange}/messages", message)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def told_story(served: Client, source: str) -> tuple[Buyer, str]:
    """A buyer, and its need: three suppliers, of whom the third was not told all, answers, a meeting, a decision."""
    buyer = await new_buyer(served)
    names = ("Jardin Iris", "Jardin Lilas", "Jardin Mauve")
    iris, lilas, mauve = [await buyer.supplier(source, str(n), name=f"{name} {source}") for n, name in enumerate(names)]
    need = (await buyer.keep(title="Entretien des parcs", reference="PARCS-1"))["need"]["id"]
    opening = {"subject": "Tonte", "body": "Pourriez-vous tondre ?", "channel": "phone", "recipients": [iris, lilas]}
    exchange = (await buyer.post(f"/needs/{need}/exchanges", opening)).json()["id"]
    await said(buyer, exchange, lilas, SECRET, stance="interested", barriers=["price"], confidential=True)
    public = "Mme Le Goff nous a reçus ; écrire à le.goff@exemple.fr ou au 02 97 01 02 03"
    await said(buyer, exchange, iris, public, stance="interested", barriers=["volume"])
    asked = await said(buyer, exchange, lilas, QUESTION, stance="question")
    shared = await buyer.post(f"/exchanges/{exchange}/messages/{asked}/publication", {"answer": "Oui, tous les bacs."})
    assert shared.status_code == 201, shared.text
    person = {"role": "buyer", "name": "Anne Le Goff", "organisation": "Mairie"}
    follow_ups = [{"what": "Rappeler Anne Le Goff", "who": "Anne Le Goff"}]
    held = {"status": "held", "minutes": MINUTES, "participants": [person], "follow_ups": follow_ups}
    meeting = meeting_about(need, **held)
    assert (await buyer.post("/meetings", meeting)).status_code == 201
    decision = {"lot_id": "1", "decision": "kept", "reason": "Bien équipé"}
    assert (await buyer.patch(f"/needs/{need}/shortlists/1/suppliers/{mauve}", decision)).status_code == 200
    return buyer, f"/needs/{need}/report"


RUNNING = re.compile(r"^(Rapport de sourcing – .*|\d+ / \d+)$", re.MULTILINE)
"""What stands at the head and foot of each page, and would come between what is broken over two."""


async def text_of(buyer: Buyer, path: str, form: str, **headers: str) -> str:
    """What a report says in this form, with plain spaces."""
    return text_in(await buyer.get(path, Accept=form, **headers), form)


def text_in(answer: Response, form: str) -> str:
    """What an answer says that is a report in this form, with plain spaces."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == form
    if form != PDF:
        return answer.text
    with PdfReader(BytesIO(answer.content)) as reader:
        return " ".join(" ".join(RUNNING.sub("", page.extract_text()) for page in reader.pages).split())


def found(words: tuple[str, ...], text: str) -> list[str]:
    """Those that the text has, wherever its lines and words are broken."""
    unbroken = whole(text)
    return [each for each in words if whole(each) in unbroken]


def whole(text: str) -> str:
    """The text without what breaks it into lines."""
    return re.sub(r"[\s\u00ad\u2010-]", "", text)


async def test_each_form_says_what_the_others_say(served: Client, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redacted, nothing that is confidential or personal; the same facts make the same bytes."""
    buyer, path = await told_story(served, source)
    told = ("Entretien des parcs", f"Jardin Iris {source}", SECRET, QUESTION, "Oui, tous les bacs.", "Bien équipé")
    expected, left = (*told, *PERSONAL), ("Mme […] nous a reçus", QUESTION, "Mairie")
    monkeypatch.setattr(served.services, "now", lambda: NOW)
    for form in (JSON, HTML, PDF):
        first = await buyer.get(path, Accept=form)
        assert found(expected, text_in(first, form)) == list(expected)
        redacted = await text_of(buyer, f"{path}?redacted=true", form)
        assert found((SECRET, "revient", *PERSONAL, *left), redacted) == list(left)
        assert (await buyer.get(path, Accept=form)).content == first.content


async def test_an_older_version_can_be_reported(served: Client, source: str) -> None:
    """The full report names who answered in confidence, and not who asked."""
    buyer, path = await told_story(served, source)
    await buyer.frozen(path.split("/")[2])
    report = (await buyer.get(path)).json()
    assert (report["shortlist"]["number"], [each["question"] for each in report["shared_answers"]]) == (2, [QUESTION])
    assert [lesson["body"][:10] for lesson in report["lessons"]] == [SECRET[:10], "Mme Le Gof"]
    older = (await buyer.get(f"{path}?shortlist=1")).json()
    assert (older["shortlist"]["number"], older["shortlist"]["latest"]) == (1, 2)
    assert older["lots"][0]["candidates"][0]["rank"] == 1


async def test_page_and_pdf_are_whole_and_made_to_be_kept(
    served: Client, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page runs and loads nothing, and leads to articles of law alone; the PDF is tagged and leads nowhere."""
    buyer, path = await told_story(served, source)
    answer = await buyer.get(path, Accept=HTML)
    page = answer.text
    without_law = re.sub(r'<a href="https://www\.legifrance\.gouv\.fr/[^"]*">', "", page)
    assert not re.search(r"https?:|//[a-z]|<script|<link|<img|@import|url\(", without_law)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert '<html lang="fr">' in page
    # named after the day in France, as the document itself is dated
    monkeypatch.setattr(served.services, "now", lambda: datetime(2026, 11, 24, 23, 30, tzinfo=UTC))
    answer = await buyer.get(path, Accept=PDF)
    assert answer.headers["content-disposition"] == 'inline; filename="sourcing-PARCS-1-2026-11-25.pdf"'
    with PdfReader(BytesIO(answer.content)) as reader:
        assert reader.metadata is not None
        assert reader.metadata.title == "Rapport de sourcing – Entretien des parcs"
        assert str(reader.root_object["/Lang"]) == "fr"
        assert "/Marked': True" in str(reader.root_object["/MarkInfo"])
    assert b"<pdfaid:part>2</pdfaid:part>" in answer.content
    assert b"/URI" not in answer.content
    for form in (HTML, PDF):
        text = await text_of(buyer, path, form, **{"Accept-Language": "en"})
        assert ("Equal treatment" in text, "Égalité" in text) == (True, False)


async def test_a_report_is_read_when_its_turn_comes(served: Client, source: str) -> None:
    """What is in it is not held in memory meanwhile, and is what is known then."""
    buyer, path = await told_story(served, source)
    turns, organisation = served.services.reports, str(buyer.organisation_id)
    async with turns.slot_of(organisation):
        asked = asyncio.create_task(buyer.get(path))
        while turns.present[organisation] < 2:
            await asyncio.sleep(0)
        assert (await buyer.patch(path.removesuffix("/report"), {"title": "Parcs et jardins"})).status_code == 200
    assert (await asked).json()["need"]["title"] == "Parcs et jardins"


async def test_what_is_printed_can_be_copied_as_it_was_said(served: Client, source: str) -> None:
    """Places to break a long word leave nothing behind in it, nor in others that share its letters."""
    buyer = await new_buyer(served)
    await buyer.supplier(source, "1", name="Jardin Iris")
    number = "0123456789" * 15
    need = (await buyer.keep(title=f"Entretien {number} des parcs"))["need"]["id"]
    text = await text_of(buyer, f"/needs/{need}/report", PDF)
    assert "\u200b" not in text
    assert number in whole(text)
    assert number not in text


async def test_what_cannot_be_answered(served: Client) -> None:
    buyer = await new_buyer(served)
    need = (await buyer.keep())["need"]["id"]
    wrong = {"shortlist=9": 404, "shortlist=0": 422, "shortlist=last": 422, "redacted=maybe": 422, "reduced=true": 400}
    for query, status in wrong.items():
        assert (await buyer.get(f"/needs/{need}/report?{query}")).status_code == status
    assert (await buyer.get(f"/needs/{need}/report", Accept="image/png")).status_code == 406
