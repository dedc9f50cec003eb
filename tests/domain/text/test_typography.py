"""How our sentences are set, with spaces that do not break."""

from datetime import UTC, date, datetime

import pytest

from domain.text.typography import count, day, euros, kilometres, time_of_day, typeset


@pytest.mark.parametrize(
    ("text", "french"),
    [
        ("Concurrence : bonne ; vraiment ?", "Concurrence\xa0: bonne\u202f; vraiment\u202f?"),
        ("« Tonte » à 20 %", "«\xa0Tonte\xa0» à 20\xa0%"),
        ("dès 216 000 € HT", "dès 216\u202f000\xa0€\xa0HT"),
        ("l'agrément", "l’agrément"),
        ("Liste n° 3 du casino de Vannes", "Liste n°\xa03 du casino de Vannes"),
        ("en 2026 1234567 lots", "en 2026 1234567 lots"),
    ],
)
def test_french_sentences(text: str, french: str) -> None:
    assert typeset(text, "fr") == french


def test_english_sentences_keep_their_spaces() -> None:
    assert typeset("To ask for: the “proof”; now", "en") == "To ask for: the “proof”; now"


def test_amounts_and_counts() -> None:
    assert euros(240000, "fr") == "240\u202f000\xa0€\xa0HT"
    assert euros(1234.5, "fr") == "1\u202f234,50\xa0€\xa0HT"
    assert euros(240000, "en") == "€240,000 excl. tax"
    assert (count(1200, "fr"), count(1200, "en")) == ("1\u202f200", "1,200")


def test_a_moment_is_told_as_in_france() -> None:
    night = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert day(night, "fr") == "25\xa0novembre 2026"
    assert day(date(2026, 3, 1), "en") == "1\xa0March 2026"
    assert time_of_day(night, "fr") == "0\xa0h\xa030"
    assert time_of_day(night, "en") == "00:30"


def test_distances_have_a_decimal_below_ten_kilometres() -> None:
    assert [kilometres(far, "fr") for far in (0, 2.94, 41.2)] == ["0\xa0km", "2,9\xa0km", "41\xa0km"]
    assert kilometres(2.94, "en") == "2.9\xa0km"
