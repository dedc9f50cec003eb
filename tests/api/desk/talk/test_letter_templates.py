"""Templates of messages: filled in from the need and the meeting, in both languages; blanks are found."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from api.desk.talk.letter_templates import TEMPLATES, filled_in
from domain.exchanges.placeholders import placeholders_in
from domain.meetings.meeting import HALF_DAY, Meeting
from domain.needs.need import Lot, PlannedNeed
from domain.text.bilingual import Language

NEED = PlannedNeed(
    title="Entretien du parc", lots=(Lot(id="1", title="Tonte"), Lot(id="2", segments=("ev-entretien",)))
)
AT = datetime(2027, 3, 16, 8, tzinfo=UTC)
MEETING = Meeting(
    need_ids=(uuid4(),),
    format="half_day",
    title="Rencontre",
    starts_at=AT,
    ends_at=AT.replace(hour=11),
    agenda=HALF_DAY.agenda,
    id=uuid4(),
    version=1,
    sequence=0,
    created_at=AT,
    updated_at=AT,
)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_filled_in(name: str, language: Language) -> None:
    subject, body = filled_in(name, NEED, language)
    assert "{" not in subject + body
    assert "\n" not in subject


def test_an_invitation_says_when_and_where_in_the_time_of_paris() -> None:
    subject, body = filled_in("invitation", NEED, "fr", MEETING, "Salle du conseil, Pontivy")
    text = body.replace("\N{NO-BREAK SPACE}", " ")
    assert "le 16 mars 2027, de 9 h à 12 h, à Salle du conseil, Pontivy." in text
    assert "- Tonte\n- lot 2" in text
    assert placeholders_in(subject + body) == []


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(("name", "left"), [("contact", 0), ("activite", 0), ("invitation", 3), ("tous", 2)])
def test_all_that_a_template_leaves_to_be_filled_in_is_found(name: str, left: int, language: Language) -> None:
    assert len(placeholders_in("\n".join(filled_in(name, NEED, language)))) == left


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_tells_the_estimate_or_the_doubts(name: str) -> None:
    words = "Entretien des espaces verts de 12 collèges, 4 ans, 300 000 €, réservé aux ESAT ?"
    for need in (PlannedNeed(title=words, lots=(Lot(id="1"),)), PlannedNeed(lots=(Lot(id="1", title=words),))):
        told = "\n".join(filled_in(name, need, "fr"))
        assert not any(each in told for each in ("300", "4 ans", "ESAT", "?."))
