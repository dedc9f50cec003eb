"""What the database is asked for never misses what is then looked at closely."""

import re

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal, select

from db.core.engine import Engine, transaction
from db.privacy.name_regex import pattern
from domain.privacy.data_subject import DataSubject, mentions, traces_of

SPELLINGS = {
    "e": "eEéÈêë",
    "a": "aAàÂ",
    "o": "oOôÖ",
    "c": "cCç",
    "œ": ("œ", "Œ", "oe", "OE"),
    "é": ("é", "e\u0301", "E", "e"),
}


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and the same in another spelling."""
    words = draw(st.lists(st.text(st.sampled_from("aeocmlœé"), min_size=2, max_size=8), min_size=2, max_size=3))
    name = " ".join(words)
    return name, "".join(draw(st.sampled_from(SPELLINGS.get(sign, (sign, sign.upper())))) for sign in name)


@given(spelt())
def test_every_spelling_that_is_meant_is_found(both: tuple[str, str]) -> None:
    name, other = both
    traces = traces_of(DataSubject(name=name))
    if mentions(other, traces):
        assert re.search(pattern(traces), other)


async def test_the_database_reads_it_the_same_way(engine: Engine) -> None:
    traces = traces_of(DataSubject("d'a.+(x)@esat-été.example", "Lœïc Lemaître"))
    texts = {
        "Vu LEMAITRE Loeic": True,
        "Loe\u0308ic Lemai\u0302tre": True,
        "écrire à D'A.+(x)@ESAT-ÉTÉ.example": True,
        "Loeic Lemettre": False,
        "d'a1+(x)@esat-ete.example": False,
    }
    async with transaction(engine) as connection:
        for text, expected in texts.items():
            assert await connection.scalar(select(literal(text).op("~")(pattern(traces)))) == expected, text
