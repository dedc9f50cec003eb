"""Templates of messages: filled in from the need and the meeting, in both languages; blanks are found."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from api.desk.talk.letter_templates import TEMPLATES, filled_in, to_fill_in
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
    assert to_fill_in(subject + body) == []


def test_blanks_are_found_and_what_stands_for_a_name_is_none() -> None:
    assert to_fill_in("Le [date] à [lieu], puis [date] ; […] demande") == ["[date]", "[lieu]"]
