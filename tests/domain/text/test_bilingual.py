"""Texts for people, as they are written in each language."""

from datetime import date

from domain.text.bilingual import Text, long_date


def test_a_day_is_written_in_words() -> None:
    assert long_date(date(2027, 3, 1)) == Text("1er mars 2027", "1 March 2027")
    assert long_date(date(2026, 12, 31)) == Text("31 décembre 2026", "31 December 2026")
