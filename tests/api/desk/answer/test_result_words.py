"""What the page of an answer says besides the answer: sentences that a buyer can send as they are."""

from datetime import date

import msgspec

from api.desk.answer.result_page import evidence_summary, near_miss_questions, question, reserved_to
from domain.needs.need import Lot
from domain.shortlists.shortlist import Gate, LotShortlist, OfferEvidence, SegmentAnswer, Shortlist
from tests.domain.shortlists.test_frozen import FOLDER

MOWING = Lot(id="1", title="tonte", reserved=("handicap", "iae"), max_distance_km=40)


def lacking(*gates: Gate) -> LotShortlist:
    """A lot whose near misses were excluded by these gates."""
    (lot,) = msgspec.json.decode((FOLDER / "answer_of_2026.json").read_bytes(), type=Shortlist).lots
    (miss,) = lot.near_misses
    return msgspec.structs.replace(
        lot, near_misses=tuple(msgspec.structs.replace(miss, excluded_by=gate) for gate in gates)
    )


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


def test_those_that_lack_the_same_are_asked_the_same_once() -> None:
    questions = list(near_miss_questions(lacking("distance", "reservation", "distance"), MOWING))
    assert [(gate, len(rows)) for gate, _, rows in questions] == [("distance", 2), ("reservation", 1)]
    far, reserved = (ask.fr for _, ask, _ in questions)
    assert far == "Bonjour, iriez-vous à plus de 40 km pour : tonte (Ille-et-Vilaine) ?"
    assert ("ESAT" in reserved, "convention d'insertion" in reserved) == (True, True)


def test_no_question_tells_the_estimate_or_the_doubts() -> None:
    said = "Tonte de 12 collèges, 4 ans, 300 000 €, réservé aux ESAT ?"
    asked = msgspec.structs.replace(MOWING, title=said)
    asks = [
        ask for _, ask, _ in near_miss_questions(lacking("segment", "service_area", "distance", "reservation"), asked)
    ]
    for ask in (*asks, question("trade", lacking("segment"), asked)):
        assert "Tonte de 12 collèges" in ask.fr
        assert not any(each in ask.fr + ask.en for each in ("300", "4 ans", "réservé", "reserved"))


def test_a_question_is_a_whole_sentence_in_both_languages() -> None:
    asks = [ask for _, ask, _ in near_miss_questions(lacking("segment", "service_area"), MOWING)]
    for ask in (*asks, question("trade", lacking("segment"), MOWING)):
        assert (ask.fr.startswith("Bonjour, "), ask.en.startswith("Hello, ")) == (True, True)
        assert ("tonte" in ask.fr, "Ille-et-Vilaine" in ask.en) == (True, True)
