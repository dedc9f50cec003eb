"""The page that proposes hours of a social clause."""

import pytest

from domain.needs.insertion_hours import proposed_hours
from tests.api.desk.steps import Browser


@pytest.mark.parametrize(
    ("segment", "rate", "hours"), [("pr-locaux", None, 270), ("bt", 0.1, 200), ("nu-saisie", None, 170), ("", 0.0, 0)]
)
def test_hours_are_amount_by_labour_by_rate_over_the_cost_of_an_hour(
    segment: str, rate: float | None, hours: int
) -> None:
    assert proposed_hours(200_000, segment, rate).hours == hours


async def test_the_page_shows_the_formula_and_says_that_it_is_no_threshold(own: Browser) -> None:
    page = (await own.get("/heures?montant=200 000&metier=pr-locaux")).text
    assert "Environ 270 heures" in page
    assert "80 % de main-d" in page.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "facilitateur" in page
    assert "Environ" not in (await own.get("/heures?montant=beaucoup&taux=x")).text
