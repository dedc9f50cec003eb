"""What may be added to an exchange, and which questions may be shared.

A question is shared with all suppliers; who asked it must not be read in it. What a buyer forgot to fill in is found;
brackets of other kinds are not taken for it.
"""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict, InvalidContent, NotFound
from domain.exchanges.exchange import Message, MessageRequest, PublicationRequest, correction_chains
from domain.exchanges.rules import (
    identifying_text,
    placeholder_problems,
    placeholders_in,
    published_question,
    redact_author,
    require_message,
)
from domain.text.normalise import fold
from tests.domain.exchanges.samples import exchange, message, recipient, supplier

TO_ALL = message(1, "buyer")
TO_A = message(2, "buyer", "A")
ASKED = message(3, "supplier", "A", "Quel volume ?", stance="question")
ASKED_IN_CONFIDENCE = message(4, "supplier", "B", "Entre nous ?", stance="question", confidential=True)
EXCHANGE = exchange(TO_ALL, TO_A, ASKED, ASKED_IN_CONFIDENCE)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ({"author": "supplier"}, [("/supplier_id", "missing_field")]),
        ({"author": "supplier", "supplier_id": supplier("D")}, [("/supplier_id", "unknown_recipient")]),
        ({"author": "buyer", "supplier_id": supplier("D")}, [("/supplier_id", "unknown_recipient")]),
        (
            {"author": "buyer", "stance": "question", "barriers": ("price",), "confidential": True},
            [("/stance", "not_for_a_buyer"), ("/barriers", "not_for_a_buyer"), ("/confidential", "not_for_all")],
        ),
        (
            {"author": "supplier", "supplier_id": supplier("A"), "barriers": ("price",), "barriers_note": "x"},
            [("/barriers_note", "without_other")],
        ),
        ({"author": "buyer", "corrects": UUID(int=99)}, [("/corrects", "unknown_message")]),
        ({"author": "buyer", "corrects": TO_A.id}, [("/corrects", "other_audience")]),
        ({"author": "buyer", "supplier_id": supplier("A"), "corrects": ASKED.id}, [("/corrects", "other_audience")]),
        ({"author": "supplier", "supplier_id": supplier("B"), "corrects": ASKED.id}, [("/corrects", "other_audience")]),
        ({"author": "buyer", "answers": (ASKED.id,)}, [("/answers/0", "other_audience")]),
        ({"author": "buyer", "supplier_id": supplier("B"), "answers": (ASKED.id,)}, [("/answers/0", "other_audience")]),
        ({"author": "buyer", "supplier_id": supplier("A"), "answers": (TO_A.id,)}, [("/answers/0", "not_a_question")]),
        (
            {"author": "supplier", "supplier_id": supplier("A"), "answers": (ASKED.id,)},
            [("/answers", "not_for_this_message")],
        ),
        ({"author": "buyer", "corrects": TO_ALL.id, "answers": (ASKED.id,)}, [("/answers", "not_for_this_message")]),
    ],
)
def test_what_cannot_be_added(new: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidContent) as refused:
        require_message(EXCHANGE, MessageRequest(body="x", **new))
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == expected


def test_what_can_be_added() -> None:
    for new in (
        {"author": "buyer", "corrects": TO_ALL.id},
        {"author": "buyer", "supplier_id": supplier("A"), "corrects": TO_A.id, "confidential": True},
        {"author": "supplier", "supplier_id": supplier("A"), "corrects": ASKED.id, "stance": "question"},
        {"author": "buyer", "supplier_id": supplier("A"), "answers": (ASKED.id,)},
        {"author": "buyer", "answers": (ASKED_IN_CONFIDENCE.id,)},
        {"author": "supplier", "supplier_id": supplier("C"), "barriers": ("other",), "barriers_note": "le gardien"},
    ):
        require_message(EXCHANGE, MessageRequest(body="x", **new))


def share(*said: Message, question: str | None = None, answer: str = "Dix tonnes", **asker: Any) -> str:
    """Share the question 3 of an exchange with A, who asked it, and B."""
    recipients = recipient("A", **asker), recipient("B")
    return published_question(exchange(*said, recipients=recipients), UUID(int=3), PublicationRequest(answer, question))


