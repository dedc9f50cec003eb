"""Exchanges as a report tells them: who said what, and never who asked."""

from uuid import UUID

from domain.exchanges.exchange import Exchange
from domain.report.exchange_summary import ExchangeReport
from domain.report.lots import ReportSupplier
from domain.report.model import BarrierCount
from domain.report.redaction import Redaction
from tests.domain.exchanges.samples import exchange, message


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
    assert positions(reported(first, second)) == {"A": "declined", "B": "answered", "C": None, "D": None}


def test_a_question_is_nobodys() -> None:
    """Who only asked looks like who said nothing; a question that was made a statement stays a question."""
    asked = exchange(
        message(1, "buyer"),
        message(2, "supplier", "A", "Quels bacs ?", stance="question"),
        message(3, "supplier", "A", "Quels bacs, donc", corrects=message(2, "supplier").id, barriers=("volume",)),
    )
    found = reported(asked)
    assert positions(found) == {"A": None, "B": None, "C": None}
    assert found.lessons() == ()
    assert found.questions_unshared == 1
    assert found.barriers() == (BarrierCount("volume", 1),)


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
    found = reported(exchange(*said), redacted=True)
    assert [(each.body, each.supplier) for each in found.lessons()] == [("public", None)]
    assert found.withheld == 1
    assert found.barriers() == (BarrierCount("distance", 1), BarrierCount("price", 1))
    assert positions(found) == {"A": "answered", "B": "declined", "C": None}
    assert {each.answered_at for each in found.contacted()} == {None}
    whole = reported(exchange(*said))
    assert [each.confidential for each in whole.lessons()] == [True, False]
    assert whole.barriers() == (BarrierCount("distance", 1), BarrierCount("price", 1))


def test_a_barrier_counts_once_for_each_supplier() -> None:
    said = [message(n, "supplier", "A" if n < 4 else "B", barriers=("volume",)) for n in range(2, 6)]
    assert reported(exchange(message(1, "buyer"), *said)).barriers() == (BarrierCount("volume", 2),)


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


def test_two_of_a_position_are_too_few() -> None:
    """Also where an earlier answer had it: the table tells the last position of each."""
    said = (
        message(1, "buyer"),
        *(message(n, "supplier", who, stance="interested") for n, who in enumerate("ABC", 2)),
        message(5, "supplier", "C", stance="declined"),
    )
    assert {each.position for each in reported(exchange(*said), redacted=True).lessons()} == {None}
