"""Offers by public contracts that a supplier won."""

from datetime import date

import pytest

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.supplier import PublicAward, ServiceArea
from sources.trades.awards import AwardReader, Won, years_before

TODAY = date(2026, 11, 24)
READER = AwardReader(taxonomy.load(), cpv.load(), territory.load(), "decp", TODAY)


def won(text: str, code: str | None = None, on: date | None = date(2025, 3, 1), departement: str | None = None) -> Won:
    return Won(PublicAward(object=text, cpv=code, notified_on=on), text, "M12", departement)


def test_a_contract_shows_its_winner_at_its_object() -> None:
    (offer,) = READER.offers(won("Entretien des espaces verts du lycée"))
    (evidence,) = offer.evidence
    assert (offer.segments, offer.basis, offer.service_area) == (("ev-entretien",), "awarded", None)
    assert (evidence.kind, evidence.label) == ("award", "Entretien des espaces verts du lycée")
    assert (evidence.on, evidence.source, evidence.reference) == (date(2025, 3, 1), "decp", "M12")


def test_the_place_of_performance_is_a_second_offer() -> None:
    around, there = READER.offers(won("Entretien des espaces verts", departement="56"))
    assert (around.service_area, there.service_area) == (None, ServiceArea(codes=("departement:56",)))


@pytest.mark.parametrize(
    ("text", "code", "segments"),
    [
        ("Nettoyage des locaux", "77310000", ("pr-locaux",)),
        ("Lot 3", "90911300", ("pr-specialise",)),
        ("Lot 3, secteur agence", "77310000", ()),
        ("Lot 3", "75231240", ()),
        ("Lot 3", "85312510", ()),
        ("Lot 3", "00000000", ()),
        ("Lot 3", None, ()),
    ],
)
def test_the_code_counts_where_the_object_is_mute_and_the_code_is_not_that_of_insertion(
    text: str, code: str | None, segments: tuple[str, ...]
) -> None:
    assert READER.segments(text, code) == segments


@pytest.mark.parametrize(
    ("on", "believed"), [(date(2020, 11, 24), True), (date(2020, 11, 23), False), (None, False), (TODAY, True)]
)
def test_a_contract_notified_more_than_six_years_ago_or_on_no_known_day_shows_nothing(
    on: date | None, *, believed: bool
) -> None:
    assert bool(READER.offers(won("Nettoyage des locaux", on=on))) is believed


def test_years_before_a_leap_day_end_on_the_day_before_it() -> None:
    assert years_before(date(2024, 2, 29), 6) == date(2018, 2, 28)
