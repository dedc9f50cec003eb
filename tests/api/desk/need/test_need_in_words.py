"""A need in words: its territory as French people say it."""

import pytest

from api.desk.need.need_in_words import lot_lines, need_lines
from domain.needs.need import Lot, Need, Place, PlannedNeed, TerritoryRequest
from domain.text.bilingual import Text
from matching.reference import Reference


@pytest.mark.parametrize(
    ("near", "said"),
    [
        (Place(commune="56260"), Text("à 30 km au plus de Vannes", "within 30 km of Vannes")),
        (Place(commune="72181"), Text("à 30 km au plus du Mans", "within 30 km of Le Mans")),
        (
            Place(lat=48.1173, lon=-1.6778),
            Text("à 30 km au plus du point 48.1173, -1.6778", "within 30 km of point 48.1173, -1.6778"),
        ),
    ],
)
def test_a_circle_is_said_by_its_centre(near: Place, said: Text, reference: Reference) -> None:
    need = PlannedNeed(lots=(Lot(id="1"),), territory=TerritoryRequest(near=near, radius_km=30))
    lines = {line.name.fr: line.words for line in need_lines(need, reference)}
    fr, en = (words.replace("\N{NO-BREAK SPACE}", " ") for words in lines["Territoire"])
    assert (fr, en) == said


def test_the_estimated_value_is_said_as_the_sum_that_it_is(reference: Reference) -> None:
    """Of an amount that covers all, that it does."""
    firm = Lot(id="1", value_eur=50_000, duration_months=12, renewal_months=36)
    whole = Lot(id="2", value_eur=50_000, duration_months=12, renewal_months=36, value_covers="all")
    first, second = (
        {line.name.en: line.words for line in lot.lines} for lot in lot_lines(Need((firm, whole)), reference)
    )
    assert first["Estimated value, all included"].en.startswith("€50,000 + 3 renewals of €50,000 = €200,000")
    assert "Estimated value, all included" not in second
    assert "Estimated value with renewals and options" in second
