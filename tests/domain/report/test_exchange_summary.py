"""Exchanges as a report tells them: who said what, and never who asked."""

from datetime import timedelta
from uuid import UUID

from domain.exchanges.exchange import Exchange
from domain.report.exchange_summary import ExchangeReport
from domain.report.lots import ReportSupplier
from domain.report.model import BarrierCount
from domain.report.redaction import Redaction
from tests.domain.exchanges.samples import NOW, by_hand, delivered, e_mail, exchange, message


def reported(*exchanges: Exchange, redacted: bool = False) -> ExchangeReport:
    def name(supplier_id: UUID, name: str, siret: str | None) -> ReportSupplier:
        return ReportSupplier(supplier_id, name, siret, (), None)

    return ExchangeReport(exchanges, Redaction(redacted), name, "fr")


def positions(found: ExchangeReport) -> dict[str, str | None]:
    return {each.supplier.name: each.position for each in found.contacted()}


def test_everyone_asked_is_listed_once_with_the_last_position() -> None:
    first = exchange(
        message(1, "buyer"),
        message(2, "supplier", "A", stance="interested"),
        message(3, "supplier", "A", stance="declined"),
        message(4, "supplier", "B"),
    )
    second = exchange(message(5, "buyer"), number=2, to="AD")
    assert positions(reported(delivered(first), delivered(second))) == {
        "A": "declined",
        "B": "answered",
        "C": None,
        "D": None,
    }


def test_recipients_are_told_by_what_reached_them_and_not_by_the_channel() -> None:
    one, later = message(1, "buyer"), message(2, "buyer")
    found = reported(
        delivered(
            exchange(one, later, to="ABCDEFG"),
            *(e_mail(each.id, to, "sent", NOW) for each in (one, later) for to in "AB"),
            *(e_mail(each.id, "C", "undeliverable", NOW, "recipient_refused") for each in (one, later)),
            by_hand(one.id, "D", "letter", NOW + timedelta(days=2)),
            by_hand(later.id, "D", "letter"),
            *(by_hand(each.id, to, "letter") for each in (one, later) for to in "EF"),
            by_hand(one.id, "G", "phone", NOW + timedelta(days=1)),
            by_hand(later.id, "G", "phone", NOW + timedelta(days=1)),
        )
    )
    contacted = [(each.supplier.name, each.channels, each.words) for each in found.contacted()]
    assert contacted == [
        ("A", ("email",), "courriel envoyé le 3 mars 2026"),
        ("B", ("email",), "courriel envoyé le 3 mars 2026"),
        ("G", ("phone",), "joint par téléphone le 4 mars 2026"),
        ("D", ("letter",), "lettre postée le 5 mars 2026"),
    ]
    assert [each.first_at.date().day for each in found.contacted() if each.first_at] == [3, 3, 4, 5]
    assert [each.state for each in found.contacted()[3].deliveries] == ["posted", "to_post"]
    assert [(each.supplier.name, each.words) for each in found.other_recipients()] == [
        ("C", "courriel non remis (adresse refusée)"),
        ("E", "lettre à envoyer par vos soins, envoi à confirmer"),
        ("F", "lettre à envoyer par vos soins, envoi à confirmer"),
    ]
    (told,) = found.exchanges()
    assert [(each.way, each.state, each.recipients) for each in told.deliveries[1].counts] == [
        ("email", "sent", 2),
        ("phone", "told", 1),
        ("letter", "to_post", 3),
        ("email", "undeliverable", 1),
    ]


def test_an_answer_shows_a_contact_and_a_question_does_not() -> None:
    """Or who is told as contacted would tell who asked; in a redacted report, the day of an answer neither."""
    one = message(1, "buyer")
    asked = message(2, "supplier", "A", stance="question", channel="portal")
    answered = message(3, "supplier", "B", stance="interested", channel="portal")
    letters = (by_hand(one.id, to, "letter") for to in "ABC")
    exchanged = delivered(exchange(one, asked, answered), *letters)
    whole, redacted = reported(exchanged), reported(exchanged, redacted=True)
    assert [(each.supplier.name, each.channels, each.words) for each in whole.contacted()] == [
        ("B", (), "réponse reçue en ligne le 3 mars 2026")
    ]
    assert [(each.since, each.words) for each in redacted.contacted()] == [(None, "réponse reçue en ligne")]
    assert [each.words for each in whole.other_recipients()] == [
        "lettre à envoyer par vos soins, envoi à confirmer"
    ] * 2


