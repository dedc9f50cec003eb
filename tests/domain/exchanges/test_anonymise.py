"""A question is shared with all suppliers; who asked it must not be read in it."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exchanges.anonymise import identifying_text, redacted
from domain.exchanges.exchange import Recipient
from domain.text.normalise import fold

BLAVET = Recipient(
    supplier_id=UUID(int=1),
    name="Jardins du Blavet (généré)",
    siret="55210055400013",
    email="contact@blavet.example",
    why="named",
)
ENVIE = Recipient(supplier_id=UUID(int=2), name="Envie", siret=None, email=None, why="named")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Les JARDINS DU BLAVÊT demandent : quand ?", "Les […] demandent : quand ?"),
        ("Les jardins, du Blavet, quand ?", "Les […], quand ?"),
        ("Jardins du Blavet (généré) : quand ?", "[…]) : quand ?"),
        ("Répondre à Contact@Blavet.example.", "Répondre à […]."),
        ("SIRET 552 100 554 00013, SIREN 552100554", "SIRET […], SIREN […]"),
        ("Les jardins du bourg, quand ?", "Les jardins du bourg, quand ?"),
    ],
)
def test_signs_are_left_out(text: str, left: str) -> None:
    assert redacted(BLAVET, text) == left
    assert (identifying_text(BLAVET, text) is None) == (text == left)


def test_a_name_that_is_a_common_word_may_be_used_as_one() -> None:
    """By the buyer; in what the supplier wrote itself it may well be its name."""
    assert identifying_text(ENVIE, "Si vous en avez envie") is None
    assert identifying_text(ENVIE, "Merci à Envie") == "Envie"
    assert redacted(ENVIE, "envie demande : quand ?") == "[…] demande : quand ?"


@given(st.text(max_size=40), st.sampled_from(["Jardins du Blavet", "JARDINS  du BLAVET", BLAVET.email, BLAVET.siret]))
def test_no_sign_is_left(text: str, sign: str) -> None:
    said = redacted(BLAVET, f"{text} {sign} {text}")
    assert identifying_text(BLAVET, said) is None
    assert "jardins du blavet" not in fold(said)
