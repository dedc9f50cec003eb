"""Templates of messages: filled in from the need and the meeting, in both languages; blanks are found."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.desk.talk.letter_templates import TEMPLATES, filled_in
from domain.exchanges.letter import OutgoingMessage, letter, purchase_name
from domain.exchanges.rules import placeholders_in
from domain.meetings.meeting import HALF_DAY, Meeting
from domain.needs.need import Lot, PlannedNeed
from domain.text.bilingual import Language
from tests.domain.needs.words_of_lots import words_of_lots

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


@given(words_of_lots(), st.booleans())
def test_no_text_for_suppliers_tells_the_terms_or_the_doubts(words: tuple[str, str], of_lot: bool) -> None:
    """The object survives whole; of the terms there is nothing, so that the texts are those about the object alone."""
    bought, said = words
    assert texts_about(said, of_lot) == texts_about(bought, of_lot)
    assert all(bought in each for each in texts_about(said, of_lot)[-2:])


def texts_about(words: str, of_lot: bool) -> list[str]:
    """The texts for suppliers about a need, or its lot, with this title: templates, a letter, a subject."""
    need = PlannedNeed(lots=(Lot(id="1", title=words),)) if of_lot else PlannedNeed(title=words, lots=(Lot(id="1"),))
    templates = ["\n".join(filled_in(name, need, "fr")) for name in TEMPLATES]
    message = OutgoingMessage(
        buyer="Rennes", purchase=purchase_name(need), subject="Tonte", body="Oui ?", is_first=True
    )
    return [*templates, letter(message, None, "fr", by_server=False).text, filled_in("tous", need, "fr")[0]]
