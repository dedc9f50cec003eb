"""What the page of an answer says besides the answer: sentences that a buyer can send as they are."""

from datetime import date

from api.desk.result_words import evidence_summary, reserved_to
from domain.shortlists.shortlist import OfferEvidence, SegmentAnswer


def answer(*years: int, kind: str = "award") -> SegmentAnswer:
    found = tuple(OfferEvidence(kind, "Tonte", date(year, 5, 1), None) for year in years)  # type: ignore[arg-type]
    return SegmentAnswer("ev-entretien", "ev-entretien", "exact", "awarded", "object", found)


def test_several_contracts_are_counted_with_the_year_of_the_last() -> None:
    said = evidence_summary(answer(2023, 2024))
    assert said is not None
    assert said.fr == "Titulaire de 2 marchés publics de ce métier, le dernier en 2024"


def test_an_answer_carries_three_at_most_so_there_may_be_more() -> None:
    said = evidence_summary(answer(2021, 2022, 2024))
    assert said is not None
    assert said.fr.startswith("Titulaire d'au moins 3 marchés publics")


def test_a_single_piece_of_evidence_speaks_for_itself() -> None:
    assert evidence_summary(answer(2024)) is None


def test_a_reservation_is_named_as_the_answer_counts_it() -> None:
    assert [reserved_to(each) for each in ((), ("iae", "handicap"), ("handicap", "ess"))] == [
        "none",
        "handicap_iae",
        "",
    ]
