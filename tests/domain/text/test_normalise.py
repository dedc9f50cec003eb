"""Two spellings of the same French words fold to the same text."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text.normalise import _without_accents, fold, stem


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("L'Île-d'Yeu", "l ile d yeu"),
        ("  Œuvres d’art ; ŒUVRE ", "oeuvres d art oeuvre"),
        ("Ḿélange", "melange"),
        ("quatrième gamme (4e)", "quatrieme gamme 4e"),
        ("papier_peint", "papier peint"),
        ("½ journée, m²", "1 2 journee m2"),
        ("…—!?", ""),
        ("", ""),
    ],
)
def test_accents_case_and_punctuation_do_not_count(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())


@given(st.text() | st.text(alphabet=st.characters(max_codepoint=0x2040)))
def test_the_quick_way_folds_as_the_slow_one(text: str) -> None:
    slow = " ".join(re.findall(r"[^\W_]+", _without_accents(text)))
    assert fold(text) == slow


@given(st.text(alphabet="aàâäcçeéèêëiîïoôöuùûüyÿœæ-' "))
def test_a_decomposed_text_folds_like_a_composed_one(text: str) -> None:
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("haie", "haies"),
        ("bureau", "bureaux"),
        ("local", "locaux"),
        ("materiau", "materiaux"),
        ("vitrail", "vitraux"),
        ("bijou", "bijoux"),
        ("feu", "feux"),
        ("dangereux", "dangereux"),
        ("repas", "repas"),
        ("gaz", "gaz"),
        ("bus", "bus"),
    ],
)
def test_singular_and_plural_have_one_stem(singular: str, plural: str) -> None:
    assert stem(singular) == stem(plural)


def test_works_are_not_work() -> None:
    assert stem("travaux") != stem("travail")
