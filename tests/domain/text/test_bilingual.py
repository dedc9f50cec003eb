"""Texts for people, as they are written in each language."""

from datetime import date

from domain.text.bilingual import OR, Text, euros, kilometres, listed, long_date


def test_a_day_is_written_in_words() -> None:
    assert long_date(date(2027, 3, 1)) == Text("1er mars 2027", "1 March 2027")
    assert long_date(date(2026, 12, 31)) == Text("31 décembre 2026", "31 December 2026")


def test_amounts_have_cents_where_there_are_some() -> None:
    assert euros(21_600_000) == Text("216 000 €", "€216,000")
    assert euros(123_405) == Text("1 234,05 €", "€1,234.05")


def test_a_distance_keeps_its_decimal_unless_it_may_be_rough() -> None:
    assert kilometres(41.23) == Text("41,2 km", "41.2 km")
    assert kilometres(41.23, rough=True) == Text("41 km", "41 km")
    assert kilometres(0.03, rough=True) == Text("30 m", "30 m")
    assert kilometres(9404.8) == Text("9 404,8 km", "9,404.8 km")


def test_lists_are_read_aloud() -> None:
    assert listed([]) == Text("", "")
    assert listed(["1"]) == Text("1", "1")
    assert listed(["1", "3", "4"], OR) == Text("1, 3 ou 4", "1, 3 or 4")