def test_a_question_is_nobodys() -> None:
    """Who only asked looks like who said nothing; a question that was made a statement stays a question.

    The barriers in it count, once for each supplier.
    """
    asked = exchange(
        message(1, "buyer"),
        message(2, "supplier", "A", "Quels bacs ?", stance="question"),
        message(3, "supplier", "A", "Quels bacs, donc", corrects=message(2, "supplier").id, barriers=("volume",)),
    )
    found = reported(delivered(asked))
    assert positions(found) == {"A": None, "B": None, "C": None}
    assert found.lessons() == ()
    assert found.questions_unshared == 1
    assert found.barriers() == (BarrierCount("volume", 1),)
    said = [message(n, "supplier", "A" if n < 4 else "B", barriers=("volume",)) for n in range(2, 6)]
    assert reported(exchange(message(1, "buyer"), *said)).barriers() == (BarrierCount("volume", 2),)


def test_a_shared_answer_is_told_as_last_corrected() -> None:
    question = message(2, "supplier", "A", "Et nos bacs ?", stance="question")
    found = reported(
        exchange(
            message(1, "buyer", body="Bonjour"),
            question,
            message(3, "buyer", body="Oui", publishes=question.id, question="Les bacs ?"),
            message(4, "buyer", body="Oui, tous", corrects=message(3, "buyer").id),
            message(5, "buyer", "B", "Pour vous seul"),
        )
    )
    (answer,) = found.shared_answers()
    assert (answer.question, answer.answer, answer.recipients) == ("Les bacs ?", "Oui, tous", 3)
    assert found.questions_unshared == 0
    assert [each.messages for each in found.exchanges()] == [("Bonjour",)]


def test_a_redacted_report_leaves_out_what_was_said_in_confidence() -> None:
    """Its barriers and its position too, corrected or not; of other answers, who gave them."""
    said = (
        message(1, "buyer"),
        message(2, "supplier", "A", "secret", stance="interested", barriers=("price",), confidential=True),
        message(3, "supplier", "A", "moins secret", corrects=message(2, "supplier").id),
        message(4, "supplier", "B", "public", stance="declined", barriers=("price", "distance")),
    )
    found = reported(delivered(exchange(*said)), redacted=True)
    assert [(each.body, each.supplier) for each in found.lessons()] == [("public", None)]
    assert found.withheld == 1
    assert found.barriers() == (BarrierCount("distance", 1), BarrierCount("price", 1))
    assert positions(found) == {"A": "answered", "B": "declined", "C": None}
    assert {each.answered_at for each in found.contacted()} == {None}
    whole = reported(exchange(*said))
    assert [each.confidential for each in whole.lessons()] == [True, False]
    assert whole.barriers() == (BarrierCount("distance", 1), BarrierCount("price", 1))


def test_nothing_beside_an_answer_leads_to_who_gave_it() -> None:
    """Its position is told only where the table names three suppliers that have it, its exchange likewise."""
    said = [message(n, "supplier", who, "oui", stance="interested") for n, who in enumerate("ABC", 2)]
    declined = message(5, "supplier", "D", "non", stance="declined")
    alone = message(7, "supplier", "E", "oui", stance="interested")
    exchanges = (
        exchange(message(1, "buyer"), *said, declined, to="ABCD"),
        exchange(message(6, "buyer"), alone, number=2, to="E"),
    )
    answers = reported(*exchanges, redacted=True).lessons()
    told = [(each.position, each.subject is not None) for each in answers]
    assert told == [("interested", True)] * 3 + [(None, True), ("interested", False)]
    whole = reported(*exchanges).lessons()
    assert [each.position for each in whole] == ["interested"] * 3 + ["declined", "interested"]
    assert None not in {each.subject for each in whole}
    # two of a position are too few, also where an earlier answer had it: the table tells the last position of each
    later = message(5, "supplier", "C", stance="declined")
    answers = reported(exchange(message(1, "buyer"), *said, later), redacted=True).lessons()
    assert {each.position for each in answers} == {None}
