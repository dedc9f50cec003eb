"""Who sees what of an exchange."""

from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.exchanges.exchange import Message, visible_to
from tests.domain.exchanges.samples import message, supplier

SUPPLIERS = "ABC"


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Messages by anybody to anybody, with publications of the questions before them, and secret words in each."""
    said: list[Message] = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        author = draw(st.sampled_from(("buyer", "supplier")))
        whom = draw(st.sampled_from(SUPPLIERS if author == "supplier" else (*SUPPLIERS, None)))
        fields: dict[str, Any] = {}
        if author == "supplier":
            fields = {"confidential": draw(st.booleans()), "stance": draw(st.sampled_from((None, "question")))}
        elif whom is None and (asked := [each for each in said if each.stance == "question"]):
            question = draw(st.sampled_from(asked))
            fields = {"publishes": question.id, "question": "reworded"}
        said.append(message(number, author, whom, f"secret-{number}-", **fields))
    return tuple(said)


@given(conversations(), st.sampled_from(SUPPLIERS))
def test_a_recipient_sees_its_own_words_and_the_buyers_to_it_or_all(said: tuple[Message, ...], name: str) -> None:
    own = supplier(name)
    expected = [
        each.body
        for each in said
        if (each.author == "supplier" and each.supplier_id == own)
        or (each.author == "buyer" and each.supplier_id in {None, own})
    ]
    assert [each.body for each in visible_to(own, said)] == expected


@given(conversations(), st.sampled_from(SUPPLIERS))
def test_nothing_of_another_supplier_is_in_what_is_seen(said: tuple[Message, ...], name: str) -> None:
    """Neither its words, nor its id, nor those of its messages, published or not."""
    own = supplier(name)
    seen = msgspec.json.encode(visible_to(own, said)).decode()
    for each in said:
        if each.supplier_id not in {None, own}:
            assert each.body not in seen
            assert str(each.id) not in seen
            assert str(each.supplier_id) not in seen


@given(conversations(), st.sampled_from("AB"))
def test_what_one_says_changes_nothing_that_another_sees(said: tuple[Message, ...], name: str) -> None:
    """Not even the number, the order or the times of messages: C might as well not be there."""
    own = supplier(name)
    without = [each for each in said if each.supplier_id != supplier("C")]
    assert visible_to(own, said) == visible_to(own, without)


def test_an_answer_to_all_shows_the_question_and_not_whose_it_was() -> None:
    asked = message(1, "supplier", "A", "Quel volume ?", stance="question")
    shared = message(2, "buyer", None, "Dix tonnes", publishes=asked.id, question="Quel volume ?")
    (seen,) = visible_to(supplier("B"), (asked, shared))
    assert (seen.author, seen.question, seen.body) == ("buyer", "Quel volume ?", "Dix tonnes")
    assert seen.id == UUID(int=2)
    assert asked.id.hex not in msgspec.json.encode(seen).decode().replace("-", "")
