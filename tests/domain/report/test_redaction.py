"""What is taken out of texts that may be passed on, and what is left in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exchanges.rules import MARK
from domain.report.redaction import Redaction

NAMES = ("Anne Le Goff", "Jean  Petit", "Élodie", "X", "Hugues de La Tour", "Dr Paul MARTIN", "KERMARREC Zoé")
# said plainly, and in a time that grows as the square of a text of letters alone
PLAIN_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# likewise, with all the ways to cut a long number into groups
PLAIN_PHONE = re.compile(
    r"(?<![\w+.,-])(?:(?:\+|00)[1-9]\d{0,2}(?:[\s.-]?\d{1,4}){3,6}"
    r"|0[1-9](?:\d{8}| \d\d \d\d \d\d \d\d|(?:\.\d\d){4}|(?:-\d\d){4}|(?: ?\d){8}))(?![\w-])"
)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("écrire à a.le-goff@esat.exemple.fr.", "écrire à […]."),
        ("appeler le 02 97 01 02 03, ou 02.97.01.02.03", "appeler le […], ou […]"),
        ("au 0297010203 ou +33 6 12 34 56 78", "au […] ou […]"),
        ("au 0033 (0)6 12 34 56 78", "au […]"),
        ("anne  le goff et ÉLODIE", "[…] et […]"),
        ("Mme Le Goff", "Mme […]"),
        ("M. Petit prend le petit lot", "M. […] prend le petit lot"),
        ("M. PETIT, LE GOFF Anne, Le Goff (Anne) et Mme LE GOFF", "M. […], […], […]) et Mme […]"),
        ("Elodie, jean\N{NO-BREAK SPACE}petit et E\N{COMBINING ACUTE ACCENT}lodie", "[…], […] et […]"),
        ("M. de La Tour avec le Dr Martin et MARTIN", "M. […] avec le Dr […] et […]"),
        ("Mme Kermarrec et Zoe KERMARREC", "Mme […] et […]"),
        ("au (02) 97 01 02 03, 02/97/01/02/03, 02 97 010 203 ou 02–97–01–02–03", "au […], […], […] ou […]"),
        ("à a.goff(at)esat.exemple.fr, a.goff [AT] esat.fr ou ?to=a.goff%40esat.fr", "à […], […] ou ?to=[…]"),
    ],
)
def test_personal_data_is_taken_out(text: str, redacted: str) -> None:
    assert Redaction(True, NAMES).text(text) == redacted


def test_the_longest_of_the_names_that_begin_with_a_word_is_taken_out() -> None:
    assert Redaction(True, ("Jean Petit", "Jean Petit Martin")).text("Jean Petit Martin") == MARK


@pytest.mark.parametrize(
    "text",
    [
        "SIRET 22560001400016, 240 000 €, lot 0123, CPV 90511400",
        "le 12/06/2027 de 09:00 à 10:30, article R2122-9-1, 02-2026",
        "Xavier et Legoffre, 1 000 000 t, 12 500,50 €",
        "le 01.02.2026 10:30, le 01/02/2026 10:30 et le 01-02-2026 à 10 h",
        "une tour, une zoé, le petit goff de l'anse, Paul et Anne",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert Redaction(True, NAMES).text(text) == text


def test_a_full_document_is_left_as_it_is() -> None:
    whole = Redaction(False, NAMES)
    assert whole.text("Anne Le Goff, 02 97 01 02 03") == "Anne Le Goff, 02 97 01 02 03"
    assert whole.personal("Anne") == "Anne"
    assert Redaction(True).personal("Anne") is None


@given(st.text("aé_1.+-@ ,", max_size=30))
def test_addresses_are_those_that_a_plain_pattern_finds(text: str) -> None:
    assert Redaction(True).text(text) == PLAIN_EMAIL.sub(MARK, text)


@given(st.text("0123456 .-+a", max_size=40))
def test_numbers_are_those_that_a_plain_pattern_finds(text: str) -> None:
    assert Redaction(True).text(text) == PLAIN_PHONE.sub(MARK, text)


@pytest.mark.parametrize(
    "unit", ["a", "a.", "@", "a@", "a@b", "a+b@c-", "+1234567890123456789012345678 ", "+1(", "Anne "]
)
def test_a_long_text_takes_no_longer_than_its_length(unit: str) -> None:
    """In a time that grew as its square, the first would take a minute."""
    text = unit * (100_000 // len(unit))
    assert Redaction(True, NAMES).text(text) == text
    assert Redaction(True, NAMES).text(f"{text} a@b.fr") == f"{text} {MARK}"
