"""How our sentences are set, with spaces that do not break.

Texts that are lines of calendars and headers, and names of places within French sentences.
"""

from datetime import UTC, date, datetime

import msgspec
import pytest

from domain.text.bilingual import (
    WebAddress,
    day,
    is_one_line,
    of_place,
    on_one_line,
    printed_count,
    printed_euros,
    printed_kilometres,
    time_of_day,
    typeset,
)


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
    assert printed_euros(240000, "fr") == "240\u202f000\xa0€\xa0HT"
    assert printed_euros(1234.5, "fr") == "1\u202f234,50\xa0€\xa0HT"
    assert printed_euros(240000, "en") == "€240,000 excl. tax"
    assert (printed_count(1200, "fr"), printed_count(1200, "en")) == ("1\u202f200", "1,200")


def test_a_moment_is_told_as_in_france() -> None:
    night = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert day(night, "fr") == "25\xa0novembre 2026"
    assert day(date(2026, 3, 1), "en") == "1\xa0March 2026"
    assert time_of_day(night, "fr") == "0\xa0h\xa030"
    assert time_of_day(night, "en") == "00:30"


def test_distances_have_a_decimal_below_ten_kilometres() -> None:
    assert [printed_kilometres(far, "fr") for far in (0, 2.94, 41.2)] == ["0\xa0km", "2,9\xa0km", "41\xa0km"]
    assert printed_kilometres(2.94, "en") == "2.9\xa0km"


BREAKS = ["\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("text", ["Réunion", "à\tb", "", "e\u0301 \u00a0 👩\u200d🌾"])
def test_what_is_on_one_line(text: str) -> None:
    assert is_one_line(text)


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("place", ["{}b", "a{}b", "a{}"])
def test_what_would_end_a_line(broken: str, place: str) -> None:
    text = place.format(broken)
    assert not is_one_line(text)
    assert is_one_line(on_one_line(text))


@pytest.mark.parametrize("broken", [*BREAKS, " ", "\t"])
@pytest.mark.parametrize("place", ["https://a.example/{}b", "https://{}b", "https://{}"])
def test_what_is_no_address(broken: str, place: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(place.format(broken), WebAddress)


@pytest.mark.parametrize("address", ["http://a", "https://visio.exemple.fr/salle-é?x=1#y"])
def test_what_is_an_address(address: str) -> None:
    assert msgspec.convert(address, WebAddress) == address


def test_one_line_keeps_words_apart() -> None:
    assert on_one_line(" a\r\n\r\n b\u00a0c ") == "a b c"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Redon", "de Redon"), ("Le Mans", "du Mans"), ("Étel", "d'Étel"), ("Les Fougerêts", "des Fougerêts")],
)
def test_a_name_follows_its_preposition(name: str, expected: str) -> None:
    assert of_place(name) == expected
