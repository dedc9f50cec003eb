"""Who sees what of an exchange."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.exchanges.deliveries import (
    ARRIVED,
    CONFIRMED_STATE,
    LOST,
    UNDER_WAY,
    arrivals,
    decisive_delivery,
    delivery_words,
    rank,
)
from domain.exchanges.exchange import Delivery, DeliveryState, Message, Way, visible_to
from tests.domain.exchanges.samples import NOW, by_hand, delivered, e_mail, exchange, message, supplier

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
    """And nothing of another supplier: neither its words, nor its id, nor those of its messages, published or not.

    Not even the number, the order or the times of its messages: it might as well not be there.
    """
    own, other = supplier(name), supplier("C" if name != "C" else "A")
    found = visible_to(own, said)
    assert [each.body for each in found] == [
        each.body
        for each in said
        if (each.author == "supplier" and each.supplier_id == own)
        or (each.author == "buyer" and each.supplier_id in {None, own})
    ]
    seen = msgspec.json.encode(found).decode()
    hidden = [each for each in said if each.supplier_id not in {None, own}]
    told = [text for each in hidden for text in (each.body, str(each.id), str(each.supplier_id)) if text in seen]
    assert told == []
    assert found == visible_to(own, [each for each in said if each.supplier_id != other])


FIRST, SECOND = message(1, "buyer"), message(2, "buyer")


def states(*said: Delivery, answers: tuple[Message, ...] = (), by_questions: bool = True) -> list[str]:
    one = delivered(exchange(FIRST, SECOND, *answers, to="A"), *said)
    return [each.state for each in arrivals(one, by_questions=by_questions)]


BY_VIVIER: tuple[DeliveryState, ...] = ("queued", "sent", "undeliverable", "cancelled")


def test_every_state_that_can_be_has_its_words_and_its_rank() -> None:
    can_be: list[tuple[Way, DeliveryState]] = [("none", "unconfirmed"), ("letter", "to_post")]
    can_be += [("email", state) for state in BY_VIVIER]
    can_be += [(way, state) for way, confirmed in CONFIRMED_STATE.items() for state in (confirmed, "answered")]
    for way, state in can_be:
        assert all(delivery_words(Delivery(FIRST.id, supplier("A"), state, way)))
        assert rank(state) in range(4)
    assert not ARRIVED & (UNDER_WAY | LOST)


def test_every_failure_that_the_guide_names_is_said_in_words() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "mail.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| `(\w+)` \|.*\| (?:oui|non) \|$", guide, re.MULTILINE)
    assert len(codes) > 8
    for code in codes:
        words = delivery_words(e_mail(FIRST.id, "A", "undeliverable", NOW, code)).fr
        assert re.fullmatch(r"courriel non remis \([\w' -]+\)", words)
        assert code not in words


def test_a_reply_by_the_link_shows_that_all_before_it_was_read() -> None:
    letters = [by_hand(each.id, "A", "letter") for each in (FIRST, SECOND)]
    assert states(*letters) == ["to_post", "to_post"]
    assert states(*letters, answers=(message(3, "supplier", "A", channel="portal"),)) == ["answered", "answered"]
    assert states(*letters, answers=(message(3, "supplier", "A", channel="phone"),)) == ["answered", "to_post"]
    lost = e_mail(FIRST.id, "A", "undeliverable", NOW)
    assert states(lost, letters[1], answers=(message(3, "supplier", "A", channel="portal"),)) == [
        "answered",
        "answered",
    ]


def test_what_became_a_question_or_was_one_shows_nothing_where_nobody_may_learn_who_asked() -> None:
    letters = [by_hand(each.id, "A", "letter") for each in (FIRST, SECOND)]
    asked = message(3, "supplier", "A", stance="question", channel="portal")
    corrected = message(4, "supplier", "A", corrects=asked.id, channel="portal")
    assert states(*letters, answers=(asked, corrected)) == ["answered", "answered"]
    assert states(*letters, answers=(asked, corrected), by_questions=False) == ["to_post", "to_post"]


def test_a_recipient_is_contacted_by_the_first_that_arrived() -> None:
    posted, mailed = by_hand(FIRST.id, "A", "letter", NOW + timedelta(days=3)), e_mail(SECOND.id, "A", "sent", NOW)
    assert decisive_delivery([posted, mailed]) is mailed
    waiting, lost = by_hand(FIRST.id, "A", "letter"), e_mail(SECOND.id, "A", "undeliverable", NOW)
    assert decisive_delivery([lost, waiting]) is waiting
    assert decisive_delivery([lost, waiting, posted]) is posted