def test_a_question_is_shared_in_its_own_words_as_last_corrected_or_in_others() -> None:
    corrected = message(4, "supplier", "A", "Quel tonnage ?", corrects=ASKED.id)
    assert share(ASKED) == "Quel volume ?"
    assert share(ASKED, corrected) == "Quel tonnage ?"
    assert share(ASKED, question="Combien ?") == "Combien ?"
    with pytest.raises(NotFound):
        share(TO_ALL)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((message(3, "buyer"),), "not_a_question"),
        ((message(3, "supplier", "A", stance="interested"),), "not_a_question"),
        ((message(3, "supplier", "A", stance="question", confidential=True),), "confidential_question"),
        ((ASKED, message(4, "supplier", "A", corrects=ASKED.id, confidential=True)), "confidential_question"),
        ((ASKED, message(4, "buyer", publishes=ASKED.id, question="q")), "already_published"),
        (
            (
                message(2, "supplier", "A", stance="question"),
                message(3, "supplier", "A", stance="question", corrects=UUID(int=2)),
                message(4, "buyer", publishes=UUID(int=2), question="q"),
            ),
            "already_published",
        ),
    ],
)
def test_what_is_not_shared(said: tuple[Message, ...], code: str) -> None:
    with pytest.raises(Conflict) as refused:
        share(*said)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("texts", "pointers"),
    [
        ({"question": "Les Jardins du Blavet demandent…"}, ["/question"]),
        ({"answer": "Merci aux JARDINS DU BLAVÊT."}, ["/answer"]),
        ({"question": "Écrire à contact@Blavet.example", "answer": "SIREN 552 100 554"}, ["/question", "/answer"]),
    ],
)
def test_what_would_tell_who_asked_is_refused(texts: dict[str, str], pointers: list[str]) -> None:
    with pytest.raises(InvalidContent) as refused:
        share(ASKED, **texts, **IDENTITY)
    assert [(problem.pointer, problem.code) for problem in refused.value.problems] == [
        (pointer, "names_the_asker") for pointer in pointers
    ]
    assert share(ASKED, question="Un jardin est-il compris ?", **IDENTITY)


def test_versions_are_found_from_any_of_them() -> None:
    chain = [message(1, "buyer"), message(2, "buyer", corrects=UUID(int=1)), message(3, "buyer", corrects=UUID(int=2))]
    chains = correction_chains((*chain, message(4, "buyer")))
    assert {chains[each.id] for each in chain} == {tuple(chain)}


IDENTITY = {"name": "Jardins du Blavet (fictif)", "siret": "55210055400013", "email": "contact@blavet.example"}
BLAVET, ENVIE = recipient("A", **IDENTITY), recipient("B", name="Envie")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Les JARDINS DU BLAVÊT demandent : quand ?", "Les […] demandent : quand ?"),
        ("Les jardins, du Blavet, quand ?", "Les […], quand ?"),
        ("Jardins du Blavet (fictif) : quand ?", "[…]) : quand ?"),
        ("Répondre à Contact@Blavet.example.", "Répondre à […]."),
        ("SIRET 552 100 554 00013, SIREN 552100554", "SIRET […], SIREN […]"),
        ("Les jardins du bourg, quand ?", "Les jardins du bourg, quand ?"),
    ],
)
def test_signs_are_left_out(text: str, left: str) -> None:
    assert redact_author(BLAVET, text) == left
    assert (identifying_text(BLAVET, text) is None) == (text == left)


def test_a_name_that_is_a_common_word_may_be_used_as_one() -> None:
    """By the buyer; in what the supplier wrote itself it may well be its name."""
    assert identifying_text(ENVIE, "Si vous en avez envie") is None
    assert identifying_text(ENVIE, "Merci à Envie") == "Envie"
    assert redact_author(ENVIE, "envie demande : quand ?") == "[…] demande : quand ?"


@given(st.text(max_size=40), st.sampled_from(["Jardins du Blavet", "JARDINS  du BLAVET", BLAVET.email, BLAVET.siret]))
def test_no_sign_is_left(text: str, sign: str) -> None:
    said = redact_author(BLAVET, f"{text} {sign} {text}")
    assert identifying_text(BLAVET, said) is None
    assert "jardins du blavet" not in fold(said)


def test_each_placeholder_is_found_once_and_told_with_its_place() -> None:
    text = "Le [date] à [lieu], puis [date] ; […] demande [votre réponse] et [À COMPLÉTER] [Heures] [Votre nom]"
    assert placeholders_in(text) == ["[date]", "[lieu]", "[votre réponse]", "[À COMPLÉTER]", "[Heures]", "[Votre nom]"]
    (problem,) = placeholder_problems({"subject": "Visite", "body": "Rendez-vous [lieu]"})
    assert (problem.pointer, problem.code) == ("/body", "placeholder_left")
    assert "[lieu]" in problem.detail.fr


@pytest.mark.parametrize(
    "text", ["[…]", "[...]", "[1]", "[sic]", "[l]es bacs", "[URGENT] Tonte", "[le site](https://x)", "[]"]
)
def test_other_brackets_are_none(text: str) -> None:
    assert placeholders_in(text) == []
