"""French text folded, so that two spellings of the same words are equal."""

import re
import unicodedata
from functools import lru_cache

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
_WORD = re.compile(r"[^\W_]+")

# Plurals in -aux whose singular does not end in -al, and one word that is not the plural of its look-alike ("travail").
_IRREGULAR = {
    "materiaux": "materiau",
    "tuyaux": "tuyau",
    "noyaux": "noyau",
    "vitraux": "vitrail",
    "emaux": "email",
    "baux": "bail",
    "travaux": "travaux",
}
_UNCHANGED_LENGTH = 3


@lru_cache(maxsize=64)  # what is folded is often folded again at once
def fold(text: str) -> str:
    """`text` in lower case, without accents or punctuation: "L'Île-d'Yeu" → "l ile d yeu", "œuvre" → "oeuvre".

    Every run of characters that are neither letters nor digits becomes one space; folding twice changes nothing.
    """
    return " ".join(folded_words(text))


def folded_words(text: str) -> list[str]:
    """The words of a text as `fold` writes them."""
    lowered = text.lower()
    try:
        plain = lowered.encode("latin-1").translate(_LATIN)
    except UnicodeEncodeError:
        plain = _OTHERS
    if _OTHERS not in plain:
        return plain.decode().split()
    lowered = lowered.translate(_FRENCH)
    if not lowered.isascii():
        lowered = _without_accents(text)
    return _WORD.findall(lowered)


def _without_accents(text: str) -> str:
    lowered = unicodedata.normalize("NFKD", text).casefold().translate(_LIGATURES)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


# The letters and marks that French is written with, folded one by one.
_FRENCH = {code: _without_accents(chr(code)) for code in (*range(0x80, 0x180), *range(0x2010, 0x2040))}


def _letter(code: int) -> int:
    """The code of the ASCII letter, digit or space that a Latin-1 character folds to; 255 for anything else."""
    made = " ".join(_WORD.findall(_without_accents(chr(code)))) or " "
    return ord(made) if len(made) == 1 and made.isascii() else 255


_LATIN = bytes(map(_letter, range(256)))
_OTHERS = bytes([255])


def stem(word: str) -> str:
    """The singular of one folded French word, crudely: "plateaux" → "plateau", "locaux" → "local", "haies" → "haie".

    Singular and plural of a word give the same stem; the stem itself need not be a word ("repas" → "repa").
    """
    if len(word) <= _UNCHANGED_LENGTH or word[-1] not in "sx":
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("aux") and not word.endswith("eaux"):
        return word[:-2] + "l"
    return word[:-1]
