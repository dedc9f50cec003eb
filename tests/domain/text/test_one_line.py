"""Texts that are lines of calendars and headers."""

import msgspec
import pytest

from domain.text.one_line import WebAddress, is_one_line, on_one_line

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
